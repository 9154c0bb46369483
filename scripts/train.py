"""Rule `train`: one trial."""

import signal
from pathlib import Path

from cascada.core.scripts import logged
from cascada.training.failures import recorded
from cascada.training.trial import Machine, Trial, train

with logged(snakemake):
    wildcards, resources, configuration = snakemake.wildcards, snakemake.resources, snakemake.params.configuration
    trial = Trial.of_table(
        configuration=wildcards.configuration,
        model=configuration["model"],
        hyperparameters=configuration["hyperparameters"],
        settings=configuration["training"],
        seed=int(wildcards.seed),
        epochs=int(wildcards.epochs),
        data=Path(snakemake.input.data),
        folder=Path(snakemake.output.metrics).parent,
        tensorboard=Path(snakemake.params.tensorboard),
        code=snakemake.params.code,
    )
    limits = Machine(
        device=resources.device, threads=snakemake.threads, tier=resources.memory_tier, precision=resources.precision
    )
    # once the trial's files are written, a preemption must not undo them: training sees to signals while it lasts
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # the configuration, not a parameter: what becomes of a failure does not change what is trained
    with recorded(trial, snakemake.config["training"]["on_failure"]) as wanted:
        if wanted:
            train(trial, limits)

"""Rule `propose`: the next batch of configurations, and TensorBoard's record of all so far."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.selection.proposing import propose
from cascada.training.buildable import check_all
from cascada.training.tensorboard import shown_metrics, write_experiment

with logged(snakemake):
    folder = Path(snakemake.output[0]).parent
    # the configuration, not parameters: a batch that is there stays, whatever has changed since
    found = propose(snakemake.config, int(snakemake.wildcards.batch), folder)
    check_all(found)
    write_experiment(Path(snakemake.params.tensorboard), found, shown_metrics(snakemake.config["data"]))

"""Rule `score_trials`: every trial's logits on the validation showers, from its checkpoint where the training left none."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.training.scoring import score_trials
from cascada.training.settings import Machine

with logged(snakemake):
    limits = Machine(device=snakemake.resources.device, threads=snakemake.threads, tier=snakemake.resources.memory_tier)
    metrics = [Path(path) for path in snakemake.input.metrics]
    score_trials(Path(snakemake.input.data), metrics, Path(snakemake.output.manifest), limits)

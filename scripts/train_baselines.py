"""Rule `train_baselines`: what a deep model must beat, on the same splits."""

from pathlib import Path

from cascada.baselines import train_baselines
from cascada.core.scripts import logged

with logged(snakemake):
    output = snakemake.output
    train_baselines(
        Path(snakemake.input.data), Path(output.models), Path(output.metrics), snakemake.params.seed, snakemake.threads
    )

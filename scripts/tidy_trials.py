"""Rule `tidy_trials`: remove the states of trials that no longer budget will go on from."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.selection.storage import tidy

with logged(snakemake):
    metrics = [Path(path) for path in snakemake.input.metrics]
    best = Path(snakemake.input.best)
    tidy(best.parents[1], metrics, best, snakemake.params.keep, Path(snakemake.output.manifest))

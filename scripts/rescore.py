"""Rule `rescore`: the finalists, which are trained with more seeds."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.selection.deciding import rescore

with logged(snakemake):
    metrics = [Path(path) for path in snakemake.input.metrics]
    rescore(metrics, **snakemake.params.rescore, metric=snakemake.params.metric, path=Path(snakemake.output[0]))

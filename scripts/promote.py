"""Rule `promote`: which configurations of the rung below climb to a rung."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.selection.deciding import promote

with logged(snakemake):
    metrics = [Path(path) for path in snakemake.input.metrics]
    budgets = snakemake.params.budgets
    promote(metrics, int(snakemake.wildcards.rung), budgets, snakemake.params.metric, Path(snakemake.output[0]))

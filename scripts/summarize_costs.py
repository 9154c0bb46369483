"""Rule `summarize_costs`: hours of wall, processor, GPU and memory per rule."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.costs_page import write_costs
from cascada.training.costs import summarize

with logged(snakemake):
    output = snakemake.output
    summarize(Path(snakemake.params.benchmarks), [Path(path) for path in snakemake.input.metrics], Path(output.table))
    write_costs(Path(output.table), Path(output.page))

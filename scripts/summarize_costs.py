"""Rule `summarize_costs`: hours of wall, processor, GPU and memory per rule."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.html import write_table
from cascada.training.costs import summarize

with logged(snakemake):
    output, note = (
        snakemake.output,
        "Sums over the jobs of each rule; a job that was started again counts its last attempt.",
    )
    summarize(Path(snakemake.params.benchmarks), [Path(path) for path in snakemake.input.metrics], Path(output.table))
    write_table(Path(output.table), "What it cost", [note], Path(output.page))

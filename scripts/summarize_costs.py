"""Rule `summarize_costs`: hours of wall, processor, GPU and memory per rule."""

from pathlib import Path

from cascada.costs import summarize
from cascada.pages import write_table
from cascada.scripts import logged

with logged(snakemake):
    output, note = (
        snakemake.output,
        "Sums over the jobs of each rule; a job that was started again counts its last attempt.",
    )
    summarize(Path(snakemake.params.benchmarks), [Path(path) for path in snakemake.input.metrics], Path(output.table))
    write_table(Path(output.table), "What it cost", [note], Path(output.page))

"""Rule `plot_behaviour`: pictures and page of the behaviour tests."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.behaviour import plot_behaviour
from cascada.report.behaviour_page import write_behaviour_page

with logged(snakemake):
    report, output = Path(snakemake.input[0]), snakemake.output
    plot_behaviour(report, Path(output.invariance), Path(output.degradation))
    write_behaviour_page(report, Path(output.page))

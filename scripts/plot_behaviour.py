"""Rule `plot_behaviour`: pictures and page of the behaviour tests."""

from pathlib import Path

from cascada.behaviour_plots import plot_behaviour
from cascada.performance_pages import write_behaviour_page
from cascada.scripts import logged

with logged(snakemake):
    report, output = Path(snakemake.input[0]), snakemake.output
    plot_behaviour(report, Path(output.invariance), Path(output.degradation))
    write_behaviour_page(report, Path(output.page))

"""Rule `plot_search`: the search as one page, and its light form for Snakemake's report."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.search import content
from cascada.report.search.page import write_search_page

with logged(snakemake):
    inputs, output = snakemake.input, snakemake.output
    single = [Path(inputs[name]) for name in ("leaderboard", "best", "search", "summary", "costs")]
    several = [[Path(path) for path in inputs[name]] for name in ("metrics", "histories", "records")]
    write_search_page(content.read(*single, *several), Path(output.page), Path(output.in_report))

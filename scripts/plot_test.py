"""Rule `plot_test`: pictures and page of the test, from the predictions; the sealed data stay closed."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.sealed_page import write_test_page
from cascada.report.sealed_plots import plot_test

with logged(snakemake):
    page, metrics = Path(snakemake.output.page), Path(snakemake.input.metrics)
    plot_test(Path(snakemake.input.predictions), metrics, page.parent)
    write_test_page(metrics, page, Path(snakemake.input.best))

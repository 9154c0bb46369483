"""Rule `plot_test`: pictures and page of the test, from the predictions; the sealed data stay closed."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.sealed.page import write_test_page
from cascada.report.sealed.plots import plot_test

with logged(snakemake):
    page, files = Path(snakemake.output.page), {name: Path(path) for name, path in snakemake.input.items()}
    plot_test(files["predictions"], files["metrics"], page.parent, files["mistakes"])
    write_test_page(files["metrics"], page, files["mistakes"], files["best"])

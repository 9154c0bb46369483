"""Rule `plot_test`: the pictures of the test, from the predictions; the sealed data stay closed."""

from pathlib import Path

from cascada.plots import plot_test
from cascada.scripts import logged

with logged(snakemake):
    folder = Path(snakemake.output[0]).parent
    plot_test(Path(snakemake.input.predictions), Path(snakemake.input.metrics), folder)

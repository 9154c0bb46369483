"""Rule `test_model`: the selected model, once, on the sealed showers."""

from pathlib import Path

from cascada.scripts import logged
from cascada.testing import test_model

with logged(snakemake):
    inputs = (Path(snakemake.input.best), Path(snakemake.input.checkpoint), Path(snakemake.input.test))
    outputs = (Path(snakemake.output.metrics), Path(snakemake.output.predictions))
    test_model(*inputs, *outputs, snakemake.params.testing)

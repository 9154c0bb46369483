"""Rule `export_model`: the selected model as a folder that stands alone."""

from pathlib import Path

from cascada.core import machine
from cascada.core.scripts import logged
from cascada.export.write import export_model

with logged(snakemake):
    machine.use_deterministically(snakemake.threads)
    names = ("best", "checkpoint", "train", "summary", "tested", "predictions")
    inputs = [Path(snakemake.input[name]) for name in names]
    also = {Path(path).parent.name: Path(path) for path in snakemake.input.also}
    export_model(*inputs, Path(snakemake.output[0]).parent, snakemake.params.experiment, also)

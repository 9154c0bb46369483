"""Rule `check_export`: both exports against PyTorch, on validation showers."""

from pathlib import Path

from cascada.core import machine
from cascada.core.scripts import logged
from cascada.export.check import check_export
from cascada.report.model import write_model_page

with logged(snakemake):
    machine.use_deterministically(snakemake.threads)
    folder = Path(snakemake.input.files[0]).parent
    check, page = Path(snakemake.output.check), Path(snakemake.output.page)
    check_export(folder, Path(snakemake.input.checkpoint), Path(snakemake.input.train), check)
    write_model_page(folder, check, page)

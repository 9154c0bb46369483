"""Rule `describe_search`: what a search whose configurations are proposed asks for."""

from pathlib import Path

from cascada.core.files import write_json
from cascada.core.scripts import logged

with logged(snakemake):
    write_json(Path(snakemake.output[0]), snakemake.params.search)

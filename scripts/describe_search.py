"""Rule `describe_search`: what a search asks for: budgets, seeds, how many configurations, and what proposals follow from."""

from pathlib import Path

from cascada.core.files import write_json
from cascada.core.scripts import logged

with logged(snakemake):
    write_json(Path(snakemake.output[0]), snakemake.params.search)

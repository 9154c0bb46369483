"""Rule `list_predictions`: the files that were predicted on as one table, those that were skipped among them."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.export.prediction_list import list_predictions

with logged(snakemake):
    skipped = list_predictions([Path(path) for path in snakemake.input], Path(snakemake.output[0]))
    if skipped:
        print(f"{skipped} file(s) were skipped: {snakemake.output[0]} has the reasons.")

"""Rule `list_predictions`: the files that were predicted on as one table, those that were skipped among them."""

from pathlib import Path

from cascada.prediction_list import list_predictions
from cascada.scripts import logged

with logged(snakemake):
    skipped = list_predictions([Path(path) for path in snakemake.input], Path(snakemake.output[0]))
    if skipped:
        print(f"{skipped} file(s) were skipped: {snakemake.output[0]} has the reasons.")

"""Rule `predict`: the published model on one file of a folder."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.export.predict import Model, Request, predict

with logged(snakemake):
    settings = snakemake.params.predictions
    model = Model(settings["model"], snakemake.threads)
    request = Request(source=settings["source"], options=settings["options"], may_be_empty=True)
    skip = (lambda row: print(f"skipped: {row.reason}")) if settings["on_error"] == "skip" else None
    number = predict(model, [Path(snakemake.input.file)], Path(snakemake.output[0]), request, warn=print, skip=skip)
    print(f"{snakemake.output[0]}: {number} showers")

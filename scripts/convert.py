"""Rule `convert`: one raw file or surrogate run becomes one shard."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.data.sources import convert, make_options, source

with logged(snakemake):
    shard = snakemake.params.shard
    options = make_options(shard["kind"], shard["options"])
    if snakemake.input.raw:
        inputs = [Path(snakemake.input.raw)]
    else:
        run = {name: shard[name] for name in ("primary", "showers", "seed", "first")}
        inputs = [source(shard["kind"]).Run(**run)]
    skip = (lambda row: print(f"skipped: {row.reason}")) if shard.get("on_error") == "skip" else None
    number = convert(shard["kind"], inputs, Path(snakemake.output[0]), options, skip=skip, may_be_empty=True)
    print(f"{snakemake.output[0]}: {number} showers")

"""Rule `convert`: one raw file or surrogate run becomes one shard."""

from pathlib import Path

from cascada.data.sources import convert, make_options, source
from cascada.scripts import logged

with logged(snakemake):
    shard = snakemake.params.shard
    options = make_options(shard["kind"], shard["options"])
    if snakemake.input.raw:
        inputs = [Path(snakemake.input.raw)]
    else:
        run = {name: shard[name] for name in ("primary", "showers", "seed", "first")}
        inputs = [source(shard["kind"]).Run(**run)]
    number = convert(shard["kind"], inputs, Path(snakemake.output[0]), options)
    print(f"{snakemake.output[0]}: {number} showers")

"""Rule `merge_also`: the shards of one set that is tested beside the sealed showers become one file."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.data.also import gather
from cascada.data.merging import MergeOptions

with logged(snakemake):
    options = MergeOptions(**{name: snakemake.params[name] for name in ("classes", "signal", "repeated_numbers")})
    shards = [Path(path) for path in snakemake.input.shards]
    gather(snakemake.wildcards.set, shards, Path(snakemake.input.train), Path(snakemake.output[0]), options)

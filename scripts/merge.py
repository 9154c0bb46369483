"""Rule `merge`: all shards become train.h5, test.h5 and summary.json."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.data.merging import MergeOptions, merge

with logged(snakemake):
    data, output = snakemake.params.data, snakemake.output
    options = MergeOptions(
        classes=data["classes"],
        signal=data.get("signal", ""),
        validation_fraction=data["split"]["validation"],
        test_fraction=data["split"]["test"],
        seed=data["split"]["seed"],
        repeated_numbers=data["repeated_numbers"],
    )
    shards = [Path(path) for path in snakemake.input.shards]
    merge(shards, Path(output.train), Path(output.test), Path(output.summary), options)

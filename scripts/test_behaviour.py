"""Rule `test_behaviour`: the selected model's behaviour on validation showers, under pytest."""

from pathlib import Path

from cascada.behaviour.runner import test_behaviour
from cascada.core.scripts import logged

with logged(snakemake):
    test_behaviour(
        **{name: Path(path) for name, path in snakemake.input.items()},
        xml=Path(snakemake.output.xml),
        report=Path(snakemake.output.report),
        settings=snakemake.params.behaviour,
        spectrum=snakemake.params.spectrum,
        device=snakemake.resources.device,
        threads=snakemake.threads,
    )

"""Rule `test_model`: the selected model and the baselines, once, on the sealed showers."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.testing import test_model

with logged(snakemake):
    test_model(
        **{name: Path(path) for name, path in snakemake.input.items()},
        metrics_file=Path(snakemake.output.metrics),
        predictions=Path(snakemake.output.predictions),
        mistakes_file=Path(snakemake.output.mistakes),
        settings=snakemake.params.testing,
        device=snakemake.resources.device,
        threads=snakemake.threads,
    )

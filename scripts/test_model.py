"""Rule `test_model`: the selected model and the baselines, once, on the sealed showers and on the sets beside them."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.testing import test_model

with logged(snakemake):
    test_model(
        **{name: Path(snakemake.input[name]) for name in ("best", "checkpoint", "test", "train", "baselines")},
        also={Path(path).stem: Path(path) for path in snakemake.input.also},
        metrics_file=Path(snakemake.output.metrics),
        predictions=Path(snakemake.output.predictions),
        mistakes_file=Path(snakemake.output.mistakes),
        settings=snakemake.params.testing,
        device=snakemake.resources.device,
        threads=snakemake.threads,
    )

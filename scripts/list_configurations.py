"""Rule `list_configurations`: the table of configurations, and TensorBoard's record of the experiment."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.experiment.spaces import configurations, write_table
from cascada.statistics.names import METRICS
from cascada.training.tensorboard import write_experiment

with logged(snakemake):
    found = configurations(snakemake.config)
    write_experiment(Path(snakemake.params.tensorboard), found, [f"validation_{name}" for name in METRICS])
    write_table(found, Path(snakemake.output.table), snakemake.config["search"]["seeds"])

"""Rule `list_configurations`: the table of configurations, and TensorBoard's record of the experiment."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.experiment.spaces import configurations, write_table
from cascada.training.tensorboard import write_experiment

with logged(snakemake):
    search = snakemake.params.search
    found = configurations({"search": search, "training": snakemake.params.training})
    write_experiment(
        Path(snakemake.params.tensorboard), found, [f"validation_{n}" for n in ("f1", "accuracy", "roc_auc", "loss")]
    )
    write_table(found, Path(snakemake.output.table), search["seeds"])

"""Rule `list_configurations`: the table of configurations, and TensorBoard's record of the experiment."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.experiment.proposals import candidates
from cascada.experiment.spaces import write_table
from cascada.training.buildable import check_all
from cascada.training.tensorboard import shown_metrics, write_experiment

with logged(snakemake):
    table = Path(snakemake.output.table)
    found = list(candidates(snakemake.config, table.parent).all().values())
    check_all(found)
    write_experiment(Path(snakemake.params.tensorboard), found, shown_metrics(snakemake.config["data"]))
    write_table(found, table, snakemake.config["search"]["seeds"])

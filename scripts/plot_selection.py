"""Rule `plot_selection`: pictures of the leaderboard and of the learning curves."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.report.search.pictures import plot_leaderboard, plot_learning_curves

with logged(snakemake):
    inputs, output, metric = snakemake.input, snakemake.output, snakemake.params.metric
    histories = [Path(path) for path in inputs.histories]
    plot_leaderboard(Path(inputs.leaderboard), Path(inputs.summary), metric, Path(output.leaderboard))
    plot_learning_curves(Path(inputs.leaderboard), histories, Path(inputs.summary), Path(output.learning_curves))

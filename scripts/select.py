"""Rule `select`: the leaderboard, the best configuration and its checkpoint."""

from pathlib import Path

from cascada.core.scripts import logged
from cascada.selection.deciding import finalists
from cascada.selection.freezing import Freezing
from cascada.selection.ranking import select

with logged(snakemake):
    metrics = [Path(path) for path in snakemake.input.metrics]
    checkpoints = [Path(path) for path in snakemake.input.checkpoints]
    output = snakemake.output
    paths = (Path(output.leaderboard), Path(output.best), Path(output.checkpoint), Path(snakemake.input.baselines))
    left_behind = [Path(path) for path in snakemake.input.left_behind]
    select(
        metrics,
        checkpoints,
        snakemake.params.metric,
        *paths,
        left_behind,
        finalists(snakemake.input.finalists),
        scores=Path(snakemake.input.scores),
        train=Path(snakemake.input.train),
        how=snakemake.params.selection,
        search=snakemake.params.search,
        freezing=Freezing(**snakemake.params.frozen),
    )

"""How recorded failures of a whole rung are tried again, as words. Pure."""

from collections.abc import Iterable
from pathlib import Path


def remedy(metrics: Iterable[Path]) -> str:
    """`metrics`: the files of a rung's trials, of which all lie at one budget."""
    path = next(iter(metrics))
    pattern = path.parents[3] / "*/*" / path.parent.name / path.name
    return (
        "Their failures are recorded and stay: to try these trials again, give the same command with "
        f"`--forcerun {pattern}` at its end."
    )

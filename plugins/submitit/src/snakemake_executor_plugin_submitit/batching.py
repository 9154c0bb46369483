"""Ready jobs -> groups with identical resources -> packs -> chunks, each of which is one sbatch. Pure functions."""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence

from .identity import cut

COMMENT_BYTES = 700
NAME_BYTES = 60
UNSAFE = re.compile(r"[^\w=.,:;+@/ -]")


def groups(items: Iterable, key: Callable[..., Hashable]) -> list[list]:
    """Items with equal keys together, groups and members in the order of their first appearance."""
    found: dict[Hashable, list] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return list(found.values())


def slices(items: Sequence, size: int) -> list[list]:
    """Consecutive slices of at most `size` items."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def chunks(tasks: Sequence, array_size: int, room: int | None) -> tuple[list[list], list]:
    """Cut tasks into arrays, each counting from 0, of at most `array_size`; what exceeds `room` is left over."""
    taken = list(tasks) if room is None else list(tasks[: max(0, room)])
    return slices(taken, max(1, array_size)), list(tasks[len(taken) :])


def job_name(rule: str, names: Sequence[str], prefix: str = "") -> str:
    """What squeue shows in its column NAME: the rule, and the wildcards where there is one job only."""
    text = names[0] if len(names) == 1 else rule
    name = cut(UNSAFE.sub("_", text.replace(", ", ",").replace(" ", ":")), NAME_BYTES) or "job"
    return prefix + name


def comment(token: str, names: Sequence[Sequence[str]], first: str = "") -> str:
    """The comment of an sbatch: what the site wants, the token by which it is found again, and each task's jobs."""
    lines = []
    for index, members in enumerate(names):
        prefix = f"{index}: " if len(names) > 1 else ""
        lines.append(prefix + " + ".join(members))
    ours = UNSAFE.sub("_", f"snakemake-submitit {token} {'; '.join(lines)}")
    return f"{first} {cut(ours, COMMENT_BYTES)}".lstrip()

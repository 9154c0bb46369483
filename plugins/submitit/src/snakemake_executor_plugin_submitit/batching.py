"""From ready jobs to groups with identical resources, packs, and chunks, each of which is one sbatch. Pure functions."""

from collections.abc import Callable, Hashable, Iterable, Sequence


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

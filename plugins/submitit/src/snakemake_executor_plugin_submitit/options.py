"""Options of sbatch that a user writes out, `slurm_extra` and `--submitit-extra`, and how they meet the resources.

An option that says what a resource says becomes that resource. Where both are given, what the rule says beats what is a
default (`--default-resources`, `--submitit-extra`); two different values of equal rank are rejected. Generic resources,
which can be combined, are.
"""

import math
import re
import shlex
from collections.abc import Callable, Collection, Mapping

SHORT_OPTIONS = {
    "A": "account",
    "C": "constraint",
    "G": "gpus",
    "L": "licenses",
    "M": "clusters",
    "N": "nodes",
    "b": "begin",
    "c": "cpus-per-task",
    "d": "dependency",
    "n": "ntasks",
    "p": "partition",
    "q": "qos",
    "t": "time",
    "w": "nodelist",
    "x": "exclude",
}
OWN_OPTIONS = {"array", "comment", "error", "job-name", "open-mode", "output", "signal", "wrap", "clusters"}
GPU_OPTIONS = ("gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task")
# of each row sbatch takes one; where a rule gives several, the first that it gives counts
EXCLUSIVE = (
    ("mem_mb_per_gpu", "mem_mb_per_cpu", "mem_mb"),
    ("cpus_per_task", "cpus_per_gpu"),
    ("tasks_per_gpu", "tasks_per_node"),
)


class ResourceError(ValueError):
    """A resource has a value that cannot be requested; the message says which, and what is allowed."""


def parse(text: str, where: str) -> dict[str, str]:
    """Options of sbatch as one writes them, long or short, as {long name: value}; "" for a flag."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ResourceError(f"{where}={text!r}: {error}.") from None
    options: dict[str, str] = {}
    last = None
    for word in words:
        if word.startswith("--"):
            last, _, value = word[2:].partition("=")
            options[last] = value
        elif word.startswith("-") and len(word) > 1 and word[1] in SHORT_OPTIONS:
            last = SHORT_OPTIONS[word[1]]
            options[last] = word[2:].removeprefix("=")
        elif last is not None and not options[last] and not word.startswith("-"):
            options[last] = word
        else:
            raise ResourceError(f"{where}={text!r}: cannot parse {word!r}; write long options, --name=value.")
    if own := sorted(OWN_OPTIONS & set(options)):
        raise ResourceError(f"{where}={text!r}: --{own[0]} is set by the plugin.")
    return options


def minutes(text: str) -> int | None:
    """sbatch's `90`, `90:30`, `1:30:00`, `2-12`, `2-12:30` or `2-12:30:00` -> minutes, rounded up; None for other words."""
    if not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", text):
        return None
    days, dash, clock = text.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if dash:
        hours, minute, second = (parts + [0, 0])[:3]
    else:
        hours, minute, second = {1: [0, *parts, 0], 2: [0, *parts], 3: parts}[len(parts)]
    return int(days or 0) * 1440 + hours * 60 + minute + math.ceil(second / 60)


def megabytes(text: str) -> int | None:
    """sbatch's `4000`, `4000M` or `4G` -> MiB, rounded up; None for other words and for 0, which means all."""
    found = re.fullmatch(r"(\d+)([KMGT]?)B?", text, re.IGNORECASE)
    if not found or not int(found[1]):
        return None
    return math.ceil(int(found[1]) * {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2}[found[2].upper()])


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() and int(text) else None


# option -> the resource that says the same, and how to read the option's value
RESOURCE_OF: dict[str, tuple[str, Callable[[str], object]]] = {
    "account": ("slurm_account", str),
    "constraint": ("constraint", str),
    "cpus-per-gpu": ("cpus_per_gpu", _number),
    "cpus-per-task": ("cpus_per_task", _number),
    "mem": ("mem_mb", megabytes),
    "mem-per-cpu": ("mem_mb_per_cpu", megabytes),
    "mem-per-gpu": ("mem_mb_per_gpu", megabytes),
    "nodes": ("nodes", _number),
    "ntasks": ("tasks", _number),
    "ntasks-per-gpu": ("tasks_per_gpu", _number),
    "ntasks-per-node": ("tasks_per_node", _number),
    "partition": ("slurm_partition", str),
    "qos": ("qos", str),
    "reservation": ("reservation", str),
    "time": ("runtime", minutes),
}


def absorb(
    resources: Mapping, weak: Collection[str], options: Mapping[str, str], where: str
) -> tuple[dict, dict[str, str]]:
    """Take into the resources what options say of the same; returns the resources and the options that are left.

    resources: those that are set. weak: names of those that are defaults; the option counts more.
    """
    taken, left = dict(resources), {}
    for option, text in options.items():
        if option == "gres":
            taken["gres"] = merged_gres(taken.get("gres"), text, where)
            continue
        name, read = RESOURCE_OF.get(option, ("", str))
        value = read(text) if name else None
        if name in taken and name not in weak and taken[name] != value:
            raise ResourceError(
                f"{name}={taken[name]!r} and {where} with --{option}={text} differ; give only one of them."
            )
        if value is None:
            taken.pop(name, None)
            left[option] = text
        else:
            taken[name] = value
    return taken, left


def merged_gres(one: object, other: str, where: str) -> str:
    """Two lists of generic resources as one; the same kind in different numbers is refused."""
    parts = [part for part in str(one or "").split(",") if part]
    for part in other.split(","):
        same = [known for known in parts if known.partition(":")[0] == part.partition(":")[0]]
        if same and part not in same:
            raise ResourceError(f"{same[0]!r} and {where} with --gres={other} differ; give only one of them.")
        parts += [] if same else [part]
    return ",".join(parts)


def asks_for_gpus(gres: object) -> bool:
    """Whether a list of generic resources has GPUs in it."""
    return any(part.partition(":")[0] == "gpu" for part in str(gres or "").split(","))


def without_rivals(resources: Mapping, weak: Collection[str]) -> dict:
    """Of resources that exclude each other, the one that the rule itself gives; of several such, the first.

    resources: those that are set. weak: names of those that are defaults.
    """
    left = dict(resources)
    for row in EXCLUSIVE:
        given = [name for name in row if name in left]
        for loser in sorted(given, key=lambda name: name in weak)[1:]:
            del left[loser]
    if "gpu" in left and asks_for_gpus(left.get("gres")):
        losers = [name for name in ("gpu", "gres") if name in weak]
        if len(losers) != 1:
            raise ResourceError(f"gpu={left['gpu']} and gres={left['gres']!r} are both given; give only one of them.")
        del left[losers[0]]
    return left

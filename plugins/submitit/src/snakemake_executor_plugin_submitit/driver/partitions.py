"""The partition of a job from a file of partitions and their limits, in the format of the official SLURM plugin.

    partitions:
      short: {max_runtime: 4h, max_mem_mb: 190000, max_threads: 48}
      gpu: {max_runtime: 2-00:00:00, max_gpu: 4, available_gpu_models: [a100]}

The first partition of the file that holds the job is taken; those with GPUs only for jobs that ask for one, as long as
another holds the job.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import options, resources
from ..options import ResourceError
from ..resources import Request

UNIT_MIN = {"d": 1440.0, "h": 60.0, "m": 1.0, "s": 1 / 60}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Partition:
    """Limits of one job; None: no limit. Time in minutes, memory in MB."""

    name: str
    max_runtime: int | None = None
    max_mem_mb: int | None = None
    max_mem_mb_per_cpu: int | None = None
    max_threads: int | None = None
    max_cpus_per_task: int | None = None
    max_nodes: int | None = None
    max_tasks: int | None = None
    max_gpu: int = 0
    available_gpu_models: tuple[str, ...] | None = None
    available_constraints: tuple[str, ...] | None = None

    def objections(self, whole: Request) -> list[str]:
        """Why the allocation does not fit, as `runtime 600 > 240`; empty if it does."""
        asked = {
            "runtime": (whole.runtime_min, self.max_runtime),
            "mem_mb": (whole.mem_mb, self.max_mem_mb),
            "mem_mb_per_cpu": (whole.mem_mb_per_cpu, self.max_mem_mb_per_cpu),
            "threads": (whole.cpus, self.max_threads),
            "cpus_per_task": (whole.cpus, self.max_cpus_per_task),
            "nodes": (whole.nodes, self.max_nodes),
            "tasks": (whole.tasks, self.max_tasks),
            "gpu": (whole.gpus, self.max_gpu),
        }
        found = [f"{name} {wanted} > {most}" for name, (wanted, most) in asked.items() if exceeds(wanted, most)]
        if (
            whole.gpu_model
            and self.available_gpu_models is not None
            and whole.gpu_model not in self.available_gpu_models
        ):
            found.append(f"gpu_model {whole.gpu_model} is not available")
        features = set(re.split(r"[&|,]", whole.constraint)) if whole.constraint else set()
        if self.available_constraints is not None and features - set(self.available_constraints):
            found.append(f"constraint {whole.constraint} is not available")
        return found


def exceeds(wanted: int | None, most: int | None) -> bool:
    return wanted is not None and most is not None and wanted > most


FIELDS = {field.name for field in dataclasses.fields(Partition)} - {"name"}
# limits of the official plugin that say nothing of what can be asked for here
KNOWN = FIELDS | {"max_tasks_per_node", "max_cpus_per_gpu", "supports_mpi", "max_mpi_tasks"}


def read(path: Path) -> list[Partition]:
    """The partitions of a file; ResourceError that names the file and what is wrong with it."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ResourceError(f"--submitit-partitions={path}: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ResourceError(f"--submitit-partitions={path} is not YAML: {' '.join(str(error).split())}.") from None
    named = content.get("partitions") if isinstance(content, dict) else None
    if not isinstance(named, dict) or not named:
        raise ResourceError(f"--submitit-partitions={path}: expected `partitions:` with a name and limits for each.")
    return [_partition(path, str(name), limits or {}) for name, limits in named.items()]


def _partition(path: Path, name: str, limits: object) -> Partition:
    if not isinstance(limits, Mapping) or set(limits) - KNOWN:
        wrong = ", ".join(sorted(map(str, set(limits) - KNOWN))) if isinstance(limits, Mapping) else repr(limits)
        allowed = ", ".join(sorted(KNOWN))
        raise ResourceError(f"--submitit-partitions={path}: {name} has {wrong}; allowed are {allowed}.")
    fields: dict[str, Any] = {}
    for field, value in limits.items():
        if field in FIELDS and value is not None:
            fields[field] = _value(path, name, field, value)
    return Partition(name=name, **fields)


def _value(path: Path, name: str, field: str, value: object) -> object:
    if field.startswith("available"):
        return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
    found = minutes(value) if field == "max_runtime" else value
    if isinstance(found, bool) or not isinstance(found, (int, float)) or found < 0:
        what = "minutes, or a time such as 4h or 2-00:00:00" if field == "max_runtime" else "a whole number"
        raise ResourceError(f"--submitit-partitions={path}: {name} has {field}: {value!r}; give {what}.")
    return None if math.isinf(found) else int(found)


def minutes(value: object) -> float | None:
    """`240`, `4h`, `2d12h` or a time as SLURM writes it; None for anything else."""
    if not isinstance(value, str):
        return value  # type: ignore[return-value]  # `_value` refuses what is no number
    if value.upper() in ("UNLIMITED", "INFINITE"):
        return math.inf
    if re.fullmatch(r"(\d+[dhms])+", value):
        return sum(int(number) * UNIT_MIN[unit] for number, unit in re.findall(r"(\d+)([dhms])", value))
    return options.minutes(value)


def choose(partitions: list[Partition], request: Request) -> str:
    """The partition for packs of this request; ResourceError says why none fits."""
    whole = resources.for_pack(request, request.pack)
    wants_gpus = bool(whole.gpus or options.asks_for_gpus(whole.gres))
    fitting = [one for one in partitions if not one.objections(whole)]
    if not fitting:
        why = "; ".join(f"{one.name}: {', '.join(one.objections(whole))}" for one in partitions)
        raise ResourceError(
            f"it fits no partition in --submitit-partitions ({why}); set slurm_partition, or request less."
        )
    return min(fitting, key=lambda one: not wants_gpus and one.max_gpu > 0).name

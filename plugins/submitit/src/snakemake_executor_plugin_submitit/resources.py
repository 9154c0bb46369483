"""From a job's resources to what its allocation asks for: a pure function, with the official SLURM plugin's names.

| resource | sbatch |
|---|---|
| `slurm_partition`, `slurm_account`, `qos`, `constraint`, `reservation` | the option of that name |
| `runtime` [minutes] | `--time` |
| `mem_mb`, `mem_mb_per_cpu` or `mem_mb_per_gpu` | `--mem`, `--mem-per-cpu`, `--mem-per-gpu` |
| `threads` or `cpus_per_task`, `cpus_per_gpu` | `--cpus-per-task`, `--cpus-per-gpu` |
| `gpu`, `gpu_model` | `--gres=gpu:model:number` on one node, `--gpus=model:number` on several |
| `gres` | `--gres` as it stands |
| `nodes`, `tasks`, `tasks_per_node`, `tasks_per_gpu` | `--nodes`, `--ntasks`, `--ntasks-per-node`, `--ntasks-per-gpu` |
| `exclusive` | `--exclusive` |
| `slurm_extra` | further options, written out |
| `submitit_pack`, `submitit_concurrent` | jobs per allocation, and how many of them at a time |
"""

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import TypeVar

from . import options
from .options import ResourceError
from .settings import ExecutorSettings

NEGATIVE_IS_UNSET = {"cpus_per_gpu", "tasks_per_gpu", "tasks_per_node"}  # as for the official plugin


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What one job needs. Jobs with equal requests can share an array, and a pack."""

    rule: str
    runtime_min: int
    cpus: int = 1
    mem_mb: int | None = None
    mem_mb_per_cpu: int | None = None
    gpus: int = 0
    gpu_model: str | None = None
    gres: str | None = None
    nodes: int | None = 1  # None leaves it to SLURM
    tasks: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    options: tuple[tuple[str, str], ...] = ()  # further sbatch options; "" for a flag
    pack: int = 1
    concurrent: int = 1


def request(
    rule: str, resources: Mapping, threads: int, settings: ExecutorSettings, weak: Collection[str] = ()
) -> Request:
    """What a job asks for. `settings` are the plugin's; ResourceError names the resource that cannot be.

    weak: names of the resources that the rule does not give itself, but has from --default-resources.
    """
    given, further, weak = _with_options(_given(resources), weak, settings)
    given = options.without_rivals(given, weak)
    whole = _WholeNumbers(given)
    tasks, gpus = whole("tasks", None), whole("gpu", 0)
    nodes = whole("nodes", 1 if (tasks or 1) == 1 and "nodes" not in further else None)
    if gpus and (rivals := [name for name in options.GPU_OPTIONS if name in further]):
        raise ResourceError(f"gpu={gpus} and slurm_extra with --{rivals[0]} are both given; give only one of them.")
    one_process = nodes == 1 and (tasks or 1) == 1
    pack = whole("submitit_pack", settings.jobs_per_task) if one_process else 1
    return Request(
        rule=rule,
        runtime_min=whole("runtime", settings.default_runtime),
        cpus=whole("cpus_per_task", max(1, threads)),
        mem_mb=whole("mem_mb", None),
        mem_mb_per_cpu=whole("mem_mb_per_cpu", None),
        gpus=gpus,
        gpu_model=(given.get("gpu_model") or given.get("gpu_manufacturer")) if gpus else None,
        gres=given.get("gres"),
        nodes=nodes,
        tasks=tasks,
        partition=given.get("slurm_partition"),
        account=given.get("slurm_account"),
        qos=given.get("slurm_qos") or given.get("qos"),
        constraint=given.get("constraint"),
        options=_further_options(given, whole, further, bool(gpus)),
        pack=pack,
        concurrent=min(pack, whole("submitit_concurrent", settings.concurrent)),
    )


Default = TypeVar("Default", bound=int | None)


class _WholeNumbers:
    """Reads resources that must be whole numbers; 0 stands for what is not set."""

    def __init__(self, resources: Mapping):
        self.resources = resources

    def __call__(self, name: str, default: Default) -> int | Default:
        value = self.resources.get(name)
        if value is None:
            return default
        try:
            number = math.ceil(float(value))
        except (TypeError, ValueError):
            number = -1
        if number < 0 and (isinstance(value, str) or name not in NEGATIVE_IS_UNSET):
            raise ResourceError(f'{name}={value!r}: expected a whole number of at least 1, or 0 for "not set".')
        return number if number > 0 else default


def _given(resources: Mapping) -> dict:
    """The resources that are set: numbers as they are, all else as text.

    Snakemake's "to be determined" is a string subclass that stands for a value known only inside the job. 0 is not set.
    """
    found: dict[str, str | int | float] = {}
    for name, value in resources.items():
        if value in (None, "") or type(value).__name__ == "TBDString":
            continue
        if isinstance(value, (bool, int, float)):
            if value and (value > 0 or name not in NEGATIVE_IS_UNSET):
                found[name] = value
        else:
            found[name] = str(value)
    return found


def _with_options(
    given: dict, weak: Collection[str], settings: ExecutorSettings
) -> tuple[dict, dict[str, str], set[str]]:
    """Resources with what `slurm_extra` and `--submitit-extra` say of the same; further options; what is a default."""
    rules = options.parse(given.get("slurm_extra", ""), "slurm_extra")
    everyones = options.parse(settings.extra, "--submitit-extra")
    given, further = options.absorb(given, weak, rules, "slurm_extra")
    resource = {option: name for option, (name, _) in options.RESOURCE_OF.items()}
    weak = set(weak) - {resource.get(option) for option in rules}
    open_ones = {
        option: text
        for option, text in everyones.items()
        if option not in further and (resource.get(option) not in given or resource[option] in weak)
    }
    given, more = options.absorb(given, weak, open_ones, "--submitit-extra")
    return given, more | further, weak


def _further_options(given: Mapping, whole: _WholeNumbers, further: Mapping, gpus: bool) -> tuple[tuple[str, str], ...]:
    if "clusters" in given:
        raise ResourceError(f"clusters={given['clusters']!r}: jobs on other clusters are not supported.")
    found = dict(further)
    for name, option in (
        ("cpus_per_gpu", "cpus-per-gpu"),
        ("tasks_per_node", "ntasks-per-node"),
        ("tasks_per_gpu", "ntasks-per-gpu"),
    ):
        if number := whole(name, None):
            found[option] = str(number)
    if not (gpus or options.asks_for_gpus(given.get("gres")) or set(options.GPU_OPTIONS) & set(further)):
        found.pop("cpus-per-gpu", None)  # per GPU of none
    if memory := whole("mem_mb_per_gpu", None):
        found["mem-per-gpu"] = f"{memory}M"
    if "reservation" in given:
        found["reservation"] = given["reservation"]
    if given.get("exclusive"):
        found["exclusive"] = ""
    return tuple(sorted(found.items()))


def for_pack(one: Request, members: int) -> Request:
    """The request of a pack: memory and cores for the members that run at once, the GPU shared, time for all rounds."""
    at_once = min(one.concurrent, members)
    rounds = math.ceil(members / at_once)
    return dataclasses.replace(
        one,
        cpus=one.cpus * at_once,
        mem_mb=None if one.mem_mb is None else one.mem_mb * at_once,
        runtime_min=one.runtime_min * rounds,
    )


def memory_mb(whole: Request) -> int:
    """All memory of the allocation, 0 if it asks for none."""
    if whole.mem_mb is not None:
        return whole.mem_mb * (whole.nodes or 1)
    return (whole.mem_mb_per_cpu or 0) * whole.cpus * (whole.tasks or 1)


def signal_delay(whole: Request, settings: ExecutorSettings) -> int:
    """Seconds between the signal and the time limit: never more than a quarter of the time there is."""
    return min(settings.signal_delay_s, whole.runtime_min * 60 // 4)


def submitit_parameters(
    whole: Request, *, name: str, comment: str, settings: ExecutorSettings, excluded: Collection[str] = ()
) -> dict:
    """What submitit's AutoExecutor takes for an allocation on SLURM (already multiplied by `for_pack`).

    The batch step replaces itself by submitit's process (backends/slurm.py), so the signal before the time limit goes to the
    batch step (B:) and no job step is needed: one process start less, and a rule over several nodes calls srun itself.
    """
    further: dict[str, str | int | bool] = {key: value or True for key, value in whole.options}
    if "no-requeue" not in further:
        further.setdefault("requeue", True)
    further["signal"] = f"B:USR2@{signal_delay(whole, settings)}"
    if whole.nodes != 1:  # submitit asks for one where nothing is said
        further.setdefault("nodes", whole.nodes or f"1-{whole.tasks}")
    if whole.tasks:
        further["ntasks"] = whole.tasks
    if excluded and "nodelist" not in further:  # who asks for nodes gets them
        given = str(further.get("exclude") or "")
        further["exclude"] = ",".join([given, *excluded] if given else excluded)
    gres = [whole.gres] if whole.gres else []
    if whole.gpus:
        kind = f"{whole.gpu_model}:{whole.gpus}" if whole.gpu_model else str(whole.gpus)
        if whole.nodes == 1:
            gres.insert(0, f"gpu:{kind}")
        else:
            further["gpus"] = kind
    return {
        "timeout_min": whole.runtime_min,
        "cpus_per_task": None if "cpus-per-gpu" in further else whole.cpus,
        "name": name,
        "stderr_to_stdout": True,
        "slurm_mem": None if whole.mem_mb is None else f"{whole.mem_mb}M",
        "slurm_mem_per_cpu": None if whole.mem_mb_per_cpu is None else f"{whole.mem_mb_per_cpu}M",
        "slurm_partition": whole.partition,
        "slurm_account": whole.account,
        "slurm_qos": whole.qos,
        "slurm_constraint": whole.constraint,
        "slurm_gres": ",".join(gres) or None,
        "slurm_comment": comment,
        "slurm_wckey": "",
        "slurm_use_srun": False,
        "slurm_array_parallelism": settings.array_parallelism,
        "slurm_setup": ["unset SNAKEMAKE_PROFILE", *settings.setup],
        "slurm_additional_parameters": further,
    }


# the user's SBATCH_ variables that take the place of an option in the script, where it is not the option's own name
MEMORY = {"MEM_PER_NODE", "MEM_PER_CPU", "MEM_PER_GPU"}
GPUS = {"GPUS", "GPUS_PER_NODE", "GPUS_PER_TASK", "GPUS_PER_SOCKET", "GRES"}
ALWAYS = {"ARRAY_INX", "ERROR", "INPUT", "OPEN_MODE", "OUTPUT", "WAIT"}
VARIABLES = {
    "gpus": GPUS,
    "gres": GPUS,
    "mem": MEMORY,
    "mem_per_cpu": MEMORY,
    "name": {"JOB_NAME"},
    "no_requeue": {"REQUEUE", "NO_REQUEUE"},
    "requeue": {"REQUEUE", "NO_REQUEUE"},
    "timeout_min": {"TIMELIMIT"},
    "wckey": set(),  # written empty, so that the user's counts
}


def overridden(parameters: Mapping) -> set[str]:
    """The user's variables that sbatch would prefer to what `submitit_parameters` says; others are the user's defaults."""
    said = {name.removeprefix("slurm_") for name, value in parameters.items() if value is not None}
    said |= {name.replace("-", "_") for name in parameters["slurm_additional_parameters"]}
    names = ALWAYS.union(*(VARIABLES.get(name, {name.upper()}) for name in said))
    return {f"SBATCH_{name}" for name in names}

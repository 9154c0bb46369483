"""From a job's resources to what its allocation asks for: a pure function, with the official SLURM plugin's names.

| resource | sbatch |
|---|---|
| `slurm_partition`, `slurm_account`, `qos`, `constraint`, `reservation` | the option of that name |
| `runtime` [minutes] | `--time` |
| `mem_mb` or `mem_mb_per_cpu` | `--mem`, `--mem-per-cpu` |
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
import shlex
from collections.abc import Mapping

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


class ResourceError(ValueError):
    """A resource has a value that cannot be asked for; the message tells which, and what is allowed."""


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


def request(rule: str, resources: Mapping, threads: int, settings) -> Request:
    """What a job asks for. `settings` are the plugin's; ResourceError names the resource that cannot be."""
    whole = _WholeNumbers(resources)
    tasks = whole("tasks", None, least=1)
    nodes = whole("nodes", 1 if (tasks or 1) == 1 else None, least=1)
    model = _text(resources, "gpu_model") or _text(resources, "gpu_manufacturer")
    gres, gpus = _text(resources, "gres"), whole("gpu", 0)
    if gres and gpus:
        raise ResourceError(f"gpu={gpus} and gres={gres!r} are both given; give one of them.")
    one_process = nodes == 1 and (tasks or 1) == 1
    pack = whole("submitit_pack", settings.jobs_per_task, least=1) if one_process else 1
    return Request(
        rule=rule,
        runtime_min=whole("runtime", settings.default_runtime, least=1),
        cpus=whole("cpus_per_task", None, least=1) or max(1, threads),
        mem_mb=None if "mem_mb_per_cpu" in resources else whole("mem_mb", None),
        mem_mb_per_cpu=whole("mem_mb_per_cpu", None),
        gpus=gpus,
        gpu_model=model if gpus else None,
        gres=gres,
        nodes=nodes,
        tasks=tasks,
        partition=_text(resources, "slurm_partition"),
        account=_text(resources, "slurm_account"),
        qos=_text(resources, "slurm_qos") or _text(resources, "qos"),
        constraint=_text(resources, "constraint"),
        options=_further_options(resources, whole, settings),
        pack=pack,
        concurrent=min(pack, whole("submitit_concurrent", settings.concurrent, least=1)),
    )


class _WholeNumbers:
    """Reads resources that must be whole numbers."""

    def __init__(self, resources: Mapping):
        self.resources = resources

    def __call__(self, name: str, default: int | None, least: int = 0) -> int | None:
        value = _value(self.resources, name)
        if value is None:
            return default
        try:
            number = math.ceil(float(value))
        except (TypeError, ValueError):
            raise ResourceError(f"{name}={value!r}: give a whole number from {least}.") from None
        if number < least:
            raise ResourceError(f"{name}={value!r}: give a whole number from {least}.")
        return number


def _value(resources: Mapping, name: str):
    value = resources.get(name)
    # Snakemake's "to be determined" is a string subclass that stands for a value known only inside the job
    return None if value in (None, "") or type(value).__name__ == "TBDString" else value


def _text(resources: Mapping, name: str) -> str | None:
    value = _value(resources, name)
    return None if value is None else str(value)


def _further_options(resources: Mapping, whole: _WholeNumbers, settings) -> tuple[tuple[str, str], ...]:
    if _value(resources, "clusters"):
        raise ResourceError(f"clusters={resources['clusters']!r}: jobs of other clusters are not supported.")
    options = {}
    for name, option in (
        ("cpus_per_gpu", "cpus-per-gpu"),
        ("tasks_per_node", "ntasks-per-node"),
        ("tasks_per_gpu", "ntasks-per-gpu"),
    ):
        if number := whole(name, None):
            options[option] = str(number)
    if reservation := _text(resources, "reservation"):
        options["reservation"] = reservation
    if _value(resources, "exclusive"):
        options["exclusive"] = ""
    options |= parse_options(settings.extra, "--submitit-extra")
    options |= parse_options(_text(resources, "slurm_extra") or "", "slurm_extra")
    return tuple(sorted(options.items()))


def parse_options(text: str, where: str) -> dict[str, str]:
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
            raise ResourceError(f"{where}={text!r}: {word!r} is not understood; write long options, --name=value.")
    if own := sorted(OWN_OPTIONS & set(options)):
        raise ResourceError(f"{where}={text!r}: --{own[0]} is set by the plugin.")
    return options


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


def signal_delay(whole: Request, settings) -> int:
    """Seconds between the signal and the time limit: never more than a quarter of the time there is."""
    return min(settings.signal_delay_s, whole.runtime_min * 60 // 4)


def submitit_parameters(whole: Request, *, name: str, comment: str, settings) -> dict:
    """What submitit's AutoExecutor takes for an allocation on SLURM (already multiplied by `for_pack`).

    The batch step replaces itself by submitit's process (slurm.py), so the signal before the time limit goes to the
    batch step (B:) and no job step is needed: one process start less, and a rule over several nodes calls srun itself.
    """
    further: dict[str, str | bool] = {key: value or True for key, value in whole.options}
    if "no-requeue" not in further:
        further.setdefault("requeue", True)
    further["signal"] = f"B:USR2@{signal_delay(whole, settings)}"
    if whole.nodes != 1:  # submitit asks for one where nothing is said
        further["nodes"] = whole.nodes or f"1-{whole.tasks}"
    if whole.tasks:
        further["ntasks"] = whole.tasks
    if whole.gpus:
        kind = f"{whole.gpu_model}:{whole.gpus}" if whole.gpu_model else str(whole.gpus)
        further.update({"gres": f"gpu:{kind}"} if whole.nodes == 1 else {"gpus": kind})
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
        "slurm_gres": whole.gres,
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

"""The settings of the plugin: `--submitit-…` on the command line, `submitit-…:` in a profile."""

import pkgutil
from dataclasses import dataclass, field
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase

CLUSTERS = tuple(sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).with_name("backends"))])))


def setting(default, text: str, **metadata):
    """A field of the settings with its help text; lists take several values."""
    metadata["help"] = text
    if isinstance(default, list):
        # without a "type": Snakemake would call it on the whole list
        return field(default_factory=list, metadata=metadata | {"nargs": "+"})
    return field(default=default, metadata=metadata)


@dataclass
class ExecutorSettings(ExecutorSettingsBase):
    """Every field has a line in the README's table of settings; a test compares them."""

    cluster: str = setting(
        "slurm",
        "Where jobs run: slurm; local (as processes on this machine); debug (one after the other inside the driver, with a "
        "debugger at the first failure).",
        choices=CLUSTERS,
    )
    # submission
    array_parallelism: int = setting(1000, "Tasks of one job array that may run at the same time.")
    max_submitted: int | None = setting(
        None,
        "Tasks that may be in the queue at a time, pending or running; the rest wait in the driver. Set it to the site's "
        "limit of submitted jobs per user. If unset, only sbatch's own limit applies.",
        type=int,
    )
    max_array_size: int | None = setting(
        None, "Maximum number of tasks per job array. Defaults to the cluster's MaxArraySize.", type=int
    )
    default_runtime: int = setting(60, "Minutes for rules without a runtime resource.")
    least_mem_mb: int = setting(
        300,
        "Smallest memory request of an allocation whose rule requests memory [MB]: what a job and its own Snakemake need to "
        "start.",
    )
    extra: str = setting("", "Further sbatch options for every job, in long form: '--reservation=x --nice=10'.")
    setup: list[str] = setting(  # noqa: RUF009
        [],
        "Shell commands to run first in every SLURM job, one per value: 'module load cuda', "
        "'source /path/venv/bin/activate'.",
    )
    partitions: str = setting(
        "",
        "YAML file of partitions and their limits, in the official plugin's format: a job without slurm_partition gets the "
        "first one that it fits.",
    )
    exclude_nodes: int = setting(
        10,
        "Maximum number of nodes to exclude (--exclude) after SLURM lost them under a job, or after jobs of several rules "
        "died there at once that succeed elsewhere. 0: none.",
    )
    name_prefix: str = setting("", "Prefix of the jobs' names in squeue, where a site requires one.")
    comment: str = setting("", "Prefix of the jobs' comments, where a site requires one.")
    sbatch_retries: int = setting(
        6, "How often a failed sbatch is retried, after 1, 2, 4 … (at most 60) seconds, unless it can never succeed."
    )
    # packs
    jobs_per_task: int = setting(
        1, "Snakemake jobs of a rule that share one allocation (a pack). Per rule: the resource submitit_pack."
    )
    concurrent: int = setting(
        1, "Members of a pack that run at the same time. Per rule: the resource submitit_concurrent."
    )
    pack_wait_s: float = setting(
        300.0,
        "How long an incomplete pack waits for further jobs of its rule while others run [s]; never longer than a tenth of "
        "its time limit.",
    )
    preload: list[str] = setting(  # noqa: RUF009
        [], "Modules that a pack's worker imports once before forking for each member: 'torch', 'pandas'."
    )
    # preemption and time limits
    signal_delay_s: int = setting(
        120, "Seconds before the time limit at which jobs get SIGUSR2, to save their work and be requeued."
    )
    max_requeues: int = setting(5, "How often a task is requeued after a time limit or a preemption before it fails.")
    # status
    poll_min_s: float = setting(1.0, "Shortest time between two status checks, while much is happening [s].")
    poll_max_s: float = setting(30.0, "Longest time between two status checks, while nothing changes [s].")
    lost_after_s: float = setting(
        180.0, "Seconds after which a job that the cluster does not know and that left no result counts as lost."
    )
    # files
    logdir: str = setting(
        ".snakemake/submitit/logs",
        "Folder for the jobs' logs, relative to the working directory; if missing, it is created private.",
    )
    keep_successful_logs: bool = setting(False, "Keep the logs of successful jobs as well.")
    logs_days: float | None = setting(
        None,
        "Days after which logs of failed jobs are deleted, at the end of a run. If unset, they are kept.",
        type=float,
    )
    efficiency_report: str = setting(
        "", "TSV file that gets a line per allocation at the end of a run: what it requested and what it used."
    )
    efficiency_threshold: float = setting(
        0.5, "Rules that used less than this share of their cores' time, or of their memory, are named at the end."
    )
    # one machine
    gpus: str = setting(
        "auto",
        "GPUs that local jobs share: 'auto' uses CUDA_VISIBLE_DEVICES or asks nvidia-smi; otherwise a list like '0,1', or "
        "'none'.",
    )

    def __post_init__(self):
        for name in ("array_parallelism", "default_runtime", "jobs_per_task", "concurrent"):
            if getattr(self, name) < 1:
                raise WorkflowError(f"--submitit-{name.replace('_', '-')} is {getattr(self, name)}; give at least 1.")
        for name in (
            "sbatch_retries",
            "signal_delay_s",
            "max_requeues",
            "lost_after_s",
            "pack_wait_s",
            "exclude_nodes",
            "least_mem_mb",
        ):
            if getattr(self, name) < 0:
                raise WorkflowError(f"--submitit-{name.replace('_', '-')} is {getattr(self, name)}; give at least 0.")
        for name in ("max_submitted", "max_array_size"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise WorkflowError(f"--submitit-{name.replace('_', '-')} is {value}; give at least 1, or omit it.")
        if not 0 <= self.efficiency_threshold <= 1:
            raise WorkflowError(
                f"--submitit-efficiency-threshold is {self.efficiency_threshold}; give a share from 0 to 1."
            )
        if self.logs_days is not None and self.logs_days < 0:
            raise WorkflowError(f"--submitit-logs-days is {self.logs_days}; give at least 0, or omit it.")
        for name in ("name_prefix", "comment"):
            if not getattr(self, name).isprintable():
                raise WorkflowError(f"--submitit-{name.replace('_', '-')} contains characters that cannot be printed.")
        if not 0 < self.poll_min_s <= self.poll_max_s:
            raise WorkflowError(
                f"--submitit-poll-min-s is {self.poll_min_s} and --submitit-poll-max-s is {self.poll_max_s}; "
                "the first must be above 0 and no larger than the second."
            )

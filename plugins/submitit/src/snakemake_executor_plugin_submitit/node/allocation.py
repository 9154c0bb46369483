"""What the allocation around this process still has: whether it runs on, how long, and which of its processes it lost.

SLURM's warning of the time limit is no clock: it may come up to a minute earlier than asked for. Times count from the
end of the allocation, as the controller has it now: limits can be changed, and a preemption moves the end. (Versions
before 23.02 do not give jobs their end in SLURM_JOB_END_TIME.)
"""

import contextlib
import os
import re
import subprocess
import time
from pathlib import Path

from snakemake_executor_plugin_submitit.members import PackSettings, job_id

EARLY_S = 75.0  # a signal for the time limit may come so much too early; one that comes before has another cause
ANSWER_S = 5.0  # for scontrol; meanwhile nothing else is looked after
AGAIN_S = 10.0  # before it is asked again when it has not answered
# before the end, as parts of signal_delay_s and at most so many seconds: when SIGTERM is sent, and when SIGKILL
ASK, KILL = (0.2, 10.0), (0.05, 3.0)


def on_slurm() -> bool:
    return os.environ.get("SUBMITIT_EXECUTOR") == "slurm"


def fields(timeout_s: float) -> dict[str, str]:
    """What `scontrol show job` says of this job, times in seconds since 1970; empty where SLURM does not answer."""
    command = ["scontrol", "--oneliner", "show", "job", str(job_id())]
    environment = {**os.environ, "SLURM_TIME_FORMAT": "%s"}
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=True, env=environment
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(re.findall(r"(\w+)=(\S*)", answer))


def is_running() -> bool:
    """Whether SLURM lets this job keep running although it was told to end; False if SLURM does not know or answer."""
    return on_slurm() and fields(timeout_s=10.0).get("JobState") == "RUNNING"


def end_time() -> float | None:
    """When the allocation ends [s since 1970], None if unknown."""
    if not on_slurm():
        return None
    told = fields(ANSWER_S).get("EndTime") or os.environ.get("SLURM_JOB_END_TIME", "")
    return float(told) if told.isdigit() else None


class TimeLimit:
    """When the allocation ends, and what is due when; all times are monotonic."""

    def __init__(self, settings: PackSettings):
        self.delay_s = settings.signal_delay_s
        limit, now = settings.time_limit_s, time.monotonic()
        self.end = None if limit is None else now + limit
        self.warn_at = None if limit is None else now + max(0.0, limit - self.delay_s)
        self._asked: float | None = None

    def until_warning(self) -> float | None:
        return None if self.warn_at is None else max(0.0, self.warn_at - time.monotonic())

    def due(self) -> bool:
        """Whether it is time for a warning that nothing else gives."""
        return self.warn_at is not None and time.monotonic() >= self.warn_at

    def too_early(self) -> bool:
        """Whether a warning that has come is to wait; it is `due` later, and looked at again then."""
        self.look()
        if self.end is None:
            return False
        early = self.end - self.delay_s - time.monotonic()
        if not 1.0 < early <= EARLY_S:
            return False
        self.warn_at = self.end - self.delay_s
        return True

    def look(self) -> None:
        """Ask SLURM for the end. Without SLURM an unknown end is counted from now on."""
        now = time.monotonic()
        told = end_time()
        self._asked = time.monotonic()
        if told is not None:
            self.end = now + told - time.time()
        elif self.end is None and not on_slurm():
            self.end = now + self.delay_s

    def look_again(self) -> None:
        if self.end is None and self._asked is not None and time.monotonic() - self._asked > AGAIN_S:
            self.look()

    def before_end(self, part: tuple[float, float]) -> float:
        """The time that lies so much before the end; infinite as long as that is unknown: SLURM ends the job itself."""
        share, at_most_s = part
        return float("inf") if self.end is None else self.end - min(share * self.delay_s, at_most_s)


# -- memory ----------------------------------------------------------------------------------------------------------


def oom_kills() -> int:
    """How many processes of this process's cgroup the kernel has killed for want of memory; 0 where it does not say.

    A limit that a cgroup sets ends one process, mostly the largest, and no more: what had started it lives on.
    """
    with contextlib.suppress(OSError, ValueError):
        file = memory_events(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
        for line in file.read_text().splitlines() if file else ():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def memory_events(cgroups: str, mounts: str) -> Path | None:
    """The file of a process's cgroup that counts such events, in version 1 or 2 (cgroups(7)); None if there is none.

    cgroups, mounts: content of /proc/PID/cgroup and /proc/PID/mountinfo.
    """
    rows = [line.split(":", 2) for line in cgroups.splitlines()]
    path = next((path for _, names, path in rows if "memory" in names.split(",")), None)
    first = path is not None
    path = path or next((path for number, _, path in rows if number == "0"), None)
    for line in mounts.splitlines():
        mounted, _, rest = line.partition(" - ")
        root, place = mounted.split()[3:5]
        kind, _, options = rest.split()[:3]
        if path and (kind == "cgroup" and "memory" in options.split(",") if first else kind == "cgroup2"):
            return Path(place, os.path.relpath(path, root)) / ("memory.oom_control" if first else "memory.events")
    return None

"""From what SLURM and the members' result files say to what became of a job. Pure functions.

A member's own result comes first: a job that left "ok" has succeeded, whatever SLURM says or has forgotten. Only a
member without a final result is judged by the state of its SLURM job.
"""

import dataclasses
import re
import time
from collections.abc import Iterable, Mapping

ALIVE = {
    "COMPLETING",
    "CONFIGURING",
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RESV_DEL_HOLD",
    "RUNNING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}
# final states that a requeue follows at once, where there is one: seconds to wait for it
BRIEF = {"PREEMPTED": 60.0, "NODE_FAIL": 8.0}
# the job ended by itself: its result may be late on a shared file system
BY_ITSELF = {"COMPLETED", "FAILED", "FINISHED"}
SHORT_STATES = {"OUT_OF_ME": "OUT_OF_MEMORY", "OUT_OF_ME+": "OUT_OF_MEMORY", "CANCELLED+": "CANCELLED"}
# why a job waits, in squeue's words; the first pattern that matches counts
HINDRANCES = {
    # someone has to release it
    "held": re.compile(r"held|JobHoldMaxRequeue|SpecialExit", re.I),
    # it cannot start as requested, or not until someone repairs the cluster
    "never": re.compile(
        r"DependencyNeverSatisfied|BadConstraints|Partition(Config|TimeLimit|NodeLimit|Down|Inactive)|ReqNodeNotAvail"
        r"|Nodes.required.for.job.are.DOWN|(Account|QOS)NotAllowed|Invalid(QOS|Account)|(QOS|Association)TimeLimit"
        r"|not permitted to use|ReservationDeleted|(QOS|Assoc)(Max|Min|Grp)\w*Per(Job|Node)|MaxWallDuration|MaxNodePerJob",
        re.I,
    ),
    # it starts once the limit allows, which may be never
    "limit": re.compile(r"^(QOS|Assoc)\w*(Limit|Threshold)", re.I),
}
WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}

MEANINGS = {
    "BOOT_FAIL": "its node failed to boot",
    "CANCELLED": "was cancelled from outside",
    "DEADLINE": "missed its deadline",
    "LAUNCH_FAILED": "could not be launched on its node",
    "NODE_FAIL": "lost its node",
    "OUT_OF_MEMORY": "ran out of memory",
    "PREEMPTED": "was preempted and not requeued",
    "REVOKED": "was revoked",
    "TIMEOUT": "ran out of time",
}
ADVICE = {
    "OUT_OF_MEMORY": "Raise mem_mb, or let it grow: mem_mb=lambda wildcards, attempt: 4000 * attempt, with retries.",
    "TIMEOUT": "Raise runtime, or let it grow: runtime=lambda wildcards, attempt: 60 * attempt, with retries.",
}


@dataclasses.dataclass(frozen=True)
class Observation:
    """What the cluster says about one job."""

    state: str  # SLURM's name, in capitals
    reason: str = ""
    node: str = ""
    elapsed_s: float = 0.0
    exit_code: str = ""  # "code:signal"

    @property
    def alive(self) -> bool:
        return self.state in ALIVE


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a member; made only once it is known."""

    ok: bool
    reason: str = ""
    advice: str = ""


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long to wait [s] before believing bad news."""

    latency_s: float  # for a result file, after its job has ended by itself
    lost_s: float  # for a sign of a job that the cluster does not know


def judge(result: Mapping | None, seen: Observation | None, waited_s: float, patience: Patience) -> Outcome | None:
    """The outcome of one member, None while it is not known yet.

    result: content of result.json. seen: its job's state, None if the cluster does not know the job. waited_s: seconds
    since the state has been what it is.
    """
    status = result.get("status") if result else None
    if status == "ok":
        return Outcome(True)
    if result and status == "failed":
        return _own_failure(result, seen)
    if seen is None:
        if waited_s < patience.lost_s:
            return None
        return Outcome(False, f"was lost: the cluster has not known it for {waited_s:.0f} s, and it left no result", "")
    if seen.alive or waited_s < BRIEF.get(seen.state, 0.0):
        return None
    if seen.state in BY_ITSELF and waited_s < patience.latency_s:
        return None
    return _ended_from_outside(result, seen)


def _own_failure(result: Mapping, seen: Observation | None) -> Outcome:
    reason = result.get("reason") or f"failed with exit status {result.get('exit_code')}"
    if seen is not None and seen.state in ("OUT_OF_MEMORY", "TIMEOUT") and MEANINGS[seen.state] not in reason:
        return Outcome(False, f"{MEANINGS[seen.state]} ({reason})", ADVICE[seen.state])
    kind = next((kind for kind in ADVICE if MEANINGS[kind] in reason), "")
    return Outcome(False, reason, ADVICE.get(kind, ""))


def _ended_from_outside(result: Mapping | None, seen: Observation) -> Outcome:
    if seen.state in MEANINGS:
        reason = f"{MEANINGS[seen.state]} ({seen.state})"
    elif result is not None:  # "requeue"
        reason = f"asked to be started again, but its task ended ({seen.state}): {result.get('reason') or 'no reason'}"
    else:
        code = f", exit status {seen.exit_code}" if seen.exit_code else ""
        reason = f"ended without leaving a result ({seen.state}{code})"
    return Outcome(False, reason, ADVICE.get(seen.state, ""))


def hindrance(seen: Observation) -> str:
    """What keeps a waiting job from its start: "held", "never" or "limit" (HINDRANCES), "" if it is only its turn."""
    if seen.state not in WAITING:
        return ""
    if seen.state in ("REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"):
        return "held"
    return next((kind for kind, pattern in HINDRANCES.items() if pattern.search(seen.reason)), "")


def next_interval(current: float, news: bool, query_s: float, low: float, high: float) -> float:
    """Seconds until the next look: short while jobs come and go, longer while nothing does or the cluster is slow."""
    wanted = current / 2 if news else current * 1.3
    return min(high, max(low, wanted, 10 * query_s))


# the node's memory: more of it does not help a job whose GPU's memory is full
OUT_OF_MEMORY_WORDS = re.compile(
    r"oom[-_ ]kill|exceeded (job |step )?memory limit|(?<!cuda )(?<!gpu )(?<!hip )out of memory|memory used up",
    re.IGNORECASE,
)
TIME_LIMIT_WORDS = re.compile(r"DUE TO TIME LIMIT|cut off at the allocation's time limit", re.IGNORECASE)


def explain(outcome: Outcome, log: str) -> Outcome:
    """A better reason, if SLURM or the kernel wrote it into the task's log and not into the job's state."""
    words = f"{outcome.reason}\n{log}"
    for state, pattern in (("OUT_OF_MEMORY", OUT_OF_MEMORY_WORDS), ("TIMEOUT", TIME_LIMIT_WORDS)):
        if pattern.search(words):
            if MEANINGS[state] in outcome.reason:
                return outcome
            return Outcome(False, f"{MEANINGS[state]} ({outcome.reason})", ADVICE[state])
    return outcome


# -- what sacct, squeue and scontrol print -------------------------------------------------------------------------


def state_name(text: str) -> str:
    """`CANCELLED by 1000` -> `CANCELLED`."""
    words = text.split()
    return SHORT_STATES.get(words[0].upper(), words[0].upper().rstrip("+")) if words else ""


def task_ids(text: str) -> list[str]:
    """`7`, `7_3`, `7_[0-2,5%4]` -> the ids of the jobs, one by one."""
    main, separator, rest = text.partition("_")
    if not separator:
        return [main]
    if not rest.startswith("["):
        return [text]
    found = []
    for part in rest.strip("[]").partition("%")[0].split(","):
        first, _, last = part.partition("-")
        last, _, step = last.partition(":")
        if all(number.isdigit() for number in (first, last or first, step or "1")):  # squeue cuts long lists: `60-6...`
            found += [f"{main}_{index}" for index in range(int(first), int(last or first) + 1, int(step or 1))]
    return found


def seconds(text: str) -> float:
    """`1-02:03:04`, `03:04` or `64` -> seconds; 0 for anything else."""
    days, _, clock = text.rpartition("-")
    try:
        numbers = [int(part) for part in clock.split(":")]
        total = 0
        for number in numbers:
            total = total * 60 + number
        return total + 86400 * int(days or 0)
    except ValueError:
        return 0.0


def clock(text: str) -> float | None:
    """Local time as SLURM writes it, `2026-11-24T21:30:00` -> seconds since 1970."""
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return None


def controller_clock(text: str, default: float) -> float:
    """The time on the controller [s since 1970], from the first line of `scontrol show config`."""
    found = re.search(r"^Configuration data as of (\S+)", text, re.MULTILINE)
    read = clock(found[1]) if found else None
    return default if read is None else read


def read_table(text: str, columns: Iterable[str], since: float = 0.0) -> dict[str, Observation]:
    """Lines of `|`-separated columns (id, state, reason, node, elapsed, exit, submit) -> observations by job id.

    Rows submitted before `since` belong to earlier jobs whose ids have come round again.
    """
    names, found = list(columns), {}
    for line in text.splitlines():
        fields = dict(zip(names, (part.strip() for part in line.split("|")), strict=False))
        if "state" not in fields or not fields["state"] or "." in fields["id"]:
            continue
        submitted = clock(fields.get("submit", ""))
        if submitted is not None and submitted < since:
            continue
        seen = Observation(
            state_name(fields["state"]),
            fields.get("reason", ""),
            fields.get("node", ""),
            seconds(fields.get("elapsed", "")),
            fields.get("exit", ""),
        )
        for one in task_ids(fields["id"]):
            found[one] = seen
    return found


def read_scontrol(text: str, since: float = 0.0) -> dict[str, Observation]:
    """What `scontrol --oneliner show job` prints."""
    rows = []
    for line in text.splitlines():
        fields = dict(re.findall(r"(\w+)=(\S*)", line))
        if "JobState" not in fields:
            continue
        name = fields.get("JobId", "")
        if "ArrayJobId" in fields and "ArrayTaskId" in fields:
            index = fields["ArrayTaskId"]
            name = f"{fields['ArrayJobId']}_{index if index.isdigit() else f'[{index}]'}"
        values = (
            fields.get(key, "") for key in ("JobState", "Reason", "NodeList", "RunTime", "ExitCode", "SubmitTime")
        )
        rows.append("|".join([name, *values]))
    return read_table("\n".join(rows), ("id", "state", "reason", "node", "elapsed", "exit", "submit"), since)

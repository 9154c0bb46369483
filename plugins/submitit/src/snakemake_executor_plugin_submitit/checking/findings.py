"""From what was seen to what to report, and what to write into the profile. Pure functions."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from .cluster import Choice, Cluster

GOOD, NOTE, BAD = "ok", "note", "BAD"
SLOW_S = 5.0  # latency and clocks: more is reported
NOT_HANDED_OVER = ("SLURM_", "SBATCH_", "SNAKEMAKE_", "SUBMITIT_")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report. `write`: a line of the profile by its key, below `default-resources` if it is a resource."""

    kind: str
    topic: str
    text: str
    write: Mapping[str, object] = dataclasses.field(default_factory=dict)
    resources: Mapping[str, object] = dataclasses.field(default_factory=dict)


def of_cluster(cluster: Cluster) -> list[Finding]:
    """What needs no job."""
    said = cluster.configuration
    size = said.get("MaxArraySize", "1001")
    found = [
        Finding(GOOD, "SLURM", f"version {said.get('SLURM_VERSION', '?')}, cluster {said.get('ClusterName', '?')}.")
    ]
    if size.isdigit() and int(size) > 1:
        found.append(Finding(GOOD, "MaxArraySize", f"{size}: larger arrays are split."))
    else:
        found.append(Finding(NOTE, "MaxArraySize", f"{size}: no arrays here; each task gets its own sbatch."))
    where = (
        "a database keeps ended jobs" if cluster.database else "no database; squeue and result files are used instead"
    )
    found.append(Finding(GOOD, "accounting", f"{where}."))
    wait = said.get("KillWait", "").partition(" ")[0]
    if wait:
        found.append(
            Finding(GOOD, "KillWait", f"{wait} s to save between SIGTERM and SIGKILL, for example on preemption.")
        )
    return found


def of_submission(cluster: Cluster, choice: Choice, partition: str | None, account: str | None) -> list[Finding]:
    """What sbatch takes: the profile as it is, or with another partition or account."""
    names = (
        ", ".join(f"{one.name}{' (default)' * one.default}" for one in cluster.partitions)
        or "none visible to this user"
    )
    accounts = f"; accounts of this user: {', '.join(cluster.accounts)}" if cluster.accounts else ""
    if not choice.taken:
        text = f"sbatch accepts no job: {choice.refusal}. Partitions: {names}{accounts}. Ask the site."
        return [Finding(BAD, "submission", text)]
    write = {}
    if choice.partition != partition:
        write["slurm_partition"] = choice.partition
    if choice.account != account:
        write["slurm_account"] = choice.account
    if write:
        wanted = " and ".join(f"{name}: {value}" for name, value in write.items())
        text = f"sbatch rejects the profile as it is ({choice.refusal}) but accepts {wanted}. Partitions: {names}{accounts}."
        return [Finding(BAD, "submission", text, resources=write)]
    return [Finding(GOOD, "submission", f"sbatch accepts the profile as it is. Partitions: {names}{accounts}.")]


def of_gpus(cluster: Cluster, refusal: str | None) -> Finding:
    """refusal: what sbatch says against a job with a GPU where the others go; None if there are none."""
    kinds = {one.name: one.gpus for one in cluster.partitions if one.gpus}
    if not kinds:
        return Finding(NOTE, "GPUs", "no partition has any: set `gpu: 0` for rules that request one.")
    listed = "; ".join(f"{name}: {', '.join(found)} per node" for name, found in kinds.items())
    named = sorted({kind.rpartition(":")[0] for found in kinds.values() for kind in found if ":" in kind})
    model = f" Only one kind: `gpu_model: {named[0]}`." if named else ""
    if refusal:
        return Finding(
            BAD, "GPUs", f"{listed}. With `gpu: 1` sbatch says: {refusal}. Set `slurm_partition` for rules with GPUs."
        )
    return Finding(GOOD, "GPUs", f"{listed}. `gpu: 1` is accepted.{model}")


def of_probes(probes: Sequence[Mapping], here: Mapping) -> list[Finding]:
    """What the tasks have found on their nodes. here: the same of the driver, with `skew_s` of the first task."""
    first = probes[0]
    found = [_of_environment(first, here)]
    nodes = sorted({one["node"] or one["host"] for one in probes})
    found += _of_locks(probes, nodes)
    if (trip := first.get("round_trip_s")) is None:
        found.append(
            Finding(BAD, "latency", "the driver's files did not reach the node within 30 s: use another file system.")
        )
    elif trip > SLOW_S:
        text = f"files take {trip:.1f} s from node to driver and back."
        found.append(Finding(NOTE, "latency", text, write={"latency-wait": max(60, round(10 * trip))}))
    else:
        found.append(Finding(GOOD, "latency", f"{trip:.2f} s for a file from node to driver and back."))
    if abs(here["skew_s"]) > SLOW_S:
        text = (
            f"the clock of {nodes[0]} is {abs(here['skew_s']):.0f} s off: Snakemake compares file times; tell the site."
        )
        found.append(Finding(BAD, "clocks", text))
    if first["scontrol"]:
        text = f"does not work on {nodes[0]} ({first['scontrol']}): a job cannot be requeued at its time limit."
        found.append(Finding(BAD, "scontrol", text, write={"submitit-max-requeues": 0}))
    else:
        found.append(Finding(GOOD, "scontrol", "works on the node: jobs can be requeued at their time limit."))
    return found


def _of_environment(first: Mapping, here: Mapping) -> Finding:
    for name, version in here["versions"].items():
        if first["versions"][name] != version:
            text = f"{name} is {version} here but {first['versions'][name]} in the job: its PYTHONPATH differs."
            return Finding(BAD, "environment", text)
    gone = sorted(set(here["variables"]) - set(first["variables"]))
    gone = [name for name in gone if not name.startswith(NOT_HANDED_OVER) and name not in ("_", "SHLVL", "OLDPWD")]
    versions = ", ".join(f"{name} {version}" for name, version in here["versions"].items())
    text = f"Python {first['python']}, {versions}, same as here"
    if gone:
        some = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
        return Finding(
            NOTE, "environment", f"{text}, but without {some}: list those that the workflow needs under `envvars:`."
        )
    return Finding(GOOD, "environment", f"{text}; all environment variables arrive.")


def _of_locks(probes: Iterable[Mapping], nodes: list[str]) -> list[Finding]:
    seen = {"driver and nodes": {one["lock_of_driver"] for one in probes}}
    between = {one.get("lock_of_node") for one in probes} - {None}
    if len(nodes) > 1 and between:
        seen["the nodes"] = between
    found = []
    for who, states in seen.items():
        if states == {"held"}:
            found.append(Finding(GOOD, "locks", f"work between {who} ({', '.join(nodes)})."))
        else:
            wrong = ", ".join(sorted(states - {"held"}))
            text = f"between {who}: {wrong}. Never run two Snakemakes in the same folder here, on any machines."
            found.append(Finding(BAD, "locks", text))
    if len(nodes) == 1:
        found.append(Finding(NOTE, "locks", f"both tasks ran on {nodes[0]}: locks between two nodes are untested."))
    return found


def of_signal(seen: Mapping | None, limit_s: float) -> Finding:
    """seen: what the first task reports of the warning before its limit; None if it has reported nothing."""
    after = (seen or {}).get("after_s")
    if after is None:
        text = "none reached the job before its limit: jobs that do not save on their own lose their work; give rules more `runtime`."
        return Finding(BAD, "signal", text)
    return Finding(GOOD, "signal", f"SIGUSR2 reached the job {max(0.0, limit_s - after):.0f} s before its limit.")


def of_failure(log: str, folder: str, state: str) -> Finding:
    """A task has ended without a result. log: what it has written, empty if there is no log."""
    if not log:
        text = f"the job ended ({state}) and left nothing in {folder}: its node does not see this folder. Use a shared file system."
        return Finding(BAD, "working directory", text)
    last = " / ".join(log.strip().splitlines()[-3:])
    return Finding(
        BAD,
        "environment",
        f"the job could not start ({state}): {last}. Prepare it with `submitit-setup`, one command per line.",
    )


def report(findings: Iterable[Finding]) -> str:
    """The lines, and at the end what to write into the profile."""
    findings = list(findings)
    lines = [f"{one.kind:<4}  {one.topic}: {one.text}" for one in findings]
    write = {name: value for one in findings for name, value in one.write.items()}
    resources = {name: value for one in findings for name, value in one.resources.items()}
    if write or resources:
        lines += ["", "Write into the profile:"]
        lines += [f"  {name}: {value}" for name, value in write.items()]
        lines += ["  default-resources:"] * bool(resources)
        lines += [f"    {name}: {value}" for name, value in resources.items()]
    elif not any(one.kind == BAD for one in findings):
        lines += ["", "Nothing to change in the profile."]
    return "\n".join(lines)

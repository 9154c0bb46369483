"""What stops a publication, or has to be said in its card: gates that are not passed, changes that are not committed."""

from pathlib import Path

from cascada.core.errors import CascadaError
from cascada.core.files import read_json
from cascada.statistics.verdicts import ALLOW, FAILED, GATE, UNDECIDED, WARN, names, say, stopping

PROBE_FIELDS = ("name", "value", "low", "high", "sense", "threshold", "severity", "kept", "verdict")


def read_probes(path: Path, checkpoint_sha256: str) -> list[dict]:
    """The behaviour tests' probes of that checkpoint: name, value, sense, threshold, severity (`gate` or `warn`), verdict."""
    if not path.is_file():
        raise CascadaError(f"{path}: missing; the behaviour tests have to run before a model is published.")
    content = read_json(path)
    try:
        found = content["checkpoint_sha256"]
        probes = [{name: probe[name] for name in PROBE_FIELDS} for probe in content["probes"]]
    except (KeyError, TypeError) as error:
        raise CascadaError(
            f"{path}: not written by this version's behaviour tests ({error!r}); run them again: snakemake --forcerun test_behaviour."
        ) from error
    if found != checkpoint_sha256 or not probes:
        raise CascadaError(
            f"{path}: of {len(probes)} probes on the checkpoint {found[:12]}…, the exported one is {checkpoint_sha256[:12]}…; "
            "run the workflow again."
        )
    return probes


def gate_notes(probes: list[dict], ignore: bool, undecided: str = ALLOW) -> list[str]:
    """What the card has to say about probes that are not passed. Pure.

    Raises CascadaError for a gate that stops publishing, unless ignored; `undecided` is the config's `behaviour.undecided`.
    """
    stopped = stopping(probes, undecided)
    if stopped and not ignore:
        raise CascadaError(
            f"The model does not pass {len(stopped)} gate(s) of the behaviour tests: {_told(probes, stopped)}. Nothing was "
            "published. Look at them in the report; `publishing: {ignore_gates: true}` publishes anyway and says so in the card."
        )
    notes = (
        [f"Published although it does not pass gates ({_told(probes, stopped)}): ignore_gates was set."]
        if stopped
        else []
    )
    open_gates = [name for name in names(probes, GATE, UNDECIDED) if name not in stopped]
    if open_gates:
        notes.append(
            f"Undecided gates, whose values keep their thresholds and whose intervals do not: {_told(probes, open_gates)}."
        )
    failed, doubtful = (names(probes, WARN, verdict) for verdict in (FAILED, UNDECIDED))
    notes += [f"Fails the behaviour tests {', '.join(failed)} (warnings)."] if failed else []
    return notes + ([f"Leaves undecided the behaviour tests {', '.join(doubtful)} (warnings)."] if doubtful else [])


def _told(probes: list[dict], chosen: list[str]) -> str:
    return "; ".join(f"{say(one)}, {one['verdict']}" for one in probes if one["name"] in chosen)


def dirt_notes(changes: list[str], content: dict, allow: bool) -> list[str]:
    """What the card has to say about uncommitted changes, now or when the results were made. Pure.

    Raises CascadaError where there are some, unless allowed: such a version could not be made again.
    """
    steps = [step for step, source in content["provenance"].items() if source["git_dirty"] is not False]
    problems = [f"the work tree has uncommitted changes ({few([line[3:] for line in changes])})"] if changes else []
    if steps:
        problems.append(f"the results were made with uncommitted changes or outside a repository ({', '.join(steps)})")
    if problems and not allow:
        raise CascadaError(
            f"Not published: {' and '.join(problems)}. Commit, and make again what records the commit "
            "(`snakemake --forcerun select describe_data`; no trial is trained again); `publishing: {allow_dirty: true}` "
            "publishes anyway and says so in the card."
        )
    return [f"Published although {problem}: allow_dirty was set." for problem in problems]


def few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

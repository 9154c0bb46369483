"""The check itself: asks SLURM, submits the array, waits for its findings, cancels it, and prints the report."""

import contextlib
import dataclasses
import fcntl
import functools
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from .. import options, resources, states
from ..backends.slurm import Slurm
from ..driver import messages
from ..driver.ending import uninterrupted
from ..members import read_json
from ..refusals import SubmitError
from ..resources import Request
from ..settings import ExecutorSettings
from ..states import Observation
from . import cluster, findings
from .findings import BAD, Finding
from .probe import Probe

TASKS = 2
LIMIT_MIN = 1
LOOK_EVERY_S, TELL_EVERY_S = 2.0, 30.0
LATE_S = 15.0  # for files of a job that has ended; before a reason to wait is believed
TRIED = ("slurm_partition", "slurm_account", "qos", "slurm_qos", "constraint", "reservation", "slurm_extra")


def main(settings: ExecutorSettings, default_resources, folder: Path) -> int:
    """Check with the plugin's settings and the default resources of a profile; the exit status."""
    with leaving_on_signals():
        say = Printer()
        check(say, settings, default_resources, folder)
        print(findings.report(say.findings).partition("\n\n")[2], flush=True)
        return int(any(one.kind == BAD for one in say.findings))


def check(say: "Printer", settings: ExecutorSettings, default_resources, folder: Path) -> None:
    backend = Slurm(settings)
    try:
        configuration = backend.configuration()
    except SubmitError as error:
        say(Finding(BAD, "SLURM", f"{error.text}. Run this where sbatch works, such as on a login node."))
        return
    try:
        request = resources.request("check", literals(default_resources), 1, settings)
    except options.ResourceError as error:
        say(Finding(BAD, "profile", str(error)))
        return
    request = dataclasses.replace(request, runtime_min=LIMIT_MIN)
    choice = look(say, cluster.look(configuration), request)
    if choice.taken:
        request = dataclasses.replace(request, partition=choice.partition, account=choice.account)
        with workspace(folder) as place:
            try_out(say, backend, settings, request, place)


class Printer:
    """Prints each finding as soon as it is known, and keeps it."""

    def __init__(self):
        self.findings: list[Finding] = []

    def __call__(self, *found: Finding) -> None:
        for one in found:
            self.findings.append(one)
            print(findings.report([one]).partition("\n")[0], flush=True)


def literals(default_resources) -> dict[str, object]:
    """What a profile's default resources say of where jobs go; expressions are for jobs alone."""
    found: dict[str, object] = {}
    for name in TRIED:
        raw = getattr((default_resources or {}).get(name), "raw", None)
        if raw not in (None, ""):
            found[name] = str(raw).strip("'\"")
    return found


def look(say: Printer, site: cluster.Cluster, request: Request) -> cluster.Choice:
    """What needs no job."""
    say(*findings.of_cluster(site))
    more = [f"--qos={request.qos}"] * bool(request.qos) + [f"--constraint={request.constraint}"] * bool(
        request.constraint
    )
    more += [f"--{name}={value}" if value else f"--{name}" for name, value in request.options]
    choice = cluster.choose(site, request.partition, request.account, more)
    say(*findings.of_submission(site, choice, request.partition, request.account))
    if choice.taken:
        words = [f"--partition={choice.partition}"] * bool(choice.partition)
        words += [f"--account={choice.account}"] * bool(choice.account)
        gpus = any(one.gpus for one in site.partitions)
        say(findings.of_gpus(site, cluster.would_refuse([*more, *words, "--gres=gpu:1"]) if gpus else None))
    return choice


def try_out(say: Printer, backend: Slurm, settings: ExecutorSettings, request: Request, place: Path) -> None:
    """Submit the array, and report what its tasks find."""
    limit_s = LIMIT_MIN * 60.0
    parameters = resources.submitit_parameters(
        request, name="snakemake-check", comment=f"snakemake-submitit check {place.name}", settings=settings
    )
    payloads = [Probe(place, number, limit_s) for number in range(TASKS)]
    ids: list[str] = []
    try:
        with uninterrupted() as quiet:
            ids = backend.sbatch(place / "submitit", parameters, payloads)
        print(
            f"Submitted array {ids[0].partition('_')[0]}; it takes a little over a minute once started. Ctrl-C cancels it.",
            flush=True,
        )
        if quiet.noted:
            raise KeyboardInterrupt
        with (place / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            watch(say, Watch(backend, ids, place), limit_s)
    except SubmitError as error:
        say(Finding(BAD, "submission", f"sbatch: {error.text}"))
    except NotStarting as reason:
        say(Finding(BAD, "submission", f"sbatch accepted the array, but it will not start: {reason}."))
    finally:
        with uninterrupted():
            backend.cancel({job.partition("_")[0] for job in ids})


class NotStarting(Exception):
    """SLURM lets the array wait for a reason that does not pass by itself."""


class Watch:
    """Waits for files of the tasks while SLURM says that these live."""

    def __init__(self, backend: Slurm, ids: list[str], place: Path):
        self.backend, self.ids, self.place = backend, ids, place
        self.submitted = backend.now()
        self._look_at = self._tell_at = 0.0
        self._hindered: float | None = None

    def wait(self, there: Callable[[], object], job: str) -> str:
        """Until it is there, then ""; or until the job has ended for some time, then its state."""
        ended = None
        state = ""
        while not there():
            if "ping" in os.listdir(self.place):
                (self.place / "pong").touch()
            now = time.monotonic()
            if ended is not None and now - ended > LATE_S:
                return state
            if now >= self._look_at and (seen := self._look(job, now)) is not None:
                state = seen.state
                ended = None if seen.alive else ended or now
            time.sleep(0.02)
        return ""

    def _look(self, job: str, now: float) -> Observation | None:
        """What SLURM says of the job; NotStarting if it has said for some time that it will not start."""
        self._look_at = now + LOOK_EVERY_S
        seen = (self.backend.observe(dict.fromkeys(self.ids, self.submitted)) or {}).get(job)
        if seen is not None and states.hindrance(seen):
            self._hindered = self._hindered or now
            if now - self._hindered > LATE_S:
                raise NotStarting(seen.reason)
        elif seen is not None and seen.state in states.WAITING and now >= self._tell_at:
            self._tell_at = now + TELL_EVERY_S
            print("      waiting for it to start" + f" ({seen.reason})" * (seen.reason not in ("", "None")), flush=True)
        return seen

    def log(self, job: str) -> str:
        return messages.tail(self.place / "submitit" / f"{job}_0_log.out", 20)


def watch(say: Printer, seen: Watch, limit_s: float) -> None:
    """Report what the tasks find, as soon as they have."""
    probes = []
    for number, job in enumerate(seen.ids):
        file = seen.place / f"probe-{number}.json"
        if state := seen.wait(functools.partial(read_json, file), job):
            say(findings.of_failure(seen.log(job), str(seen.place), state))
            return
        found = read_json(file)
        assert found is not None  # `wait` has just read it
        probes.append(found)
        if not number:
            here = {
                "skew_s": found["time"] - file.stat().st_mtime,
                "versions": {name: version(name) for name in found["versions"]},
                "variables": sorted(os.environ),
            }
    say(*findings.of_probes(probes, here))
    file = seen.place / "signal.json"
    seen.wait(file.exists, seen.ids[0])
    say(findings.of_signal(read_json(file), limit_s))


@contextlib.contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """A private folder below the workflow's, where the jobs' files lie in earnest, too."""
    base = folder / ".snakemake" / "submitit"
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = base / f"check-{secrets.token_hex(4)}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def leaving_on_signals() -> Iterator[None]:
    """A closed terminal and SIGTERM end the check as Ctrl-C does: its jobs are cancelled."""

    def leave(number, _frame):
        sys.exit(128 + number)

    former = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    except KeyboardInterrupt:
        print("\nInterrupted; the check's jobs have been cancelled.", flush=True)
        sys.exit(130)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

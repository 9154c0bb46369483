"""What the worker imports before it forks, and what a forked child does: become a member's job."""

import contextlib
import functools
import gc
import importlib
import os
import pkgutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

from snakemake_executor_plugin_submitit import commandline, processes
from snakemake_executor_plugin_submitit.members import MARKER_VARIABLE, REQUEUES_LEFT_VARIABLE, Member
from snakemake_executor_plugin_submitit.node.signals import Signals

SHELL = "/bin/sh"
# read when an interpreter starts, so that they have no effect on one that runs already
STARTUP_VARIABLES = ("PYTHON", "LD_", "GLIBC_", "MALLOC_")
IMPORTED_BY_JOBS = ("smart_open", "yte")  # when Snakemake reads the workflow; with them come requests and NumPy
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def warm_up(members: list[Member], preload: tuple[str, ...]) -> bool:
    """Import what the children need, if at least one of them can be forked. A module that fails is only reported.

    Returns whether children may go on in this interpreter: not if an import has started threads, which do not survive
    a fork, but the locks they hold do; nor if it is itself a Snakemake's, whose state is no fresh one.
    """
    if "snakemake.cli" in sys.modules or not any(call_of(member) for member in members):
        return False
    gc.disable()  # what imports make is no garbage, and looking for some takes a quarter of their time
    for name, load in _imports(preload, all_of_a_job=all(member.threads == 1 for member in members)):
        try:
            with _single_threaded():
                load()
        except Exception as error:
            print(f"preload: {name} cannot be imported: {type(error).__name__}: {error}", file=sys.stderr)
        if processes.threads() > 1:
            print(
                f"preload: {name} starts threads, so members are started separately instead of forked", file=sys.stderr
            )
            return False
    gc.freeze()  # the collector would touch, and so copy, what the children share
    gc.enable()
    return True


def _imports(preload: tuple[str, ...], all_of_a_job: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    """What to import, by name. `all_of_a_job`: also what Snakemake imports only when it runs a job.

    NumPy is among that, which starts its threads when it is imported: not for jobs that may have several.
    """

    def module(name: str) -> tuple[str, Callable[[], object]]:
        return name, functools.partial(importlib.import_module, name)

    yield module("snakemake.cli")
    if all_of_a_job:
        yield "plugins of snakemake", _load_plugins
        yield from map(module, IMPORTED_BY_JOBS)
    yield from map(module, preload)


def _load_plugins() -> None:
    """What Snakemake does for its arguments; it looks through all installed packages once for each kind of plugin."""
    from snakemake_executor_plugin_submitit.snakemake_private import argument_parser

    installed, look = list(pkgutil.iter_modules()), pkgutil.iter_modules
    pkgutil.iter_modules = lambda *given: look(*given) if given else iter(installed)
    try:
        argument_parser()
    finally:
        pkgutil.iter_modules = look


@contextlib.contextmanager
def _single_threaded() -> Iterator[None]:
    """Numerical libraries start their threads when they are imported, unless told to use only one.

    The job's own processes are not concerned: Snakemake gives them the number of threads of their rule.
    """
    former = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def call_of(member: Member) -> commandline.Call | None:
    """The call of Snakemake that can be made in a forked child; None if the command needs a new process."""
    call = commandline.parse(member.command)
    if call is None:
        return None
    wanted = member.environment | call.environment
    changes = [name for name, value in wanted.items() if os.environ.get(name) != value]
    return None if any(name.startswith(STARTUP_VARIABLES) for name in changes) else call


def become(member: Member, starts: int, max_requeues: int, signals: Signals, call: commandline.Call | None) -> NoReturn:
    """In the child of a fork: make the call in this interpreter, or run the member's command; end with its code."""
    code = 1
    try:
        os.setsid()
        signals.forget()
        processes.end_with_parent()
        _redirect(member, starts)
        os.environ.update(member.environment)
        os.environ[MARKER_VARIABLE] = str(member.marker)
        os.environ[REQUEUES_LEFT_VARIABLE] = str(max(0, max_requeues + 1 - starts))
        if random := sys.modules.get("numpy.random"):
            random.seed()  # or all members of a pack would draw the same numbers
        for name in THREAD_VARIABLES:  # as Snakemake does for scripts and shells, here for its own process
            os.environ.setdefault(name, str(member.threads))
        if call is None:
            _run_shell(member.command, os.environ)  # does not return
        else:
            code = _call_snakemake(call)
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:
        traceback.print_exc()
    finally:
        processes.leave(code)


def _redirect(member: Member, starts: int) -> None:
    """Standard output and error into the member's log, standard input from nothing."""
    member.log.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(member.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(log)
    os.close(nothing)
    if starts > 1:
        os.write(1, f"--- start {starts} of {member.name} ---\n".encode())


def _run_shell(command: str, environment: Mapping[str, str]) -> NoReturn:
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, programs expect them
        signal.signal(number, signal.SIG_DFL)
    os.execve(SHELL, [SHELL, "-c", command], dict(environment))


def _call_snakemake(call: commandline.Call) -> int:
    """What `cd FOLDER && python -m snakemake ARGUMENTS` does, in this process."""
    if call.folder is not None:
        os.chdir(call.folder)
    os.environ.update(call.environment)
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd()  # as with `python -m`
    from snakemake_executor_plugin_submitit import snakemake_private

    sys.argv = ["snakemake", *call.arguments]
    snakemake_private.run(call.arguments)
    return 0


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1

"""A systemd unit without systemd: its settings, the command that it starts, and its locks around a real process."""

import ctypes
import errno
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ANALYZE = shutil.which("systemd-analyze")
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def needs_systemd() -> None:
    if not ANALYZE:
        pytest.skip("systemd-analyze is missing (Debian's package systemd): the units are not analysed here")


def analyze(*arguments: str, runtime: Path) -> str:
    """The output of systemd-analyze; the user's manager wants a folder at run time."""
    done = subprocess.run(
        [ANALYZE, *arguments], capture_output=True, text=True, check=False, env={"XDG_RUNTIME_DIR": str(runtime)}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def environment(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE))


def command(unit: Path, values: dict[str, str], home: Path) -> list[str]:
    """The words of ExecStart, with its variables as systemd puts them in: one word each."""
    words = settings(unit)["ExecStart"][0].replace("%h", str(home)).split()
    return [re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], word) for word in words]


def syscalls(unit: Path, runtime: Path) -> list[str]:
    """The system calls that SystemCallFilter leaves."""
    allowed: list[str] = []
    for line in settings(unit)["SystemCallFilter"]:
        names = _members(line.removeprefix("~"), runtime)
        allowed = [name for name in allowed if name not in names] if line.startswith("~") else allowed + sorted(names)
    return allowed


def _members(group: str, runtime: Path) -> set[str]:
    text = analyze("syscall-filter", group, runtime=runtime)
    words = [line.strip() for line in text.splitlines()[1:] if line.startswith("    ") and "#" not in line]
    return {name for word in words for name in (_members(word, runtime) if word.startswith("@") else {word})}


def lock(names: list[str]):
    """What MemoryDenyWriteExecute and SystemCallFilter do to a process, to be called in it before it starts its program."""
    libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(ERRNO | errno.EPERM))
    for name in names:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # this machine's processor has it
            seccomp.seccomp_rule_add(context, ALLOW, number, 0)

    def inside() -> None:
        assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        assert libc.prctl(PR_SET_MDWE, 1, 0, 0, 0) == 0, "this kernel is older than 6.3"
        assert seccomp.seccomp_load(context) == 0

    return inside

"""Lending a machine's GPUs, cores and memory: real locks, real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from snakemake_executor_plugin_submitit import gpus

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(gpus.__file__).parents[1])}
MACHINE = {"gpu": ("0", "1", "5"), "core": ("0", "1", "2", "3")}

# says which GPUs it got, holds them for a moment, says so again
BORROWER = """
import sys, time
from pathlib import Path
from snakemake_executor_plugin_submitit import gpus
folder, events, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
with gpus.borrowed({"gpu": ("0", "1")}, {"gpu": count}, folder) as (lent, files):
    def say(what):
        with events.open("a") as file:
            file.write(f"{what} {gpus.environment_for(lent)['CUDA_VISIBLE_DEVICES']}\\n")
    say("+")
    time.sleep(0.15)
    say("-")
"""


@pytest.fixture
def slots(tmp_path) -> Path:
    return tmp_path / "slots"


@pytest.mark.parametrize(
    ("setting", "environment", "expected"),
    [
        ("none", {"CUDA_VISIBLE_DEVICES": "0,1"}, ()),
        ("0, 3", {"CUDA_VISIBLE_DEVICES": "0,1"}, ("0", "3")),
        ("auto", {"CUDA_VISIBLE_DEVICES": "2,GPU-8932f937"}, ("2", "GPU-8932f937")),
        ("auto", {"CUDA_VISIBLE_DEVICES": ""}, ()),
    ],
)
def test_the_machines_gpus(setting, environment, expected):
    assert gpus.visible_gpus(setting, environment) == expected


def test_nvidia_smi_is_asked_where_nothing_is_said(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0\necho 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.visible_gpus("auto", {}) == ("0", "1")
    program.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    assert gpus.visible_gpus("auto", {}) == ()
    program.unlink()
    assert gpus.visible_gpus("auto", {}) == ()


def test_two_tasks_never_share_a_unit(slots):
    few, rest = {"gpu": 2, "core": 1}, {"gpu": 1, "core": 3}
    with gpus.borrowed(MACHINE, few, slots) as (first, _), gpus.borrowed(MACHINE, rest, slots) as (second, _):
        assert first == {"gpu": ("0", "1"), "core": ("0",)}
        assert second == {"gpu": ("5",), "core": ("1", "2", "3")}
        assert gpus.environment_for(second) == {"CUDA_VISIBLE_DEVICES": "5"}
    with gpus.borrowed(MACHINE, {"gpu": 3}, slots) as (third, _):
        assert third == {"gpu": ("0", "1", "5")}


def test_a_task_without_gpus_sees_none(slots):
    with gpus.borrowed(MACHINE, {"core": 1}, slots) as (lent, _):
        assert gpus.environment_for(lent) == {"CUDA_VISIBLE_DEVICES": ""}


def test_what_does_not_fit_is_not_taken_in_part(slots):
    with gpus.borrowed(MACHINE, {"core": 2}, slots):
        assert gpus._try(MACHINE, {"gpu": 1, "core": 3}, slots) is None
        with gpus.borrowed(MACHINE, {"gpu": 3, "core": 2}, slots) as (lent, _):
            assert lent["gpu"] == ("0", "1", "5")


def test_more_than_the_machine_has_is_refused(slots):
    with (
        pytest.raises(gpus.LendingError, match="requests 4 of 'gpu', the machine has 3; 1 of 'tpu', the machine has 0"),
        gpus.borrowed(MACHINE, {"gpu": 4, "tpu": 1}, slots),
    ):
        pass


def test_many_processes_never_hold_more_than_there_is(slots, tmp_path):
    events = tmp_path / "events"
    command = [sys.executable, "-c", BORROWER, str(slots), str(events)]
    borrowers = [subprocess.Popen([*command, str(count)], env=ENVIRONMENT) for count in (1, 1, 2, 1, 1, 2)]
    assert [borrower.wait(timeout=120) for borrower in borrowers] == [0] * 6
    held: set[str] = set()
    together = 0
    for line in events.read_text().splitlines():
        what, names = line.split()
        for name in names.split(","):
            assert (name in held) == (what == "-")
            held ^= {name}
        together = max(together, len(held))
    assert not held
    assert together == 2


def test_a_killed_holder_gives_back_when_its_children_have_ended(slots):
    """A child that inherited the locks still uses the GPU."""
    holder = subprocess.Popen(
        [sys.executable, "-c", "\n".join([
            "import subprocess, sys, time",
            "from pathlib import Path",
            "from snakemake_executor_plugin_submitit import gpus",
            "with gpus.borrowed({'gpu': ('0',)}, {'gpu': 1}, Path(sys.argv[1])) as (lent, files):",
            "    child = subprocess.Popen(['sleep', '600'], pass_fds=files)",
            "    print(child.pid, flush=True)",
            "    time.sleep(600)",
        ]), str(slots)],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    child = int(holder.stdout.readline())
    machine = {"gpu": ("0",)}
    try:
        assert gpus._try(machine, {"gpu": 1}, slots) is None
        holder.kill()
        holder.wait()
        assert gpus._try(machine, {"gpu": 1}, slots) is None
    finally:
        holder.kill()
        os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while gpus._try(machine, {"gpu": 1}, slots) is None:
        assert time.monotonic() < deadline, "the lock outlived its holders"
        time.sleep(0.05)


def test_all_sessions_of_a_user_share_the_locks(tmp_path):
    command = [
        sys.executable,
        "-c",
        "from snakemake_executor_plugin_submitit import gpus; print(gpus.default_folder())",
    ]

    def folder(**more: str) -> str:
        clean = {name: value for name, value in ENVIRONMENT.items() if name != gpus.FOLDER_VARIABLE}
        return subprocess.run(command, env=clean | more, capture_output=True, text=True, check=True).stdout.strip()

    assert folder() == folder(TMPDIR=str(tmp_path)) == f"/tmp/snakemake-submitit-{os.getuid()}"
    assert folder(SNAKEMAKE_SUBMITIT_LOCKS=str(tmp_path / "own")) == str(tmp_path / "own")


def test_the_folder_of_locks_must_be_private(tmp_path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    with pytest.raises(PermissionError, match="closed to everyone else"):
        gpus.private_folder(open_to_all)
    link = tmp_path / "link"
    link.symlink_to(gpus.private_folder(tmp_path / "private"))
    with pytest.raises(PermissionError):
        gpus.private_folder(link)

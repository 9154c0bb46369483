"""Cancelling, and the end of a run, on a cluster that answers as told."""

import asyncio
import os
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from fake_cluster import jobs, maker
from snakemake_executor_plugin_submitit import ExecutorSettings
from snakemake_executor_plugin_submitit.backends import slurm
from snakemake_executor_plugin_submitit.driver import records
from snakemake_executor_plugin_submitit.driver.ending import uninterrupted
from snakemake_executor_plugin_submitit.driver.executor import Executor
from snakemake_executor_plugin_submitit.driver.logs import remove_empty, remove_old
from snakemake_executor_plugin_submitit.refusals import SubmitError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo


@pytest.fixture
def make(tmp_path):
    return maker(tmp_path)


def test_cancel_waits_for_the_sbatch_under_way_and_cancels_its_jobs(make):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)

    one = make(slow)
    one.driver.enqueue(jobs(one.run, "a", "b") + jobs(one.run, "c", rule="later"))
    stepping = threading.Thread(target=one.driver.step)
    stepping.start()
    assert begun.wait(20)
    cancelling = threading.Thread(target=one.driver.cancel)
    cancelling.start()
    go_on.set()
    cancelling.join(20)
    stepping.join(20)
    assert one.cluster.cancelled == ["1"]  # the whole array at once
    assert one.cluster.arrays == [[["a"], ["b"]]]  # the later one was not submitted any more
    one.driver.step()
    assert len(one.cluster.arrays) == 1


def test_cancel_finds_the_job_of_an_sbatch_that_was_interrupted(make):
    one = make(SubmitError("killed"))
    one.driver.enqueue(jobs(one.run, "a", "b"))
    one.driver.step()
    one.cluster.there = ["7_0", "7_1"]
    one.driver.cancel()
    assert one.cluster.cancelled == ["7"]


def test_of_an_adopted_array_only_the_jobs_of_this_run_are_cancelled(make):
    one = make()
    entries = jobs(one.run, *"abc")
    one.driver.enqueue(entries)
    one.driver.step()
    entries[1].info = None  # part of the earlier run only
    one.driver.cancel()
    assert one.cluster.cancelled == ["1_0", "1_2"]


def test_scancel_gets_exactly_the_ids_asked_for(monkeypatch):
    asked = []
    answer = SimpleNamespace(ok=True, error="", text="")
    monkeypatch.setattr(slurm.commands, "ask", lambda command: asked.append(command) or answer)
    assert slurm.Slurm(ExecutorSettings()).cancel(["19_5", "20", "19_5", ""]) == ""
    assert asked == [["scancel", "19_5", "20"]]


def executor(one) -> Executor:
    """Snakemake's side, with what the end of a run and a failing job need of it."""
    made = Executor.__new__(Executor)
    made.settings = one.driver.settings
    made.driver, made.logs, made._entries, made._failures = one.driver, one.run.path.parents[1] / "logs", {}, 0
    made.logs.mkdir(exist_ok=True)
    made.adoption = SimpleNamespace(finish=lambda *_: None)
    made.logger = SimpleNamespace(info=one.told.info, warning=one.told.warning, error=one.told.info)
    made.workflow = SimpleNamespace(persistence=None, scheduler=SimpleNamespace(error_callback=one.told.failed.append))
    return made


@pytest.mark.parametrize("trouble", ["", "Unable to contact slurm controller. Cancel by hand: scancel 1"])
def test_what_could_not_be_cancelled_stays_on_record(make, trouble):
    one = make()
    one.driver.enqueue(jobs(one.run, "a"))
    one.driver.step()
    one.cluster.cancel = lambda jobs: trouble
    one.driver.cancel()
    executor(one)._finish()
    assert one.run.path.exists() == bool(trouble)
    assert any("resume -- ARGUMENTS" in text for text in one.told.texts) == bool(trouble)
    assert [run.path for run in records.abandoned(one.run.path.parents[1])] == [one.run.path] * bool(trouble)


@pytest.mark.parametrize(("there", "kept"), [(None, True), ([], False)])
def test_an_interrupted_sbatch_that_nobody_knows_of_stays_on_record(make, there, kept):
    one = make(SubmitError("killed"))
    one.driver.enqueue(jobs(one.run, "a"))
    one.driver.step()
    one.cluster.there = there
    one.driver.cancel()
    executor(one)._finish()
    assert one.run.path.exists() == kept


def test_a_driver_that_fails_waits_longer_and_longer_and_then_gives_up(make, monkeypatch):
    one = make()
    made, pauses = executor(one), []

    async def look():
        return [info async for info in made.check_active_jobs([])]

    monkeypatch.setattr(one.driver, "step", lambda: 1 / 0)
    for _ in range(9):
        assert asyncio.run(look()) == []
        pauses.append(one.driver.interval)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(look())
    assert one.driver.cancelled


@pytest.mark.parametrize("running", [False, True])
def test_a_mistake_in_the_code_is_not_tried_again_unless_jobs_would_be_orphaned(make, monkeypatch, running):
    one = make()
    made = executor(one)
    if running:
        one.driver.enqueue(jobs(one.run, "a"))
        one.driver.step()
    monkeypatch.setattr(one.driver, "step", lambda: int("no number"))

    async def look():
        return [info async for info in made.check_active_jobs([])]

    if running:
        assert asyncio.run(look()) == [] and "tries again in 2 s" in one.told.texts[-1] and not one.driver.cancelled
    else:
        with pytest.raises(ValueError, match="no number"):
            asyncio.run(look())
        assert one.driver.cancelled


@pytest.mark.parametrize("group", [False, True])
def test_a_group_that_fails_has_a_reason_too(make, group):
    """Snakemake shows the message of a job, and drops that of a group."""
    one = make()
    shown = []
    job = SimpleNamespace(is_group=lambda: group, log_error=lambda msg, **_: None if group else shown.append(msg))
    (entry,) = jobs(one.run, "a")
    entry.info = SubmittedJobInfo(job)
    executor(one).failure(entry, "ran out of memory", [], "7")
    assert sum("ran out of memory" in text for text in shown + one.told.texts) == 1
    assert one.told.failed == [job]


def test_an_interrupt_while_all_is_cancelled_is_answered_and_survived_without_a_terminal(monkeypatch, capfd):
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
    assert "this will finish by itself" in capfd.readouterr().err

    def gone(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.write", gone)
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)


def test_only_old_logs_of_jobs_are_removed(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    names = [
        "train_n=1-0123456789abcdef.log",
        "train_n=1-0123456789abcdef.task.log",
        "train_n=2-0123456789abcde0.log",
        "my.log",
    ]
    for name in names:
        (folder / name).touch()
        if "n=2" not in name:
            os.utime(folder / name, (time.time() - 5 * 86400,) * 2)
    remove_old(tmp_path, days=6)
    assert len(list(folder.iterdir())) == 4
    remove_old(tmp_path, days=4)
    assert sorted(path.name for path in folder.iterdir()) == ["my.log", names[2]]


def test_only_empty_log_folders_are_removed(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "log").touch()
    (tmp_path / "file").touch()
    remove_empty(tmp_path)
    remove_empty(tmp_path / "not there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]

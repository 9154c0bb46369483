"""`cascada status`: a real trial watched from its files while it runs, after it was stopped and when it is done."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trials
from showers import small_dataset

from cascada.cli import main
from cascada.core.errors import CascadaError
from cascada.report.progress import status


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("data"), showers=400)[0]


@pytest.fixture
def search(tmp_path, data):
    """The results folder of a search of one configuration with two seeds, and its first trial's specification."""
    results = tmp_path / "results/search"
    (results / "search").mkdir(parents=True)
    (results / "search/configurations.tsv").write_text("configuration\tmodel\tseeds\nlenet-0123abcd\tlenet\t7,8\n")
    folder = results / "trials/lenet-0123abcd/seed-7/epochs-6"
    log = results / "logs/train/lenet-0123abcd/seed-7-epochs-6.log"
    log.parent.mkdir(parents=True)
    log.write_text("")
    return results, trials.specification(tmp_path, data, epochs=6) | {"folder": str(folder)}


def test_a_trial_that_runs_is_stopped_and_is_done(search, capsys):
    results, trial = search
    process = trials.start(trial)
    for line in process.stdout:
        if line.startswith("epoch 2/"):
            break
    seen = status.collect(results)
    assert seen.expected == 2 and seen.counts["running"] == 1 and seen.counts["waiting"] == 1
    running = seen.trials[0]
    assert running.epoch >= 2 and 0 < running.fraction < 1 and running.validation["f1"] is not None
    assert running.usage["memory_mb"] > 50 and running.seconds_left > 0 and seen.seconds_left > running.seconds_left
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert status.collect(results).counts["saved"] == 1
    trials.run(trial | {"seed": 7})
    seen = status.collect(results)
    assert seen.counts["completed"] == 1 and seen.trials[0].fraction == 1
    assert main(["status", str(results), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["completed"] == 1
    assert main(["status", str(results), "--once"]) == 0
    printed = capsys.readouterr().out
    assert "completed 1" in printed and "best so far: lenet-0123abcd seed 7" in printed


def test_a_killed_trial_is_silent_and_its_log_is_named(search):
    results, trial = search
    process = trials.start(trial)
    for line in process.stdout:
        if line.startswith("epoch 1/"):
            break
    process.kill()
    process.communicate(timeout=60)
    assert status.collect(results).counts["running"] == 1  # nobody knows yet
    later = status.collect(results, now=time.time() + status.SILENT_AFTER + 1)
    assert later.counts["silent"] == 1
    assert later.failures == [str(results / "logs/train/lenet-0123abcd/seed-7-epochs-6.log")]


def test_the_live_view_ends_with_the_search(search):
    """In a real terminal: it draws, and stops by itself when every trial has its result."""
    results, trial = search
    (results / "search/configurations.tsv").write_text("configuration\tmodel\tseeds\nlenet-0123abcd\tlenet\t7\n")
    process = trials.start(trial)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "cascada", "status", str(results), "--interval", "0.2"]
    environment = os.environ | {"PYTHONPATH": str(trials.ROOT / "src"), "TERM": "xterm", "COLUMNS": "160"}
    while not (Path(trial["folder"]) / "progress.json").exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGSTOP)  # until it has been seen: on a busy machine it would have ended before
    viewer = subprocess.Popen(command, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    drawn = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the terminal's other end has closed
            break
        if not part:
            break
        drawn += part
        if b"running 1" in drawn:
            process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGCONT)
    assert viewer.wait(timeout=60) == 0
    process.communicate(timeout=60)
    assert b"running 1" in drawn and b"completed 1" in drawn


def test_a_folder_without_results_is_an_error(tmp_path, monkeypatch, capsys):
    with pytest.raises(CascadaError, match="no such results folder"):
        status.collect(tmp_path / "nothing")
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 1
    assert "start one with `snakemake`" in capsys.readouterr().err


def test_raw_files_that_were_skipped_are_said(search, capsys):
    results, _ = search
    (results / "dataset").mkdir()
    (results / "dataset/summary.json").write_text(json.dumps({"skipped": [{"file": "DAT9"}]}))
    assert main(["status", str(results), "--once"]) == 0
    assert f"raw files skipped: 1, see {results}/dataset/skipped.tsv" in capsys.readouterr().out.replace("\n", "")

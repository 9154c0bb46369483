"""attempts.jsonl: every attempt at a trial is counted once, however it ended."""

import json
import time

import pytest
import torch
import trials
from showers import small_dataset

from cascada.core import energy
from cascada.core.errors import DataError
from cascada.training import attempts


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    train, _ = small_dataset(tmp_path_factory.mktemp("data"), showers=300)
    return train


def stop(trial, after, how):
    process = trials.start(trial)
    for line in process.stdout:
        if line.startswith(f"epoch {after}/"):
            getattr(process, how)()
            break
    process.communicate(timeout=60)


def test_saved_killed_and_completed_attempts_add_up(tmp_path, data):
    trial = trials.specification(tmp_path, data, epochs=6)
    stop(trial, 1, "terminate")
    stop(trial, 2, "kill")
    started = time.time()
    result = trials.run(trial)
    lines = attempts.read(tmp_path / "trial")
    assert [line["reason"] for line in lines] == ["saved: signal SIGTERM", "killed", "completed"]
    assert len({line["identity"] for line in lines}) == 1 and lines[0]["first_epoch"] == 1
    # what the kill lost is at most what was trained since the last report, and is trained twice
    assert 5.5 < sum(line["epochs"] for line in lines) < 8
    spans = [line["ended"] - line["started"] for line in lines]
    assert result["wall_seconds"] == pytest.approx(sum(spans), abs=0.5) and result["wall_seconds"] > spans[-1] + 0.1
    assert started < lines[2]["started"] and all(line["host"] and line["device"] == "cpu" for line in lines)
    assert all(line["cpu_seconds"] > 0 and line["peak_memory_mb"]["host"] > 50 for line in lines)
    assert all(line["gpu_seconds"] == 0 and line["energy_joules"]["gpu"] is None for line in lines)


def unwritten(folder, **changes):
    """As if the last attempt had been killed before its line was written; `changes` of what it had reported."""
    path = folder / attempts.NAME
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    content = json.loads((folder / "progress.json").read_text())
    content["attempt"] |= changes.pop("attempt", {})
    (folder / "progress.json").write_text(json.dumps(content | changes))


def test_an_epoch_that_was_saved_and_not_yet_reported_is_counted(tmp_path, data):
    trial = trials.specification(tmp_path, data, epochs=4)
    stop(trial, 2, "terminate")
    (saved,) = attempts.read(tmp_path / "trial")
    unwritten(tmp_path / "trial", status="running", attempt={"epochs": saved["epochs"] - 1})
    trials.run(trial)
    killed, completed = attempts.read(tmp_path / "trial")
    assert killed["reason"] == "killed" and killed["epochs"] == pytest.approx(saved["epochs"])
    assert killed["epochs"] + completed["epochs"] == pytest.approx(4)


def test_an_attempt_that_was_killed_when_all_was_done_is_counted(tmp_path, data):
    trial = trials.specification(tmp_path, data, epochs=2)
    trials.run(trial)
    unwritten(tmp_path / "trial")
    (tmp_path / "trial/state.pt").rename(tmp_path / "trial/resume.pt")
    trials.run(trial)
    first, second = attempts.read(tmp_path / "trial")
    assert [(one["reason"], one["first_epoch"], one["epochs"]) for one in (first, second)] == [
        ("completed", 1, 2),
        ("completed", 3, 0),
    ]


def test_a_longer_budget_counts_its_own_epochs_and_all_the_time(tmp_path, data):
    found = {}
    for epochs in (2, 5):
        trial = trials.specification(tmp_path, data, epochs=epochs) | {"folder": str(tmp_path / f"epochs-{epochs}")}
        found[epochs] = trials.run(trial)
    (short,), (long,) = (attempts.read(tmp_path / f"epochs-{epochs}") for epochs in (2, 5))
    assert (short["epochs"], long["epochs"], long["first_epoch"]) == (2, 3, 3)
    assert long["wall_seconds_before"] == found[2]["wall_seconds"]
    assert found[5]["wall_seconds"] > found[2]["wall_seconds"] + 0.5 * (long["ended"] - long["started"])
    assert found[5]["wall_seconds"] >= found[5]["training_seconds"]


def test_an_attempt_that_fails_says_why_and_another_result_is_not_counted(tmp_path, data):
    with pytest.raises(DataError):
        trials.run(trials.specification(tmp_path, tmp_path / "missing.h5"))
    trials.run(trials.specification(tmp_path, data, epochs=1, code="earlier"))
    result = trials.run(trials.specification(tmp_path, data, epochs=1))
    failed, earlier, last = attempts.read(tmp_path / "trial")
    assert failed["reason"].startswith("failed: DataError") and failed["identity"] is None
    assert earlier["identity"] != last["identity"] and earlier["reason"] == last["reason"] == "completed"
    assert result["wall_seconds"] == pytest.approx(last["ended"] - last["started"], abs=0.3)


def test_a_line_that_was_cut_off_hides_no_other(tmp_path, data):
    (tmp_path / "trial").mkdir()
    (tmp_path / "trial/attempts.jsonl").write_text('{"identity": "0", "rea')
    trials.run(trials.specification(tmp_path, data, epochs=1))
    assert [line["reason"] for line in attempts.read(tmp_path / "trial")] == ["completed"]


def counters(folder, *joules):
    for number, value in enumerate(joules):
        package = folder / f"intel-rapl:{number}"
        (package / f"intel-rapl:{number}:0").mkdir(parents=True, exist_ok=True)  # a part: not counted again
        (package / "energy_uj").write_text(f"{round(value * 1e6)}\n")
        (package / "max_energy_range_uj").write_text("1000000000\n")  # 1000 J


def test_rapl_counters_are_summed_over_sockets_and_wraps_by_our_share(tmp_path, monkeypatch):
    busy = iter([100.0, 104.0, 108.0])
    spent = iter([10.0, 11.0, 15.0])
    monkeypatch.setattr(energy, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(energy.time, "process_time", lambda: next(spent))
    counters(tmp_path, 990.0, 5.0)
    meter = energy.Meter(torch.device("cpu"), tmp_path)
    counters(tmp_path, 10.0, 25.0)  # 20 J behind the end of the range, and 20 J; a quarter is ours
    meter.sample()
    assert meter.cpu_joules == pytest.approx(10)
    counters(tmp_path, 12.0, 25.0)  # all ours
    meter.sample()
    assert meter.cpu_joules == pytest.approx(12) and meter.gpu_joules is None


def test_energy_is_unknown_without_counters(tmp_path):
    meter = energy.Meter(torch.device("cpu"), tmp_path)
    meter.sample()
    assert meter.cpu_joules is meter.gpu_joules is None


def test_progress_holds_the_attempt_for_whoever_finds_it_killed(tmp_path, data):
    trials.run(trials.specification(tmp_path, data, epochs=1))
    content = json.loads((tmp_path / "trial/progress.json").read_text())
    assert content["attempt"]["started"] == attempts.read(tmp_path / "trial")[0]["started"]

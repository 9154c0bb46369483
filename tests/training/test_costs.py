"""The ledger of compute: sums by trial, rung and family, and what was saved."""

import json

import pytest

from cascada.core.files import read_json, write_json
from cascada.training import costs

HOUR = 3600.0


def attempt(started, hours, epochs, reason="completed", identity="a", gpu=0.0, joules=None):
    return {
        "identity": identity, "started": started, "ended": started + hours * HOUR, "epochs": epochs, "reason": reason,
        "cpu_seconds": hours * HOUR / 2, "gpu_seconds": gpu * HOUR, "peak_memory_mb": {"host": 2048.0, "device": None},
        "energy_joules": {"gpu": joules, "cpu": None},
    }  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def written(name, epochs, *lines, status="completed", model="lenet"):
        folder = tmp_path / f"{name}-{epochs}"
        content = {"configuration": name, "model": model, "seed": 1, "epochs": epochs, "status": status}
        write_json(
            folder / "metrics.json", content | {"wall_seconds": 1.0, "gpu_hours": 9.0, "peak_memory_mb": {"host": 1.0}}
        )
        (folder / "attempts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder / "metrics.json"

    return written


def test_all_attempts_at_the_result_count_and_no_others(tmp_path, write):
    lines = [
        attempt(0, 9, 4, identity="older code"),
        attempt(0, 1, 1.5, "saved: signal SIGTERM", joules=3.6e6),
        attempt(0, 2, 1, "killed", joules=3.6e6),
        attempt(0, 1, 2, joules=7.2e6),
    ]
    trial = costs.read_trial(write("lenet-00000001", 4, *lines), tmp_path)
    assert (trial.cost.jobs, trial.cost.attempts, trial.cost.epochs) == (1, 3, 4.5)
    assert (trial.cost.wall_hours, trial.cost.cpu_hours) == (4, 2)
    assert trial.cost.memory_gb_hours == 8 and trial.cost.energy_kwh == pytest.approx(4)


def test_snakemakes_clock_adds_the_start_of_the_last_attempt(tmp_path, write):
    folder = tmp_path / "benchmarks/train/lenet-00000001"
    folder.mkdir(parents=True)
    (folder / "seed-1-epochs-4.tsv").write_text("s\tmax_rss\tcpu_time\n5400.0\t100\t900\n")
    trial = costs.read_trial(
        write("lenet-00000001", 4, attempt(0, 1, 1, "killed"), attempt(0, 1, 3)), tmp_path / "benchmarks"
    )
    assert (trial.cost.wall_hours, trial.cost.cpu_hours) == (2.5, 1)


def test_rungs_families_and_what_halving_saved(tmp_path, write):
    """Three configurations at 2 epochs, of which one went on to 8, and one had diverged."""
    files = [
        write("lenet-00000001", 2, attempt(0, 2, 2)),
        write("lenet-00000001", 8, attempt(0, 6, 6)),
        write("lenet-00000002", 2, attempt(0, 1, 2)),
        write("cae-00000003", 2, attempt(0, 1, 1), status="diverged", model="cae"),
    ]
    found = costs.summarize(tmp_path / "none", files, tmp_path / "costs.tsv")
    assert {name: one.wall_hours for name, one in found["rung"].items()} == {"2 epochs": 4, "8 epochs": 6}
    assert {name: one.epochs for name, one in found["family"].items()} == {"lenet": 10, "cae": 1}
    assert len(found["trial"]) == 4 and found["all"]["rules"].wall_hours == 10
    # in full: 8 h for the first, 1 h / 2 epochs * 8 epochs for the second, 1 h for the third
    halving = found["saved"]["halving"]
    assert (halving.epochs, halving.wall_hours) == (8 + 8 + 1 - 11, 8 + 4 + 1 - 10)
    rows = [line.split("\t") for line in (tmp_path / "costs.tsv").read_text().splitlines()]
    assert rows[0][-1] == "energy_kwh" and {row[-1] for row in rows[1:]} == {"unknown"}
    assert [row[:2] for row in rows if row[0] == "saved"] == [["saved", "halving"]]


def test_without_rungs_or_gpus_nothing_was_saved(tmp_path, write):
    files = [write(f"lenet-0000000{number}", 2, attempt(0, 1, 2)) for number in (1, 2)]
    assert costs.summarize(tmp_path / "none", files, tmp_path / "costs.tsv")["saved"] == {}


def test_packs_save_the_hours_that_trials_share_a_gpu(tmp_path, write):
    files = [write(f"lenet-0000000{number}", 2, attempt(0, 2, 2, gpu=1.0, joules=1.8e6)) for number in (1, 2)]
    found = costs.summarize(tmp_path / "none", files, tmp_path / "costs.tsv")
    assert found["rung"]["2 epochs"].gpu_hours == 2 and found["saved"]["packs"].gpu_hours == 2
    assert found["rung"]["2 epochs"].energy_kwh == pytest.approx(1)


def test_an_energy_that_one_trial_does_not_know_is_unknown_in_the_sum(tmp_path, write):
    files = [write("lenet-00000001", 2, attempt(0, 2, 2, joules=1.0)), write("lenet-00000002", 2, attempt(0, 2, 2))]
    assert costs.summarize(tmp_path / "none", files, tmp_path / "costs.tsv")["rung"]["2 epochs"].energy_kwh is None


def test_a_trial_that_failed_costs_what_it_took_and_is_not_extrapolated(tmp_path, write):
    failed = [attempt(0, 1, 0.5, "killed"), attempt(0, 2, 0.5, "failed: OutOfMemoryError: no memory")]
    files = [
        write("lenet-00000001", 2, *failed, status="failed"),
        write("lenet-00000002", 2, attempt(0, 1, 2)),
        write("lenet-00000002", 4, attempt(0, 1, 2)),
        write("lenet-00000003", 2, status="failed"),
    ]
    write_json(files[3], {**read_json(files[3]), "peak_memory_mb": None, "wall_seconds": HOUR})
    found = costs.summarize(tmp_path / "none", files, tmp_path / "costs.tsv")
    assert found["trial"]["lenet-00000001/seed-1/epochs-2"].wall_hours == 3
    assert (found["rung"]["2 epochs"].wall_hours, found["rung"]["2 epochs"].epochs) == (3 + 1 + 1, 3)
    assert found["saved"]["halving"].wall_hours == 0

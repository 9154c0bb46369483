"""The table of the demonstration's runs with other seeds: verdicts and the run closest to a limit."""

import subprocess

import pytest
import yaml

from benchmarks import robustness
from cascada.core.files import write_json


def probe(value, low, high, verdict, sense="at most", name="flips", severity="gate"):
    return {
        "name": name, "value": value, "low": low, "high": high, "sense": sense, "threshold": 0.5, "severity": severity,
        "verdict": verdict,
    }  # fmt: skip


def test_the_table_names_the_run_that_comes_closest():
    interval = {"value": 0.99, "low": 0.98, "high": 1.0}

    def one(*probes):
        return {
            "best": {"configuration": "cae-01234567"}, "test": {"f1": interval, "roc_auc": interval},
            "behaviour": {"probes": list(probes)},
        }  # fmt: skip

    area = {"sense": "at least", "name": "total_energy_auc"}
    found = {
        (1, 1): one(
            probe(0.1, 0.0, 0.2, "passed"),
            probe(0.9, 0.8, 1.0, "passed", **area),
            probe(9, 9, 9, "failed", severity="warn", name="shown"),
        ),
        (2, 2): one(probe(0.45, 0.4, 0.6, "undecided"), probe(0.7, 0.6, 0.8, "passed", **area)),
    }
    rows = robustness.table(found).splitlines()
    assert rows[2] == "| 1 | 1 | `cae-01234567` | 0.99 [0.98, 1] | 0.99 [0.98, 1] | 2, 0, 0 |"
    assert rows[3].endswith("| 1, 1, 0 |")
    assert rows[-2:] == [
        "| flips | model | at most 0.5 | 1, 1, 0 | 0.45 [0.4, 0.6] (seed 2, 2 threads) |",
        "| total_energy_auc | data | at least 0.5 | 2, 0, 0 | 0.7 [0.6, 0.8] (seed 2, 2 threads) |",
    ]


def test_a_seed_is_that_of_showers_split_and_trials():
    base = yaml.safe_load((robustness.ROOT / "config.yaml").read_text())
    changed = robustness.experiment(base, 7, 2)
    assert changed["experiment"] == "seed-7-threads-2" and changed["search"]["seeds"] == [7]
    assert changed["data"]["sources"]["showers"]["seed"] == changed["data"]["split"]["seed"] == 7
    assert base["search"]["seeds"] == [1]
    assert changed["search"]["models"] == base["search"]["models"]


def test_a_run_that_has_ended_is_not_repeated_and_one_that_fails_says_how_to_go_on(tmp_path, monkeypatch):
    started = []

    def refuse(command, **_):
        started.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(robustness.subprocess, "run", refuse)
    base = yaml.safe_load((robustness.ROOT / "config.yaml").read_text())
    with pytest.raises(
        SystemExit, match=r"seed-1-threads-2.yaml: Snakemake ended with 3. Start the same command again"
    ):
        robustness.run(base, 1, 2, 2, tmp_path)
    assert "train=2" in started[0] and yaml.safe_load((tmp_path / "seed-1-threads-2/seed-1-threads-2.yaml").read_text())
    for name in ("selection/best", "test/metrics", "test/behaviour"):
        write_json(tmp_path / f"seed-1-threads-2/results/seed-1-threads-2/{name}.json", {"of": name})
    found = robustness.run(base, 1, 2, 2, tmp_path)
    assert found == {
        "best": {"of": "selection/best"},
        "test": {"of": "test/metrics"},
        "behaviour": {"of": "test/behaviour"},
    }
    assert len(started) == 1

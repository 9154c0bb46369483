"""Selection: ranking by the mean over seeds, diverged ones last, a frozen choice."""

import json

import pytest

from cascada.core.errors import CascadaError
from cascada.core.files import sha256
from cascada.selection.ranking import rank, rank_stopped, select, table


def trial(configuration, seed, f1, status="completed", loss=0.1, epochs=3):
    values = {"f1": f1, "accuracy": f1, "roc_auc": f1, "loss": loss}
    return {
        "configuration": configuration, "model": "lenet", "hyperparameters": {"batch_size": 8}, "seed": seed, "epochs": epochs,
        "status": status, "validation": values, "best_epoch": 2, "parameters": 10, "wall_seconds": 5.0, "gpu_hours": 0.0,
        "data_sha256": "00",
    }  # fmt: skip


TRIALS = [
    trial("lenet-aaaaaaaa", 1, 0.90), trial("lenet-aaaaaaaa", 2, 0.94),
    trial("lenet-bbbbbbbb", 1, 0.99), trial("lenet-bbbbbbbb", 2, None, "diverged"),
    trial("lenet-cccccccc", 1, 0.93, loss=0.01), trial("lenet-cccccccc", 2, 0.93, loss=0.01),
]  # fmt: skip


def test_ranking_by_the_mean_over_seeds():
    ranked = rank(TRIALS, "f1")
    assert [row["configuration"][-1] for row in ranked] == ["c", "a", "b"]
    assert ranked[1]["validation"]["f1"] == {"mean": pytest.approx(0.92), "spread": pytest.approx(0.0282842712)}
    assert ranked[2]["status"] == "diverged"


def test_ranking_does_not_depend_on_the_order():
    assert [r["configuration"] for r in rank(TRIALS[::-1], "f1")] == [r["configuration"] for r in rank(TRIALS, "f1")]


def test_a_small_loss_is_better():
    assert rank([trial("lenet-aaaaaaaa", 1, 0.9, loss=0.2), trial("lenet-bbbbbbbb", 1, 0.8, loss=0.1)], "loss")[0][
        "configuration"
    ].endswith("b")


def test_one_seed_has_no_spread():
    assert rank([trial("lenet-aaaaaaaa", 1, 0.9)], "f1")[0]["validation"]["f1"]["spread"] is None


def test_an_unknown_metric_is_refused():
    with pytest.raises(CascadaError, match="'f2' given, allowed are"):
        rank(TRIALS, "f2")


def test_the_table_has_a_row_per_configuration():
    lines = table(rank(TRIALS, "f1")).splitlines()
    assert len(lines) == 4 and lines[1].startswith("1\tlenet-cccccccc\tlenet\tcompleted\t2")


def write(folder, trials, baselines=None, stopped=None):
    paths = []
    for number, one in enumerate(trials):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(one))
        path.with_suffix(".pt").write_bytes(bytes([number]))
        paths.append(path)
    outputs = [folder / name for name in ("leaderboard.tsv", "best.json", "checkpoint.pt")]
    return select(paths, [path.with_suffix(".pt") for path in paths], "f1", *outputs, baselines, stopped)


def test_the_choice_is_frozen_with_its_checkpoint(tmp_path):
    best = write(tmp_path, TRIALS[:2])
    assert best["configuration"] == "lenet-aaaaaaaa" and best["seed"] == 2
    assert (tmp_path / "checkpoint.pt").read_bytes() == b"\x01"
    assert best["checkpoint_sha256"] == sha256(tmp_path / "checkpoint.pt")
    assert json.loads((tmp_path / "best.json").read_text())["seeds"] == [1, 2]


def test_baselines_are_shown_and_never_selected(tmp_path):
    simple = {
        "validation": {"f1": 1.0, "accuracy": 1.0, "roc_auc": 1.0, "loss": 0.0},
        "parameters": 3,
        "wall_seconds": 1.0,
    }
    (tmp_path / "baselines.json").write_text(json.dumps({"baselines": {"logistic_regression": simple}}))
    best = write(tmp_path, TRIALS, tmp_path / "baselines.json")
    assert best["configuration"] == "lenet-cccccccc" and best["baselines"]["logistic_regression"]["f1"] == 1.0
    header, *rows = [line.split("\t") for line in (tmp_path / "leaderboard.tsv").read_text().splitlines()]
    assert all(len(row) == len(header) for row in rows)
    assert [(row[0], row[3]) for row in rows][-1] == ("", "baseline")
    assert [row[0] for row in rows[:-1]] == ["1", "2", "3"]


def test_finalists_come_first_unless_they_diverged():
    ranked = rank(TRIALS, "f1", ["lenet-aaaaaaaa", "lenet-bbbbbbbb"])
    assert [row["configuration"][-1] for row in ranked] == ["a", "c", "b"]


def test_what_stopped_is_ranked_among_its_own_budget_alone():
    rows = rank_stopped(
        [
            trial("lenet-dddddddd", 1, 0.99, epochs=1), trial("lenet-eeeeeeee", 1, 0.5, epochs=2),
            trial("lenet-ffffffff", 1, 0.6, epochs=2), trial("lenet-99999999", 1, None, "diverged", epochs=2),
        ],
        "f1",
    )  # fmt: skip
    assert [(row["configuration"][-1], row["epochs"], row["status"]) for row in rows] == [
        ("f", 2, "stopped"), ("e", 2, "stopped"), ("9", 2, "diverged"), ("d", 1, "stopped"),
    ]  # fmt: skip


def test_what_stopped_is_shown_without_a_rank_and_never_selected(tmp_path):
    stopped = tmp_path / "stopped.json"
    stopped.write_text(json.dumps(trial("lenet-dddddddd", 1, 1.0, epochs=1)))
    best = write(tmp_path, TRIALS, None, [stopped])
    assert best["configuration"] == "lenet-cccccccc"
    assert best["number_of_configurations"] == 4 and best["number_of_trials"] == 7
    header, *rows = [line.split("\t") for line in (tmp_path / "leaderboard.tsv").read_text().splitlines()]
    assert all(len(row) == len(header) for row in rows)
    places = [(row[0], row[1], row[3], row[header.index("epochs")]) for row in rows]
    assert places[0] == ("1", "lenet-cccccccc", "completed", "3")
    assert places[-1] == ("", "lenet-dddddddd", "stopped", "1")


def test_nothing_is_selected_where_all_diverged(tmp_path):
    with pytest.raises(CascadaError, match=r"No configuration has completed .1 trials, 1 diverged"):
        write(tmp_path, [TRIALS[3]])
    assert not (tmp_path / "best.json").exists()

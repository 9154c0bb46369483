"""Selection: ranking by the mean over seeds, diverged ones last."""

import pytest

from cascada.core.errors import CascadaError
from cascada.selection.leaderboard import table
from cascada.selection.ranking import rank, rank_stopped


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
    lines = table(rank(TRIALS, "f1"), "f1").splitlines()
    assert len(lines) == 4 and lines[1].startswith("1\tlenet-cccccccc\tlenet\tcompleted\t2")


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

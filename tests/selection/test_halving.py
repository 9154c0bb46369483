import json

import pytest

from cascada.core.errors import CascadaError
from cascada.selection.halving import Score, compare, finalists, promote, promoted, score_of

RUNG = {"rung": 1, "epochs": 2, "following": 6, "metric": "f1"}


def scores(*rows):
    return [Score(*row) for row in rows]


def names(record, part="promoted"):
    return [row["configuration"] for row in record[part]]


def test_the_best_third_goes_on():
    record = promote([Score(f"c{i}", 1, i / 10, 1.0) for i in range(7)], **RUNG)
    assert record["wanted"] == 3  # ceil(7 · 2 / 6)
    assert promoted(record) == ["c6", "c5", "c4"]
    assert names(record, "stopped") == ["c3", "c2", "c1", "c0"]
    assert record["promoted"][0]["why"] == "rank 1 of 7, 3 go on"
    assert record["stopped"][0] == {
        "configuration": "c3", "rank": 4, "status": "completed", "value": 0.3, "loss": 1.0,
        "seeds": [{"seed": 1, "value": 0.3}], "failed_seeds": [], "why": "f1 behind that of c4",
    }  # fmt: skip


def test_the_order_in_which_trials_ended_does_not_matter():
    rows = [Score(f"c{i}", seed, (i * 7 % 5) / 10, i / 100) for i in range(9) for seed in (1, 2)]
    assert promote(rows, **RUNG) == promote(rows[::-1], **RUNG)


def test_a_record_can_be_written_down():
    record = promote(scores(("a", 1, float("nan"), float("inf"), "diverged"), ("b", 1, 0.5, 0.6)), **RUNG)
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_of_the_loss_the_smaller_is_better():
    rows = scores(("a", 1, 0.7, 0.7), ("b", 1, 0.2, 0.2), ("c", 1, 0.5, 0.5))
    assert promoted(promote(rows, **RUNG | {"metric": "loss"})) == ["b"]
    assert promoted(promote(rows, **RUNG)) == ["a"]


def test_a_configuration_goes_on_with_all_its_seeds_by_their_mean():
    rows = scores(("lucky", 1, 0.99, 1), ("lucky", 2, 0.50, 1), ("steady", 1, 0.80, 1), ("steady", 2, 0.80, 1))
    record = promote(rows, **RUNG)
    assert promoted(record) == ["steady"]  # one goes on although there are two seeds
    assert record["promoted"][0]["seeds"] == [{"seed": 1, "value": 0.80}, {"seed": 2, "value": 0.80}]
    assert record["configurations"] == 2
    assert record["trials"] == 4


def test_ties_are_decided_by_cross_entropy_then_by_id():
    rows = scores(("b", 1, 0.9, 0.3), ("a", 1, 0.9, 0.3), ("c", 1, 0.9, 0.2))
    assert [place.configuration for place in compare(rows, "f1")] == ["c", "a", "b"]
    record = promote(rows, **RUNG)
    assert record["promoted"][0]["why"].endswith("tied with a, decided by the smaller cross entropy")
    assert record["stopped"][0]["why"] == "f1 as that of c, decided by the smaller cross entropy"
    record = promote(rows[:2], **RUNG)
    assert promoted(record) == ["a"]
    assert record["stopped"][0]["why"] == "f1 as that of a, decided by the id"


def test_diverged_ones_come_last_and_stay_behind():
    rows = scores(
        ("good", 1, 0.1, 1),
        ("bad", 1, 0.9, 0.1, "diverged"),
        ("half", 1, 0.9, 0.1),
        ("half", 2, None, None, "diverged"),
    )
    record = promote(rows, rung=1, epochs=5, following=6, metric="f1")
    assert record["wanted"] == 3
    assert promoted(record) == ["good"]  # rather fewer than a diverged one
    assert {row["why"] for row in record["stopped"]} == {"diverged"}
    assert (record["completed_configurations"], record["diverged_configurations"]) == (1, 2)


def test_where_all_diverged_one_goes_on():
    record = promote(scores(*((f"c{i}", 1, None, None, "diverged") for i in range(9))), **RUNG)
    assert promoted(record) == ["c0"]
    assert "no configuration completed" in record["promoted"][0]["why"]


def test_failed_trials_are_counted_and_told():
    rows = scores(
        ("a", 1, 0.9, 0.1), ("a", 2, None, None, "failed"), ("b", 1, 0.8, 0.1), ("b", 2, 0.8, 0.1),
        ("c", 1, None, None, "failed"), ("c", 2, None, None, "failed"),
    )  # fmt: skip
    record = promote(rows, rung=1, epochs=2, following=4, metric="f1")
    assert record["wanted"] == 2  # of three: a failed one does not thin out the next rung
    assert promoted(record) == ["a", "b"]
    assert record["promoted"][0]["failed_seeds"] == [2]
    assert record["stopped"][0]["why"] == "failed: seeds [1, 2] left no result"
    assert (record["failed_trials"], record["failed_configurations"], record["trials"]) == (3, 1, 6)


def test_where_all_failed_nothing_can_go_on():
    with pytest.raises(
        CascadaError, match=r"Rung 1: none of 2 configurations has a trial with a result.* say why. Try."
    ):
        promote(scores(("a", 1, None, None, "failed"), ("b", 1, None, None, "failed")), **RUNG, again="Try.")


def test_a_metric_that_is_not_known_ranks_behind_all_others():
    rows = scores(("a", 1, None, 0.1), ("b", 1, 0.01, 0.9), ("c", 1, float("nan"), 0.1))
    assert compare(rows, "f1")[0].configuration == "b"


def test_impossible_input_is_refused():
    with pytest.raises(CascadaError, match="seed 1 is given twice"):
        compare(scores(("a", 1, 0.5, 1), ("a", 1, 0.6, 1)), "f1")
    with pytest.raises(CascadaError, match="status 'running', known are"):
        compare(scores(("a", 1, 0.5, 1, "running")), "f1")


def test_the_finalists_get_more_seeds():
    record = finalists(scores(("a", 1, 0.5, 1), ("b", 1, 0.7, 1), ("c", 1, 0.6, 1)), top=2, seeds=[2, 3], metric="f1")
    assert names(record, "finalists") == ["b", "c"]
    assert record["seeds"] == [2, 3]


def test_a_score_is_read_from_the_metrics_of_a_trial():
    metrics = {"configuration": "a", "seed": 3, "status": "completed", "validation": {"f1": 0.5, "loss": 0.7}}
    assert score_of(metrics, "f1") == Score("a", 3, 0.5, 0.7, "completed")
    assert score_of(metrics, "loss").value == 0.7

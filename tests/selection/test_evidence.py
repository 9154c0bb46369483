"""What stored scores say of configurations: intervals, who can be told from the best, what the cheaper ones lose."""

import numpy as np
import pytest
from searches import METRICS, Search

from cascada.selection import choosing, evidence
from cascada.selection.evidence import Evidence
from cascada.selection.ranking import rank
from cascada.statistics import bootstrap

A, B, C, D = (f"lenet-{letter * 8}" for letter in "abcd")


def described(search, metric="f1", finalists=(), epochs=3):
    ranked = rank(search.trials(epochs), metric, finalists)
    rows = choosing.candidates(ranked, finalists)
    found = Evidence.of(search.stored(), metric)
    return {
        row["configuration"]: row | more
        for row, more in zip(ranked, evidence.describe(ranked, rows, found), strict=True)
    }


def test_intervals_are_those_of_a_bootstrap_over_showers():
    """Four images of each shower, drawn together: wider than images drawn one by one."""
    search = Search({(A, 1, 3): 2.0, (B, 1, 3): 1.6}, showers=200, images=4)
    logits, *_ = search.logits.values()
    statistic = {"f1": bootstrap.overall(logits, search.labels)["f1"]}
    drawn = bootstrap.intervals(statistic, len(search.labels), 1000, 0.95, 3, search.shower_id)["f1"]
    apart = bootstrap.intervals(statistic, len(search.labels), 1000, 0.95, 3)["f1"]
    row = described(search)[A]
    assert row["validation"]["f1"]["mean"] == pytest.approx(drawn["value"])
    assert [row["low"], row["high"]] == pytest.approx([float(drawn["low"]), float(drawn["high"])], abs=0.006)
    assert row["high"] - row["low"] > 1.2 * (apart["high"] - apart["low"])


def test_equals_stay_in_the_set_and_what_is_clearly_worse_is_out():
    rows = described(Search({(A, 1, 3): 2.5, (B, 1, 3): 2.5, (C, 1, 3): 1.0}, showers=800))
    assert [rows[name]["in_set"] for name in (A, B, C)] == [True, True, False]
    assert rows[C]["p_value"] <= 0.05 < min(rows[A]["p_value"], rows[B]["p_value"])
    best = max((A, B), key=lambda name: rows[name]["validation"]["f1"]["mean"])
    assert rows[best]["f1_loss_limit"] == rows[best]["f1_loss"] == 0
    assert 0.1 < rows[C]["f1_loss"] < rows[C]["f1_loss_limit"]


def test_seeds_are_compared_by_their_mean_and_a_diverged_one_takes_its_configuration_out():
    search = Search(
        {(A, 1, 3): 2.0, (A, 2, 3): 1.0, (B, 1, 3): 1.5, (B, 2, 3): 1.5, (C, 1, 3): 2.5, (C, 2, 3): 2.5},
        diverged=((C, 2, 3),),
    )
    rows = described(search)
    values = [rows[name]["validation"]["f1"]["mean"] for name in (A, B)]
    assert max(values) - min(values) == pytest.approx(max(rows[A]["f1_loss"], rows[B]["f1_loss"]))
    assert rows[C]["in_set"] is None and rows[C]["f1_loss_limit"] is None


def test_finalists_are_compared_alone_and_the_others_have_their_interval():
    search = Search({(A, 1, 3): 2.0, (A, 2, 3): 2.0, (B, 1, 3): 2.6, (C, 1, 3): 1.5})
    rows = described(search, finalists=[A])
    assert rows[A]["in_set"] and rows[B]["in_set"] is None and rows[B]["low"] < rows[B]["high"]


def test_a_network_without_an_error_has_the_exact_limit():
    row = described(Search({(A, 1, 3): 30.0}, showers=100))[A]
    assert row["validation"]["f1"]["mean"] == 1
    assert (row["low"], row["high"]) == (pytest.approx(0.05 ** (1 / 100)), 1)


def test_every_metric_of_the_chosen_one_has_its_interval():
    search = Search({(A, 1, 3): 2.0, (A, 2, 3): 1.8, (B, 1, 3): 1.0})
    row = next(row for row in rank(search.trials(), "f1") if row["configuration"] == A)
    found = evidence.of_metrics(row, search.stored(), METRICS)
    assert all(one["low"] < one["mean"] < one["high"] for one in found.values()) and list(found) == list(METRICS)
    row["validation"]["roc_auc"]["mean"] = None  # validation showers of one class
    assert evidence.of_metrics(row, search.stored(), ["roc_auc"])["roc_auc"]["low"] is None


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_of_a_search_can_decide(metric):
    rows = described(Search({(A, 1, 3): 2.5, (B, 1, 3): 0.5}, showers=200), metric)
    assert rows[A]["in_set"] and not rows[B]["in_set"]
    assert np.isfinite([rows[A]["low"], rows[A]["high"]]).all() and (metric == "loss" or rows[A]["high"] <= 1)

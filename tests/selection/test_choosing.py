"""The rules of the choice, and which seed is exported."""

import pytest

from cascada.core.errors import CascadaError
from cascada.selection.choosing import candidates, choose, exported


def row(name, value=0.98, limit=0.0, multiply_adds=100, parameters=10, in_set=True, seeds=(1,), status="completed"):
    trials = [
        {"seed": seed, "validation": {"f1": value + place / 100, "loss": 0.1 + place}}
        for place, seed in enumerate(seeds)
    ]
    return {
        "configuration": name, "status": status, "validation": {"f1": {"mean": value}}, "low": 0.97, "high": 0.99, "in_set": in_set,
        "f1_loss_limit": limit, "multiply_adds": multiply_adds, "parameters": parameters, "trials": trials,
    }  # fmt: skip


ROWS = [
    row("best", multiply_adds=900), row("good", limit=0.002, multiply_adds=100), row("twin", limit=0.001, multiply_adds=100),
    row("small", limit=0.002, multiply_adds=100, parameters=5), row("poor", limit=0.01, multiply_adds=1, in_set=False),
]  # fmt: skip


def test_the_best_is_the_first_and_the_sentence_says_from_how_many_it_cannot_be_told():
    place, why = choose(ROWS, "best", 0.002, "f1")
    assert place == 0
    assert why == (
        "best has the best mean validation f1 of 5 candidates, 0.9800 [0.9700, 0.9900]; 3 of the others cannot be "
        "distinguished from it with f1 on these showers."
    )
    assert choose([ROWS[0], ROWS[-1]], "best", 0.002, "f1")[1].endswith(
        "; all others can be told from it with f1 on these showers."
    )
    for rule in ("best", "cheapest"):
        assert choose(ROWS[:1], rule, 0.002, "f1") == (0, "best is the only candidate.")


def test_the_cheapest_by_multiply_adds_then_parameters_then_loss():
    place, why = choose(ROWS, "cheapest", 0.002, "f1")
    assert ROWS[place]["configuration"] == "small"
    assert why == (
        "small is the cheapest (100 multiply-adds, 5 parameters) of the 4 of 5 candidates whose F1 is at most 0.002 lower than that "
        "of the best, best (900 multiply-adds, 10 parameters), at 95 % confidence: its upper limit is 0.0020."
    )
    assert ROWS[choose(ROWS[:3], "cheapest", 0.002, "f1")[0]]["configuration"] == "twin"
    assert ROWS[choose(ROWS, "cheapest", 0.02, "f1")[0]]["configuration"] == "poor"


def test_where_no_cheaper_one_is_good_enough_the_best_is_taken():
    place, why = choose(ROWS, "cheapest", 0.0, "f1")
    assert place == 0 and "no cheaper one has an F1 that is at most 0 lower at 95 % confidence." in why


def test_an_unknown_cost_is_never_the_cheapest():
    rows = [row("best", multiply_adds=900), row("unknown", limit=0.001, multiply_adds=None)]
    assert choose(rows, "cheapest", 0.002, "f1")[0] == 0


def test_an_unknown_rule_is_refused():
    with pytest.raises(CascadaError, match=r"'luckiest' given, allowed are \['best', 'cheapest'\]"):
        choose(ROWS, "luckiest", 0.002, "f1")


@pytest.mark.parametrize("seeds, median", [([4], 4), ([4, 5], 4), ([4, 5, 6], 5), ([4, 5, 6, 7], 5)])
def test_the_median_seed_and_of_two_in_the_middle_the_worse(seeds, median):
    """F1 grows with the place of the seed, and so does the loss."""
    assert exported(row("x", seeds=seeds), "median", "f1")[0]["seed"] == median
    assert exported(row("x", seeds=seeds), "median", "loss")[0]["seed"] == seeds[len(seeds) // 2]


def test_why_a_seed_is_the_median():
    said = [exported(row("x", seeds=seeds), "median", "f1")[1] for seeds in ([4], [4, 5], [4, 5, 6])]
    assert said == [
        "seed 4 is the only one.",
        "seed 4 is the median one of 2 by the validation f1, the worse of the two in the middle: not the luckiest.",
        "seed 5 is the median one of 3 by the validation f1: not the luckiest.",
    ]


def test_a_declared_seed():
    trial, why = exported(row("x", seeds=[1, 2, 3]), 3, "f1")
    assert trial["seed"] == 3 and why == "seed 3 was declared beforehand."
    with pytest.raises(
        CascadaError, match=r"selection.seed: 9 given, but x, which was chosen, .* seeds \[1, 2\] alone"
    ):
        exported(row("x", seeds=[1, 2]), 9, "f1")


def test_finalists_alone_are_candidates_unless_none_completed():
    rows = [row("a"), row("b"), row("c", status="diverged")]
    assert [one["configuration"] for one in candidates(rows, ["b", "c"])] == ["b"]
    assert [one["configuration"] for one in candidates(rows, ["c"])] == ["a", "b"]
    assert candidates(rows[2:], []) == []

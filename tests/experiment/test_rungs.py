import pytest

from cascada.core.errors import ConfigError
from cascada.experiment.rungs import Rung, budgets, check_finalists, check_seeds, going_on, ladder, trial_epochs


@pytest.mark.parametrize(
    ("halving", "epochs", "expected"),
    [
        (None, 12, [12]),
        ({"eta": 3, "first": 2}, 18, [2, 6, 18]),
        ({"first": 2}, 18, [2, 6, 18]),  # η 3 is the default
        ({"eta": 2, "first": 2}, 16, [2, 4, 8, 16]),
        ({"eta": 3, "first": 2}, 12, [2, 6, 12]),
        ({"eta": 3, "first": 2}, 20, [2, 6, 20]),  # 18 gives way: the last two would differ by two epochs
        ({"eta": 2.5, "first": 2}, 12, [2, 5, 12]),
        ({"eta": 3, "first": 12}, 12, [12]),
        ({"eta": 3, "first": 11}, 12, [12]),
        ({"eta": 2}, 12, [1, 2, 4, 8, 12]),
        ({"eta": 3}, 12, [1, 3, 12]),
        ({"rungs": [2, 4, 12]}, 12, [2, 4, 12]),
        ({"rungs": [12]}, 12, [12]),
    ],
)
def test_budgets_grow_to_the_last_epoch(halving, epochs, expected):
    assert budgets({"halving": halving} if halving else {}, epochs) == expected


def test_without_a_word_a_third_goes_on_from_one_epoch():
    """The default of docs/search.md, "The benchmark"."""
    assert budgets({"halving": {}}, 27) == [1, 3, 9, 27] == budgets({"halving": {"eta": 3, "first": 1}}, 27)


@pytest.mark.parametrize(
    ("halving", "sentence"),
    [
        ({"eta": 1, "first": 2}, "search.halving.eta: 1 given, at least 2"),
        ({"eta": 1.5, "first": 2}, "search.halving.eta: 1.5 given"),
        ({"eta": "3", "first": 2}, "search.halving.eta: '3' given"),
        ({"eta": float("nan"), "first": 2}, "search.halving.eta: nan given"),
        ({"eta": 3, "first": 0}, "search.halving.first: 0 given"),
        ({"eta": 3, "first": 2.5}, "search.halving.first: 2.5 given"),
        ({"eta": 3, "first": True}, "search.halving.first: True given"),
        ({"eta": 3, "first": 13}, "search.halving.first: the first rung has 13 epochs and training.epochs is 12"),
        ({"rungs": [2, 4, 4, 12]}, "each rung needs more epochs than the one before"),
        ({"rungs": [4, 2, 12]}, "each rung needs more epochs than the one before"),
        ({"rungs": [24, 36]}, "the first rung has 24 epochs and training.epochs is 12"),
        ({"rungs": [2, 4]}, "the last of \\[2, 4\\] is the budget of the finalists, and training.epochs is 12"),
        ({"rungs": [2, 24]}, "the last of"),
        ({"rungs": []}, "a list of whole numbers"),
        ({"rungs": [0, 12]}, "a list of whole numbers"),
        ({"rungs": ["2", 12]}, "a list of whole numbers"),
        ({"rungs": [2, 12], "eta": 3}, "`eta` and `rungs` given"),
        ({"rungs": [2, 12], "first": 2}, "give either `eta` and `first`, or `rungs`"),
    ],
)
def test_what_cannot_be_a_ladder_is_said_in_one_sentence(halving, sentence):
    with pytest.raises(ConfigError, match=sentence):
        budgets({"halving": halving}, 12)


@pytest.mark.parametrize(
    ("configurations", "epochs", "following", "expected"),
    [(24, 2, 4, 12), (12, 4, 12, 4), (60, 2, 6, 20), (61, 2, 6, 21), (1, 2, 6, 1), (2, 2, 6, 1), (0, 2, 6, 0)],
)
def test_as_many_go_on_as_the_formula_says(configurations, epochs, following, expected):
    assert going_on(configurations, epochs, following) == expected


def test_the_ladder_of_the_demonstration_costs_what_was_reckoned():
    rungs = ladder(24, [2, 4, 12])
    assert rungs == [Rung(1, 2, 0, 24), Rung(2, 4, 2, 12), Rung(3, 12, 4, 4)]
    assert trial_epochs(rungs) == 24 * 2 + 12 * 2 + 4 * 8 == 104
    assert trial_epochs(rungs, seeds=3) == 312


@pytest.mark.parametrize(("eta", "first", "epochs", "share"), [(2, 2, 16, 0.3125), (3, 2, 18, 0.2593), (2, 4, 16, 0.5)])
def test_sixty_configurations_cost_the_known_share_of_a_full_search(eta, first, epochs, share):
    rungs = ladder(60, budgets({"halving": {"eta": eta, "first": first}}, epochs))
    assert trial_epochs(rungs) / (60 * epochs) == pytest.approx(share, abs=0.005)


def test_a_seed_stands_once():
    check_seeds({"seeds": [1, 2]})
    check_seeds({"seeds": [1], "rescore": {"top": 2, "seeds": [2, 3]}})
    with pytest.raises(ConfigError, match=r"search.seeds: \[1, 2, 1\] given, \[1\] more than once"):
        check_seeds({"seeds": [1, 2, 1]})
    with pytest.raises(ConfigError, match=r"search.rescore.seeds: \[2, 2\] given"):
        check_seeds({"seeds": [1], "rescore": {"top": 2, "seeds": [2, 2]}})
    with pytest.raises(ConfigError, match=r"search.rescore.seeds: \[1\] given, with which search.seeds trains"):
        check_seeds({"seeds": [1], "rescore": {"top": 2, "seeds": [1, 2]}})


def test_no_more_finalists_than_reach_the_last_rung():
    check_finalists({}, 4, [12])
    check_finalists({"rescore": {"top": 4, "seeds": [2]}}, 24, [2, 4, 12])
    with pytest.raises(ConfigError, match=r"top: 5 given and 4 of 24 configurations reach the last rung; .* 1 to 4"):
        check_finalists({"rescore": {"top": 5, "seeds": [2]}}, 24, [2, 4, 12])
    with pytest.raises(ConfigError, match="top: 9 given and 8 are searched"):
        check_finalists({"rescore": {"top": 9, "seeds": [2]}}, 8, [12])
    with pytest.raises(ConfigError, match="top: 0 given"):
        check_finalists({"rescore": {"top": 0, "seeds": [2]}}, 8, [12])

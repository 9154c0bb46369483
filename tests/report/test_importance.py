"""PED-ANOVA finds what was put in, with branches and diverged trials, and does not take chance for an effect."""

import math

import numpy as np
import pytest

from cascada.report.search.axes import varying
from cascada.report.search.importance import importances, quantile


def space(number, seed=1):
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(number):
        one = {"lr": float(10 ** generator.uniform(-4, -2)), "idle": float(generator.uniform())}
        one["optimizer"] = str(generator.choice(["adam", "sgd"]))
        found.append(one | ({"momentum": float(generator.uniform(0.5, 0.9))} if one["optimizer"] == "sgd" else {}))
    return found


def test_what_matters_stands_above_chance_and_what_does_not_stays_below():
    found = space(120)
    losses = [abs(math.log10(one["lr"]) + 3) for one in found]
    losses[7] = math.inf  # diverged
    ranked = importances(varying(found), losses)
    assert ranked[0].name == "lr" and {one.name for one in ranked} == {"lr", "idle", "optimizer", "momentum"}
    assert ranked[0].share > 0.7 and ranked[0].share > 3 * ranked[0].chance
    assert sum(one.share for one in ranked) == pytest.approx(1)
    idle = next(one for one in ranked if one.name == "idle")
    assert idle.share < 2 * idle.chance
    assert importances(varying(found), losses) == ranked  # the same every time


def test_an_effect_inside_a_branch_is_found():
    found = space(150, 2)
    losses = [abs(one.get("momentum", 0.5) - 0.85) for one in found]
    assert importances(varying(found), losses)[0].name in ("momentum", "optimizer")


@pytest.mark.parametrize("number, losses", [(9, range(9)), (20, [0.5] * 20), (20, [math.inf] * 20)])
def test_of_few_or_equal_results_nothing_is_said(number, losses):
    assert importances(varying(space(number)), [float(loss) for loss in losses]) == []
    assert importances([], [float(one) for one in range(20)]) == []


def test_five_at_least_are_the_best():
    assert [quantile(number) for number in (10, 20, 50, 1000)] == [0.5, 0.25, 0.1, 0.1]

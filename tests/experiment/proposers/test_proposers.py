"""Sobol's and TPE's proposals: deterministic, without doubles, whatever the order in which trials ended."""

import builtins
import math
import os
import random
import subprocess
import sys

import pytest

from cascada.core.errors import ConfigError
from cascada.experiment.batches import Finished
from cascada.experiment.entries import locate
from cascada.experiment.proposers import sobol, tpe

SPACE = {
    "learning_rate": {"loguniform": [0.0001, 0.1]},
    "optimizer": {"choice": ["adam", {"value": "sgd", "momentum": {"uniform": [0.5, 0.99]}}]},
    "channels": [{"randint": [2, 20]}, {"choice": [8, 16]}],
    "hidden": {"choice": [[10], [50, 10], [100, 50]]},
    "normalize": {"choice": [True, False, 1]},
    "batch_size": 64,
}


def objective(values):
    """Best at a learning rate of 0.003 with sgd and a momentum of 0.9."""
    score = 1 - 0.1 * (math.log10(values["learning_rate"]) - math.log10(0.003)) ** 2
    return score - (0.05 if values["optimizer"] == "adam" else (values["momentum"] - 0.9) ** 2)


def finished(points, start=0, epochs=12):
    return [
        Finished(f"lenet-{start + i:08x}", point, objective(point), "completed", epochs)
        for i, point in enumerate(points)
    ]


def distinct(points):
    return len({str(sorted(point.items())) for point in points}) == len(points)


@pytest.mark.parametrize("sampler", [sobol, tpe])
def test_the_same_seed_gives_the_same_points(sampler):
    points = sampler.propose(SPACE, 20, "1/lenet", 0, [])
    assert points == sampler.propose(SPACE, 20, "1/lenet", 0, [])
    assert points != sampler.propose(SPACE, 20, "2/lenet", 0, [])
    assert distinct(points)
    assert all(locate(SPACE, point) is not None for point in points)
    assert all(point["batch_size"] == 64 for point in points)
    assert all(("momentum" in point) == (point["optimizer"] == "sgd") for point in points)


def test_a_search_that_grows_keeps_its_points():
    few = sobol.propose(SPACE, 5, "1/lenet")
    assert sobol.propose(SPACE, 150, "1/lenet")[:5] == few
    assert sobol.propose(SPACE, 8, "1/lenet", 1, finished(few)) == sobol.propose(SPACE, 13, "1/lenet")[5:]


def test_sobols_points_fill_a_space_more_evenly_than_random_ones():
    space = {"learning_rate": {"uniform": [0, 1]}, "momentum": {"uniform": [0, 1]}}
    points = sobol.propose(space, 64, "1/lenet")
    cells = {(int(point["learning_rate"] * 8), int(point["momentum"] * 8)) for point in points}
    generator = random.Random(1)
    drawn = {(generator.randrange(8), generator.randrange(8)) for _ in range(64)}
    assert len(cells) == 64 > len(drawn)


def test_values_are_written_as_the_random_sampler_writes_them():
    points = sobol.propose(SPACE, 30, "1/lenet")
    assert all(float(f"{point['learning_rate']:.6g}") == point["learning_rate"] for point in points)
    assert all(0.0001 <= point["learning_rate"] <= 0.1 for point in points)


def test_every_value_of_a_whole_number_is_reached():
    points = sobol.propose({"batch_size": {"randint": [3, 6]}}, 4, "1/lenet")
    assert sorted(point["batch_size"] for point in points) == [3, 4, 5, 6]


@pytest.mark.parametrize("sampler", [sobol, tpe])
def test_doubles_are_replaced_until_the_space_is_used_up(sampler):
    space = {"batch_size": {"choice": [1, 2, 3]}, "depth": {"choice": [1, 2]}}
    known = [Finished(f"c{i}", {"batch_size": 1, "depth": i}, 0.5, "completed", 12) for i in (1, 2)]
    known += [Finished("c3", {"batch_size": 2, "depth": 1}, 0.9, "pending", 12)]  # trained at the moment
    points = sampler.propose(space, 3, "1/lenet", 1, known)
    expected = [{"batch_size": 2, "depth": 2}, {"batch_size": 3, "depth": 1}, {"batch_size": 3, "depth": 2}]
    assert sorted(points, key=str) == sorted(expected, key=str)
    with pytest.raises(
        ConfigError, match=r"4 more different samples asked for, a space of 6 points .* gave 3; ask for fewer"
    ):
        sampler.propose(space, 4, "1/lenet", 1, known)


@pytest.mark.parametrize("sampler", [sobol, tpe])
def test_a_space_in_which_nothing_varies_has_one_point(sampler):
    assert sampler.propose({"batch_size": 64}, 1, "1/lenet", 0, []) == [{"batch_size": 64}]
    with pytest.raises(ConfigError, match="a space of 1 points"):
        sampler.propose({"batch_size": 64}, 2, "1/lenet", 0, [])


def test_the_first_batch_is_sobols():
    assert tpe.propose(SPACE, 8, "1/lenet", 0, []) == sobol.propose(SPACE, 8, "1/lenet")


def test_a_batch_does_not_repeat_another_while_little_has_finished():
    few = finished(sobol.propose(SPACE, 2, "1/lenet"))
    batches = [tpe.propose(SPACE, 6, "1/lenet", batch, few) for batch in (1, 2, 3)]
    assert distinct([point for batch in batches for point in batch])


def test_the_order_in_which_trials_ended_does_not_matter():
    known = finished(sobol.propose(SPACE, 24, "1/lenet"))
    points = tpe.propose(SPACE, 8, "1/lenet", 1, known)
    for seed in range(3):
        shuffled = list(known)
        random.Random(seed).shuffle(shuffled)
        assert tpe.propose(SPACE, 8, "1/lenet", 1, shuffled) == points


def test_another_process_proposes_the_same_bits():
    code = (
        "import sys; sys.path.insert(0, 'tests/experiment/proposers'); from test_proposers import *\n"
        "print(tpe.propose(SPACE, 8, '1/lenet', 1, finished(sobol.propose(SPACE, 16, '1/lenet'))))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    here = tpe.propose(SPACE, 8, "1/lenet", 1, finished(sobol.propose(SPACE, 16, "1/lenet")))
    assert outputs == {f"{here}\n"}


def test_a_batch_has_no_doubles_of_itself_or_of_what_is_known():
    space = {"batch_size": {"choice": [16, 32, 64, 128]}, "depth": {"choice": [1, 2, 3]}}
    known = [
        Finished(f"c{i}", point, point["depth"] / 3, "completed", 12)
        for i, point in enumerate(sobol.propose(space, 4, "1/lenet"))
    ]
    points = tpe.propose(space, 8, "1/lenet", 1, known)
    assert distinct(points + [one.values for one in known])


def learnt(known, number=30):
    return tpe.propose(SPACE, number, "1/lenet", 1, known)


def test_proposals_learn():
    points = learnt(finished(sobol.propose(SPACE, 60, "1/lenet")))
    blind = sobol.propose(SPACE, 30, "5/lenet")
    assert sum(map(objective, points)) / 30 > sum(map(objective, blind)) / 30 + 0.02


def test_a_diverged_trial_counts_as_the_worst():
    """Learning rates above 0.01 diverge: they are avoided, although nothing else about them is known."""
    points = sobol.propose(SPACE, 60, "1/lenet")
    known = [
        Finished(f"c{i:02}", p, math.nan if p["learning_rate"] > 0.01 else 0.5, "diverged" if p["learning_rate"] > 0.01 else "completed", 12)
        for i, p in enumerate(points)
    ]  # fmt: skip
    assert 15 < sum(one.status == "diverged" for one in known) < 25
    avoided = sum(point["learning_rate"] > 0.01 for point in learnt(known))
    ignored = sum(
        point["learning_rate"] > 0.01 for point in learnt([one for one in known if one.status == "completed"])
    )
    assert avoided < 4 < 30 / 3
    assert avoided <= ignored


def test_what_diverged_everywhere_still_gives_proposals():
    known = [Finished(f"c{i}", p, None, "diverged", 12) for i, p in enumerate(sobol.propose(SPACE, 12, "1/lenet"))]
    assert len(learnt(known, 4)) == 4


def test_failed_and_pending_trials_teach_nothing_but_are_known():
    known = finished(sobol.propose(SPACE, 20, "1/lenet"))
    extra = [Finished("zz", point, None, "failed", 12) for point in learnt(known, 3)]
    again = learnt(known + extra, 3)
    assert distinct(again + [one.values for one in extra])


def test_points_that_the_space_does_not_hold_any_more_are_left_out():
    known = finished(sobol.propose(SPACE, 20, "1/lenet"))
    narrower = SPACE | {"learning_rate": {"loguniform": [0.001, 0.01]}, "hidden": {"choice": [[10], [7]]}}
    points = tpe.propose(narrower, 8, "1/lenet", 1, known)
    assert all(locate(narrower, point) is not None for point in points)


def test_the_study_has_equal_distributions_in_all_trials():
    optuna = pytest.importorskip("optuna")
    study = tpe._study(optuna, SPACE, finished(sobol.propose(SPACE, 6, "1/lenet")), 1)
    tpe._check_distributions(study, SPACE, optuna)
    other = optuna.distributions.CategoricalDistribution(("adam", "lion"))
    study.add_trial(
        optuna.trial.create_trial(params={"optimizer": "lion"}, distributions={"optimizer": other}, value=1.0)
    )
    with pytest.raises(AssertionError, match="optimizer: "):
        tpe._check_distributions(study, SPACE, optuna)


def test_list_choices_are_told_as_text():
    optuna = pytest.importorskip("optuna")
    study = tpe._study(optuna, SPACE, finished(sobol.propose(SPACE, 6, "1/lenet")), 1)
    assert {trial.params["hidden"] for trial in study.trials} <= {"[10]", "[50,10]", "[100,50]"}
    assert study.trials[0].distributions["normalize"].choices == ("true", "false", "1")


def test_without_optuna_only_tpe_says_so(monkeypatch):
    real = builtins.__import__

    def refuse(name, *arguments, **more):
        if name == "optuna":
            raise ImportError("No module named 'optuna'")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert len(sobol.propose(SPACE, 3, "1/lenet")) == 3
    with pytest.raises(
        ConfigError, match=r"search.sampler: tpe needs Optuna.*pip install optuna.*or use sobol or random"
    ):
        tpe.propose(SPACE, 3, "1/lenet")


def test_importing_a_sampler_loads_nothing_heavy():
    code = (
        "import sys; from cascada.experiment import batches, entries, entry_checks, records, rungs; "
        "from cascada.experiment.proposers import sobol, tpe; "
        "print(sorted({'numpy', 'scipy', 'optuna', 'torch', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"

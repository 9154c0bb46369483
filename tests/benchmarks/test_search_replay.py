"""Replays of searches on synthetic tables whose right answers are known."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.search import replay, table
from benchmarks.search.policies import (
    F1,
    LOSS,
    Table,
    View,
    best_after_one,
    best_epoch,
    climb,
    finalists,
    judged,
    policies,
    proposed,
    to_the_end,
)
from cascada.core.errors import CascadaError

EPOCHS = 12
SPACE = {"learning_rate": {"choice": [0.001, 0.002, 0.004, 0.008, 0.016]}, "batch_size": {"choice": [16, 32, 64, 128]}}
VALUES = [
    {"learning_rate": rate, "batch_size": size}
    for rate, size in itertools.product(SPACE["learning_rate"]["choice"], SPACE["batch_size"]["choice"])
]


def make(quality, seeds=3, halvings=4, noise=0.0):
    """A table of two families with 20 configurations each; `quality(configuration, epoch)` is the F1, the loss 1 − F1."""
    count = 2 * len(VALUES)
    f1 = np.array([[quality(c, e) for e in range(1, EPOCHS + 1)] for c in range(count)])
    shape = (count, seeds, EPOCHS, halvings, 2)
    found = np.broadcast_to(f1[:, None, :, None, None], shape) + noise * np.random.default_rng(0).normal(size=shape)
    models = ["cae"] * len(VALUES) + ["lenet"] * len(VALUES)
    return Table(models, VALUES * 2, {"cae": SPACE, "lenet": SPACE}, np.stack([found, 1 - found], axis=-1))


def ordered(configuration, epoch):
    """The order of the configurations is that of their ends from the first epoch on."""
    return 0.5 + 0.01 * configuration * (1 - 2.0**-epoch)


def late(configuration, epoch):
    """Configuration 39 is the last of all until the tenth epoch, and the best by 0.1 afterwards."""
    if configuration == 39:
        return 0.95 if epoch >= 10 else 0.1
    return 0.5 + 0.35 * configuration / 38


def view(made, present=None, seed=0):
    present = list(range(len(made.models))) if present is None else present
    return View(made, present, 0, False, [0, 1, 2], np.random.default_rng(seed))


def test_training_everything_finds_the_best_and_costs_everything():
    one = view(make(ordered))
    assert to_the_end(one, one.present) == 39
    assert one.cost == 40 * EPOCHS


def test_halving_finds_it_for_less_where_the_order_is_early():
    one = view(make(ordered))
    assert climb(one, one.present, [2, 4, 12]) == 39
    assert one.cost == 40 * 2 + 20 * 2 + 7 * 8


def test_the_best_after_one_epoch():
    one = view(make(ordered))
    assert best_after_one(one, one.present, 4) == 39
    assert one.cost == 40 + 4 * 11


def lucky(made, configuration, seed, by):
    """Let a configuration appear better with one seed, in both halves."""
    made.metrics[configuration, seed, ..., F1] += by
    return made


def test_more_seeds_see_through_luck_and_cost_what_they_train():
    made = lucky(make(ordered), 0, 0, 0.6)
    assert to_the_end(view(made), list(range(40))) == 0
    several = view(made)
    assert to_the_end(several, several.present, 3) == 39
    assert several.cost == 40 * 3 * EPOCHS
    few = view(made)
    assert finalists(few, few.present) == 39
    assert few.cost == (40 + 2 * 2) * EPOCHS
    halved = view(made)
    assert climb(halved, halved.present, [2, 4, 12], finalists) == 39
    assert halved.cost == 40 * 2 + 20 * 2 + 7 * 8 + 2 * 2 * EPOCHS


def test_policies_of_several_seeds_are_there_where_the_table_has_them():
    assert not any("seeds" in name or "finalists" in name for name in policies((8,), 1))
    made = lucky(make(ordered, noise=0.01), 0, 0, 0.5)
    found = replay.replay(made, policies((8,), 3), 60, 1)
    assert found["random 8, 3 seeds each"].cost.mean() == 3 * found["random 8"].cost.mean()
    assert found["random 8, 2 finalists"].cost.mean() == 8 * 12 + 2 * 2 * 12
    assert found["random 8, 3 seeds each"].f1.mean() < found["random 8"].f1.mean()


def test_a_late_bloomer_is_lost_by_what_looks_early():
    made = make(late)
    assert to_the_end(view(made), list(range(40))) == 39
    found = replay.replay(made, policies((8,)), 20, 1)
    for name in ("grid, halving η 3 from 2", "grid, best 1/6 after one epoch"):
        present = [np.ceil(2 / 3 * 40)] * 20
        assert found[name].f1.max() == pytest.approx(0.95 - 0.85, abs=0.05), present
    assert found["grid"].f1 == pytest.approx(np.zeros(20))


def test_without_noise_the_regret_is_zero_and_the_cost_is_the_formulas():
    found = replay.replay(make(ordered), policies((8,)), 10, 1)
    assert found["grid"].cost == pytest.approx([27 * 12] * 10)
    assert found["grid"].share == pytest.approx(np.ones(10))
    halving = found["grid, halving η 3 from 2"]  # 2, 6, 12 epochs
    assert halving.cost == pytest.approx([27 * 2 + 9 * 4 + 5 * 6] * 10)
    assert halving.f1 == pytest.approx(np.zeros(10))
    assert halving.loss == pytest.approx(np.zeros(10))
    assert found["random 8"].cost == pytest.approx([96] * 10)
    assert found["random 8"].f1.mean() > 0.01
    assert replay.front(found) >= {"grid, best 1/12 after one epoch"}
    assert "grid" not in replay.front(found)


def test_the_regret_of_a_random_draw_is_the_expected_one():
    """Of 27 equally spaced qualities the best of 8 random ones is behind by (27 − 8) / 9 steps in the mean."""
    made = make(lambda configuration, epoch: 0.01 * configuration)
    found = replay.replay(made, {"random 8": policies((8,))["random 8"]}, 600, 1)["random 8"]
    ranks = (27 - 8) / (8 + 1)
    mean, low, high = replay.interval(found.f1)
    step = 0.01 * 41 / 28  # mean distance of neighbours among 27 of 40
    assert low - 0.002 < ranks * step < high + 0.002
    assert (high - low) / 2 == pytest.approx(1.96 * found.f1.std(ddof=1) / np.sqrt(600), rel=1e-3)
    assert mean == pytest.approx(found.f1.mean())


def test_noise_in_the_selecting_half_alone_makes_a_regret():
    made = make(lambda configuration, epoch: 0.8 + 0.0001 * configuration, noise=0.01)
    found = replay.replay(made, policies((8,)), 30, 1)
    assert found["grid"].f1.mean() > 0.001


def test_the_same_seed_gives_the_same_numbers_and_one_table_for_all_policies():
    made, compared = make(ordered, noise=0.02), policies((8,))
    one, other = replay.replay(made, compared, 5, 1), replay.replay(made, {"grid": compared["grid"]}, 5, 1)
    assert (one["grid"].f1 == other["grid"].f1).all()
    again = replay.replay(made, compared, 5, 1)
    assert replay.markdown(one) == replay.markdown(again)


def test_the_judge_sees_the_other_half_and_all_seeds():
    made = make(ordered)
    made.metrics[:, :, :, 0, 1, F1] = 0.25  # judging half of halving 0
    made.metrics[:, 2, :, 0, 1, F1] = 0.55
    assert judged(made, 0, False)[:, F1] == pytest.approx([0.35] * 40)
    assert judged(made, 0, True)[39, F1] == pytest.approx(ordered(39, 12))  # of equal F1 the smallest loss
    assert judged(made, 1, False)[39, F1] == pytest.approx(ordered(39, 12))


def test_the_best_epoch_and_ties():
    found = np.array([[0.5, 0.5], [0.7, 0.4], [0.7, 0.3], [np.nan, np.nan]])
    assert best_epoch(found) == 2
    assert best_epoch(found[3:]) is None


def test_diverged_configurations_are_never_chosen_and_known_nothing():
    made = make(ordered)
    made.metrics[30:, :, 1:] = np.nan
    found = replay.replay(made, policies((8,)), 5, 1)
    assert np.isfinite(found["grid"].f1).all()
    assert to_the_end(view(made), list(range(40))) == 29
    assert np.isnan(judged(made, 0, False)[30:]).all()


@pytest.mark.parametrize("whole", [True, False])
def test_proposals_are_configurations_of_this_replay(whole):
    from cascada.experiment.proposers import sobol, tpe

    made = make(ordered)
    present = list(range(5, 18)) + list(range(22, 40))
    one = view(made, present)
    found = proposed(one, 13, 4, sobol if whole else tpe, whole)
    assert len(set(found)) == 13
    assert set(found) <= set(present)
    assert one.cost == 13 * 4
    assert sum(made.models[i] == "cae" for i in found) == 7


def test_the_picture_and_the_table_can_be_made(tmp_path):
    found = replay.replay(make(ordered, noise=0.01), policies((8,)), 4, 1)
    text = replay.markdown(found)
    assert len(text.splitlines()) == len(found) + 2
    replay.draw(found, tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 10_000


def test_a_difference_is_taken_replay_by_replay():
    noise = np.random.default_rng(1).random(50)
    one, other = (replay.Outcome(noise, noise, noise + shift, 2 * noise) for shift in (0.001, 0))
    (line,) = replay.differences({"a": one, "b": other}, [("a", "b"), ("a", "absent")]).splitlines()[2:]
    assert line == "| a | b | 0.0010 [0.0010, 0.0010] | 0.0000 [0.0000, 0.0000] |"


def test_every_pair_that_is_compared_is_a_policy():
    known = policies(replay.NUMBERS, 3)
    assert all(one in known and other in known for one, other in replay.PAIRS)


def test_halves_are_equal_and_every_trial_has_the_same():
    halves = table.halves(101)
    assert halves.shape == (table.HALVINGS, 101)
    assert (halves.sum(axis=1) == 50).all()
    assert (halves == table.halves(101)).all()
    assert (halves[0] != halves[1]).any()


def test_metrics_of_halves_are_those_of_their_showers():
    labels = np.arange(40) % 2
    logits = np.stack([np.zeros(40), np.where(labels == 1, 5.0, -5.0)], axis=1)
    first = table.halves(40)[0]
    logits[(first == 0) & (labels == 1), 1] = -5.0  # all signals of one half are missed
    found = table.of_halves(logits, labels, 1)
    assert found.shape == (table.HALVINGS, 2, 3)
    assert found[0, :, F1].tolist() == [0.0, 1.0]
    assert found[0, 1, LOSS] == pytest.approx(np.log1p(np.exp(-5)), rel=1e-4)


def test_a_table_that_grows_is_collected_and_read(tmp_path, capsys):
    config = table.experiment()
    jobs = table.all_jobs(config, tmp_path)
    assert len(jobs) == 320 * 3
    assert len({job.configuration.id for job in jobs[:320]}) == 320  # seed by seed
    assert jobs == table.all_jobs(config, tmp_path)
    with pytest.raises(CascadaError, match=r"no table .*benchmarks.search.table"):
        replay.read(tmp_path / "table.npz")
    wanted = jobs[7].configuration.id
    some = {wanted, *(job.configuration.id for job in jobs[:40])}
    for job in jobs:
        if job.configuration.id == wanted or (job.seed == 1 and job.configuration.id in some):
            job.output.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(
                job.output, metrics=np.full((job.epochs, table.HALVINGS, 2, 3), job.seed / 10, np.float32), seconds=1.5
            )
    assert len(table.all_jobs(config, tmp_path, ())) == 960 - 42
    table.collect(table.all_jobs(config, tmp_path), config, tmp_path / "table.npz")
    assert "42 of 960 trials" in capsys.readouterr().out
    made = replay.read(tmp_path / "table.npz")
    assert (len(made.models), len(made.there), made.metrics.shape[1]) == (320, 40, 1)  # one seed: only one has three
    place = made.there[0]
    assert made.metrics[place, :, 0, 0, 0, F1] == pytest.approx([0.1])
    assert made.values[place].keys() == made.spaces[made.models[place]].keys()
    assert json.loads(json.dumps(made.spaces))
    assert replay.numbers_for(made) == ()
    assert replay.numbers_for(make(ordered)) == ()  # 20 of each family
    found = replay.replay(made, policies((8,), 1), 2, 1)  # what is proposed is there, though most of the grid is not
    assert found["sobol 8"].cost.tolist() == found["tpe 8"].cost.tolist() == [8 * made.epochs] * 2


def test_a_table_goes_on_from_what_was_kept_of_it(tmp_path):
    """In a fresh clone the folder of trials is empty, and the table is in git."""
    config = table.experiment()
    first, second = tmp_path / "first", tmp_path / "second"
    for number, job in enumerate(table.all_jobs(config, first)[:3]):
        job.output.parent.mkdir(parents=True)
        np.savez_compressed(
            job.output, metrics=np.full((job.epochs, table.HALVINGS, 2, 3), number, np.float32), seconds=number
        )
    path = tmp_path / "table.npz"
    table.collect(table.all_jobs(config, first), config, path, table.so_far(path))
    known = table.so_far(path)
    left = table.all_jobs(config, second, known)
    assert len(left) == 960 - 3
    left[0].output.parent.mkdir(parents=True)
    np.savez_compressed(
        left[0].output, metrics=np.full((left[0].epochs, table.HALVINGS, 2, 3), 7, np.float32), seconds=7
    )
    table.collect(table.all_jobs(config, second), config, path, known)
    assert sorted(seconds for _, seconds in table.so_far(path).values()) == [0, 1, 2, 7]
    assert {float(metrics[0, 0, 0, 0]) for metrics, _ in table.so_far(path).values()} == {0, 1, 2, 7}


@pytest.mark.parametrize(
    ("whole", "expected"), [([320, 10, 0], 1), ([320, 160, 159], 2), ([320, 320, 320], 3), ([5, 0, 0], 1)]
)
def test_as_many_seeds_as_enough_configurations_have(whole, expected):
    trained = np.array([[row < number for number in whole] for row in range(320)])
    assert replay.seeds_of(trained) == expected


def test_too_few_configurations_are_one_sentence(tmp_path):
    config = table.experiment()
    table.collect(table.all_jobs(config, tmp_path), config, tmp_path / "table.npz")
    with pytest.raises(CascadaError, match=r"0 of 320 configurations have been trained, at least 12 are needed"):
        replay.read(tmp_path / "table.npz")


@pytest.mark.training
def test_a_trial_of_the_table_is_the_workflows(tmp_path):
    """The same bits as rule train: the halves' cross entropies together are that of history.tsv, epoch by epoch."""
    import trials
    from showers import small_dataset

    from cascada.experiment.spaces import Configuration

    data, _ = small_dataset(tmp_path, showers=400)
    one = trials.specification(tmp_path, data)
    configuration = Configuration("lenet-0123abcd", "lenet", one["hyperparameters"], one["settings"])
    job = table.Job(configuration, one["seed"], one["epochs"], data, tmp_path / "trials/seed-7.npz")
    table.train(job)
    trials.run(one)
    with np.load(job.output, allow_pickle=False) as content:
        found = content["metrics"]
        assert content["seconds"] > 0
    assert found.shape == (3, table.HALVINGS, 2, 3)
    showers = len(table.halves(table_size(data))[0])
    sizes = np.array([showers - showers // 2, showers // 2])
    for row, metrics in zip(trials.history(tmp_path), found, strict=True):
        losses = (metrics[..., LOSS] * sizes).sum(axis=1) / showers
        assert losses == pytest.approx([float(row["validation_loss"])] * table.HALVINGS, rel=1e-5)


def table_size(data):
    from cascada.data.loading import Showers

    return len(Showers(data, "validation"))


def test_a_table_that_is_not_there_is_one_sentence(tmp_path):
    command = [sys.executable, "-m", "benchmarks.search.replay", "--table", str(tmp_path / "table.npz")]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "table.npz: no table" in done.stderr

"""The whole choice repeated on draws: it ends where the choice itself ended, and the correction fits what is known."""

import numpy as np
import pytest
from searches import Search

from cascada.experiment.population import TrialName
from cascada.selection import choosing, evidence, replaying
from cascada.selection.evidence import Evidence
from cascada.selection.ranking import rank
from cascada.selection.replaying import Cheapest, Replay

A, B, C = (f"lenet-{letter * 8}" for letter in "abc")
HOW = {"rule": "best", "tolerance": 0.002, "seed": "median"}


def corrected(search, metric="f1", seeds=(1,), finalists=(), epochs=3, **how):
    """The exported trial and its metric without the optimism."""
    how = HOW | how
    ranked = rank(search.trials(epochs), metric, finalists)
    rows, found = choosing.candidates(ranked, finalists), Evidence.of(search.stored(), metric)
    rows = [row | more for row, more in zip(rows, evidence.describe(rows, rows, found), strict=True)]
    row = rows[choosing.choose(rows, how["rule"], how["tolerance"], metric)[0]]
    trial, _ = choosing.exported(row, how["seed"], metric)
    name = TrialName(row["configuration"], trial["seed"], row["epochs"])
    return name, found, replaying.correct(found, rows, name, how, seeds)


def test_a_draw_that_is_the_sample_ends_with_the_same_trial():
    """Errors of a draw: promotions, the mean over seeds, the median seed, step by step by hand."""
    first = {A: [0], B: [1], C: [2]}
    last = {A: [3, 4, 5], B: [6, 7, 8]}
    replay = Replay([first, last])
    errors = np.array(
        [
            [0.1, 0.2, 0.3, 0.3, 0.1, 0.2, 0.3, 0.3, 0.3],  # A is the best, and its median 0.2
            [0.1, 0.2, 0.0, 0.9, 0.9, 0.9, 0.1, 0.3, 0.2],  # C is ahead and has no more scores: A and B go on
        ]
    )
    assert replay(np.sqrt(errors)).tolist() == [5, 8]
    assert Replay([first, last], seed={A: 1, B: 0})(np.sqrt(errors)).tolist() == [4, 6]


def test_a_declared_seed_and_an_even_number_of_seeds():
    replay = Replay([{A: [0, 1]}])
    assert replay(np.array([[0.1, 0.2], [0.2, 0.1]])).tolist() == [1, 0]


def test_the_cheapest_of_a_draw():
    """A is the best, B the cheaper one, with a margin of 0.01 between its loss and the limit of it."""
    cheapest = Cheapest(tolerance=0.02, margin=np.array([0, 0.01]), cost=np.array([1, 0]))
    replay = Replay([{A: [0], B: [1]}], cheapest)
    assert replay(np.sqrt([[0.1, 0.105], [0.1, 0.115], [0.1, 0.05]])).tolist() == [1, 0, 1]
    apart = Replay([{A: [0], B: [1]}], cheapest, f1_apart=True)
    assert apart(np.sqrt([[0.4, 0.5, 0.1, 0.105], [0.4, 0.5, 0.1, 0.115]])).tolist() == [1, 0]


def test_stages_of_a_search_with_rungs_and_finalists():
    trials = [
        TrialName(A, 1, 1),
        TrialName(B, 1, 1),
        TrialName(C, 1, 1),
        TrialName(A, 1, 3),
        TrialName(A, 2, 3),
        TrialName(B, 1, 3),
    ]
    assert replaying.stages(trials, [1], {A: [3, 4]}) == [{A: [0], B: [1], C: [2]}, {A: [3], B: [5]}, {A: [3, 4]}]
    assert replaying.stages(trials[:3], [1], {A: [0], B: [1], C: [2]}) == [{A: [0], B: [1], C: [2]}]


def test_the_replay_chooses_by_itself_what_was_chosen(monkeypatch):
    """Without being told which trial was taken."""
    plain = replaying.optimism.corrected
    monkeypatch.setattr(
        replaying.optimism, "corrected", lambda drawn, replay, confidence, chosen: plain(drawn, replay, confidence)
    )
    for seed in range(4):
        for how in ({}, {"rule": "cheapest", "tolerance": 0.02}):
            for metric in ("f1", "loss"):
                separations = {(name, number, 3): 1.8 for name in (A, B, C) for number in (1, 2, 3)}
                search = Search(separations, seed=seed, multiply_adds={A: 3, B: 2, C: 1})
                name, found, free = corrected(search, metric, seeds=(1, 2, 3), **how)
                assert found.stored.trials[free.chosen] == name


def test_the_best_of_many_equals_is_corrected_towards_the_truth():
    """Thirty equal networks; what is left of the winner lies nearer to what they all are worth. A clear winner keeps its metric."""
    names = [f"lenet-{number:08x}" for number in range(30)]
    truth = Search({(A, 1, 3): 1.8}, showers=40_000, seed=99)
    expected = truth.trials()[0]["validation"]["f1"]
    raw, value = [], []
    for seed in range(6):
        _, _, found = corrected(Search({(name, 1, 3): 1.8 for name in names}, seed=seed))
        raw.append(found.raw - expected)
        value.append(found.value - expected)
        assert found.optimism > 0 and found.low < found.value < found.high
    assert abs(np.mean(value)) < 0.6 * np.mean(raw)
    _, _, clear = corrected(Search({(A, 1, 3): 2.5, (B, 1, 3): 0.5, (C, 1, 3): 0.5}))
    assert clear.optimism == pytest.approx(0, abs=1e-3)


def test_the_luck_of_the_last_rung_is_larger_than_that_of_finalists_with_new_seeds():
    """Twenty equal networks of which the best two get two more seeds: those were not chosen for being good."""
    names = [f"lenet-{number:08x}" for number in range(20)]
    last, finals = [], []
    for seed in range(4):
        first = Search({(name, 1, 3): 1.8 for name in names}, seed=seed)
        top = sorted(first.trials(), key=lambda one: -one["validation"]["f1"])[:2]
        more = {(one["configuration"], number, 3): 1.8 for one in top for number in (2, 3)}
        search = Search(first.separations | more, seed=seed)
        _, found, whole = corrected(search, finalists=[one["configuration"] for one in top])
        trial, number, best = replaying.before_finalists(found, [1])
        assert (trial.configuration, trial.seed, number) == (top[0]["configuration"], 1, 20)
        assert best.raw == pytest.approx(top[0]["validation"]["f1"])
        last.append(best.optimism)
        finals.append(whole.optimism)
    assert min(last) > 0 and np.mean(last) > 2 * np.mean(finals)

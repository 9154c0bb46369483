"""What is left of the best of N after correcting for the optimism of the selection."""

import numpy as np
import pytest

from cascada.core.errors import DataError
from cascada.statistics.confidence_set import HIGHER, LOWER, Resampled
from cascada.statistics.optimism import corrected, lowest, promotions


def metrics_of(truth, noise, resamples=2000, seed=1, better=HIGHER):
    """Measured metrics (C,) with independent noise on √error, and their draws."""
    random, truth = np.random.default_rng(seed), np.asarray(truth)
    root = np.sqrt(1 - truth if better == HIGHER else truth)
    measured = root + random.normal(0, noise, len(truth))
    drawn = measured + random.normal(0, noise, (resamples, len(truth)))
    back = (lambda one: 1 - one**2) if better == HIGHER else (lambda one: one**2)
    return Resampled(value=back(measured), drawn=back(drawn), showers=1200, better=better)


def test_one_candidate_is_not_chosen_and_not_corrected():
    found = corrected(metrics_of([0.98], 0.01))
    assert found.chosen == 0
    assert found.optimism == pytest.approx(0, abs=2e-4)
    assert found.low < found.value < found.high


def test_a_winner_far_ahead_has_no_optimism():
    found = corrected(metrics_of([0.9, 0.99, 0.8, 0.9], 0.01))
    assert found.chosen == 1
    assert found.optimism == pytest.approx(0, abs=2e-4)


def test_equals_are_corrected_by_what_the_choice_gained():
    """Of 60 equals the best is 2.3 standard errors too good; the draws alone would say 1.6."""
    raw, value = [], []
    for seed in range(60):
        found = corrected(metrics_of(np.full(60, 0.985), 0.0144, 500, seed))
        raw.append(found.raw - 0.985)
        value.append(found.value - 0.985)
    assert np.mean(raw) > 0.006
    assert abs(np.mean(value)) < np.mean(raw) / 5


def test_a_winner_without_an_error_has_the_exact_limit():
    perfect = Resampled(value=np.array([1.0, 0.9]), drawn=np.tile([1.0, 0.9], (50, 1)), showers=300, better=HIGHER)
    found = corrected(perfect)
    assert (found.raw, found.high) == (1, 1)
    assert found.low == pytest.approx(0.05 ** (1 / 300))


def test_of_a_loss_the_lower_is_better():
    found = corrected(metrics_of(np.full(30, 0.05), 0.01, better=LOWER))
    assert found.optimism < 0
    assert found.raw < found.value
    assert found.low < found.value < found.high


def test_promotions_are_replayed():
    """Three configurations, two go on; candidates 0 to 2 are their first rung, 3 and 4 the second."""
    choose = promotions([np.array([0, 1, 2]), np.array([-1, 3, 4])], [2])
    errors = np.array(
        [
            [0.3, 0.2, 0.1, 0.05, 0.06],  # 1 and 2 go on as they did; 1 is better at last
            [0.3, 0.2, 0.1, 0.07, 0.06],
            [0.1, 0.2, 0.3, 0.07, 0.06],  # 0 would go on, and was never trained further
        ]
    )
    assert choose(errors).tolist() == [3, 4, 4]
    one = promotions([np.array([0, 1, 2]), np.array([-1, 3, 4])], [1])
    assert one(errors).tolist() == [4, 4, 3]  # 4 alone goes on where it led, though 3 would have won


def test_promotions_have_their_optimism():
    random = np.random.default_rng(2)
    first = 0.12 + random.normal(0, 0.01, 40)
    second = 0.1 + 0.7 * (first[:20] - 0.12) + random.normal(0, 0.007, 20)
    measured = np.concatenate([first, second])
    drawn = measured + random.normal(0, 0.01, (1000, 60))
    rungs = [np.arange(40), np.where(np.arange(40) < 20, 40 + np.arange(40), -1)]
    candidates = Resampled(value=1 - measured**2, drawn=1 - drawn**2, showers=1200, better=HIGHER)
    through, plain = (corrected(candidates, choose) for choose in (promotions(rungs, [5]), lowest))
    assert through.chosen >= 40
    assert 0 < through.optimism < plain.optimism  # five finalists leave luck less room than sixty candidates


def test_most_of_the_luck_of_promotions_shows_in_the_last_rung():
    """40 equals, 13 promoted on one rung, whose errors there and on the next are correlated with 0.9; as in docs/statistics.md."""
    random, noise, owed, found = np.random.default_rng(0), 0.0144, [], []
    rung = np.arange(40)

    def errors(*shape):
        first, own = random.normal(0, noise, (2, *shape))
        return first, 0.9 * first + 0.19**0.5 * own

    for _ in range(40):
        first, last = (0.12 + one for one in errors(40))
        promoted = np.sort(first.argsort()[:13])
        following = np.full(40, -1)
        following[promoted] = 40 + np.arange(13)
        draws = np.concatenate([(one := errors(150, 40))[0], one[1][:, promoted]], axis=1)
        measured = np.concatenate([first, last[promoted]])
        candidates = Resampled(value=1 - measured**2, drawn=1 - (measured + draws) ** 2, showers=1200, better=HIGHER)
        chosen = corrected(candidates, promotions([rung, following], [13]))
        owed.append(chosen.raw - (1 - 0.12**2))
        found.append(chosen.optimism)
    assert 0.65 < np.mean(found) / np.mean(owed) < 1


def test_as_many_promotions_as_steps():
    with pytest.raises(DataError, match=r"2 numbers of promotions given for 2 rungs, expected 1\."):
        promotions([np.arange(2), np.arange(2)], [1, 1])(np.zeros((1, 2)))

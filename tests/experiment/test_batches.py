import pytest

from cascada.core.errors import ConfigError
from cascada.experiment.batches import Finished, learnable, samples_of, sizes


@pytest.mark.parametrize(
    ("samples", "batch", "expected"),
    [
        (24, None, [8, 8, 8]),
        (48, None, [8] * 6),
        (60, None, [10] * 6),
        (5, None, [5]),
        (20, 8, [8, 8, 4]),
        (7, 10, [7]),
    ],
)
def test_batches_are_few_and_have_all_samples(samples, batch, expected):
    assert sizes(samples, batch) == expected
    assert len(sizes(samples)) <= 6
    assert sum(sizes(samples)) == samples


def test_samples_are_per_family_or_shared():
    models = ["lenet", "cae", "resnet"]
    assert samples_of(4, models, "sobol") == {"lenet": 4, "cae": 4, "resnet": 4}
    assert samples_of({"lenet": 1, "cae": 2, "resnet": 3}, models, "sobol") == {"lenet": 1, "cae": 2, "resnet": 3}
    assert samples_of({"total": 11}, models, "sobol") == {"lenet": 4, "cae": 4, "resnet": 3}


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (None, "search.samples is missing; the sampler tpe needs"),
        ({"lenet": 3}, r"search.samples: no number for \['cae'\]"),
        ({"total": 1}, "search.samples.total: 1 given for 2 models"),
        ({"total": 9, "cae": 1}, "`total` shares a number out and stands alone"),
    ],
)
def test_samples_that_do_not_say_how_many_are_refused(samples, sentence):
    with pytest.raises(ConfigError, match=sentence):
        samples_of(samples, ["lenet", "cae"], "tpe")


def results(epochs, number, status="completed"):
    return [Finished(f"c{i}", {"depth": i}, i / 10, status, epochs) for i in range(number)]


def test_the_highest_rung_with_enough_results_teaches():
    assert learnable(results(2, 9) + results(6, 4) + results(18, 2), 4) == results(6, 4)
    assert learnable(results(2, 3) + results(6, 2), 4) == results(2, 3)  # none has enough: the fullest
    assert learnable(results(2, 2) + results(6, 2), 4) == results(6, 2)
    assert learnable(results(2, 4) + results(6, 9, "failed") + results(18, 9, "pending"), 4) == results(2, 4)
    assert learnable([], 4) == []

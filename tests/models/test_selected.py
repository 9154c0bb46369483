"""What a selection freezes: its two formats, the mean of probabilities, the temperature, and what is refused."""

import numpy as np
import pytest
import torch
from exports import energies, members

from cascada.core.errors import DataError
from cascada.models.classifier import Classifier
from cascada.models.selected import Selected, load_selected
from cascada.statistics import calibration


def saved(path, content):
    torch.save(content, path)
    return path


def test_several_answer_with_the_logarithm_of_their_mean_probability_over_the_temperature():
    three, images = members(3), energies(20)
    with torch.inference_mode():
        logits = np.stack([one(images).double().numpy() for one in three])
        found = Selected(three, [1, 2, 3], 1.7).eval()(images).softmax(1).numpy()
    mean = np.stack([np.exp(one - np.logaddexp.reduce(one, axis=1, keepdims=True)) for one in logits]).mean(0)
    expected = mean ** (1 / 1.7) / (mean ** (1 / 1.7)).sum(1, keepdims=True)
    assert np.ptp(mean[:, 0]) > 0.1  # otherwise anything would agree
    np.testing.assert_allclose(found, expected, atol=1e-6)
    scaled = calibration.scaled(calibration.ensemble_logits(logits), 1.7)
    np.testing.assert_allclose(found, np.exp(scaled) / np.exp(scaled).sum(1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize(("number", "temperature"), [(1, 0.6), (2, None), (2, 2.5)])
def test_what_is_written_answers_as_before_with_the_same_bits(number, temperature, tmp_path):
    frozen, images = Selected(members(number), list(range(number)), temperature).eval(), energies(5)
    loaded = load_selected(saved(tmp_path / "checkpoint.pt", frozen.checkpoint()))
    assert isinstance(loaded, Selected) and loaded.seeds == list(range(number))
    with torch.inference_mode():
        assert torch.equal(loaded(images), frozen(images))


def test_a_trials_checkpoint_stays_the_classifier_that_it_was(tmp_path):
    (one,), images = members(1), energies(5)
    loaded = load_selected(saved(tmp_path / "checkpoint.pt", one.checkpoint()))
    assert type(loaded) is Classifier
    with torch.inference_mode():
        assert torch.equal(loaded(images), one(images))


def test_without_the_average_over_views_each_member_goes_without():
    frozen, images = Selected(members(2, evaluation="symmetric"), [1, 2], 2.0).eval(), energies(6)
    assert frozen.views == 8 and frozen.plain().views == 1
    plain = Selected([one.plain() for one in frozen.members], [1, 2], 2.0).eval()
    with torch.inference_mode():
        assert torch.equal(frozen.plain()(images), plain(images))
        assert not torch.allclose(frozen.plain()(images), frozen(images), atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 3}, r"checkpoint\.pt: a checkpoint of format 3, this version knows 1 and 2; use the version"),
        ({"temperature": 0.0}, r"checkpoint\.pt: temperature 0\.0 given, a positive number is needed"),
        ({"temperature": float("nan")}, "temperature nan given"),
        ({"temperature": "hot"}, "temperature 'hot' given"),
        ({"state_dicts": []}, r"Not a checkpoint of format 2: missing \['state_dicts'\]"),
        ({"model": "nothing"}, "unknown model 'nothing'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(change, message, tmp_path):
    content = Selected(members(2), [1, 2], 1.5).checkpoint() | change
    with pytest.raises(DataError, match=message):
        load_selected(saved(tmp_path / "checkpoint.pt", content))


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.pt: no such checkpoint"):
        load_selected(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("nothing")
    with pytest.raises(DataError, match=r"text\.pt: not a readable checkpoint"):
        load_selected(tmp_path / "text.pt")
    with pytest.raises(DataError, match="holds a list instead of a checkpoint"):
        load_selected(saved(tmp_path / "list.pt", [1]))


def test_no_code_of_a_stranger_is_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_selected(saved(tmp_path / "evil.pt", {"format": 2, "temperature": Evil()}))
    assert not (tmp_path / "executed").exists()

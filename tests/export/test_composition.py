"""`cascada composition`: what is measured of a mixture with known truth, and what is refused."""

import json
import shutil

import h5py
import numpy as np
import pytest
import scores

from cascada.cli import main
from cascada.core.errors import DataError
from cascada.core.files import read_json, write_json
from cascada.core.notices import SURROGATE
from cascada.export.composition import Question, measure
from cascada.export.scores import read_scores, write_scores

NATURE = Question(index=-2.7)


@pytest.fixture
def model(tmp_path):
    """A folder of a model whose test had a thousand showers of either class, and two further sets."""
    folder, test = scores.exported(tmp_path / "model"), scores.tested(tmp_path / "test/predictions.h5")
    biased = scores.tested(tmp_path / "also/other_model/predictions.h5", seed=2, bias=0.5)
    write_scores(test, {"same": test, "other_model": biased}, folder / "templates.h5")
    return folder


def rewritten(model, tmp_path, **also):
    write_scores(scores.tested(tmp_path / "test.h5", **also), {}, model / "templates.h5")


def test_the_fractions_of_a_known_mixture(model, tmp_path):
    found = measure(model, [scores.mixture(tmp_path / "unknown.h5", model, iron=0.3)], NATURE)
    iron, proton = found["fractions"].values()
    assert list(found["fractions"]) == ["iron", "proton"] and found["showers"] == 800 and not found["refusals"]
    assert iron["low"] < iron["value"] < iron["high"] and iron["low"] < 0.3 < iron["high"]
    assert iron["value"] + proton["value"] == pytest.approx(1)
    assert iron["low_with_systematics"] < iron["low"] and iron["high_with_systematics"] > iron["high"]
    assert sum(one["observed"] for one in found["bins"]) == 800
    assert sum(one["fitted"] for one in found["bins"]) == pytest.approx(800)
    assert found["test"]["iron"]["showers"] == 1000 and 200 < found["test"]["iron"]["worth"] < 600


def test_the_spectrum_matters_and_its_change_is_a_systematic(model, tmp_path):
    """Templates of the wrong spectrum come from surer scores: the fit sees it, or the fractions move."""
    unknown = scores.mixture(tmp_path / "unknown.h5", model, iron=0.3, number=20_000)
    right, wrong = (measure(model, [unknown], Question(index=index)) for index in (-2.7, -1.0))
    assert not right["refusals"] and wrong["refusals"]
    assert not right["remarks"] and "do not follow E^-1 between" in wrong["remarks"][0]
    wide = measure(model, [unknown], Question(index=-2.7, change=0.5))
    (name, small), (other, large) = (
        next((name, one["iron"]) for name, one in found["systematics"].items() if name.startswith("spectrum"))
        for found in (right, wide)
    )
    assert (name, other) == ("spectrum, index ± 0.1", "spectrum, index ± 0.5") and large > 2 * small > 0
    assert set(right["shifts"]) == {"spectrum E^-2.8", "spectrum E^-2.6", "same", "other_model"}
    none = measure(model, [unknown], Question(index=-2.7, change=0))
    assert not [name for name in none["systematics"] if name.startswith("spectrum")]


def test_further_sets_of_the_test_are_systematics_with_their_own_error(model, tmp_path):
    found = measure(model, [scores.mixture(tmp_path / "unknown.h5", model, iron=0.3, number=5000)], NATURE)
    shift, error = (found[part] for part in ("shifts", "errors_of_shifts"))
    assert abs(shift["same"]["iron"]) < 1e-6 and error["same"]["iron"] < 1e-6  # the same showers are drawn together
    assert abs(shift["other_model"]["iron"]) > 2 * error["other_model"]["iron"] > 0
    iron = found["fractions"]["iron"]
    size = np.sqrt(sum(one["iron"] ** 2 for one in found["systematics"].values()))
    assert iron["high_with_systematics"] == pytest.approx(iron["value"] + np.hypot(iron["high"] - iron["value"], size))


def test_two_sided_intervals_follow_the_confidence(model, tmp_path):
    unknown = [scores.mixture(tmp_path / "unknown.h5", model, iron=0.5)]
    wide, narrow = (
        measure(model, unknown, Question(index=-2.7, confidence=one))["fractions"]["iron"] for one in (0.95, 0.68)
    )
    ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
    assert ratio == pytest.approx(1.96 / 0.994, rel=0.05)


def test_of_each_shower_one_image_counts(model, tmp_path):
    random = np.random.default_rng(3)
    energy = scores.energies(400, random, -2.7)
    p = scores.probabilities(np.arange(400) % 2, energy, random)
    once = scores.predicted(tmp_path / "once.h5", model, p[::4], energy[::4])
    four = scores.predicted(tmp_path / "four.h5", model, p, energy, shower_id=np.arange(400) // 4)
    one, other = (measure(model, [path], NATURE) for path in (once, four))
    assert one["fractions"] == other["fractions"] and other["images_left_out"] == 300
    assert "300 further images" in other["remarks"][0] and not one["remarks"]
    # showers of two raw files that were not merged have the same numbers
    with h5py.File(four, "r+") as file:
        file["source"][:] = np.arange(400) % 4
    assert measure(model, [four], NATURE)["showers"] == 400


def test_several_files_are_one_set(model, tmp_path):
    parts = [scores.mixture(tmp_path / f"{seed}.h5", model, iron=0.4, number=200, seed=seed) for seed in (1, 2)]
    assert measure(model, parts, NATURE)["showers"] == 400


def foreign(model, tmp_path):
    random = np.random.default_rng(3)
    energy = scores.energies(1000, random, -2.7)
    middle = 0.5 + np.stack([random.normal(0, 0.1, 1000)] * 2, axis=1) * [1, -1]
    return scores.predicted(tmp_path / "foreign.h5", model, middle.astype("<f4"), energy)


def test_a_foreign_primary_is_refused_and_the_picture_shows_why(model, tmp_path, capsys):
    picture = tmp_path / "picture.png"
    unknown = foreign(model, tmp_path)
    assert main(["composition", str(model), str(unknown), "--index", "-2.7", "--plot", str(picture), "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == "" and "fit no mixture of the classes (p = " in said.err and picture.stat().st_size > 10_000


def test_templates_that_cannot_tell_the_classes_apart_are_refused(model, tmp_path, capsys):
    rewritten(model, tmp_path, separation=0.0)
    unknown = scores.mixture(tmp_path / "unknown.h5", model, iron=0.3, separation=0.0)
    assert main(["composition", str(model), str(unknown), "--index", "-2.7"]) == 1
    assert "cannot tell the classes apart" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda model, path: scores.mixture(path, model, iron=0.3, number=29), "29 showers given, needed are 30"),
        (lambda model, path: path.write_text("no file of predictions"), "not a file of predictions"),
        (lambda model, path: scores.tested(path), "not a file of predictions"),
        (lambda model, path: None, "no such file"),
        (lambda model, path: (model / "model.onnx").write_bytes(b"another"), "was predicted with another model"),
        (lambda model, path: (model / "templates.h5").unlink(), "snakemake --forcerun export_model"),
        (lambda model, path: (model / "templates.h5").write_bytes(b"damaged"), "templates.h5: not readable"),
        (lambda model, path: write_scores(scores.tested(path.parent / "t.h5", each=40), {}, model / "templates.h5"),
         "needed are 30: no composition can be measured"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_sentence(model, tmp_path, capsys, break_it, message):
    path = tmp_path / "unknown.h5"
    if message not in ("no such file",):
        scores.mixture(path, model, iron=0.3)
    break_it(model, path)
    assert main(["composition", str(model), str(path), "--index", "-2.7"]) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_a_damaged_column_and_a_file_given_twice_are_refused(model, tmp_path):
    path = scores.mixture(tmp_path / "unknown.h5", model, iron=0.3)
    with pytest.raises(DataError, match="given twice"):
        measure(model, [path, tmp_path / "." / "unknown.h5"], NATURE)
    with h5py.File(path, "r+") as file:
        file["probability"][3, 0] = np.nan
    with pytest.raises(DataError, match="expected 2 finite probabilities"):
        measure(model, [path], NATURE)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"index": 2.7}, "--index 2.7"), ({"index": float("nan")}, "--index nan"), ({"index": -2.7, "change": -1}, "--index-change -1"),
     ({"index": -2.7, "confidence": 95}, "--confidence 95"), ({"index": -2.7, "simulated": 1}, "--simulated 1")],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused(options, named):
    with pytest.raises(DataError, match=named):
        Question(**options)


def test_showers_that_were_simulated_with_another_spectrum_are_refused_until_it_is_said(model, tmp_path):
    random, label = np.random.default_rng(1), np.repeat([0, 1], 2000)
    energy = scores.energies(4000, random, -2.0)
    p = scores.probabilities(label, energy, random)
    test = scores.write(tmp_path / "test.h5", p, energy, label=label.astype("<i2"))
    write_scores(test, {}, model / "templates.h5")
    unknown = scores.mixture(tmp_path / "unknown.h5", model, iron=0.3, number=3000)
    with pytest.raises(DataError, match=r"The showers of the test were not simulated with E\^-1 .* --simulated"):
        measure(model, [unknown], NATURE)
    found = measure(model, [unknown], Question(index=-2.7, simulated=-2.0))
    assert found["fractions"]["iron"]["low"] < 0.3 < found["fractions"]["iron"]["high"] and not found["refusals"]


def test_a_folder_of_the_first_format_predicts_but_has_no_templates(results, tmp_path, capsys):
    model, output = shutil.copytree(results / "model", tmp_path / "model"), tmp_path / "out.h5"
    write_json(model / "model.json", read_json(model / "model.json") | {"format": 1})
    (model / "templates.h5").unlink()
    assert main(["predict", str(model), str(results / "dataset/test.h5"), "-o", str(output)]) == 0
    assert main(["composition", str(model), str(output), "--index", "-2.7"]) == 1
    assert "the folder has format 1" in capsys.readouterr().err


def test_the_export_keeps_the_scores_of_the_test(results):
    tested, further = read_scores(results / "model")
    with h5py.File(results / "test/predictions.h5") as file:
        for name in ("probability", "label", "shower_id", "true_energy"):
            np.testing.assert_array_equal(getattr(tested, name), file[name][:])
    assert further == {}


def test_text_and_json_say_the_same(model, tmp_path, capsys):
    unknown = scores.mixture(tmp_path / "unknown.h5", model, iron=0.3)
    command = ["composition", str(model), str(unknown), "--index", "-2.7"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(command) == 0
    text = capsys.readouterr().out
    for name, one in found["fractions"].items():
        assert f"  {name} " in text and f"[{one['low']:.3f}, {one['high']:.3f}]" in text
    assert f"p = {found['p_value']:.2g}" in text and "other_model" in text and SURROGATE in text
    assert "testing.also" not in text  # it was tested on further sets
    rewritten(model, tmp_path)
    assert main(command) == 0 and "testing.also" in capsys.readouterr().out

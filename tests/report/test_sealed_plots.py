"""Pictures and pages of the test and of the behaviour tests, from files as the rules leave them."""

import json

import h5py
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as reference

from cascada import baselines
from cascada.behaviour.settings import LIMITS
from cascada.core.files import read_json, write_json
from cascada.core.notices import REOPENED, REOPENED_IN_SHORT, SURROGATE_IN_SHORT
from cascada.data.format import new_events
from cascada.publishing import tables
from cascada.report import behaviour as behaviour_plots
from cascada.report import behaviour_page, style
from cascada.report import predictions as prediction_plots
from cascada.report.sealed import mistakes as sealed_mistakes
from cascada.report.sealed import page as sealed_page
from cascada.report.sealed import plots as sealed_plots
from cascada.report.search import pictures
from cascada.statistics import metrics
from cascada.statistics.verdicts import conclusion
from cascada.testing import evaluation, mistakes
from cascada.testing.report import report

OPENING = {
    "number": 2, "selections": 2, "reopened": False,
    "ledger": [
        {"time": "2026-01-01T00:00:00Z", "configuration": f"lenet-0000000{i}", "seed": i, "checkpoint_sha256": f"{i}" * 64,
         "git_commit": "abcdef" * 7, "git_dirty": i == 2} for i in (1, 2)
    ],
}  # fmt: skip


def leave(folder, reopened=False, perfect=False, classes=2, muons=True, signal=1, spectrum=None):
    """Write metrics.json, predictions.h5 and mistakes.h5 as `test_model` does; return the paths of the first two."""
    random = np.random.default_rng(1)
    events = new_events(240)
    events["label"], events["true_energy"] = np.arange(240) % classes, np.exp(random.uniform(8, 11, 240))
    if muons:
        events["muons"] = random.poisson(events["true_energy"] / 100)
    logits = 2 * np.eye(classes)[events["label"]] + random.normal(0, 0.01 if perfect else 1, (240, classes))
    others = {name: logits + random.normal(0, 1, logits.shape) for name in baselines.NAMES}
    names = ["iron", "proton", "gamma", "helium", "nitrogen", "silicon", "neon"][:classes]
    settings = {"bootstrap": 20, "confidence": 0.95, "seed": 1, "spectrum_index": spectrum}
    content = report(logits, events, others, settings, names, signal)
    wrong = mistakes.most_confident(metrics.softmax(logits), events["label"])
    images = random.exponential(1, (len(wrong), 1, 80, 80))
    wrong = mistakes.Mistakes(wrong, images, random.normal(0, 1, (len(wrong), 80, 80)))
    result = evaluation.Predictions(
        logits=logits, baselines=others, events=events, classes=names, surrogate=True, signal=signal,
        mistakes=wrong,
    )  # fmt: skip
    content |= {"surrogate": True, "configuration": "lenet-00000002", "seed": 2, "provenance": {}}
    content["opening"] = OPENING | {"reopened": reopened}
    write_json(folder / "metrics.json", content)
    evaluation._write_predictions(folder / "predictions.h5", result, reopened)
    mistakes.write(folder / "mistakes.h5", wrong, logits, others, events)
    return folder / "predictions.h5", folder / "metrics.json"


def draw(folder, **options):
    sealed_plots.plot_test(*leave(folder, **options), folder, folder / "mistakes.h5")


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Few pixels: drawing them takes most of the time."""
    monkeypatch.setattr(style, "DPI", 40)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"perfect": True, "muons": False},
        {"classes": 3, "signal": 2},
        {"classes": 7},
        {"spectrum": -2.7},
        {"spectrum": -2.7, "perfect": True, "muons": False, "classes": 3},
    ],
    ids=str,
)
def test_every_picture_is_made(options, tmp_path):
    draw(tmp_path, **options)
    for name in sealed_plots.PLOTS:
        with Image.open(tmp_path / f"{name}.png") as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 10, name


def texts(drawing):
    return {text.get_text() for text in drawing.texts}


@pytest.mark.parametrize("reopened", [False, True])
def test_a_second_selection_is_marked(reopened, tmp_path, monkeypatch):
    predictions, metrics = leave(tmp_path, reopened=reopened)
    said = []
    monkeypatch.setattr(
        style.Figure, "savefig", lambda drawing, path, format: (said.append(texts(drawing)), path.touch())
    )
    sealed_plots.plot_test(predictions, metrics, tmp_path, tmp_path / "mistakes.h5")
    assert len(said) == len(sealed_plots.PLOTS)
    assert all(SURROGATE_IN_SHORT in one and (REOPENED_IN_SHORT in one) == reopened for one in said)
    sealed_page.write_test_page(metrics, tmp_path / "test.html", tmp_path / "mistakes.h5")
    assert (REOPENED in (tmp_path / "test.html").read_text()) == reopened


def test_the_page_tells_limits_baselines_and_the_ledger(tmp_path):
    sealed_page.write_test_page(leave(tmp_path, perfect=True)[1], tmp_path / "test.html", tmp_path / "mistakes.h5")
    page = (tmp_path / "test.html").read_text()
    for words in ("upper limit", "no survivor of 120", "gradient boosting", "physics variables", "Openings of these sealed data: 2, for 2 selection(s)",
                  "lenet-00000001", "111111111111", "(dirty)", "merit factor", "Brier"):  # fmt: skip
        assert words in page, words


def test_the_page_answers_what_is_asked_next(tmp_path):
    """How many of each, whether the probabilities hold, which errors there are, and what no interval says."""
    file = leave(tmp_path)[1]
    found = json.loads(file.read_text())
    found["ece"] |= {"low": found["ece"]["if_calibrated"] - 0.01}
    write_json(file, found)
    sealed_page.write_test_page(file, tmp_path / "test.html", tmp_path / "mistakes.h5")
    page = (tmp_path / "test.html").read_text()
    matrix = found["confusion_matrix"]
    cell = [f"{matrix[part][0][1]:.0f}" for part in ("value", "low", "high")]
    for words in ("240 sealed showers (120 iron, 120 proton)", "told to be proton", f"{cell[0]} [{cell[1]}, {cell[2]}]",
                  "the same of exact probabilities, by chance", "testing.spectrum_index", "testing.also", "less is better"):  # fmt: skip
        assert words in page, words
    assert "not to be taken at their word" not in page and "Few sealed showers" not in page
    found["showers_of_class"]["iron"] = 29
    found["ece"] |= {"value": 0.36, "low": 0.33, "high": 0.38}
    write_json(file, found)
    sealed_page.write_test_page(file, tmp_path / "test.html", tmp_path / "mistakes.h5")
    assert (
        "their calibration error is 0.3600 [0.3300, 0.3800], where exact ones" in (tmp_path / "test.html").read_text()
    )
    leave(tmp_path, spectrum=-2.7)
    sealed_page.write_test_page(file, tmp_path / "test.html", tmp_path / "mistakes.h5")
    assert "The showers count as they were simulated" not in (tmp_path / "test.html").read_text()


@pytest.mark.parametrize("lead", [True, False])
def test_the_page_says_what_a_physicists_variables_explain(lead, tmp_path):
    _, file = leave(tmp_path)
    found = json.loads(file.read_text())
    share = {"value": 0.834, "low": 0.71, "high": 0.957} if lead else dict.fromkeys(("value", "low", "high"))
    ahead = {"value": 0.012, "low": 0.004, "high": 0.02}
    found["explained"]["share"] = {"roc_auc": share | {"lead": ahead}}
    write_json(file, found)
    sealed_page.write_test_page(file, tmp_path / "test.html", tmp_path / "mistakes.h5")
    said = "lead over logistic regression in ROC AUC, 0.0120 [0.0040, 0.0200], "
    said += (
        "physics variables explain 83% [71%, 96%]." if lead else "is not told from 0: no share of it can be explained."
    )
    assert said in (tmp_path / "test.html").read_text()


def test_the_page_says_whether_the_test_keeps_what_the_selection_promised(tmp_path):
    metrics = leave(tmp_path)[1]
    f1 = read_json(metrics)["f1"]
    promised = {"raw": 0.99, "confidence": 0.95}
    for corrected, words in (
        (f1["value"], "That agrees."),
        (f1["high"] + 0.2, "That does not agree: the promise was too good"),
    ):
        record = {
            "why": "It was the best.",
            "optimism": promised | {"corrected": corrected, "low": corrected - 0.01, "high": corrected + 0.01},
        }
        write_json(tmp_path / "best.json", {"metric": "f1", "selection": record})
        sealed_page.write_test_page(metrics, tmp_path / "test.html", tmp_path / "mistakes.h5", tmp_path / "best.json")
        page = (tmp_path / "test.html").read_text()
        assert "It was the best. Validation f1 of the exported network: 0.9900 as measured" in page and words in page


def test_mistakes_are_shown_with_every_answer(tmp_path, drawn):
    predictions, file = leave(tmp_path)
    sealed_plots.plot_test(predictions, file, tmp_path, tmp_path / "mistakes.h5")
    panels = drawn["mistakes"].axes
    with h5py.File(tmp_path / "mistakes.h5") as left:
        number, truth = len(left["row"]), ["iron", "proton"][left["label"][0]]
        theirs = left["baselines/physics_variables"][0]
        muons, energy = left["muons"][0], left["true_energy"][0] / 1000
        image, occlusion = left["images"][0, 0], left["occlusion"][0]
    shown = [panel.images[0].get_array() for panel in panels if panel.images and panel.get_title(loc="left")]
    assert len(shown) == 2 * number
    np.testing.assert_allclose(shown[0].filled(0), image)
    np.testing.assert_allclose(shown[1], occlusion)
    titles = [panel.get_title(loc="left") for panel in panels if panel.images]
    assert titles[0].startswith(f"{truth}, {energy:.1f} TeV, zenith ?, {muons:.0f} muons\nnetwork: ")
    said = f"physics variables: {['iron', 'proton'][theirs.argmax()]} {theirs.max():.3f}"
    assert said in titles[1]
    header, (row, *_) = sealed_mistakes.table(sealed_mistakes.read(tmp_path / "mistakes.h5"), ["iron", "proton"])
    with h5py.File(tmp_path / "mistakes.h5") as left:
        answers = {name: left[f"baselines/{name}"][0] for name in baselines.NAMES}
    for name, answer in answers.items():
        assert row[header.index(name.replace("_", " "))] == f"{['iron', 'proton'][answer.argmax()]} {answer.max():.3f}"
    assert header[-3:] == [name.replace("_", " ") for name in baselines.NAMES]
    (tmp_path / "mistakes.png").write_bytes(b"picture")
    sealed_page.write_test_page(file, tmp_path / "test.html", tmp_path / "mistakes.h5")
    page = (tmp_path / "test.html").read_text()
    assert said.removeprefix("physics variables: ") in page and "data:image/png;base64,cGljdHVyZQ==" in page


def test_the_systematics_have_a_total_where_there_are_several():
    one = {"value": 0.9, "low": 0.8, "high": 0.95, "difference": {"value": 0.003, "low": 0.0, "high": 0.01}}
    other = one | {"difference": {"value": -0.004, "low": -0.01, "high": 0.0}}
    about = {"what": "dead cells", "surrogate": True, "showers": 100}
    found = {"also": {"a": about | dict.fromkeys(("f1", "accuracy", "roc_auc"), one)}}
    assert len(sealed_page._sets(found)) == 1
    found["also"]["b"] = about | dict.fromkeys(("f1", "accuracy", "roc_auc"), other)
    rows = sealed_page._sets(found)
    assert len(rows) == 3 and rows[-1] == ["all together", "quadrature sum", "", "", *["", "0.0050"] * 3]
    assert len(rows[-1]) == len(rows[0])


def test_no_mistakes_are_said_to_be_none(tmp_path, drawn):
    draw(tmp_path, perfect=True)
    (axes,) = drawn["mistakes"].axes
    assert [text.get_text() for text in axes.texts] == ["No mistakes: every sealed shower was told right."]
    sealed_page.write_test_page(tmp_path / "metrics.json", tmp_path / "test.html", tmp_path / "mistakes.h5")
    assert "None: every sealed shower was told right." in (tmp_path / "test.html").read_text()


def test_bins_of_what_varies_are_drawn_and_listed(tmp_path, drawn):
    draw(tmp_path)
    found = json.loads((tmp_path / "metrics.json").read_text())["bins"]
    assert list(found) == ["true_energy", "muons"]  # neither core nor zenith are known
    assert [panel.get_xlabel() for panel in drawn["bins"].axes] == ["true energy [TeV]", "muons within 160 m"]
    counts = [text.get_text() for text in drawn["bins"].axes[1].texts]
    assert counts == [str(row["showers"]) for row in found["muons"]["rows"]]
    heights = [line.get_ydata()[0] for line in drawn["bins"].axes[1].lines if line.get_marker() == "o"]
    for name in ("iron", "proton"):
        values = [row["classes"][name]["value"] for row in found["muons"]["rows"]]
        assert all(value in heights for value in values if value is not None)
    drawn["bins"].canvas.draw()
    (legend,) = drawn["bins"].legends
    box, panels = legend.get_window_extent(), drawn["bins"].axes
    assert box.x0 >= 0 and box.x1 <= drawn["bins"].bbox.x1
    assert not any(box.overlaps(one.get_window_extent()) for panel in panels for one in (panel, *panel.texts))
    sealed_page.write_test_page(tmp_path / "metrics.json", tmp_path / "test.html", tmp_path / "mistakes.h5")
    assert "In bins of the muons within 160 m" in (tmp_path / "test.html").read_text()


def test_under_a_spectrum_the_bins_and_what_is_explained_stand_beside_those_as_simulated(tmp_path, drawn):
    draw(tmp_path, spectrum=-2.7)
    found = json.loads((tmp_path / "metrics.json").read_text())
    rows = found["spectrum"]["bins"]["muons"]["rows"]
    values = [row["classes"]["proton"]["value"] for row in rows]
    assert values != [row["classes"]["proton"]["value"] for row in found["bins"]["muons"]["rows"]]
    heights = [line.get_ydata()[0] for line in drawn["bins"].axes[1].lines if line.get_markerfacecolor() == "none"]
    assert all(value in heights for value in values if value is not None)
    legend = [text.get_text() for text in drawn["bins"].legends[0].get_texts()]
    assert legend == ["iron", "proton", "iron under E^-2.7", "proton under E^-2.7"]
    found["spectrum"]["explained"]["share"]["f1"] |= {"value": 0.4321, "low": 0.1, "high": 0.9}
    write_json(tmp_path / "metrics.json", found)
    sealed_page.write_test_page(tmp_path / "metrics.json", tmp_path / "test.html", tmp_path / "mistakes.h5")
    page = (tmp_path / "test.html").read_text()
    assert "physics variables explain 43% [10%, 90%]" in page
    assert (
        page.index("explain 43%") < page.index("As simulated") and page.count("n bins of the muons within 160 m") == 2
    )


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved, by the name of their file."""
    figures = {}
    monkeypatch.setattr(style, "save", lambda drawing, path, *_: figures.update({path.stem: drawing}))
    return figures


def lines(axes, label):
    """The points of the labelled curve."""
    return next(line.get_data() for line in axes.lines if line.get_label() == label)


@pytest.mark.parametrize("signal", [0, 1, 2])
def test_every_picture_of_three_classes_is_of_the_named_signal(signal, tmp_path, drawn):
    predictions, file = leave(tmp_path, classes=3, signal=signal)
    name = ["iron", "proton", "gamma"][signal]
    others = " and ".join(one for one in ("iron", "proton", "gamma") if one != name)
    sealed_plots.plot_test(predictions, file, tmp_path, tmp_path / "mistakes.h5")
    with h5py.File(predictions) as stored:
        p, label = metrics.softmax(stored["logits"][:])[:, signal], stored["label"][:]
        theirs = stored["baselines/logistic_regression/probability"][:, signal]
    area = reference.roc_auc_score(label == signal, p)
    roc = drawn["roc"].axes[0]
    assert np.trapezoid(*lines(roc, "selected model")[::-1]) == pytest.approx(area, abs=1e-6)
    baseline = reference.roc_auc_score(label == signal, theirs)
    assert np.trapezoid(*lines(roc, "logistic regression")[::-1]) == pytest.approx(baseline, abs=1e-6)
    assert roc.get_title().startswith(f"{name} against {others}\nAUC {area:.4f} [")
    assert (roc.get_xlabel(), roc.get_ylabel()) == (f"{others} taken for {name}", f"{name} efficiency")
    background = drawn["background"].axes[0]
    assert background.get_ylabel() == f"share of {others} that is left" and name in background.get_title()
    calibration = drawn["calibration"].axes[0]
    brier = ((p - (label == signal)) ** 2).mean()
    assert f"Brier score {brier:.4f} [" in calibration.get_title() and calibration.get_ylabel() == f"share of {name}"
    score = drawn["scores"].axes[0]
    assert name in score.get_xlabel() and score.get_xlim()[1] > np.log(p / (1 - p)).max() > score.get_xlim()[1] * 0.8
    for kind in ("probability_energy", "probability_muons"):
        assert drawn[kind].axes[0].get_ylabel() == f"mean probability of {name}"
    assert [text.get_text() for text in drawn["confusion"].axes[0].get_xticklabels()] == ["iron", "proton", "gamma"]
    assert "(mean over 3 classes)" in drawn["baselines"].axes[0].get_xlabel()


def test_the_first_of_two_classes_as_signal(tmp_path, drawn):
    draw(tmp_path, signal=0)
    assert drawn["roc"].axes[0].get_xlabel() == "proton taken for iron"
    sealed_page.write_test_page(tmp_path / "metrics.json", tmp_path / "test.html", tmp_path / "mistakes.h5")
    page = (tmp_path / "test.html").read_text()
    assert "The signal is iron, the background proton." in page and "F1 (of iron)" in page
    assert "proton left at 50% iron efficiency" in page


def test_what_is_not_known_is_said(tmp_path, drawn):
    draw(tmp_path, muons=False)
    (axes,) = drawn["probability_muons"].axes
    assert [text.get_text() for text in axes.texts] == ["The numbers of muons of these showers are not known."]
    path = tmp_path / "metrics.json"
    found = json.loads(path.read_text())
    found["profiles"]["muons"]["1"] = found["profiles"]["true_energy"]["1"]
    write_json(path, found)
    sealed_plots.plot_test(tmp_path / "predictions.h5", path, tmp_path, tmp_path / "mistakes.h5")
    legend = drawn["probability_muons"].axes[0].get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["iron (not known)", "proton"]


@pytest.mark.parametrize("signal", ["", "proton", "gamma", "iron"])
def test_pictures_of_predictions_are_of_the_signal(signal, tmp_path, drawn):
    random = np.random.default_rng(1)
    probability = random.dirichlet([1, 1, 1], 60).astype("f4")
    with h5py.File(tmp_path / "out.h5", "w") as file:
        file["probability"], file["label"], file["true_energy"] = probability, np.arange(60) % 4 - 1, np.full(60, 1e4)
        file.attrs["classes"], file.attrs["surrogate"] = ["iron", "proton", "gamma"], False
        if signal:
            file.attrs["signal"] = signal
    prediction_plots.plot_predictions(tmp_path / "out.h5", tmp_path)
    name = signal or "proton"  # files of earlier versions mean the second
    column = probability[:, ["iron", "proton", "gamma"].index(name)]
    assert drawn["probability"].axes[0].get_xlabel() == f"probability of {name}"
    counts = np.sum([patch.get_data().values for patch in drawn["probability"].axes[0].patches], axis=0)
    assert counts.tolist() == np.histogram(column, np.linspace(0, 1, 41))[0].tolist()
    shown = np.concatenate([line.get_ydata() for line in drawn["energy"].axes[0].lines])
    assert sorted(shown.tolist()) == sorted(column.tolist()) and name in drawn["energy"].axes[0].get_ylabel()


@pytest.mark.parametrize("signal", ["", "proton", "gamma"])
def test_the_published_curve_is_the_signals(signal, tmp_path):
    predictions, _ = leave(tmp_path, classes=3)
    with h5py.File(predictions, "r+") as file:
        del file.attrs["signal"]
        if signal:
            file.attrs["signal"] = signal
        label = 2 if signal == "gamma" else 1
        expected = reference.roc_auc_score(file["label"][:] == label, file["probability"][:, label])
    (tmp_path / "history.tsv").write_text("epoch\ttraining_loss\n1\t0.5\n")
    tables.write_plots(predictions, tmp_path / "history.tsv", tmp_path)
    curve = np.loadtxt(tmp_path / "roc.csv", delimiter=",", skiprows=1)
    assert np.trapezoid(curve[:, 1], curve[:, 0]) == pytest.approx(expected, abs=1e-3)


def behaviour(folder, failing=()):
    details = [{"at": at, "value": 0.1, "low": 0.05, "high": 0.2} for at in (0.0, 0.01)]
    probes = [
        {"name": name, "value": 0.1, "low": 0.05, "high": 0.2, "sense": "at most", "threshold": limit.threshold, "details": details,
         "severity": limit.severity, "kept": name not in failing, "verdict": "failed" if name in failing else "passed",
         "significant": False, "meaning": f"what {name} is"}
        for name, limit in LIMITS.items()
    ]  # fmt: skip
    content = {
        "conclusion": conclusion(probes), "warnings": [], "probes": probes, "showers": 9, "confidence": 0.95,
        "surrogate": True, "configuration": "lenet-00000002", "seed": 2, "provenance": {},
    }  # fmt: skip
    write_json(folder / "behaviour.json", content)
    return folder / "behaviour.json"


def test_pictures_and_page_of_the_behaviour(tmp_path):
    path = behaviour(tmp_path, failing=("symmetry_flips", "noise_loss_drop"))
    behaviour_plots.plot_behaviour(path, tmp_path / "invariance.png", tmp_path / "degradation.png")
    for name in behaviour_plots.PLOTS:
        with Image.open(tmp_path / f"{name}.png") as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 10
    behaviour_page.write_behaviour_page(path, tmp_path / "behaviour.html")
    page = (tmp_path / "behaviour.html").read_text()
    assert (
        "The model passes 14 of 15 gates; failed: symmetry_flips; warnings failed: noise_loss_drop." in page
        and page.count("FAILED") == 2
    )
    assert all(f"what {name} is" in page for name in LIMITS)


def test_baselines_stand_below_the_leaderboard(tmp_path, monkeypatch):
    row = dict.fromkeys(("rank", "model", "validation_f1_spread"), "")
    rows = [row | {"rank": rank, "configuration": name, "status": status, "validation_f1_mean": value, "model": "lenet"}
            for rank, name, status, value in
            (("1", "lenet-1", "completed", "0.9"), ("2", "lenet-2", "diverged", ""), ("", "simple", "baseline", "0.95"))]  # fmt: skip
    lines = ["\t".join(rows[0])] + ["\t".join(one.values()) for one in rows]
    (tmp_path / "leaderboard.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "summary.json").write_text(json.dumps({"surrogate": False}))
    drawings = []
    monkeypatch.setattr(style, "save", lambda drawing, *_: drawings.append(drawing))
    pictures.plot_leaderboard(tmp_path / "leaderboard.tsv", tmp_path / "summary.json", "f1", tmp_path / "x.png")
    axes = drawings[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lenet-1", "simple"]
    assert axes.get_title() == "1 configuration(s) diverged"

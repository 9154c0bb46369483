"""Pictures and pages of the test and of the behaviour tests, from files as the rules leave them."""

import json

import numpy as np
import pytest
from PIL import Image

from cascada import behaviour_plots, performance_pages, performance_plots, plots, plotting
from cascada.behaviour.settings import LIMITS
from cascada.behaviour.verdicts import conclusion
from cascada.data.format import new_events
from cascada.files import write_json
from cascada.testing import evaluation
from cascada.testing.report import report

OPENING = {
    "number": 2, "selections": 2, "reopened": False,
    "ledger": [
        {"time": "2026-01-01T00:00:00Z", "configuration": f"lenet-0000000{i}", "seed": i, "checkpoint_sha256": f"{i}" * 64,
         "git_commit": "abcdef" * 7, "git_dirty": i == 2} for i in (1, 2)
    ],
}  # fmt: skip


def leave(folder, reopened=False, perfect=False, classes=2, muons=True, signal=1):
    """Write metrics.json and predictions.h5 as `test_model` does; return their paths."""
    random = np.random.default_rng(1)
    events = new_events(240)
    events["label"], events["true_energy"] = np.arange(240) % classes, np.exp(random.uniform(8, 11, 240))
    if muons:
        events["muons"] = random.poisson(events["true_energy"] / 100)
    logits = 2 * np.eye(classes)[events["label"]] + random.normal(0, 0.01 if perfect else 1, (240, classes))
    others = {name: logits + random.normal(0, 1, logits.shape) for name in ("logistic_regression", "gradient_boosting")}
    names = ["iron", "proton", "gamma", "helium", "nitrogen", "silicon", "neon"][:classes]
    content = report(logits, events, others, {"bootstrap": 20, "confidence": 0.95, "seed": 1}, names, signal)
    wrong = evaluation.most_confident_mistakes(logits, events["label"])
    result = evaluation.Predictions(
        logits=logits, baselines=others, events=events, classes=names, surrogate=True, signal=signal,
        mistakes=(wrong, random.exponential(1, (len(wrong), 1, 80, 80))),
    )  # fmt: skip
    content |= {"surrogate": True, "configuration": "lenet-00000002", "seed": 2, "provenance": {}}
    content["opening"] = OPENING | {"reopened": reopened}
    write_json(folder / "metrics.json", content)
    evaluation._write_predictions(folder / "predictions.h5", result, reopened)
    return folder / "predictions.h5", folder / "metrics.json"


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Few pixels: drawing them takes most of the time."""
    monkeypatch.setattr(plotting, "DPI", 40)


@pytest.mark.parametrize(
    "options", [{}, {"perfect": True, "muons": False}, {"classes": 3, "signal": 2}, {"classes": 7}], ids=str
)
def test_every_picture_is_made(options, tmp_path):
    performance_plots.plot_test(*leave(tmp_path, **options), tmp_path)
    for name in performance_plots.PLOTS:
        with Image.open(tmp_path / f"{name}.png") as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 10, name


def texts(drawing):
    return {text.get_text() for text in drawing.texts}


@pytest.mark.parametrize("reopened", [False, True])
def test_a_second_selection_is_marked(reopened, tmp_path, monkeypatch):
    predictions, metrics = leave(tmp_path, reopened=reopened)
    said = []
    monkeypatch.setattr(
        plotting.Figure, "savefig", lambda drawing, path, format: (said.append(texts(drawing)), path.touch())
    )
    performance_plots.plot_test(predictions, metrics, tmp_path)
    assert len(said) == len(performance_plots.PLOTS)
    assert all(plotting.SURROGATE in one and (plotting.REOPENED in one) == reopened for one in said)
    performance_pages.write_test_page(metrics, tmp_path / "test.html")
    assert (performance_pages.REOPENED in (tmp_path / "test.html").read_text()) == reopened


def test_the_page_tells_limits_baselines_and_the_ledger(tmp_path):
    performance_pages.write_test_page(leave(tmp_path, perfect=True)[1], tmp_path / "test.html")
    page = (tmp_path / "test.html").read_text()
    for words in ("upper limit", "no survivor of 120", "gradient boosting", "Openings of these sealed data: 2, for 2 selection(s)",
                  "lenet-00000001", "111111111111", "(dirty)", "merit factor", "Brier"):  # fmt: skip
        assert words in page, words


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
    performance_pages.write_behaviour_page(path, tmp_path / "behaviour.html")
    page = (tmp_path / "behaviour.html").read_text()
    assert (
        "The model passes 14 of 15 gates; failed: symmetry_flips; warnings failed: noise_loss_drop." in page
        and page.count("FAILED") == 2
    )
    assert all(f"what {name} is" in page for name in LIMITS)


def test_baselines_stand_below_the_leaderboard(tmp_path, monkeypatch):
    row = dict.fromkeys(("rank", "model", "validation_f1_spread"), "")
    rows = [row | {"configuration": name, "status": status, "validation_f1_mean": value, "model": "lenet"}
            for name, status, value in (("lenet-1", "completed", "0.9"), ("lenet-2", "diverged", ""), ("simple", "baseline", "0.95"))]  # fmt: skip
    lines = ["\t".join(rows[0])] + ["\t".join(one.values()) for one in rows]
    (tmp_path / "leaderboard.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "summary.json").write_text(json.dumps({"surrogate": False}))
    drawings = []
    monkeypatch.setattr(plotting, "save", lambda drawing, *_: drawings.append(drawing))
    plots.plot_leaderboard(tmp_path / "leaderboard.tsv", tmp_path / "summary.json", "f1", tmp_path / "x.png")
    axes = drawings[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lenet-1", "simple"]
    assert axes.get_title() == "1 configuration(s) diverged"

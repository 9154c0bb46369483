"""The data card: its warnings reach the log, its pictures have axes in metres and a logarithmic colour scale."""

import json

import numpy as np
import pytest
import showers
from matplotlib import colors
from matplotlib.figure import Figure

from cascada.report import style
from cascada.report.data_card import warnings, write_card


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    showers.small_dataset(folder, showers=200)
    return folder


@pytest.fixture
def drawn(monkeypatch) -> dict[str, Figure]:
    """The figures that are saved, by the name of their file."""
    figures, save = {}, style.save

    def keep(drawing, path, *arguments):
        figures[path.name] = drawing
        save(drawing, path, *arguments)

    monkeypatch.setattr(style, "save", keep)
    return figures


def test_the_card_holds_counts_checks_and_where_it_comes_from(folder, tmp_path):
    card = write_card(folder / "summary.json", folder / "train.h5", tmp_path, {"commit": "abc"})
    written = json.loads((tmp_path / "card.json").read_text())
    assert written["warnings"] == card["warnings"] and written["provenance"] == {"commit": "abc"}
    assert written["counts_by_file"] == {"train.h5": {"iron": 75, "proton": 75}, "test.h5": {"iron": 25, "proton": 25}}
    checked = written["checks"]
    assert checked["images_finite_and_not_negative"] is True
    assert checked["showers_in_train_and_test"] == checked["images_in_several_splits"] == 0
    assert checked["class_imbalance"] == 0
    for name in ("auc_of_core_offset", "auc_of_total_energy"):
        assert 0.5 <= checked[name] <= 1
    assert (tmp_path / "spectra.png").stat().st_size > 0 and (tmp_path / "examples.png").stat().st_size > 0


def test_warnings_reach_the_log(folder, tmp_path, capsys):
    summary = json.loads((folder / "summary.json").read_text())
    summary["checks"] |= {"ks_distance_of_energies": 0.4, "images_in_several_splits": 3, "class_imbalance": 0.3}
    summary["checks"] |= {"auc_of_core_offset": 0.7, "auc_of_total_energy": 0.9, "showers_in_train_and_test": 2}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    card = write_card(tmp_path / "summary.json", folder / "train.h5", tmp_path)
    said = capsys.readouterr().err
    for words in (
        "energy spectra of the classes differ: KS distance 0.400",
        "3 images are in more than one split",
        "2 showers are in both the training and the test file",
        "not balanced: the largest has 30% more",
        "core offset alone separates the classes with AUC 0.700",
        "total energy alone separates the classes with AUC 0.900",
        "Surrogate showers",
    ):
        assert words in said
    assert len(said.splitlines()) == len(card["warnings"]) == 7


def test_what_cannot_be_known_is_no_warning(folder):
    summary = json.loads((folder / "summary.json").read_text()) | {"surrogate": False}
    summary["checks"] |= {"auc_of_core_offset": None, "auc_of_total_energy": 0.6}
    assert warnings(summary) == []


def test_examples_have_axes_in_metres_and_a_logarithmic_scale(folder, tmp_path, drawn):
    write_card(folder / "summary.json", folder / "train.h5", tmp_path)
    panels = [axes for axes in drawn["examples.png"].axes if axes.images]
    assert len(panels) == 6
    for panel in panels:
        assert isinstance(panel.images[0].norm, colors.LogNorm)
        assert list(panel.images[0].get_extent()) == [-160, 160, -160, 160]
    assert panels[3].get_xlabel() == "x [m]" and panels[0].get_ylabel() == "y [m]"
    (scale,) = (axes for axes in drawn["examples.png"].axes if "GeV" in axes.get_ylabel())
    assert scale.get_yscale() == "log"


def test_spectra_show_every_class_in_every_split(folder, tmp_path, drawn):
    write_card(folder / "summary.json", folder / "train.h5", tmp_path)
    summary = json.loads((folder / "summary.json").read_text())
    panels = drawn["spectra.png"].axes
    assert [panel.get_title() for panel in panels] == ["train", "validation", "test"]
    for panel in panels:
        labels = [text.get_text() for text in panel.get_legend().get_texts()]
        counts = summary["counts"][panel.get_title()]
        assert labels == [f"{name} ({number})" for name, number in counts.items()]
        assert panel.get_xlabel() == "true energy [TeV]" and panel.get_xscale() == "log"
        assert np.sum([patch.get_data().values.sum() for patch in panel.patches]) == sum(counts.values())

"""Merging classes of several primaries, three of them: labels, strata, the signal, the pairs that checks are of."""

import h5py
import numpy as np
import pytest
import showers

from cascada.data.format import EVENTS
from cascada.data.merging import MergeOptions, merge
from cascada.report import data_page as pages
from cascada.report.data_card import warnings, write_card

GROUPS = {"light": [14, 402], "medium": 1407, "heavy": [2814, 5626]}
NUMBERS = {14: 40, 402: 20, 1407: 60, 2814: 24, 5626: 36}
NAMES = ("train.h5", "test.h5", "summary.json")


def run(folder, paths, classes, signal=""):
    folder.mkdir(exist_ok=True)
    return merge(paths, *(folder / name for name in NAMES), MergeOptions(classes=classes, signal=signal, seed=1))


def grouped(folder):
    return [showers.small_shard(folder / f"{code}.h5", code, number, seed=1) for code, number in NUMBERS.items()]


def test_a_class_of_several_primaries(tmp_path):
    summary = run(tmp_path / "out", grouped(tmp_path), GROUPS, "heavy")
    assert {split: list(of.values()) for split, of in summary["counts"].items()} == {
        "train": [33, 33, 33], "validation": [12, 12, 12], "test": [15, 15, 15],
    }  # fmt: skip
    assert summary["checks"]["class_imbalance"] == 0 and summary["signal"] == "heavy"
    label_of = {14: 0, 402: 0, 1407: 1, 2814: 2, 5626: 2}
    for name in NAMES[:2]:
        with h5py.File(tmp_path / "out" / name) as file:
            events = file[EVENTS][:]
            assert file.attrs["signal"] == "heavy" and list(file.attrs["classes"]) == list(GROUPS)
        assert events["label"].tolist() == [label_of[code] for code in events["primary"].tolist()]


def test_each_primary_of_a_group_is_in_every_split_in_proportion(tmp_path):
    found = run(tmp_path / "out", grouped(tmp_path), GROUPS, "heavy")["counts_by_primary"]
    for primaries in found.values():
        for code, counts in primaries.items():
            number = NUMBERS[int(code)]
            assert counts == {
                "train": number - round(number / 5) - number // 4, "validation": round(number / 5), "test": number // 4,
            }  # fmt: skip


def test_a_primary_of_a_group_without_showers_is_a_warning(tmp_path):
    paths = [showers.small_shard(tmp_path / f"{code}.h5", code, 40) for code in (14, 5626)]
    summary = run(tmp_path / "out", paths, {"light": [14, 402], "heavy": 5626})
    assert "The class light names the primary 402, but the data hold no shower of it." in warnings(summary)


def test_leaks_are_those_of_the_worst_pair(tmp_path):
    """The core tells iron from nitrogen for sure, and iron from both others together less well."""
    paths = []
    for code, distance in ((14, 25), (1407, 10), (5626, 20)):
        paths.append(showers.small_shard(tmp_path / f"{code}.h5", code, 60))
        with h5py.File(paths[-1], "r+") as file:
            events = file[EVENTS][:]
            events["core_x"], events["core_y"] = distance + np.arange(60) * (0.5 if code == 14 else 0.1), 0
            file[EVENTS][:] = events
    summary = run(tmp_path / "out", paths, {"proton": 14, "nitrogen": 1407, "iron": 5626}, "proton")
    assert summary["checks"]["auc_of_core_offset"] == 1.0
    assert summary["worst_pairs"]["auc_of_core_offset"] == ["proton", "nitrogen"]  # the first of two that are for sure
    assert "The core offset alone separates proton and nitrogen with AUC 1.000 (at most 0.55 expected)." in warnings(
        summary
    )


@pytest.mark.parametrize("signal", ["", "proton"])
def test_the_second_class_as_signal_changes_no_byte(tmp_path, signal):
    paths = [showers.small_shard(tmp_path / f"{name}.h5", code, 60) for name, code in showers.CLASSES.items()]
    for folder, named in (("out", ""), ("named", signal)):
        run(tmp_path / folder, paths, showers.CLASSES, named)
    for name in NAMES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "named" / name).read_bytes()
    with h5py.File(tmp_path / "out/train.h5") as file:
        assert "signal" not in file.attrs


def test_the_data_card_names_signal_primaries_and_pairs(tmp_path):
    run(tmp_path / "out", grouped(tmp_path), GROUPS, "heavy")
    write_card(tmp_path / "out/summary.json", tmp_path / "out/train.h5", tmp_path / "out")
    pages.write_data_card(tmp_path / "out/card.json", tmp_path / "out/card.html")
    page = (tmp_path / "out/card.html").read_text()
    assert "The signal is heavy." in page and '<td class="text">heavy</td><td>5626</td><td>20</td>' in page
    assert '<td class="text">light and medium</td>' in page
    run(tmp_path / "two", grouped(tmp_path)[:1] + grouped(tmp_path)[2:3], {"proton": 14, "nitrogen": 1407})
    write_card(tmp_path / "two/summary.json", tmp_path / "two/train.h5", tmp_path / "two")
    pages.write_data_card(tmp_path / "two/card.json", tmp_path / "two/card.html")
    page = (tmp_path / "two/card.html").read_text()
    assert "The signal is nitrogen." in page and "Primaries" not in page and "differ most" not in page

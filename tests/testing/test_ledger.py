"""The seal is the showers themselves: neither another file of them nor another experiment opens it unnoticed."""

import json
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest
from showers import small_dataset

from cascada.core.errors import DataError
from cascada.core.files import sha256
from cascada.testing import ledger

ROOT = Path(__file__).parents[2]
FIRST, SECOND = (
    {"configuration": f"lenet-{n}", "seed": n, "epochs": 2, "checkpoint_sha256": str(n) * 64} for n in (1, 2)
)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("sealed"), showers=80)[1]


@pytest.fixture
def test_file(sealed, tmp_path):
    """test.h5 of an experiment whose seal has not been opened."""
    return copy(sealed, tmp_path, "one")


def copy(sealed, results, experiment):
    path = results / experiment / "dataset/test.h5"
    path.parent.mkdir(parents=True)
    return shutil.copy(sealed, path)


def reorder(path, change=0.0):
    """Write the same showers in another order, as other shards would give."""
    before = sha256(path)
    with h5py.File(path, "r+") as file:
        for name in ("images", "events"):
            file[name][:] = file[name][:][::-1]
        file["images"][0, 0, 0, 0] += change
    assert sha256(path) != before


def test_the_same_showers_in_another_order_are_the_same_seal(test_file):
    ledger.open_seal(test_file, FIRST, False)
    reorder(test_file)
    with pytest.raises(DataError, match=r"for another selection: lenet-1, seed 1, on [^ ]* \(1 such opening"):
        ledger.open_seal(test_file, SECOND, False)
    assert not ledger.open_seal(test_file, FIRST, False)["reopened"]
    found = ledger.open_seal(test_file, SECOND, True)
    assert found["reopened"] and found["number"] == 3 and found["selections"] == 2


def test_other_showers_are_another_seal(test_file):
    ledger.open_seal(test_file, FIRST, False)
    reorder(test_file, change=1.0)
    assert ledger.open_seal(test_file, SECOND, False) | {"ledger": []} == {
        "number": 1, "selections": 1, "reopened": False, "other_bits": False, "ledger": [],
    }  # fmt: skip


def test_the_seal_was_opened_in_another_experiment(sealed, test_file, tmp_path):
    ledger.open_seal(test_file, FIRST, False)
    other = copy(sealed, tmp_path, "two")
    reorder(other)
    with pytest.raises(DataError, match=r"lenet-1, seed 1, on [^ ]* in the experiment one"):
        ledger.open_seal(other, SECOND, False)
    assert not ledger.path_of(other).exists()
    assert ledger.open_seal(other, FIRST, False) | {"ledger": []} == {
        "number": 2, "selections": 1, "reopened": False, "other_bits": False, "ledger": [],
    }  # fmt: skip
    found = ledger.open_seal(other, SECOND, True)
    assert found["reopened"] and [one["experiment"] for one in found["ledger"]] == ["one", "two", "two"]
    third = copy(sealed, tmp_path, "three")
    reorder(third, change=1.0)
    assert ledger.open_seal(third, SECOND, False)["number"] == 1


def test_lines_of_older_versions_know_the_file_only(sealed, test_file, tmp_path):
    ledger.open_seal(test_file, FIRST, False)
    (entry,) = ledger.read(test_file)
    newer = ("seal_sha256", "showers_sha256", "epochs", "experiment")
    old = {name: value for name, value in entry.items() if name not in newer}
    ledger.path_of(test_file).write_text(json.dumps(old) + "\n")
    with pytest.raises(DataError, match="for another selection"):
        ledger.open_seal(test_file, SECOND, False)
    with pytest.raises(DataError, match="in the experiment one"):
        ledger.open_seal(copy(sealed, tmp_path, "two"), SECOND, False)
    ledger.path_of(test_file).write_text(json.dumps(old | {"test_sha256": "0" * 64}) + "\n")
    assert ledger.open_seal(test_file, SECOND, False)["number"] == 1


def test_other_bits_of_the_same_selection_may_be_tested(test_file):
    ledger.open_seal(test_file, FIRST, False)
    assert not ledger.read(test_file)[0]["other_bits"]
    found = ledger.open_seal(test_file, FIRST | {"checkpoint_sha256": "3" * 64}, False)
    assert found | {"ledger": []} == {
        "number": 2, "selections": 1, "reopened": False, "other_bits": True, "ledger": [],
    }  # fmt: skip
    assert ledger.read(test_file)[1]["other_bits"]
    with pytest.raises(DataError, match=r"\(2 such opening"):
        ledger.open_seal(test_file, SECOND, False)


@pytest.mark.parametrize("change", [{"configuration": "lenet-3"}, {"seed": 3}, {"epochs": 3}], ids=str)
def test_another_configuration_seed_or_budget_is_another_selection(test_file, change):
    ledger.open_seal(test_file, FIRST, False)
    with pytest.raises(DataError, match="for another selection: lenet-1") as error:
        ledger.open_seal(test_file, FIRST | {"checkpoint_sha256": "3" * 64} | change, False)
    assert ("; this one after 3 epochs instead of 2." in str(error.value)) == ("epochs" in change)


def test_another_training_set_is_another_selection(sealed, test_file, tmp_path):
    train, again = sealed.with_name("train.h5"), FIRST | {"checkpoint_sha256": "3" * 64}
    ledger.open_seal(test_file, FIRST, False, train)
    other = Path(shutil.copy(train, tmp_path))
    reorder(other)
    assert ledger.open_seal(test_file, again, False, other)["selections"] == 1
    reorder(other, change=1.0)
    with pytest.raises(DataError, match=r"lenet-1, seed 1, .*; this one was trained on other data\. "):
        ledger.open_seal(test_file, again | {"checkpoint_sha256": "4" * 64}, False, other)


def test_a_line_that_knows_configuration_and_seed_alone_is_compared_by_these(test_file):
    ledger.open_seal(test_file, FIRST, False)
    (entry,) = ledger.read(test_file)
    ledger.path_of(test_file).write_text(json.dumps({k: v for k, v in entry.items() if k != "epochs"}) + "\n")
    again = ledger.open_seal(test_file, FIRST | {"checkpoint_sha256": "3" * 64}, False)
    assert again["other_bits"] and again["selections"] == 1


def numbered(path, scale=1.0, first=1):
    """Give the showers numbers of run and event, and other images with another scale."""
    with h5py.File(path, "r+") as file:
        events = file["events"][:]
        events["run"], events["event"] = 7, first + events["event_id"]
        file["events"][:], file["images"][:] = events, file["images"][:] * scale
    return path


def test_the_same_showers_with_other_images_are_the_same_seal(sealed, test_file, tmp_path):
    """As where neutrinos are left out, or another channel is taken."""
    ledger.open_seal(numbered(test_file), FIRST, False)
    other = numbered(copy(sealed, tmp_path, "two"), scale=0.5)
    reorder(other)
    with pytest.raises(DataError, match="in the experiment one"):
        ledger.open_seal(other, SECOND, False)
    third = numbered(copy(sealed, tmp_path, "three"), scale=0.5, first=2)
    assert ledger.open_seal(third, SECOND, False)["number"] == 1


def test_showers_without_numbers_are_known_by_their_images(sealed, test_file, tmp_path):
    assert ledger.open_seal(test_file, FIRST, False)["ledger"][0]["showers_sha256"] is None
    with pytest.raises(DataError, match="in the experiment one"):
        ledger.open_seal(numbered(copy(sealed, tmp_path, "two")), SECOND, False)
    other = copy(sealed, tmp_path, "three")
    reorder(other, change=1.0)
    assert ledger.open_seal(other, SECOND, False)["number"] == 1


@pytest.mark.parametrize("linked", ["results", "results/one", "results/two"])
def test_links_to_scratch_hide_no_ledger(sealed, tmp_path, monkeypatch, linked):
    scratch, work = tmp_path / "scratch/anywhere", tmp_path / "work"
    scratch.mkdir(parents=True)
    (work / linked).parent.mkdir(parents=True)
    (work / linked).symlink_to(scratch)
    monkeypatch.chdir(work)
    for name in ("one", "two"):
        test = Path("results", name, "dataset/test.h5")
        test.parent.mkdir(parents=True)
        shutil.copy(sealed, test)
    ledger.open_seal(Path("results/one/dataset/test.h5"), FIRST, False)
    with pytest.raises(DataError, match=r"\(1 such opening.*"):
        ledger.open_seal(test, SECOND, False)
    assert ledger.open_seal(test, FIRST, False)["number"] == 2


def test_an_experiment_with_two_names_counts_its_ledger_once(test_file, tmp_path):
    ledger.open_seal(test_file, FIRST, False)
    (tmp_path / "alias").symlink_to(tmp_path / "one")
    for name in ("one", "alias"):
        found = ledger.open_seal(tmp_path / name / "dataset/test.h5", FIRST, False)
    assert found["number"] == 3


def test_cleaning_keeps_the_ledger(test_file, tmp_path):
    ledger.open_seal(test_file, FIRST, False)
    (tmp_path / "results").mkdir()
    shutil.move(tmp_path / "one", tmp_path / "results/one")
    for name in ("results/two/trials/a.txt", ".snakemake/log/a.log", "src/kept.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    shutil.copy(ROOT / "Makefile", tmp_path)
    for _ in range(2):
        subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
        left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
        assert left == {"Makefile", "src/kept.py", "results/one/dataset/test.ledger.jsonl"}
    assert not (tmp_path / "results/two").exists()


def test_cleaning_follows_links_to_scratch_and_keeps_them(tmp_path):
    """Links of `results` and of one experiment are followed; links deeper inside are removed, not what they lead to."""
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    for name in ("all/one/dataset/train.h5", "all/one/dataset/test.ledger.jsonl", "all/one/empty/trials/a.txt",
                 "two/dataset/test.ledger.jsonl", "two/trials/b.txt", "precious/raw.h5"):  # fmt: skip
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).write_text("")
    work.mkdir()
    (work / "results").symlink_to(scratch / "all")
    (scratch / "all/two").symlink_to(scratch / "two")
    (scratch / "all/one/raw").symlink_to(scratch / "precious")
    (scratch / "all/gone").symlink_to(scratch / "nothing")
    shutil.copy(ROOT / "Makefile", work)
    for _ in range(2):
        subprocess.run(["make", "clean"], cwd=work, check=True, capture_output=True)
        left = {str(path.relative_to(scratch)) for path in scratch.rglob("*") if path.is_symlink() or path.is_file()}
        kept = {"all/one/dataset/test.ledger.jsonl", "two/dataset/test.ledger.jsonl", "all/two", "all/gone"}
        assert left == kept | {"precious/raw.h5"}
        assert (work / "results").is_symlink() and not (scratch / "all/one/empty").exists()


def test_cleaning_keeps_a_link_whose_target_is_away(tmp_path):
    (tmp_path / "results").symlink_to(tmp_path / "not mounted")
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "results").is_symlink()

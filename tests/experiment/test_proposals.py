"""Which configurations a search has, from the records of its batches: growing, changing back and forth, damage."""

import copy

import pytest

from cascada.core.errors import ConfigError, DataError
from cascada.experiment import proposals, records
from cascada.experiment.samplers import tpe
from cascada.selection.proposing import propose
from experiments import experiment

SPACE = {"channels": [2, 4], "learning_rate": {"loguniform": [0.001, 0.1]}}
SEARCH = {"sampler": "sobol", "samples": 4, "seed": 1, "seeds": [1], "metric": "f1", "models": {"lenet": SPACE}}


def config(**search):
    return experiment(search=copy.deepcopy(SEARCH) | search, training={"epochs": 2, "precision": "auto"})


def of(folder, say=lambda text: None, **search):
    return proposals.candidates(config(**search), folder, say)


def make(folder, **search):
    """Propose what is missing, as the workflow's jobs do."""
    number = len(list(folder.glob("batch-*.json")))
    while of(folder, **search).batches > number:
        number += 1
        propose(config(**search), number, folder)
    return list(of(folder, **search).all())


def test_all_points_of_a_sequence_are_one_batch(tmp_path):
    before = of(tmp_path)
    assert (before.expected, before.batches, before.all()) == (4, 1, {})
    ids = make(tmp_path)
    assert len(ids) == 4 and of(tmp_path).batches == 1
    rows = records.read(tmp_path / "batch-1.json", "batch")["proposals"]
    assert [row["configuration"] for row in rows] == ids
    assert before.find(ids[2]).hyperparameters["learning_rate"] == rows[2]["values"]["learning_rate"]
    with pytest.raises(ConfigError, match="no configuration 'lenet-00000000'"):
        before.find("lenet-00000000")


def test_a_search_that_grows_adds_a_batch_and_one_that_shrinks_takes_the_first(tmp_path):
    ids = make(tmp_path)
    record = (tmp_path / "batch-1.json").read_bytes()
    assert make(tmp_path, samples=6)[:4] == ids
    assert (tmp_path / "batch-1.json").read_bytes() == record
    assert of(tmp_path, samples=6).batches == 2
    assert list(of(tmp_path, samples=3).all()) == ids[:3] and of(tmp_path, samples=3).batches == 1


def test_a_sequence_that_grows_is_that_of_a_larger_search(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    make(tmp_path / "one")
    assert make(tmp_path / "one", samples=6) == make(tmp_path / "two", samples=6)


def test_a_family_more_keeps_the_others(tmp_path):
    ids = make(tmp_path)
    models = {"lenet": SPACE, "cae": {"first_channels": {"randint": [1, 8]}}}
    grown = make(tmp_path, models=models)
    assert grown[:4] == ids and [name.split("-")[0] for name in grown[4:]] == ["cae"] * 4


@pytest.mark.parametrize("change", [{"seed": 2}, {"models": {"lenet": SPACE | {"batch_size": {"randint": [8, 64]}}}}])
def test_what_was_proposed_otherwise_is_left_aside_and_comes_back(tmp_path, change):
    ids, said = make(tmp_path), []
    changed = make(tmp_path, **change)
    assert len(changed) == 4 and not set(changed) & set(ids)
    of(tmp_path, said.append, **change)
    assert said == [
        f"{tmp_path}: 4 configuration(s) of lenet proposed for another space, sampler or seed are left aside; others are proposed."
    ]
    assert list(of(tmp_path).all()) == ids


def test_a_batch_that_is_there_stays(tmp_path):
    make(tmp_path)
    record = (tmp_path / "batch-1.json").read_bytes()
    propose(config(seed=9), 1, tmp_path)
    assert (tmp_path / "batch-1.json").read_bytes() == record


def test_batches_of_a_sampler_that_learns(tmp_path):
    options = {"sampler": "tpe", "samples": 5, "batch": 2}
    assert of(tmp_path, **options).batches == 3
    make(tmp_path, **options)
    sizes = [len(records.read(tmp_path / f"batch-{n}.json", "batch")["proposals"]) for n in (1, 2, 3)]
    assert sizes == [2, 2, 1]
    assert len(of(tmp_path, **options).before(3)) == 4
    # every job reckons with the same batches, whichever are there
    (tmp_path / "batch-3.json").unlink()
    assert of(tmp_path, **options).batches == 3
    assert of(tmp_path, **options | {"samples": 60, "batch": 0}).batches == 2 + 6


def test_a_number_is_shared_between_the_families(tmp_path):
    models = {"lenet": SPACE, "cae": {"first_channels": {"randint": [1, 8]}}}
    ids = make(tmp_path, samples={"total": 5}, models=models)
    assert [name.split("-")[0] for name in ids] == ["lenet"] * 3 + ["cae"] * 2


def test_damaged_and_missing_batches_are_named(tmp_path):
    make(tmp_path)
    make(tmp_path, samples=6)
    path = tmp_path / "batch-1.json"
    whole = path.read_text()
    path.write_text(whole.replace('"learning_rate": 0.0', '"learning_rate": 0.1'))
    with pytest.raises(DataError, match=r"batch-1\.json: its content is not what the search wrote"):
        of(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"batch-1\.json is missing, and batch-2\.json beside it follow"):
        of(tmp_path)


def test_too_many_decisions_are_refused():
    proposals.check_decisions(7, 3, True)
    with pytest.raises(
        ConfigError, match=r"search.batch: 8 batches, 3 rung.s. and finalists are 11 decisions.* at most 7"
    ):
        proposals.check_decisions(8, 3, True)


def test_a_library_that_is_missing_is_said_by_its_sampler_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(tpe, "NEEDS", "optuna_that_is_not_there")
    with pytest.raises(
        ConfigError, match=r"search\.sampler: tpe needs optuna_that_is_not_there, which is not installed"
    ):
        of(tmp_path, sampler="tpe")
    assert of(tmp_path).batches == 1

"""Who is trained to which budget, read from the records of a search."""

import pytest

from cascada.core.errors import DataError
from cascada.experiment import population, records

CONFIGURATIONS = ["a", "b", "c", "d"]


def rung(folder, number, promoted):
    records.write(folder / f"search/rung-{number}.json", "rung", {"promoted": [{"configuration": n} for n in promoted]})


def finalists(folder, names):
    records.write(folder / "search/finalists.json", "finalists", {"finalists": [{"configuration": n} for n in names]})


def of(folder, budgets=(1, 2, 4), **search):
    return population.of({"seeds": [7, 8]} | search, list(budgets), folder, lambda: CONFIGURATIONS)


def named(trials):
    return [f"{trial.configuration}{trial.seed}@{trial.epochs}" for trial in trials]


def test_a_plain_search_has_one_rung_and_no_records(tmp_path):
    found = of(tmp_path, [4])
    assert named(found.compared()) == named(found.everything()) == [f"{c}{s}@4" for c in CONFIGURATIONS for s in (7, 8)]
    assert found.left_behind() == []
    found.check()


def test_the_rungs_of_a_search(tmp_path):
    rung(tmp_path, 2, ["c", "b"])
    rung(tmp_path, 3, ["b"])
    found = of(tmp_path)
    found.check()
    assert named(found.rung(2)) == ["c7@2", "c8@2", "b7@2", "b8@2"]
    assert named(found.compared()) == ["b7@4", "b8@4"]
    assert sorted(named(found.left_behind())) == ["a7@1", "a8@1", "c7@2", "c8@2", "d7@1", "d8@1"]
    assert len(found.everything()) == 8 + 4 + 2


def test_finalists_have_more_seeds_at_the_full_budget(tmp_path):
    finalists(tmp_path, ["d", "a"])
    found = of(tmp_path, [4], rescore={"top": 2, "seeds": [9]})
    assert named(found.compared())[-2:] == ["d9@4", "a9@4"]
    assert len(found.compared()) == 10
    assert named(found.everything()) == named(found.compared())


def test_a_record_that_lacks_what_it_follows_from_is_refused(tmp_path):
    rung(tmp_path, 3, ["b"])
    with pytest.raises(
        DataError, match=r"rung-2.json is missing, and rung-3.json beside it follow.*delete what follows"
    ):
        of(tmp_path).check()
    of(tmp_path, [1, 2]).check()  # the record of a rung that is no more


@pytest.mark.parametrize("name", ["search/rung-2.json", "search/finalists.json"])
def test_an_edited_record_is_refused(tmp_path, name):
    rung(tmp_path, 2, ["b"])
    finalists(tmp_path, ["b"])
    path = tmp_path / name
    path.write_text(path.read_text().replace('"b"', '"a"'))
    with pytest.raises(DataError, match="its content is not what the search wrote"):
        of(tmp_path, rescore={"top": 1, "seeds": [9]}).check()


def test_a_record_that_is_not_there_is_not_guessed(tmp_path):
    with pytest.raises(DataError, match=r"rung-2\.json: no such record"):
        of(tmp_path).rung(2)


def test_a_record_is_read_once_and_again_when_another_takes_its_place(tmp_path, monkeypatch):
    """A promotion is made anew in the middle of a run, in which every job's files follow from it."""
    read, counted = records.read, []
    monkeypatch.setattr(records, "read", lambda path, kind: counted.append(path.name) or read(path, kind))
    rung(tmp_path, 2, ["c", "b"])
    found = of(tmp_path, [1, 2])
    assert named(found.compared()) == named(found.rung(2)) == ["c7@2", "c8@2", "b7@2", "b8@2"]
    assert counted == ["rung-2.json"]
    rung(tmp_path, 2, ["a", "b"])
    assert named(found.compared()) == ["a7@2", "a8@2", "b7@2", "b8@2"]
    (tmp_path / "search/rung-2.json").unlink()
    with pytest.raises(DataError, match="no such record"):
        found.compared()

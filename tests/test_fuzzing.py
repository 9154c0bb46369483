"""Half a minute of fuzzing; the long run is `make fuzz`."""

import dataclasses

import numpy as np
import pytest
from fuzzing.corpus import Original
from fuzzing.driver import run
from fuzzing.mutations import Mutation
from fuzzing.verdict import OTHER, REFUSED, SAME, Result, WrongError, judge
from fuzzing.worker import Reader

MUTANTS = 1000


@pytest.mark.timeout(900)
def test_every_mutant_ends_with_right_values_or_one_sentence():
    summary = run(seed=20, numbers=range(MUTANTS))
    assert summary.failures == []
    ends = [sum(ends[name] for ends in summary.ends.values()) for name in (REFUSED, SAME, OTHER)]
    assert sum(ends) == MUTANTS
    assert min(ends) > 0  # all three can happen: the mutations do something, and the readers do not refuse everything


def test_a_mutant_is_the_same_for_the_same_number(tmp_path):
    readers = [Reader(tmp_path / name) for name in ("one", "other")]
    for number in range(len(readers[0].originals)):
        (_, one, first), (_, other, second) = (reader.mutant(3, number) for reader in readers)
        assert one == other
        if first.is_file() and first.suffix != ".h5":  # HDF5 writes times
            assert first.read_bytes() == second.read_bytes()


@pytest.fixture(scope="module")
def corsika(tmp_path_factory) -> tuple[Original, Result]:
    reader = Reader(tmp_path_factory.mktemp("fuzzing") / "reader")
    index = next(i for i, original in enumerate(reader.originals) if original.path.name == "written")
    return reader.originals[index], reader.good[index]


def changed(good: Result, **events) -> Result:
    found = Result(good.images.copy(), good.events.copy())
    for name, value in events.items():
        found.events[name][1] = value
    return found


def test_the_verdict_tells_wrong_from_right(corsika):
    original, good = corsika
    structure, data = Mutation("", "structure"), Mutation("", "data", (0, 4))
    assert judge(original, good, structure, Result(refusal="no")) == REFUSED
    assert judge(original, good, structure, changed(good)) == SAME
    inside = Mutation("", "data", (original.path.read_bytes().index(b"EVTE") + 28 + 1000,) * 2)
    for mutation, found, message in (
        (structure, changed(good, true_energy=5), "other values, though nothing but the structure was changed"),
        (data, changed(good, true_energy=-5), "impossible .'energies'."),
        (data, changed(good, zenith=np.nan), "impossible .'zenith angles'."),
        (data, changed(good, true_energy=5), "shower 1 has other values, but bytes .0, 4. are none of its own"),
        (data, Result(good.images[:2], good.events[:2]), "2 showers instead of 4"),
    ):
        with pytest.raises(WrongError, match=message):
            judge(original, good, mutation, found)
    protected = dataclasses.replace(original, protected=True)
    with pytest.raises(WrongError, match="other values"):
        judge(protected, good, inside, changed(good, true_energy=5))

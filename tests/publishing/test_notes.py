"""What stops a publication, or has to be said in its card: gates and uncommitted changes."""

import pytest
from publications import FAILED, MISSED, PASSED, ROTATIONS, SHIFTS, UNDECIDED, WARNED

from cascada.core.errors import CascadaError
from cascada.publishing import publish


@pytest.mark.parametrize(
    ("probes", "ignore", "notes"),
    [
        ([PASSED], False, []),
        ([PASSED, WARNED], False, ["Fails the behaviour tests energy_scale (warnings)."]),
        ([FAILED], True, [f"Published although it does not pass gates ({ROTATIONS}): ignore_gates was set."]),
        ([PASSED], True, []),
        (
            [PASSED, UNDECIDED],
            False,
            [f"Undecided gates, whose values keep their thresholds and whose intervals do not: {SHIFTS}."],
        ),
        (
            [MISSED],
            True,
            [
                "Published although it does not pass gates (shifts 0.025 [0.005, 0.03], at most 0.02, undecided): ignore_gates was set."
            ],
        ),
        ([UNDECIDED | {"severity": "warn"}], False, ["Leaves undecided the behaviour tests shifts (warnings)."]),
    ],
)
def test_notes_on_gates(probes, ignore, notes):
    assert publish.gate_notes(probes, ignore) == notes


@pytest.mark.parametrize(
    ("probe", "undecided", "named"),
    [(FAILED, "allow", ROTATIONS), (MISSED, "allow", "shifts 0.025"), (UNDECIDED, "refuse", SHIFTS)],
)
def test_gates_that_stop_publishing(probe, undecided, named):
    with pytest.raises(CascadaError) as error:
        publish.gate_notes([PASSED | {"name": "other"}, probe], False, undecided)
    assert "does not pass 1 gate(s) of the behaviour tests: " + named in str(error.value)


CLEAN, DIRTY, UNKNOWN = ({"provenance": {"selection": {"git_dirty": dirty}}} for dirty in (False, True, None))


@pytest.mark.parametrize(("changes", "content"), [([" M a.py"], CLEAN), ([], DIRTY), ([], UNKNOWN)])
def test_uncommitted_changes_are_refused_or_noted(changes, content):
    with pytest.raises(CascadaError, match="allow_dirty"):
        publish.dirt_notes(changes, content, False)
    (note,) = publish.dirt_notes(changes, content, True)
    assert "a.py" in note or "selection" in note
    assert publish.dirt_notes([], CLEAN, False) == []

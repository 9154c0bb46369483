"""Probes: each asks a trained classifier one question on validation showers. One probe is one file in this folder.

The contract of a probe, a module `<name>.py` in this folder (no list to edit elsewhere: the folder is listed):

docstring
    its first sentence says what must hold.
`LIMITS: dict[str, tuple[float, str, str]]`
    for each quantity that it measures, under a name that no other probe uses: the threshold, the severity ("gate": a failure stops
    publishing; "warn": it is shown) and what it is, in one sentence. Written literally: the schema of an experiment's `behaviour.probes`
    comes from it, read without importing the file (experiment/probe_limits.py).
`probe(subject: Subject) -> Iterator[Measurement]`
    measures them, each with its interval; nothing where the data or the recipe do not tell enough. Random numbers are drawn
    from `subject.settings.seed`.

What probes share is in `comparing.py`; what is done to images, in data/transformations.py. `tests/behaviour/test_probes.py` tries every probe on a classifier
that behaves; add one there that is made to fail it.
"""

from collections.abc import Callable, Iterator

from cascada.behaviour.subject import Measurement, Subject
from cascada.core import extensions

PROBES: dict[str, Callable[[Subject], Iterator[Measurement]]] = {
    name: extensions.load(one).probe for name, one in sorted(extensions.found(__name__).items())
}

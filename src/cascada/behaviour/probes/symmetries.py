"""Vertical showers have no direction: turned or mirrored, they must get the same answer."""

from collections.abc import Iterator
from dataclasses import replace

from cascada.behaviour.comparing import change, flips, worst_case
from cascada.behaviour.subject import Measurement, Predictor, Subject
from cascada.data import transformations

LIMITS = {
    "symmetry_change": (
        0.02,
        "gate",
        "Mean change of the probability under the worst of the seven rotations and mirrors.",
    ),
    "symmetry_flips": (0.01, "gate", "Share of labels that flip under the worst of the seven rotations and mirrors."),
    "symmetry_flips_unaveraged": (
        0.01,
        "warn",
        "The same without the average over them, where the classifier takes one (`evaluation` symmetric).",
    ),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    found = {
        name: subject.probabilities(transformations.symmetry(subject.images, name))
        for name in transformations.SYMMETRIES
    }
    yield worst_case(
        subject, {name: change(subject, one) for name, one in found.items()}, name="symmetry_change",
        meaning="mean change of the probability under the worst of seven rotations and mirrors",
    )  # fmt: skip
    yield worst_case(
        subject, {name: flips(subject, one) for name, one in found.items()}, name="symmetry_flips", share=True,
        meaning="labels that flip under the worst of them",
    )  # fmt: skip
    if subject.unaveraged:
        yield _unaveraged(subject, subject.unaveraged)


def _unaveraged(subject: Subject, network: Predictor) -> Measurement:
    """What the network itself makes of the symmetries, where the average over them makes the gate trivial."""
    alone = replace(subject, predict=network)
    cases = {
        name: flips(alone, alone.probabilities(transformations.symmetry(subject.images, name)))
        for name in transformations.SYMMETRIES
    }
    return worst_case(
        alone, cases, name="symmetry_flips_unaveraged", share=True,
        meaning="labels that flip under the worst of them without the average over them that the classifier takes",
    )  # fmt: skip

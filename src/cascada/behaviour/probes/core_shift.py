"""Where exactly the core falls says nothing about the primary."""

from collections.abc import Iterator

from cascada.behaviour.comparing import flips, worst_case
from cascada.behaviour.subject import Measurement, Subject
from cascada.data import transformations

SHIFTS = (1, 2)  # cells of 4 m
LIMITS = {
    "core_shift_4m_flips": (0.02, "gate", "Share of labels that flip when the core moves by 4 m."),
    "core_shift_8m_flips": (0.05, "gate", "Share of labels that flip when the core moves by 8 m."),
}


def probe(subject: Subject) -> Iterator[Measurement]:
    for cells in SHIFTS:
        cases = {
            direction: flips(subject, subject.probabilities(transformations.shift(subject.images, direction, cells)))
            for direction in transformations.DIRECTIONS
        }
        yield worst_case(
            subject, cases, name=f"core_shift_{4 * cells}m_flips", share=True,
            meaning=f"labels that flip when the core moves by {4 * cells} m in the worst of four directions",
        )  # fmt: skip

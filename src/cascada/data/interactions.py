"""The surrogate's interaction model and its named variants: how far models of hadronic interactions differ, in the surrogate's terms.

At 1 to 100 TeV the densities at ground of electromagnetic particles and of muons differ by less than 10 % between EPOS-LHC,
QGSJet-II-04 and Sibyll 2.3 (Parsons and Schoorlemmer, arXiv:1904.05135), their mean depths of the maximum by 10 to 25 g/cm². A
variant moves the rows of tests/data/test_interactions.py by no more than that, and each in its own direction: `deep` and `shallow`
the maximum, `muon_rich` and `muon_poor` the muons, `wide` and `narrow` the distance from the axis. What each moves, and by how
much, is measured in docs/testing.md.

A variant's showers are others than those of the same seed and number under another variant: it stands in the seed of their random
numbers and, as `number` times RUNS, in the number of their run, by which a shower is known.
"""

from dataclasses import dataclass

RUNS = 10**15  # between the run numbers of two variants: no seed is as large


@dataclass(frozen=True, kw_only=True, slots=True)
class Interactions:
    """Factors on the surrogate's parametrised interactions; those of the standard are 1, so that its bits do not know them.

    `cross_section`: on all inelastic cross-sections; `multiplicity`: on the mean number of pions; `elasticity`: on the odds of
    the leading particle's share; `neutral`: on the share of π⁰; `transverse`: on the mean transverse momentum.
    """

    number: int
    meaning: str
    cross_section: float = 1.0
    multiplicity: float = 1.0
    elasticity: float = 1.0
    neutral: float = 1.0
    transverse: float = 1.0


STANDARD = Interactions(number=0, meaning="the surrogate as it is checked against published numbers")
VARIANTS = {
    "standard": STANDARD,
    "deep": Interactions(number=1, meaning="maximum deeper", cross_section=0.97, multiplicity=0.93, elasticity=1.04),
    "shallow": Interactions(number=2, meaning="maximum higher", cross_section=1.03, multiplicity=1.07, elasticity=0.96),
    "muon_rich": Interactions(number=3, meaning="more muons, less electromagnetic energy", neutral=0.95),
    "muon_poor": Interactions(number=4, meaning="fewer muons, more electromagnetic energy", neutral=1.05),
    "wide": Interactions(number=5, meaning="energy further from the axis", transverse=1.07),
    "narrow": Interactions(number=6, meaning="energy nearer to the axis", transverse=0.93),
}

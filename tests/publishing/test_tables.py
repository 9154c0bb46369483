"""The small tables that git keeps of a version."""

import numpy as np

from cascada.publishing import tables
from cascada.statistics.metrics import roc_curve


def test_roc_joins_equal_scores_and_keeps_its_ends():
    score, positive = np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])
    assert tables.thinned(*roc_curve(score, positive)) == [(0, 0), (0, 0.5), (0.5, 1), (1, 1)]
    many = tables.thinned(*roc_curve(np.linspace(0, 1, 5000), np.arange(5000) % 2 == 0))
    assert len(many) <= tables.POINTS + 1 and many[-1] == (1, 1)

"""Which showers drift is judged by."""

import numpy as np

from cascada.export.predict import Model
from cascada.serving import window
from cascada.serving.window import Window


def test_a_burst_is_looked_at_whole_and_of_what_goes_on_a_part_that_time_decides(model):
    now = [0.0]
    seen = Window(Model(model, threads=1), clock=lambda: now[0])
    images = np.ones((10, 1, 80, 80), np.float32)

    def add(mean, times):
        for _ in range(times):
            seen.add(images * np.float32(mean), np.full((10, 2), 0.5, np.float32))
        return seen.report()

    assert add(1, 200)["showers"] == 2000
    means = [add(2, 5)["moved"]["total_energy"]["mean"] for _ in range(2)]
    assert means[0] == means[1], "no time has passed"
    now[0] += 100 / window.RATE
    found = add(2, 50)
    assert found["showers"] == 2000
    share = (found["moved"]["total_energy"]["mean"] - means[0]) / np.log10(2)
    assert np.isclose(share, 100 / 2000, atol=1e-4)

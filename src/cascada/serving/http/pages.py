"""The pages of the server: templates that are filled here, with everything in them, so that they work without internet."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cascada.data.quantities import QUANTITIES
from cascada.export.reference import PROBABILITY
from cascada.serving.window import Window

WIDTH, HEIGHT = 360, 120  # of a picture [px]
TITLES = QUANTITIES | {PROBABILITY: "probability of the signal"}


def drift(name: str, version: str, window: Window) -> str:
    """The page about drift, as HTML."""
    found = window.report()
    pictures = {quantity: steps(**parts) for quantity, parts in window.histograms().items()}
    return _environment().get_template("drift.html.j2").render(
        name=name, version=version, found=found, pictures=pictures, titles=TITLES, width=WIDTH, height=HEIGHT
    )  # fmt: skip


def steps(edges: list[float], now: list[float], then: list[float]) -> dict[str, Any]:
    """Two histograms as outlines of SVG, and the ends of their axis."""
    top = max(*now, *then, 1e-9)

    def outline(shares: list[float]) -> str:
        step = WIDTH / len(shares)
        points = [(0.0, float(HEIGHT))]
        for number, share in enumerate(shares):
            y = HEIGHT - (HEIGHT - 4) * share / top
            points += [(number * step, y), ((number + 1) * step, y)]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in [*points, (float(WIDTH), float(HEIGHT))])

    return {"now": outline(now), "then": outline(then), "low": f"{edges[0]:.3g}", "high": f"{edges[-1]:.3g}"}


@cache
def _environment() -> Environment:
    loader = PackageLoader("cascada.serving.http")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)

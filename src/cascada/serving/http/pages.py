"""The pages of the server: templates that are filled here, with everything in them, so that they work without internet."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cascada.core.notices import SURROGATE
from cascada.data.quantities import QUANTITIES
from cascada.serving.engine import Version
from cascada.statistics.drift import PROBABILITY

# everything is in the page, and it speaks to this server alone
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
WIDTH, HEIGHT = 360, 120  # of a picture [px]
TITLES = QUANTITIES | {PROBABILITY: "probability of the signal"}


def drift(name: str, version: Version) -> str:
    """The page about drift, as HTML."""
    pictures = {quantity: steps(**parts) for quantity, parts in version.window.histograms().items()}
    return _environment().get_template("drift.html.j2").render(
        name=name, version=version.number, found=version.window.report(), pictures=pictures, titles=TITLES, width=WIDTH,
        height=HEIGHT, notice=_notice(version),
    )  # fmt: skip


def front(name: str, version: Version) -> str:
    """The page where people try the model, as HTML."""
    return _environment().get_template("front.html.j2").render(
        name=name, version=version.number, card=version.card, classes=list(version.model.classes), signal=version.model.signal,
        channels=", ".join(version.model.channels), notice=_notice(version),
        examples=[known for known, _ in version.examples],
    )  # fmt: skip


def _notice(version: Version) -> str:
    """What a page says of a model that has learned from surrogate showers; "" of others."""
    return SURROGATE if version.model.content["data"]["surrogate"] else ""


def documentation(found: dict[str, Any]) -> str:
    """The OpenAPI description `found` as a page: the tools that usually draw it load their script from elsewhere."""
    groups = list(
        dict.fromkeys(
            tag for methods in found["paths"].values() for one in methods.values() for tag in one.get("tags", ())
        )
    )
    return _environment().get_template("docs.html.j2").render(found=found, groups=groups)


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

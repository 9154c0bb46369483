"""The model card: model.json for people, in Markdown (`templates/card.md.j2`). Pure: from the content of model.json to text."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from cascada.core.classes import describe, meaning
from cascada.core.notices import MARKS, SURROGATE, marks
from cascada.statistics.names import CALIBRATED, METRICS, OF_CLASS, TITLES
from cascada.statistics.verdicts import PASSED
from cascada.statistics.words import interval, spectrum, temperature, uncertainties

DETERMINES_NO_RESULT = True  # for cascada.core.digest: prose beside the model

# what else model.json says of the test
NO_METRICS = {"showers", "confidence", "of_class", "spectrum", "also", "uncalibrated", "ece_by_chance", *MARKS}


def render(content: dict[str, Any]) -> str:
    """Return the card. What is not in `content` (a model that is not published yet) is left out."""
    test = content["test"]
    metrics = [*METRICS, *sorted(test.keys() - set(METRICS) - NO_METRICS)]
    titles = {name: TITLES[name] for name in OF_CLASS}
    return _template().render(content=content, metrics=metrics, titles=titles, marks=marks(test))


@cache
def _template() -> Template:
    # Markdown: there is nothing to escape
    found = Environment(
        loader=PackageLoader("cascada.export"), autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {
        "describe": describe,
        "meaning": meaning,
        "interval": interval,
        "temperature": temperature,
        "shape": _shape,
        "value": _value,
        "spectrum": spectrum,
        "uncertainties": uncertainties,
    }
    found.globals |= {"SURROGATE": SURROGATE, "PASSED": PASSED, "CALIBRATED": CALIBRATED, "TITLES": TITLES}
    return found.get_template("card.md.j2")


def _shape(shape: list) -> str:
    return f"({', '.join(map(str, shape))})"


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")

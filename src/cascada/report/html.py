"""Self-contained HTML pages of the report: the files in `templates/`, filled with what the stages have left."""

import base64
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from cascada.core.classes import meaning
from cascada.core.files import write_text
from cascada.core.notices import SURROGATE

NUMBER = re.compile(r"-?\d+(\.\d*)?(e[-+]?\d+)?")


def write(path: Path, template: str, **content: Any) -> None:
    """Fill a template, whose name ends in `.j2`; text is escaped, and a name that the template misses is an error."""
    write_text(path, _environment().get_template(template).render(content))


@cache
def _environment() -> Environment:
    loader = PackageLoader("cascada.report")
    found = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    found.filters |= {"shown": shown, "percent": "{:.0%}".format, "short": short, "meaning": meaning}
    found.tests["words"] = is_words
    found.globals["SURROGATE"] = SURROGATE
    return found


def embedded(picture: Path) -> str | None:
    """A PNG as the address of an image, so that the page stands alone; None where it has not been drawn."""
    if not picture.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def shown(value: Any) -> str:
    """A cell's text: numbers shortly, nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value


def is_words(value: Any) -> bool:
    """Whether a cell is text that is no number."""
    return isinstance(value, str) and value != "" and not NUMBER.fullmatch(value)


def short(digest: str) -> str:
    """The first digits of a hash; words stay."""
    return digest if " " in digest else digest[:12]

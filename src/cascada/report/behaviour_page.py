"""The behaviour tests as a page, from behaviour.json."""

from pathlib import Path

from cascada.core.files import read_json
from cascada.report import headlines, html
from cascada.statistics.verdicts import FAILED, stopping

TEMPLATE = "behaviour.html.j2"


def write_behaviour_page(report: Path, path: Path) -> None:
    """Write every measurement with its threshold and severity."""
    found = read_json(report)
    not_clean = bool(stopping(found["probes"]) or found["warnings"])
    html.write(
        path,
        TEMPLATE,
        found=found,
        headlines=headlines.of_behaviour(found),
        not_clean=not_clean,
        probes=[_row(one) for one in found["probes"]],
    )


def _row(one: dict) -> list:
    allowed = f"{one['sense']} {one['threshold']:g}{' (significantly)' if one['significant'] else ''}"
    missed = "" if one["kept"] or one["verdict"] == FAILED else ", value missed"
    result = one["verdict"].replace(FAILED, "FAILED") + missed
    interval = [one[part] for part in ("value", "low", "high")]
    return [one["name"].replace("_", " "), result, one["severity"], *interval, allowed, one["meaning"]]

"""The behaviour tests as a page, from behaviour.json."""

from pathlib import Path

from cascada.core.files import read_json
from cascada.report import headlines, html
from cascada.statistics.verdicts import FAILED, stopping
from cascada.statistics.words import interval, networks, spectrum

TEMPLATE = "behaviour.html.j2"


def write_behaviour_page(report: Path, path: Path) -> None:
    """Write every measurement with its threshold and severity."""
    found = read_json(report)
    not_clean = bool(stopping(found["probes"]) or found["warnings"])
    html.write(
        path,
        TEMPLATE,
        found=found,
        networks=networks(found["seed"], found.get("members", ())),
        headlines=headlines.of_behaviour(found),
        not_clean=not_clean,
        probes=_rows(found),
        columns=_columns(found),
    )


def _columns(found: dict) -> list[str]:
    under = [f"under {spectrum(found['spectrum'])}", "result"] if "spectrum" in found else []
    return ["quantity", "result", "severity", "value", "low", "high", "allowed", *under, "what it is"]


def _rows(found: dict) -> list[list]:
    """One row for each measurement; under a stated spectrum its value and result, where it is one of many showers, before the last."""
    rows = [_row(one) for one in found["probes"]]
    if "spectrum" not in found:
        return rows
    under = [one.get("weighted") for one in found["probes"]]
    beside = [[interval(one), one["verdict"].replace(FAILED, "FAILED")] if one else ["", ""] for one in under]
    return [[*row[:-1], *more, row[-1]] for row, more in zip(rows, beside, strict=True)]


def _row(one: dict) -> list:
    allowed = f"{one['sense']} {one['threshold']:g}{' (significantly)' if one['significant'] else ''}"
    missed = "" if one["kept"] or one["verdict"] == FAILED else ", value missed"
    result = one["verdict"].replace(FAILED, "FAILED") + missed
    numbers = [one[part] for part in ("value", "low", "high")]
    return [one["name"].replace("_", " "), result, one["severity"], *numbers, allowed, one["meaning"]]

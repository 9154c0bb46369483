"""Tables for people: self-contained HTML pages for the report, from the files that the stages leave. Pure but for the writing."""

import csv
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cascada.core.classes import meaning
from cascada.core.files import read_json, write_text

PROVENANCE = ("git_commit", "git_dirty", "lock_sha256", "data_sha256", "command")  # columns of the leaderboard

STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #222; margin: 1.2em; }
h1 { font-size: 1.3em; } h2 { font-size: 1.05em; margin-top: 1.6em; }
table { border-collapse: collapse; margin: .6em 0; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid #888; } th:first-child, td:first-child, td.text { text-align: left; }
.note { color: #8a3b2b; } .small { color: #777; font-size: .85em; }
"""


def page(title: str, *parts: str) -> str:
    """Return a whole HTML page of parts that are HTML already."""
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return (
        f"<!doctype html><html><head>{head}</head><body><h1>{html.escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return an HTML table; numbers are written shortly, text is escaped."""
    top = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def paragraph(text: str, style: str = "") -> str:
    return f'<p class="{style}">{html.escape(text)}</p>'


def heading(text: str) -> str:
    return f"<h2>{html.escape(text)}</h2>"


def provenance(facts: dict) -> str:
    """Return the line that says where a result comes from."""
    if not facts:
        return ""
    commit = facts["git_commit"][:12] if facts.get("git_commit") else "unknown (no repository)"
    dirty = " (with uncommitted changes)" if facts.get("git_dirty") else ""
    lock = (facts.get("lock_sha256") or "none")[:12]
    data = "".join(
        f"; {name} data {digest[:12]}" for name, digest in (facts.get("data_sha256") or {}).items() if digest
    )
    return paragraph(f"git commit {commit}{dirty}; lock file {lock}{data}; {facts.get('command', '')}", "small")


def write_data_card(card: Path, path: Path) -> None:
    """Write the data card: counts, checks, warnings, sources and where they come from."""
    content = read_json(card)
    classes, counts = list(content["classes"]), content["counts"]
    rows = [[split, *(counts[split][name] for name in classes), sum(counts[split].values())] for split in counts]
    for file, of_class in content["counts_by_file"].items():
        rows.append([file, *(of_class[name] for name in classes), sum(of_class.values())])
    rows.append(["all", *(sum(counts[split][name] for split in counts) for name in classes), content["showers"]])
    sources = [
        [one["file"], one["kind"], one["events"], (one["sha256"] or "made here")[:16]] for one in content["sources"]
    ]
    signal = f"The signal is {content['signal']}." if "signal" in content else ""
    parts = [
        *(paragraph(warning, "note") for warning in content["warnings"]),
        heading("Showers"),
        paragraph(signal),
        table(["split or file", *classes, "all"], rows),
        *_primaries(content.get("counts_by_primary", {})),
        heading("Checks"),
        _checks(content),
        heading("Sources"),
        table(["file or run", "kind", "showers", "sha256"], sources),
        *_left_out(content.get("left_out", {})),
        *_skipped(content.get("skipped", [])),
        provenance(content.get("provenance", {})),
    ]
    write_text(path, page("Data card", *parts))


def _primaries(counts: dict) -> list[str]:
    """The table of primaries, where a class has several."""
    if all(len(primaries) < 2 for primaries in counts.values()):
        return []
    rows = [
        [name, code, *numbers.values()] for name, primaries in counts.items() for code, numbers in primaries.items()
    ]
    splits = next(iter(next(iter(counts.values())).values()))
    return [heading("Primaries"), table(["class", "CORSIKA code", *splits], rows)]


def _checks(content: dict) -> str:
    """The table of checks; with more than two classes it says of which two each is."""
    pairs = content.get("worst_pairs", {}) if len(content["classes"]) > 2 else {}
    rows = [
        [name.replace("_", " "), value, " and ".join(pairs.get(name, []))] for name, value in content["checks"].items()
    ]
    if not pairs:
        return table(["check", "value"], [row[:2] for row in rows])
    return table(["check", "value", "of the two classes that differ most"], rows)


def _left_out(counts: dict[str, float]) -> list[str]:
    """What the readers counted and left out of the images; nothing where that is nothing."""
    rows = [[name.replace("_", " "), value] for name, value in counts.items() if value]
    return [heading("Left out of the images"), table(["what", "sum"], rows)] if rows else []


def _skipped(rows: list[dict]) -> list[str]:
    """The raw files that were skipped, and why; nothing where there are none."""
    return [heading("Skipped"), table(["file", "kind", "reason"], [list(row.values()) for row in rows])] if rows else []


def write_table(tsv: Path, title: str, notes: Sequence[str], path: Path) -> None:
    """Write a tab-separated table as a page, with notes above it."""
    with tsv.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file, delimiter="\t"))
    write_text(path, page(title, *(paragraph(note) for note in notes), table(header, rows)))


def write_leaderboard(leaderboard: Path, summary: Path, metric: str, path: Path) -> None:
    """Write leaderboard.tsv as a page, where its rows come from once below it."""
    with leaderboard.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    shown = [name for name in rows[0] if name not in PROVENANCE]
    facts = {name: rows[0].get(name, "") for name in PROVENANCE}
    facts |= {"git_dirty": facts["git_dirty"] == "True", "data_sha256": {"training": facts["data_sha256"]}}
    data = read_json(summary)
    notes = [
        paragraph("Surrogate showers: a fast toy cascade, not CORSIKA." if data["surrogate"] else "", "note"),
        paragraph(
            f"Ranked by the mean of the validation {metric}{meaning(data, metric)} over seeds; spread is the standard "
            "deviation over seeds."
        ),
        paragraph("Rows without a rank are baselines: shown, never selected."),
    ]
    body = table([name.replace("_", " ") for name in shown], [[row[name] for name in shown] for row in rows])
    write_text(path, page("Leaderboard", *notes, body, provenance(facts)))


def _cell(value: Any) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int | float):
        return f"<td>{value:,}</td>" if isinstance(value, int) else f"<td>{value:.4g}</td>"
    number = value.replace(".", "", 1).replace("-", "", 1).replace("e", "", 1).isdigit()
    return f"<td{'' if number else ' class=text'}>{html.escape(value)}</td>"

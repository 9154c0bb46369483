"""The data card as a page, from card.json."""

from pathlib import Path

from cascada.core.files import read_json
from cascada.report import headlines, html

TEMPLATE = "data_card.html.j2"


def write_data_card(card: Path, path: Path) -> None:
    """Write the data card: counts, checks, warnings, sources and where they come from."""
    content = {"signal": "", "provenance": {}} | read_json(card)
    pairs = content.get("worst_pairs", {}) if len(content["classes"]) > 2 else {}
    checks = [[name.replace("_", " "), value] for name, value in content["checks"].items()]
    if pairs:  # with more than two classes: of which two each check is
        checks = [
            [*row, " and ".join(pairs.get(name, []))] for row, name in zip(checks, content["checks"], strict=True)
        ]
    html.write(
        path,
        TEMPLATE,
        card=content,
        headlines=headlines.of_data(content),
        counts=_counts(content),
        primaries=_primaries(content.get("counts_by_primary", {})),
        pairs=pairs,
        checks=checks,
        sources=[
            [one["file"], one["kind"], one["events"], (one["sha256"] or "made here")[:16]] for one in content["sources"]
        ],
        left_out=[[name.replace("_", " "), value] for name, value in content.get("left_out", {}).items() if value],
        skipped=[list(row.values()) for row in content.get("skipped", [])],
    )


def _counts(content: dict) -> list[list]:
    """Showers by split, then by file, then in all; a column per class and one for all."""
    classes = list(content["classes"])
    rows = [
        [name, *(of_class[one] for one in classes), sum(of_class.values())]
        for counts in (content["counts"], content["counts_by_file"])
        for name, of_class in counts.items()
    ]
    in_all = [sum(of_class[name] for of_class in content["counts"].values()) for name in classes]
    return [*rows, ["all", *in_all, content["showers"]]]


def _primaries(counts: dict) -> list[list]:
    """Showers by class, primary and split, where a class has several primaries."""
    if all(len(primaries) < 2 for primaries in counts.values()):
        return []
    return [
        [name, code, *numbers.values()] for name, primaries in counts.items() for code, numbers in primaries.items()
    ]

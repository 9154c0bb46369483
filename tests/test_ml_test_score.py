"""docs/ml-test-score.md: what it names exists, and its score follows from its tables (Breck et al., IEEE Big Data 2017)."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/ml-test-score.md").read_text()
SECTIONS = ("Data", "Model", "Infrastructure", "Monitoring")
RULES = {name for path in ROOT.glob("rules/*.smk") for name in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


@dataclass(frozen=True)
class Line:
    """A row of a table."""

    number: int
    points: float
    shown: str
    lacking: str


def lines(section: str) -> list[Line]:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\| \d.*\|$", text, re.M)]
    return [Line(int(name.partition(".")[0]), float(points), shown, lacking) for name, points, shown, lacking in rows]


def evidence(text: str) -> list[str]:
    """Tests and rules."""
    return re.findall(r"`(tests/[^`]+)`", text) + re.findall(r"rule `(\w+)`", text)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_has_seven_tests_with_what_their_points_ask_for(section):
    found = lines(section)
    assert [line.number for line in found] == list(range(1, 8))
    for line in found:
        assert line.points in (0, 0.5, 1), line
        assert bool(line.lacking) == (line.points < 1), line  # manual or missing is said, and only there
        assert line.points == 0 or line.shown, line
        assert line.points < 1 or evidence(line.shown), line
        assert line.points > 0 or line.lacking.startswith("Missing: "), line


def test_the_score_follows_from_the_tables():
    sums = {section: sum(line.points for line in lines(section)) for section in SECTIONS}
    for section, points in sums.items():
        assert f"| {section} | {points:g} |" in PAGE
    assert f"| **ML Test Score (the least)** | **{min(sums.values()):g}** |" in PAGE


def test_what_is_named_exists():
    named = set(re.findall(r"`([\w./-]+/[\w./-]+|[A-Z]+\.md)(?:::(\w+))?`", PAGE))
    assert len(named) > 30
    for path, test in named - {("search/costs.tsv", "")}:
        assert (ROOT / path).is_file(), path
        assert not test or re.search(rf"^def {test}\(", (ROOT / path).read_text(), re.M), f"{path}::{test}"
    assert set(re.findall(r"rule `(\w+)`", PAGE)) <= RULES
    assert set(re.findall(r"`make ([a-z]+)`", PAGE)) <= TARGETS

"""The rule by which a version may take over."""

from pathlib import Path

import pytest

from cascada.core.errors import ConfigError
from cascada.serving.delivery.rule import Rule, judge, read_rule
from cascada.serving.delivery.watching import Seen

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "seen, word",
    [
        ({}, None),
        ({"other_class": 10}, None),  # the interval ends at 0.0183
        ({"other_class": 15}, "share of other classes may be 0.0246"),
        ({"difference": 14.0}, None),
        ({"difference": 19.0}, "mean difference may be 0.02493"),  # 0.019 + 1.96 × sqrt(0.019 × 0.481 / 1000)
        ({"failed": 3}, "failed for 3"),
    ],
)
def test_what_may_take_over(seen, word):
    said, against = judge(Seen(**({"showers": 1000, "largest": 0.5} | seen)), Rule())
    assert said.startswith("1000 showers: ")
    assert (not against) if word is None else (len(against) == 1 and word in against[0])


def test_no_difference_has_no_error_and_what_was_not_seen_is_told():
    said, against = judge(Seen(showers=1000, dropped=7), Rule())
    assert said.startswith("1000 showers (7 more passed while it was busy)") and not against
    assert "another class for 0.0000 [0.0000, 0.0030], mean difference 0.00000, at most 0.00000" in said


@pytest.mark.parametrize(
    "text, word",
    [
        ("shower: 5", "did you mean 'showers'"),
        ("showers: many", "a whole number"),
        ("showers: true", "a whole number"),
        ("showers: 0", "at least 1"),
        ("showers: 148", "raise one of the two"),  # 1 − 0.05^(1/148) = 0.0200
        ("other_class: 2", "at most 1"),
        ("other_class: .nan", "a number"),
        ("mean_difference: 0", "more than 0"),
        ("server: localhost", "http://"),
        ("root: 5", "text"),
        ("- a", "keys:"),
        ("a: [", "not readable"),
    ],
)
def test_rules_that_cannot_be_used_are_a_sentence(tmp_path, text, word):
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"rules\.yaml") as error:
        read_rule(tmp_path / "rules.yaml")
    assert word in str(error.value)


def test_a_rule_that_a_version_can_pass_is_read(tmp_path):
    (tmp_path / "rules.yaml").write_text("showers: 149\nseconds: 60\n")
    assert read_rule(tmp_path / "rules.yaml") == Rule(showers=149, seconds=60.0)


def test_the_file_that_comes_with_it_has_the_defaults():
    assert read_rule(ROOT / "deploy/delivery.yaml") == Rule()

"""What the first screen of each page says: a few facts, each with a heading and what it means. Pure.

A headline is (heading, fact, words); those of the search are in `search_facts`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cascada.core.classes import meaning
from cascada.statistics.names import HEADLINES, TITLES
from cascada.statistics.verdicts import FAILED, GATE, PASSED
from cascada.statistics.words import interval

Headline = tuple[str, str, str]


def of_test(found: Mapping[str, Any]) -> list[Headline]:
    """How good is the model on sealed showers, is it better than the baselines, were the showers opened before?"""
    metrics = [(TITLES[name], interval(found[name]), meaning(found, name).strip(" ()")) for name in HEADLINES]
    opening = found["opening"]
    words = f"for {opening['selections']} selection(s)"
    return [*metrics, *_lead(found), ("Openings of the sealed showers", str(opening["number"]), words)]


def _lead(found: Mapping[str, Any]) -> list[Headline]:
    """The difference in F1 to the baseline that comes closest, where there are baselines."""
    differences = {name: metrics["f1"]["difference"] for name, metrics in found["baselines"].items()}
    if not differences:
        return []
    closest = min(differences, key=lambda name: differences[name]["value"])
    one = differences[closest]
    sure = "ahead of" if one["low"] > 0 else "behind" if one["high"] < 0 else "not distinguishable from"
    return [("F1 minus that of the best baseline", interval(one), f"{sure} {closest.replace('_', ' ')}")]


def of_behaviour(found: Mapping[str, Any]) -> list[Headline]:
    """Which gates and warnings are not passed?"""
    gates = [one for one in found["probes"] if one["severity"] == GATE]
    warned = [one for one in found["probes"] if one["severity"] != GATE]
    return [
        ("Gates", f"{_passed(gates)} of {len(gates)} passed", _open(gates)),
        ("Warnings", f"{_passed(warned)} of {len(warned)} passed", _open(warned)),
    ]


def _passed(probes: Sequence[Mapping]) -> int:
    return sum(one["verdict"] == PASSED for one in probes)


def _open(probes: Sequence[Mapping]) -> str:
    failed = [_name(one) for one in probes if one["verdict"] == FAILED]
    other = [_name(one) for one in probes if one["verdict"] not in (FAILED, PASSED)]
    parts = [f"{word}: {', '.join(names)}" for word, names in (("failed", failed), ("undecided", other)) if names]
    return "; ".join(parts) or "all"


def _name(probe: Mapping) -> str:
    return probe["name"].replace("_", " ")


def of_data(card: Mapping[str, Any]) -> list[Headline]:
    """How many showers are there, of what, and is anything wrong with them?"""
    splits = ", ".join(f"{sum(of_class.values()):,} {name}" for name, of_class in card["counts"].items())
    left = len(card.get("skipped", []))
    return [
        ("Showers", f"{card['showers']:,}", splits),
        ("Classes", str(len(card["classes"])), ", ".join(card["classes"])),
        ("Warnings", str(len(card["warnings"])), "below" if card["warnings"] else "no check warns"),
        ("Files left out", str(left), "listed below" if left else "none"),
    ]


def of_costs(rows: Sequence[Mapping[str, str]]) -> list[Headline]:
    """What did it take in all, and what was saved?"""
    whole = next((row for row in rows if row["of"] == "all"), None)
    found = (
        []
        if whole is None
        else [("Wall time", f"{float(whole['wall_hours']):.2f} hours", "of all jobs, one after another")]
    )
    for name, heading, unit in (("gpu_hours", "GPU", "GPU-hours"), ("energy_kwh", "Energy", "kWh")):
        known = whole is not None and whole[name] not in ("unknown", "")
        if known and whole and float(whole[name]):
            found.append((heading, f"{float(whole[name]):.2f} {unit}", "of all jobs"))
    saved = [row for row in rows if row["of"] == "saved" and row["name"] == "halving"]
    return found + [("Saved by halving", f"{float(row['wall_hours']):.2f} hours", "an estimate") for row in saved]


def of_model(content: Mapping[str, Any], check: Mapping[str, Any]) -> list[Headline]:
    """What is it, does it do what was tested, how good is that?"""
    differences = [value for of_size in check["largest_differences"].values() for value in of_size.values()]
    largest = max(differences, default=0.0)
    score = content["test"].get("f1")
    tested = [("F1 in the test", interval(score), "with its interval")] if score else []
    agree = "agree with PyTorch" if largest <= check["tolerance"] else "differ from PyTorch"
    words = f"largest difference of a probability; {check['tolerance']:.0e} is allowed: they {agree}"
    return [
        (f"Model: {content['model']}", content["configuration"], f"{content['parameters']:,} parameters"),
        *tested,
        *([("Exports", f"{largest:.1e}", words)] if differences else []),
    ]

"""What a measurement says about its threshold: passed, failed, or undecided where the interval reaches across. Pure.

| verdict     | value      | its interval | published                                           |
|-------------|------------|--------------|-----------------------------------------------------|
| `passed`    | right side | right side   | yes                                                 |
| `undecided` | right side | crosses it   | if `behaviour.undecided` is `allow`; the card says so |
| `undecided` | wrong side | crosses it   | no                                                  |
| `failed`    | wrong side | wrong side   | no                                                  |
"""

from collections.abc import Iterable

PASSED, UNDECIDED, FAILED = "passed", "undecided", "failed"
AT_MOST, AT_LEAST = "at most", "at least"
ALLOW, REFUSE = "allow", "refuse"  # what becomes of a gate that is undecided, with its value kept
GATE, WARN = "gate", "warn"


def keeps(value: float, sense: str, threshold: float) -> bool:
    """Whether a value is on the right side; what is not a number is not."""
    return bool(value <= threshold if sense == AT_MOST else value >= threshold)


def judge(value: float, low: float, high: float, sense: str, threshold: float, significant: bool = False) -> dict:
    """`kept`: the value is on the right side; `verdict` looks at the interval too.

    `significant` is for what is 0 but for statistics: kept and passed unless the whole interval is on the wrong side.
    """
    near, far = (low, high) if sense == AT_MOST else (high, low)
    possible, certain = keeps(near, sense, threshold), keeps(far, sense, threshold)
    kept = possible if significant else keeps(value, sense, threshold)
    if kept and (certain or significant):
        return {"kept": True, "verdict": PASSED}
    return {"kept": kept, "verdict": UNDECIDED if kept or possible else FAILED}


def names(probes: Iterable[dict], severity: str, verdict: str, kept: bool | None = None) -> list[str]:
    """Of judged measurements, those of a severity with a verdict; if `kept` is given, those alone whose value is (not) kept."""
    return [
        one["name"]
        for one in probes
        if (one["severity"], one["verdict"]) == (severity, verdict) and kept in (None, one["kept"])
    ]


def stopping(probes: list[dict], undecided: str = ALLOW) -> list[str]:
    """Gates that stop publishing: failed ones, values that miss their threshold, and every undecided one with REFUSE."""
    return [
        one["name"]
        for one in probes
        if one["severity"] == GATE and one["verdict"] != PASSED and (undecided == REFUSE or not one["kept"])
    ]


def say(one: dict) -> str:
    """A judged measurement in words: symmetry_flips 0.008333 [0.004, 0.0125], at most 0.01."""
    value, low, high = ("?" if one[part] is None else f"{one[part]:.4g}" for part in ("value", "low", "high"))
    return f"{one['name']} {value} [{low}, {high}], {one['sense']} {one['threshold']:g}"


def conclusion(probes: list[dict]) -> str:
    """All gates in one line, then the warnings that are not passed."""
    gates = [one for one in probes if one["severity"] == GATE]
    parts = [f"{verdict}: {', '.join(found)}" for verdict, found in _groups(probes, GATE)]
    if not parts:
        parts = [f"passes all {len(gates)} gates"]
    else:
        passed = len(names(probes, GATE, PASSED))
        parts = [f"passes {passed} of {len(gates)} gates", *parts]
    return "; ".join(parts + [f"warnings {verdict}: {', '.join(found)}" for verdict, found in _groups(probes, WARN)])


def _groups(probes: list[dict], severity: str) -> list[tuple[str, list[str]]]:
    groups = [
        ("failed", names(probes, severity, FAILED)),
        ("undecided (the value misses its threshold)", names(probes, severity, UNDECIDED, kept=False)),
        (
            "undecided (the value is within the threshold, but its interval crosses it)",
            names(probes, severity, UNDECIDED, kept=True),
        ),
    ]
    return [(title, found) for title, found in groups if found]

"""Classes as an experiment names them, one primary or a list of primaries each, and which of them is the signal.

Standard library only: the Snakefile imports this.

`classes` maps names to CORSIKA codes in the order of the labels, `{"iron": 5626, "light": [14, 402]}`. Files keep the
signal's name only where it is not the second class: what was written before there was a choice means the second, and keeps
its bits and hashes.
"""

from collections.abc import Mapping, Sequence

from cascada.core.errors import ConfigError

Primaries = int | Sequence[int]
PRIMARY_NAMES = {
    "gamma": 1,
    "proton": 14,
    "helium": 402,
    "nitrogen": 1407,
    "silicon": 2814,
    "iron": 5626,
}  # CORSIKA's codes
ASSUMED = 1  # label of the signal where none is named
NOT_IN_NAMES = ",|\n\t"  # they separate names in tables and in the ONNX file


def codes(primaries: Primaries) -> list[int]:
    """The CORSIKA codes of one class."""
    return [int(code) for code in (primaries if isinstance(primaries, Sequence) else [primaries])]


def labels(classes: Mapping[str, Primaries]) -> dict[int, int]:
    """The label of each primary that a class names, by CORSIKA code."""
    return {code: label for label, primaries in enumerate(classes.values()) for code in codes(primaries)}


def index(names: Sequence[str], signal: str = "") -> int:
    """The label of the signal; that of the second class where none is named. Raises ConfigError for a signal that is not a class."""
    if signal and signal not in names:
        raise ConfigError(f"The signal {signal!r} is none of the classes {list(names)}; name one of them.")
    return list(names).index(signal) if signal else ASSUMED


def stored(names: Sequence[str], signal: str = "") -> str:
    """What a file keeps of the signal: nothing for the second class."""
    return "" if index(names, signal) == ASSUMED else signal


def background(names: Sequence[str], signal: int) -> str:
    """What is not the signal, for labels of axes."""
    others = [name for label, name in enumerate(names) if label != signal]
    return others[0] if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]}"


def meanings(names: Sequence[str], signal: int) -> dict[str, str]:
    """Of which class F1 and ROC AUC are: of the signal of two, of more the mean over all, each against the rest."""
    if len(names) == 2:
        return {"f1": f"of {names[signal]}", "roc_auc": f"of {names[signal]} against {background(names, signal)}"}
    return {
        "f1": f"mean over {len(names)} classes",
        "roc_auc": f"mean over {len(names)} classes, each against the rest",
    }


def meaning(content: Mapping, metric: str) -> str:
    """What a metric is of, in brackets, from a file's `classes` and `signal`; nothing for a metric that refers to no class."""
    names = list(content.get("classes", ()))
    if not names:
        return ""
    found = meanings(names, index(names, content.get("signal", ""))).get(metric)
    return f" ({found})" if found else ""


def describe(primaries: Primaries) -> str:
    """For people: `CORSIKA code 14` or `CORSIKA codes 14, 402`."""
    found = codes(primaries)
    return f"CORSIKA code{'s' if len(found) > 1 else ''} {', '.join(map(str, found))}"


def check(data: Mapping) -> None:
    """Check the section `data` of an experiment. Raises ConfigError."""
    classes, signal = data["classes"], data.get("signal")
    if len(classes) < 2:
        raise ConfigError(f"data.classes: {classes} given, a classifier needs two classes or more.")
    for name, primaries in classes.items():
        if not isinstance(name, str) or not name.strip() or set(name) & set(NOT_IN_NAMES):
            raise ConfigError(
                f"data.classes: {name!r} given as the name of a class; a name is a word in letters (in quotes where YAML takes it "
                f"for something else), without any of {list(NOT_IN_NAMES)}."
            )
        if not codes(primaries):
            raise ConfigError(f"data.classes.{name}: an empty list given; name one primary (CORSIKA code) or more.")
    _check_primaries(classes)
    if signal is None and len(classes) > 2:
        raise ConfigError(
            f"data.signal is missing; with {len(classes)} classes name the one that is the signal, of {list(classes)}."
        )
    if signal is not None and signal not in classes:
        raise ConfigError(f"data.signal: {signal!r} given, which is not a class; allowed are {list(classes)}.")


def _check_primaries(classes: Mapping[str, Primaries]) -> None:
    named: dict[int, str] = {}
    for name, primaries in classes.items():
        for code in codes(primaries):
            if code in named:
                twice = f"class {name!r} twice" if named[code] == name else f"the classes {named[code]!r} and {name!r}"
                raise ConfigError(
                    f"data.classes: the primary {code} is named by {twice}; a primary belongs to one class."
                )
            named[code] = name

"""Where versions go, and what the shadow must show: `Rule`, and the judgement by it."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import yaml

from cascada.core.errors import ConfigError, did_you_mean
from cascada.core.options import check, option
from cascada.serving.delivery.watching import Seen
from cascada.statistics.bootstrap import clopper_pearson

CONFIDENCE, NORMAL = 0.95, 1.96  # of the intervals, and the quantile that belongs to it
KINDS = {str: "text", int: "a whole number", float: "a number"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """The keys of deploy/delivery.yaml. Raises ConfigError for a rule that no version can pass."""

    repository: str = "."
    root: str = "/srv/cascada"
    server: str = "http://127.0.0.1:8000"
    showers: int = option(1000, "that the shadow must have compared", minimum=1)
    seconds: float = option(3600.0, "to wait for them [s]", above=0)
    load_seconds: float = option(120.0, "that the server may need to load a version [s]", above=0)
    other_class: float = option(0.02, "largest share with another class", above=0, maximum=1)
    mean_difference: float = option(0.02, "largest mean absolute difference of the probability", above=0, maximum=1)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_kind(field.name, getattr(self, field.name), type(field.default))
        check(self)
        if not self.server.startswith(("http://", "https://")):
            raise ConfigError(f"server: expected an address as in http://127.0.0.1:8000, got {self.server!r}.")
        best = clopper_pearson(0, self.showers, CONFIDENCE)[1]
        if best > self.other_class:
            raise ConfigError(
                f"showers: {self.showers} without another class still allow a share of {best:.3g}, more than other_class "
                f"({self.other_class:g}): every version would be refused; raise one of the two."
            )


def _check_kind(name: str, value: object, kind: type) -> None:
    fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
    if not fits or (isinstance(value, float) and not math.isfinite(value)):
        raise ConfigError(f"{name}: expected {KINDS[kind]}, got {value!r}.")


def read_rule(path: Path) -> Rule:
    """Raises ConfigError for a file that cannot be used."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not readable ({error}); see deploy/delivery.yaml.") from error
    known = [field.name for field in dataclasses.fields(Rule)]
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected lines as in `showers: 1000`; keys: {', '.join(known)}.")
    for key in content:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r}{did_you_mean(str(key), known)}; keys: {', '.join(known)}.")
    try:
        return Rule(**content)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def judge(seen: Seen, rule: Rule) -> tuple[str, list[str]]:
    """What the shadow showed of at least one shower, and what speaks against the version: nothing where it may take over.

    Both limits are compared with the upper ends of 95 % intervals. The standard error of the mean is itself an upper limit:
    numbers between 0 and M with mean m have at most the variance m (M − m) (Bhatia and Davis 2000).
    """
    share, mean = seen.other_class / seen.showers, seen.difference / seen.showers
    low, high = clopper_pearson(seen.other_class, seen.showers, CONFIDENCE)
    error = math.sqrt(max(mean * (seen.largest - mean), 0) / seen.showers)
    highest = mean + NORMAL * error
    unseen = f" ({seen.dropped} more passed while it was busy)" if seen.dropped else ""
    said = (
        f"{seen.showers} showers{unseen}: another class for {share:.4f} [{low:.4f}, {high:.4f}], "
        f"mean difference {mean:.5f}, at most {highest:.5f}"
    )
    against = []
    if seen.failed:
        against.append(f"it failed for {seen.failed} showers")
    if high > rule.other_class:
        against.append(f"the share of other classes may be {high:.4f}, allowed is {rule.other_class:g}")
    if highest > rule.mean_difference:
        against.append(f"the mean difference may be {highest:.5f}, allowed is {rule.mean_difference:g}")
    return said, against

"""Let a published version take over from the one that answers.

`root` holds releases/<version> and the links to them; the server runs as `cascada serve ROOT/current --watch --shadow ROOT/next`.
Whatever fails, `current` leads where it led, and `next` is gone.
"""

import re
from collections.abc import Callable
from pathlib import Path

from cascada.core.errors import ConfigError, DataError
from cascada.serving.delivery.releases import CURRENT, NEXT, PREVIOUS, answering, install, link, locked
from cascada.serving.delivery.rule import Rule, judge
from cascada.serving.delivery.watching import Seen, Watched

Say = Callable[[str], None]
TAG = "model@v"


def deliver(version: str, rule: Rule, token: str = "", say: Say = print) -> None:
    """Raises ConfigError, DataError where `version` cannot or may not take over; then the present one goes on."""
    version = version.removeprefix(TAG)
    if not re.fullmatch(r"\d+\.\d+\.\d+", version, re.ASCII):
        raise ConfigError(f"VERSION: expected one as in 1.2.0 or {TAG}1.2.0, got {version!r}.")
    root, server = Path(rule.root), Watched(rule.server, token)
    with locked(root):
        before, present = answering(root)
        found = server.look().current
        if found != present:
            raise DataError(
                f"{root / CURRENT} is version {present}, but {rule.server} answers with {found}: it serves another folder, or has refused "
                "this one; its log says more."
            )
        if present == version:
            say(f"version {version} answers already")
            return
        target = install(root, version, rule.repository)
        say(f"version {version} is verified: {target}")
        try:
            _judge(_try(root, target, version, present, rule, server, say), version, present, rule, say)
            _switch(root, before, target, version, rule, server)
        finally:
            (root / NEXT).unlink(missing_ok=True)
        say(f"version {version} answers now, {present} did before")


def _try(root: Path, target: Path, version: str, present: str, rule: Rule, server: Watched, say: Say) -> Seen:
    """What the shadow has seen of enough showers, or up to its first failure. Raises DataError."""
    (root / NEXT).unlink(missing_ok=True)  # of a delivery that was killed; its counts may be beside another version
    empty = server.wait(
        lambda seen: not seen.shadow,
        rule.load_seconds,
        f"{rule.server} tries another version in the shadow; it must run with --watch --shadow {root / NEXT}.",
    )
    link(root / NEXT, target)
    seen = server.wait(
        lambda seen: seen.shadow == version or seen.refused > empty.refused,
        rule.load_seconds,
        f"version {version} was not tried in the shadow within {rule.load_seconds:g} s; the server must run with "
        f"--watch --shadow {root / NEXT}.",
    )
    if seen.shadow != version:
        raise DataError(f"version {version} is refused by the server, {present} goes on answering; its log says why.")
    say(f"version {version} is tried in the shadow, until it has seen {rule.showers} showers")
    seen = server.wait(
        lambda seen: (seen.current, seen.shadow) != (present, version) or seen.showers >= rule.showers or seen.failed,
        rule.seconds,
        f"version {version} saw fewer than {rule.showers} showers in the shadow within {rule.seconds:g} s; {present} goes on answering.",
    )
    if (seen.current, seen.shadow) != (present, version):
        raise DataError(
            f"version {version} was tried beside {present}, but now {seen.current} answers with {seen.shadow or 'nothing'} in the "
            "shadow: somebody else has switched; try again."
        )
    return seen


def _judge(seen: Seen, version: str, present: str, rule: Rule, say: Say) -> None:
    if not seen.showers:
        raise DataError(
            f"version {version} is refused, {present} goes on answering: it failed for {seen.failed} showers."
        )
    said, against = judge(seen, rule)
    say(said)
    if against:
        raise DataError(f"version {version} is refused, {present} goes on answering: {'; '.join(against)}.")


def _switch(root: Path, before: Path, target: Path, version: str, rule: Rule, server: Watched) -> None:
    """Raises DataError if the server does not take it; then `current` leads back."""
    refused = server.look().refused
    link(root / CURRENT, target)
    try:
        seen = server.wait(
            lambda seen: seen.current == version or seen.refused > refused,
            rule.load_seconds,
            f"version {version} did not take over within {rule.load_seconds:g} s, and {CURRENT} leads back; the server's log says more.",
        )
        if seen.current != version:
            raise DataError(f"version {version} is refused by the server, and {CURRENT} leads back; its log says why.")
    except BaseException:
        link(root / CURRENT, before)
        raise
    link(root / PREVIOUS, before)

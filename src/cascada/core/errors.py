"""Errors that a user can act on: each says what was given, what is allowed and what to do."""

import difflib
from collections.abc import Iterable


class CascadaError(Exception):
    """Base of all errors that the command line and the scripts show without a traceback."""


class ConfigError(CascadaError):
    """The experiment's configuration cannot be used as it stands."""


class DataError(CascadaError):
    """A data file is missing, damaged, foreign or contradicts what was asked of it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint to append to what was given: ` (did you mean 'lenet'?)`, nothing where no known name is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""

"""Errors that a user can act on: each says what was given, what is allowed and what to do."""


class CascadaError(Exception):
    """Base of all errors that the command line and the scripts show without a traceback."""


class ConfigError(CascadaError):
    """The experiment's configuration cannot be used as it stands."""


class DataError(CascadaError):
    """A data file is missing, damaged, foreign or contradicts what was asked of it."""

"""What the extra `serve` brings, and what to say where it is missing."""

from importlib.util import find_spec

from cascada.core.errors import ConfigError


def check_installed(*modules: str) -> None:
    """Raises ConfigError if a module cannot be found."""
    if missing := [name for name in modules if find_spec(name) is None]:
        raise ConfigError(
            f"{', '.join(missing)} cannot be imported; install the extra: `pip install 'cascada[serve]'`."
        )

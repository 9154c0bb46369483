"""What a server may be asked for, and how much of it. Limits have defaults that suit a small machine."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cascada.core.errors import ConfigError
from cascada.serving.addresses import is_loopback

TOKEN = "CASCADA_TOKEN"  # environment variable of the bearer token


@dataclass(frozen=True, kw_only=True, slots=True)
class Batching:
    """How concurrent requests are joined. The queue is counted in showers: what waits, not what is being computed."""

    largest: int = 64  # showers computed at a time
    wait: float = 0.002  # s that a shower may wait for others while the model is idle
    queue: int = 1024  # showers that may wait; a request beyond is told to come again

    def __post_init__(self) -> None:
        for name, minimum in (("largest", 1), ("wait", 0), ("queue", 1)):
            if getattr(self, name) < minimum:
                raise ConfigError(f"{name}: expected at least {minimum}, got {getattr(self, name)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one client may take."""

    megabytes: float = 64.0  # of a request's body, and of what is packed in it
    showers: int = 2048  # of a request
    seconds: float = 30.0  # to send a request, and to be answered
    connections: int = 256  # at a time, all clients together
    rate: float = 0.0  # requests per second and client address; 0: as many as it likes

    def __post_init__(self) -> None:
        for name in ("megabytes", "seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: expected a number above 0, got {getattr(self, name)}.")
        for name, minimum in (("showers", 1), ("connections", 1), ("rate", 0)):
            if getattr(self, name) < minimum:
                raise ConfigError(f"{name}: expected at least {minimum}, got {getattr(self, name)}.")

    @property
    def bytes(self) -> int:
        return int(self.megabytes * 1e6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Of one server. Raises ConfigError where other machines could reach it and nobody must show a token."""

    host: str = "127.0.0.1"
    port: int = 8000  # 0: any that is free
    name: str = ""  # of the model in addresses; that of its experiment if ""
    threads: int | None = None  # of the processor for the model; all of them if None
    token: str = field(default="", repr=False)  # nobody needs one if ""
    watch: bool = False  # look for another version in the model's folder
    shadow: Path | None = None  # folder of a version that answers nobody
    batching: Batching = field(default_factory=Batching)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port < 65536:
            raise ConfigError(f"--port: expected 0 to 65535, got {self.port}.")
        if not self.token and not is_loopback(self.host):
            raise ConfigError(
                f"--host {self.host}: other machines could reach the server, so a token is required; write one into a file that only "
                f"you can read and give --token-file FILE, or set {TOKEN}."
            )


CREDENTIALS = "CREDENTIALS_DIRECTORY"  # environment variable of the folder that systemd makes for one service


def _credential_mode(file: Path) -> int:
    """Bits that a credential of systemd may have: its access list shows as rights of a group that cannot enter the folder.

    Seen since systemd 254: https://github.com/systemd/systemd/issues/29435
    """
    folder = os.environ.get(CREDENTIALS)
    return stat.S_IRGRP if folder and file.absolute().parent == Path(folder) else 0


def read_token(file: Path | None) -> str:
    """The bearer token of a file or the environment, "" for none. Raises ConfigError for one that is empty or that others can read."""
    if file is None:
        return os.environ.get(TOKEN, "").strip()
    try:
        mode, token = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"--token-file {file}: not readable ({error}); give a file with one line, the token."
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) & ~_credential_mode(file):
        raise ConfigError(f"--token-file {file}: others can read it; run `chmod 600 {file}`.")
    if not token or not token.isascii() or any(letter.isspace() for letter in token):
        raise ConfigError(
            f"--token-file {file}: expected one line of ASCII without spaces, for example from `openssl rand -hex 32`."
        )
    return token

"""ZeroMQ's sockets for both ends of a stream: addresses that are checked, bounded queues, and keys where a network is between them."""

import re
import stat
from pathlib import Path
from typing import Any

import zmq
from zmq.utils import z85

from cascada.core.errors import ConfigError
from cascada.core.files import write_text
from cascada.serving.addresses import is_loopback

ADDRESS = re.compile(r"tcp://(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]/]+):(?P<port>\d+|\*)")
PUBSUB, PUSHPULL = "pubsub", "pushpull"
MODES = (PUBSUB, PUSHPULL)  # may lose showers, and never waits; loses none, and stations wait
SECRET = re.compile(r"secret (\S{40})\npublic (\S{40})\n?")


def check_address(text: str, option: str, key: bool) -> str:
    """Raises ConfigError for another form than tcp://HOST:PORT, and for a network address without a key."""
    found = ADDRESS.fullmatch(text)
    if not found or (found["port"] != "*" and not 0 < int(found["port"]) < 65536):
        raise ConfigError(f"{option} {text}: expected tcp://HOST:PORT, such as tcp://127.0.0.1:5555.")
    if not key and not is_loopback(found["host"].strip("[]")):
        raise ConfigError(
            f"{option} {text}: other machines could reach it, so both ends need a key; `cascada stream --make-key FILE` makes one, "
            "--key FILE uses it."
        )
    return text


def make_key(path: Path) -> str:
    """Write a new secret key that only this user can read; return the public one, for the stations."""
    if path.exists():
        raise ConfigError(f"{path}: exists; remove it, or give another name.")
    public, secret = zmq.curve_keypair()
    path.touch(mode=0o600)
    write_text(path, f"secret {secret.decode()}\npublic {public.decode()}\n")
    path.chmod(0o600)
    return public.decode()


def read_key(path: Path) -> tuple[bytes, bytes]:
    """Secret and public key of a file. Raises ConfigError for one that others can read."""
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"--key {path}: not readable ({error}); `cascada stream --make-key {path}` makes one."
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"--key {path}: others can read it; run `chmod 600 {path}`.")
    found = SECRET.fullmatch(text)
    if not found:
        raise ConfigError(f"--key {path}: not a key; `cascada stream --make-key FILE` makes one.")
    return found[1].encode(), found[2].encode()


def bound(
    context: zmq.Context, kind: int, address: str, queue: int, key: tuple[bytes, bytes] | None, option: str
) -> zmq.Socket:
    """A socket that listens. Raises ConfigError where it cannot."""
    socket = _socket(context, kind, queue, "[" in address)
    if key:
        socket.curve_server, socket.curve_secretkey = True, key[0]
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        raise ConfigError(f"{option} {address}: cannot listen there ({error.strerror}); give another port.") from error
    return socket


def connected(context: zmq.Context, kind: int, address: str, queue: int, server_key: str | None) -> zmq.Socket:
    """A socket that connects, now or as soon as the other end is there, and again after it was away.

    Its monitor tells when it has; whoever closes the socket calls `disable_monitor` before.
    """
    socket = _socket(context, kind, queue, "[" in address)
    if server_key:
        public, secret = zmq.curve_keypair()
        try:
            z85.decode(server_key)
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = public, secret, server_key.encode()
        except (ValueError, zmq.ZMQError) as error:
            raise ConfigError(
                "--server-key: expected the 40 characters of a public key, as `--make-key` prints it."
            ) from error
    socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    socket.connect(address)
    return socket


def address(socket: zmq.Socket) -> str:
    """Where a bound socket listens, with the port that it was given."""
    found = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(found, bytes)
    return found.rstrip(b"\0").decode()


def _socket(context: zmq.Context, kind: int, queue: int, ipv6: bool) -> Any:
    socket = context.socket(kind)
    socket.sndhwm = socket.rcvhwm = queue
    socket.linger = 1000  # ms to send what is left at the end
    socket.ipv6 = ipv6
    socket.maxmsgsize = 1 << 20  # bytes of a frame: an image of five channels has 128,000
    # a peer that has gone without a word is noticed
    socket.tcp_keepalive, socket.tcp_keepalive_idle, socket.tcp_keepalive_intvl, socket.tcp_keepalive_cnt = 1, 30, 10, 3
    if kind == zmq.PUB:
        # sooner, where what is lost is counted. Elsewhere not: who reads nothing for a while answers no heartbeat, and one that
        # comes after a station has ended lets the system throw away what the station has sent and nobody has read
        socket.heartbeat_ivl, socket.heartbeat_timeout = 2000, 10_000
    return socket

"""What stands between the network and the routes: who may ask, how often, how much and how slowly; and a line per request.

An answer never shows a traceback or a path of this machine, and the log never shows what was sent.
"""

import asyncio
import hmac
import math
import random
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cascada.serving.addresses import is_loopback
from cascada.serving.http.errors import Refused, too_large
from cascada.serving.http.metrics import Metrics
from cascada.serving.http.settings import Limits, Settings
from cascada.serving.logs import note

OPEN = ("/v2/health/live", "/v2/health/ready")  # for whoever starts, restarts and updates servers
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
ENDPOINT = "cascada.endpoint"  # in a scope: the route's address, where no router says it
WHOLE = "cascada.whole"  # in a scope: True once the whole body is there
PIECES = "cascada.pieces"  # in a scope: a list of what has come of the body, beside the messages, where each byte would be copied thrice
CLIENTS = 4096  # addresses whose rate is remembered
GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class Rate:
    """A bucket of one second's requests for each address; those that were not seen for longest are forgotten."""

    def __init__(self, rate: float):
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level, and when

    def wait(self, address: str, now: float) -> float:
        """Seconds after which this client may come again; 0: it may now, and that is counted."""
        if not self._rate:
            return 0.0
        capacity = max(1.0, self._rate)
        level, then = self._buckets.pop(address, (capacity, now))
        level = min(capacity, level + (now - then) * self._rate)
        allowed = level >= 1
        self._buckets[address] = (level - allowed, now)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - level) / self._rate


class Guard:
    """ASGI around everything. `connections` tells how many are open."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, connections: Callable[[], int]):
        self._app, self._settings, self._metrics, self._connections = app, settings, metrics, connections
        self._rate = Rate(settings.limits.rate)
        self._here_alone = is_loopback(settings.host)
        self._in_flight = 0
        metrics.in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        headers = dict(scope["headers"])
        id = headers.get(b"x-request-id", b"")
        if not GIVEN_ID.fullmatch(id):
            id = b"%032x" % random.getrandbits(128)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_ours(message["headers"], id)
            await send(message)

        self._in_flight += 1
        try:
            self._check(scope, headers)
            await self._app(scope, receive, answer)
        except Refused as refused:
            await refusal(refused, self._metrics)(scope, receive, answer)
        except ClientDisconnect:
            status = 499
        except Exception:
            if not status:
                await failure()(scope, receive, answer)
            raise  # to the log
        finally:
            self._in_flight -= 1
            self._note(scope, status or 500, time.perf_counter() - started, id.decode())

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if scope["path"] in OPEN:
            return
        self._check_host(headers)
        if (open_now := self._connections()) > self._settings.limits.connections:
            raise Refused(
                503,
                "connections",
                f"{open_now - 1} connections are open already; ask again in a moment.",
                retry=1,
            )
        client = scope.get("client")
        if wait := self._rate.wait(client[0] if client else "", time.monotonic()):
            raise Refused(
                429,
                "rate",
                f"More than {self._settings.limits.rate:g} requests per second; come again later.",
                retry=wait,
            )
        if self._settings.token:
            scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
            if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self._settings.token.encode()):
                raise Refused(401, "token", "A token is needed: send the header `Authorization: Bearer TOKEN`.")

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        """A page from elsewhere whose name leads to this machine must not read answers that are meant for this machine alone."""
        if self._here_alone and not _leads_here(headers.get(b"host", b"")):
            raise Refused(
                421, "host", "This server answers to names of its own machine alone, such as 127.0.0.1 or localhost."
            )

    def _note(self, scope: Scope, status: int, seconds: float, id: str) -> None:
        endpoint = str(scope.get(ENDPOINT) or getattr(scope.get("route"), "path", "other"))
        self._metrics.answered(endpoint, status, seconds)
        fields: dict[str, Any] = {
            "method": scope["method"],
            "endpoint": endpoint,
            "status": status,
            "seconds": round(seconds, 4),
            "id": id,
        }
        note("request", fields | scope.get("state", {}).get("noted", {}))


def _with_ours(headers: Iterable[tuple[bytes, bytes]], id: bytes) -> list[tuple[bytes, bytes]]:
    """An answer's headers, with those of all answers that it has not set itself."""
    found = list(headers)
    names = {name for name, _ in found}
    return found + [one for one in (*HEADERS, (b"x-request-id", id)) if one[0] not in names]


@lru_cache(CLIENTS)
def _leads_here(host: bytes) -> bool:
    """Whether a `Host` header names this machine; who sends none is not a browser."""
    name = host.decode("latin-1")
    name = name.rsplit(":", 1)[0] if not name.endswith("]") else name
    return not host or is_loopback(name.strip("[]"))


def failure() -> Response:
    """The answer where the server has failed."""
    return JSONResponse({"error": "The server failed to answer; its log says why."}, 500)


def refusal(refused: Refused, metrics: Metrics) -> Response:
    """The answer to a request that is refused, in the protocol's form; it is counted."""
    metrics.refused.labels(refused.reason).inc()
    headers = {} if refused.retry is None else {"retry-after": str(max(1, math.ceil(refused.retry)))}
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refused.reason == "connections":
        headers["connection"] = "close"
    return JSONResponse({"error": refused.sentence}, refused.status, headers)


async def read_body(scope: Scope, receive: Receive, limits: Limits) -> list[bytes]:
    """The body in the pieces in which it came, as far as it is not larger and does not come more slowly than allowed. Raises Refused."""
    headers = dict(scope["headers"])
    if encoding := headers.get(b"content-encoding", b""):
        shown = encoding[:20].decode("latin-1")
        raise Refused(415, "encoding", f"Content-Encoding {shown!r} is not taken; send the body as it is.")
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > limits.bytes:
        raise too_large(f"The body has {int(length)} bytes, at most {limits.bytes} are allowed.")
    if scope.get(WHOLE):  # nothing to wait for: no timer, which costs more than reading a shower
        return await _pieces(scope, receive, limits)
    try:
        async with asyncio.timeout(limits.seconds):
            return await _pieces(scope, receive, limits)
    except TimeoutError:
        raise Refused(408, "slow", f"The body did not come within {limits.seconds:g} s.") from None


async def _pieces(scope: Scope, receive: Receive, limits: Limits) -> list[bytes]:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts += (new := [message.get("body", b""), *_taken(scope)])
        size += sum(map(len, new))
        if size > limits.bytes:
            raise too_large(f"The body has more than the {limits.bytes} bytes that are allowed.")
        more = message.get("more_body", False)
    return parts


def _taken(scope: Scope) -> list[bytes]:
    """What has come of the body since it was last looked at."""
    pieces: list[bytes] = scope.get(PIECES, [])
    found = pieces.copy()
    pieces.clear()
    return found


def as_messages(scope: Scope, receive: Receive) -> Receive:
    """For an application that knows nothing of PIECES: they come as messages."""

    async def joined() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            message["body"] = b"".join([message.get("body", b""), *_taken(scope)])
        return message

    return joined

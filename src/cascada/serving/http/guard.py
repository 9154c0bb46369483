"""What stands between the network and the routes: who may ask, how often, how much and how slowly; and a line per request.

An answer never shows a traceback or a path of this machine, and the log never shows what was sent.
"""

import asyncio
import hmac
import logging
import math
import re
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cascada.serving.addresses import is_loopback
from cascada.serving.http.errors import Refused, too_large
from cascada.serving.http.metrics import Metrics
from cascada.serving.http.settings import Limits, Settings
from cascada.serving.logs import NAME

log = logging.getLogger(NAME)

OPEN = ("/v2/health/live", "/v2/health/ready")  # for whoever starts, restarts and updates servers
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
CLIENTS = 4096  # addresses whose rate is remembered
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


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
    """ASGI middleware around everything. `connections` tells how many are open."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics, connections: Callable[[], int]):
        self._app, self._settings, self._metrics, self._connections = app, settings, metrics, connections
        self._rate = Rate(settings.limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        id = given if GIVEN_ID.fullmatch(given) else uuid.uuid4().hex

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in {**HEADERS, "x-request-id": id}.items():
                    MutableHeaders(scope=message).setdefault(name, value)
            await send(message)

        self._metrics.in_flight.inc()
        try:
            try:
                self._check(scope, headers)
            except Refused as refused:
                await refusal(refused, self._metrics)(scope, receive, answer)
            else:
                await self._app(scope, receive, answer)
        except ClientDisconnect:
            status = 499
        finally:
            self._metrics.in_flight.dec()
            self._note(scope, status, time.perf_counter() - started, id)

    def _check(self, scope: Scope, headers: Headers) -> None:
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
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(
                given.strip().encode(), self._settings.token.encode()
            ):
                raise Refused(401, "token", "A token is needed: send the header `Authorization: Bearer TOKEN`.")

    def _check_host(self, headers: Headers) -> None:
        """A page from elsewhere whose name leads to this machine must not read answers that are meant for this machine alone."""
        if not is_loopback(self._settings.host):
            return
        host = headers.get("host", "")
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if host and not is_loopback(name.strip("[]")):
            raise Refused(
                421, "host", "This server answers to names of its own machine alone, such as 127.0.0.1 or localhost."
            )

    def _note(self, scope: Scope, status: int, seconds: float, id: str) -> None:
        route = scope.get("route")
        endpoint = getattr(route, "path", "other")
        self._metrics.requests.labels(endpoint, str(status)).inc()
        self._metrics.seconds.labels(endpoint).observe(seconds)
        fields: dict[str, Any] = {
            "method": scope["method"],
            "endpoint": endpoint,
            "status": status,
            "seconds": round(seconds, 4),
            "id": id,
        }
        log.info("request", extra={"fields": fields | scope.get("state", {}).get("noted", {})})


def refusal(refused: Refused, metrics: Metrics) -> Response:
    """The answer to a request that is refused, in the protocol's form; it is counted."""
    metrics.refused.labels(refused.reason).inc()
    headers = {} if refused.retry is None else {"retry-after": str(max(1, math.ceil(refused.retry)))}
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    if refused.reason == "connections":
        headers["connection"] = "close"
    return JSONResponse({"error": refused.sentence}, refused.status, headers)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body, as far as it is not larger and does not come more slowly than allowed. Raises Refused."""
    if encoding := request.headers.get("content-encoding", ""):
        raise Refused(415, "encoding", f"Content-Encoding {encoding[:20]!r} is not taken; send the body as it is.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limits.bytes:
        raise too_large(f"The body has {int(length)} bytes, at most {limits.bytes} are allowed.")
    parts, size = [], 0
    try:
        async with asyncio.timeout(limits.seconds):
            async for part in request.stream():
                parts.append(part)
                size += len(part)
                if size > limits.bytes:
                    raise too_large(f"The body has more than the {limits.bytes} bytes that are allowed.")
    except TimeoutError:
        raise Refused(408, "slow", f"The body did not come within {limits.seconds:g} s.") from None
    return b"".join(parts)

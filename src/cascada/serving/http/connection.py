"""One connection: HTTP/1.1 by httptools, with bounds on what a client may hold open and on what it may make the server keep."""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cascada.serving.http.guard import PIECES, WHOLE

HEAD = 65_536  # bytes that may come without a whole request head, or a piece of a body: httptools itself has no bound
ENOUGH = 1 << 20  # bytes of a body for which the one who reads it is woken before it is whole
LINGER = 1.0  # s in which a client that still sends may read its answer
INVALID = "Invalid HTTP request received."
TOO_LONG = "Invalid HTTP request received: its head is too long."


class Patient(HttpToolsProtocol):
    """HTTP/1.1 that closes a connection on which a request head takes longer than `seconds`, or whose body goes on after the answer."""

    seconds: float

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._unused = 0  # bytes since the last head, or piece of a body, was whole
        self._in_head = False
        self._receiving = False  # a request, from its first byte to its last
        self._waiting: asyncio.TimerHandle | None = self.loop.call_later(self.seconds, self._close)  # for a head

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unused += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response(INVALID)
        if self._unused > HEAD and not self.transport.is_closing():
            self.send_400_response(TOO_LONG)
        if self._in_head and self._waiting is None:
            self._waiting = self.loop.call_later(self.seconds, self._close)

    def _stay(self, rest: bytes) -> None:
        """Go on with HTTP/1.1 where another protocol is wished for (Java's client does): httptools would leave out the body."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self.send_400_response(INVALID)
            return
        headers = [b"%s: %s\r\n" % one for one in self.headers if one[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(b"%s %s HTTP/%s\r\n%s\r\n%s" % (method, self.url, version, b"".join(headers), rest))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[PIECES] = []  # type: ignore[literal-required]
        self._in_head = self._receiving = True

    def on_headers_complete(self) -> None:
        self._head_is_here()
        if not self.parser.should_upgrade():  # or the request comes again, without that
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unused = 0
        if self.cycle.response_complete:
            return
        pieces = self.scope[PIECES]  # type: ignore[literal-required]
        pieces.append(body)
        if sum(map(len, pieces)) > ENOUGH:
            self.flow.pause_reading()
            self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._receiving, self.scope[WHOLE] = False, True  # type: ignore[literal-required]
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._receiving:  # answered before all was sent: it may never end
            self.loop.call_later(LINGER, self._close_if_still_sending, self.cycle)

    def _close_if_still_sending(self, cycle: object) -> None:
        if self.cycle is cycle and self._receiving:
            self._close()

    def _close(self) -> None:
        self.transport.close()

    def _head_is_here(self) -> None:
        self._unused, self._in_head = 0, False
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)


def patient(seconds: float) -> type[Patient]:
    """The protocol, as uvicorn wants it: a class."""
    return type("Patient", (Patient,), {"seconds": seconds})

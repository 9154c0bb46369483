"""One connection of HTTP/1.1, on a real socket: what a client may hold open, and what it may make the server keep."""

import asyncio
import contextlib
import socket

import pytest
import uvicorn

from cascada.serving.http import connection, guard
from cascada.serving.http.settings import Limits

SECONDS = 0.3
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


async def sizes(scope, receive, send):
    """Answers with the size of the body, and whether all of it is there; `/early` without reading it, `/asgi` as others read it."""
    if scope["path"] == "/asgi":
        messages = guard.as_messages(scope, receive)
        size, more = 0, True
        while more:
            message = await messages()
            size, more = size + len(message["body"]), message["more_body"]
    else:
        size = sum(map(len, [] if scope["path"] == "/early" else await guard.read_body(scope, receive, Limits())))
    text = f"{size} {scope.get(guard.WHOLE)}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


def talk(conversation, seconds=SECONDS):
    """Run `conversation(reader, writer)` with a server."""

    async def main():
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            config = uvicorn.Config(
                sizes, http=connection.patient(seconds), ws="none", lifespan="off", log_config=None, access_log=False
            )
            server = uvicorn.Server(config)
            server.capture_signals = contextlib.nullcontext
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            while not server.started:
                await asyncio.sleep(0.01)
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            try:
                async with asyncio.timeout(20):
                    await conversation(reader, writer)
            finally:
                writer.close()
                server.should_exit = True
                await serving

    asyncio.run(main())


async def whole(reader):
    """An answer's body."""
    head = await reader.readuntil(b"\r\n\r\n")
    return await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


async def ended(reader):
    """All that still comes until the server closes the connection."""
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


ENDLESS = {
    "a header": b"GET / HTTP/1.1\r\nX: ",
    "an address": b"GET /",
    "trailers": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ",
    "an extension of a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\n1;x=",
}


@pytest.mark.parametrize("case", ENDLESS)
def test_what_never_ends_is_cut_off(case, monkeypatch):
    monkeypatch.setattr(connection, "HEAD", 20_000)

    async def conversation(reader, writer):
        with contextlib.suppress(ConnectionError):
            writer.write(ENDLESS[case])
            for _ in range(40):
                writer.write(b"x" * 10_000)
                await writer.drain()
        said = await asyncio.wait_for(ended(reader), 3)
        assert not said or b" 400 " in said  # it may be lost with what was not read

    talk(conversation, seconds=60)


def test_a_head_that_comes_slowly_is_cut_off_also_after_another_request():
    async def conversation(reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await whole(reader) == b"0 True"
        writer.write(b"GET / HTT")
        assert await asyncio.wait_for(ended(reader), 3) == b""

    talk(conversation)


def test_a_body_that_goes_on_after_its_answer_is_cut_off(monkeypatch):
    monkeypatch.setattr(connection, "LINGER", 0.2)

    async def conversation(reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")
        assert await whole(reader) == b"0 None"
        assert await asyncio.wait_for(ended(reader), 3) == b""

    talk(conversation)


def test_who_would_rather_speak_another_protocol_is_answered_in_this_one():
    async def conversation(reader, writer):
        wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        for number in range(1, 4):
            writer.write(POST + wish + b"Content-Length: %d\r\n\r\n" % number + bytes(number))
            assert await whole(reader) == b"%d True" % number
        writer.write(POST + wish + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"1\r\nc\r\n0\r\n\r\n")
        assert await whole(reader) == b"3 True"
        writer.write(b"CONNECT x:80 HTTP/1.1\r\n\r\n")
        assert b" 400 " in await ended(reader)

    talk(conversation)


def test_a_body_comes_whole_or_in_pieces_and_the_connection_goes_on():
    async def conversation(reader, writer):
        writer.write(POST + b"Content-Length: 5\r\n\r\nhello")
        assert await whole(reader) == b"5 True"
        writer.write(POST + b"Content-Length: 5\r\n\r\nhe")
        await asyncio.sleep(0.1)
        writer.write(b"llo")
        assert await whole(reader) == b"5 True"
        size = 3 * connection.ENOUGH
        for head in (POST, POST.replace(b"/", b"/asgi", 1)):
            writer.write(head + b"Content-Length: %d\r\n\r\n" % size + bytes(size))
            assert await whole(reader) == b"%d True" % size
        writer.write(2 * b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [await whole(reader), await whole(reader)] == 2 * [b"0 True"]

    talk(conversation)

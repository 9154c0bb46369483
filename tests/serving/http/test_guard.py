"""The guard around the routes, without a network."""

import asyncio
import json

import pytest

from cascada.serving.http.errors import Refused
from cascada.serving.http.guard import ENDPOINT, HEADERS, Guard
from cascada.serving.http.metrics import Metrics
from cascada.serving.http.settings import Settings

SCOPE = {"type": "http", "method": "POST", "path": "/x", "headers": [(b"host", b"localhost")], ENDPOINT: "/x"}


def asked(app, *headers):
    """Status, headers and body of what the guard makes of an application's answer, and the metrics."""
    sent, metrics = [], Metrics()

    async def send(message):
        sent.append(message)

    async def receive():
        raise AssertionError("nobody reads")

    try:
        asyncio.run(
            Guard(app, Settings(), metrics, lambda: 1)(
                SCOPE | {"headers": SCOPE["headers"] + list(headers)}, receive, send
            )
        )
    finally:
        text = metrics.text().decode()
        assert "cascada_requests_in_flight 0.0" in text
        asked.metrics = text
        asked.sent = sent
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def answers(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=9")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def refuses(scope, receive, send):
    raise Refused(422, "values", "a sentence")


async def fails(scope, receive, send):
    raise ValueError("/a/path")


def test_each_answer_has_an_id_and_the_headers_that_it_has_not_set_itself():
    status, headers, body = asked(answers, (b"x-request-id", b"mine-1"))
    assert (status, body) == (200, b"ok") and headers[b"x-request-id"] == b"mine-1"
    assert headers == dict(HEADERS) | {b"cache-control": b"max-age=9", b"x-request-id": b"mine-1"}
    ids = {asked(answers, (b"x-request-id", b"a\nb"))[1][b"x-request-id"] for _ in range(3)}
    assert len(ids) == 3 and all(len(one) == 32 for one in ids)


def test_what_is_refused_anywhere_is_a_sentence_that_is_counted():
    status, _, body = asked(refuses)
    assert status == 422 and json.loads(body) == {"error": "a sentence"}
    assert 'cascada_refused_total{reason="values"} 1.0' in asked.metrics
    assert 'cascada_requests_total{endpoint="/x",status="422"} 1.0' in asked.metrics


def test_a_failure_is_answered_without_its_reason_and_goes_on_to_the_log():
    with pytest.raises(ValueError, match="/a/path"):
        asked(fails)
    assert asked.sent[0]["status"] == 500 and b"/a/path" not in asked.sent[1]["body"]
    assert 'cascada_requests_total{endpoint="/x",status="500"} 1.0' in asked.metrics

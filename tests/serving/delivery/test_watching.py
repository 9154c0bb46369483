"""Looking at a server, which may be silent for a moment, want a token, or be something else."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from servers import free_port

from cascada.core.errors import DataError
from cascada.serving.delivery import watching
from cascada.serving.delivery.watching import Seen, Silent, Watched, parse

METRICS = """\
# HELP cascada_reloads_total Attempts to load another version.
# TYPE cascada_reloads_total counter
cascada_reloads_total{outcome="taken"} 4.0
cascada_reloads_total{outcome="refused"} 2.0
# TYPE cascada_model_info gauge
cascada_model_info{configuration="lenet-1",sha256="0",version="1.0.0"} 1.0
# TYPE cascada_shadow_info gauge
cascada_shadow_info{sha256="1",version="1.1.0"} 1.0
# TYPE cascada_shadow_largest_difference gauge
cascada_shadow_largest_difference 0.25
# TYPE cascada_shadow_showers_total counter
cascada_shadow_showers_total 300.0
# TYPE cascada_shadow_other_class_total counter
cascada_shadow_other_class_total 3.0
# TYPE cascada_shadow_dropped_showers_total counter
cascada_shadow_dropped_showers_total 5.0
# TYPE cascada_shadow_failed_showers_total counter
cascada_shadow_failed_showers_total 1.0
# TYPE cascada_shadow_difference_total counter
cascada_shadow_difference_total 1.5
"""


def test_what_the_server_tells_is_read():
    assert parse(METRICS) == Seen(
        current="1.0.0", shadow="1.1.0", refused=2, showers=300, other_class=3, difference=1.5, largest=0.25, dropped=5, failed=1
    )  # fmt: skip
    assert parse("") == Seen()


@pytest.fixture
def server():
    """Answers with the status and the text that stand in `server.answers`, the last of them again and again."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, text = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    web = HTTPServer(("127.0.0.1", 0), Handler)
    web.address = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield web
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.mark.parametrize(
    "answer, word",
    [((401, ""), "--token-file"), ((200, ""), "not `cascada serve`"), ((200, "<html>"), "no `cascada serve`")],
)
def test_a_server_that_cannot_be_watched_is_a_sentence(server, answer, word):
    server.answers = [answer]
    with pytest.raises(DataError, match=word):
        Watched(server.address).look()


def test_nothing_there_is_a_sentence():
    with pytest.raises(Silent, match="start it"):
        Watched(f"http://127.0.0.1:{free_port()}").look()


def test_a_busy_server_is_asked_again_until_patience_ends(server, monkeypatch):
    monkeypatch.setattr(watching, "POLL", 0.01)
    server.answers = [(503, "busy"), (503, "busy"), (200, METRICS)]
    assert Watched(server.address).wait(lambda seen: seen.showers == 300, 60, "late").failed == 1
    with pytest.raises(DataError, match="too late"):
        Watched(server.address).wait(lambda seen: seen.showers > 300, 0.05, "too late")
    monkeypatch.setattr(watching, "PATIENCE", 0.05)
    server.answers = [(503, "busy")]
    with pytest.raises(Silent, match="503"):
        Watched(server.address).wait(lambda seen: True, 60, "late")


def test_a_proxy_of_the_environment_is_not_asked(server, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    server.answers = [(200, METRICS)]
    assert Watched(server.address).look().current == "1.0.0"

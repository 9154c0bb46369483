"""Messages without a socket: what a station sends is read back, what is malformed is named."""

import json

import numpy as np
import pytest

from cascada.serving.stream import messages
from cascada.serving.stream.loop import _warnings
from cascada.serving.stream.messages import Malformed, Sent, Shower

IMAGE = np.random.default_rng(1).random((1, 80, 80), np.float32)
PAYLOAD = IMAGE.tobytes()
HEADER = {"schema": 1, "station": "a", "sequence": 3, "time": 1.5, "shape": [1, 80, 80]}


def frames(payload=PAYLOAD, topic=b"shower", **changes):
    header = {name: value for name, value in (HEADER | changes).items() if value is not None}
    return [topic, json.dumps(header).encode(), payload]


def test_a_shower_comes_back_as_it_was_sent():
    found = messages.read(messages.shower("a", 3, 1.5, IMAGE, true_energy=7.0), 1)
    assert isinstance(found, Shower) and np.array_equal(found.image, IMAGE)
    assert found.sent == Sent("a", 3, 1.5, {"true_energy": 7.0})


def test_a_heartbeat_says_which_shower_comes_next():
    assert messages.read(messages.heartbeat("a", 9, 2.0), 1) == Sent("a", 9, 2.0, {})


def test_an_answer_names_the_shower_and_the_model():
    topic, header = messages.answer(Sent("a", 3, 1.5, {}), np.array([0.25, 0.75]), ("iron", "proton"), "1.0.0", ["odd"])
    content = json.loads(header)
    assert topic == b"answer" and (content["station"], content["sequence"], content["time"]) == ("a", 3, 1.5)
    assert content["class"] == "proton" and content["probabilities"] == {"iron": 0.25, "proton": 0.75}
    assert content["model"] == "1.0.0" and content["warnings"] == ["odd"]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([], "topic"),
        ([b"shower"], "topic"),
        (frames(topic=b"other"), "topic"),
        (frames()[:2], "frames"),
        ([*frames(), b"more"], "frames"),
        ([b"heartbeat", *frames()[1:]], "frames"),
        ([b"shower", b"{", b""], "header"),
        ([b"shower", b"[" * 4000, b""], "header"),
        ([b"shower", b"[]", b""], "header"),
        ([b"shower", b"\xff\xfe", b""], "header"),
        (frames(note="x" * 5000), "header"),
        (frames(schema=2), "schema"),
        (frames(schema=None), "schema"),
        (frames(station="../../etc"), "station"),
        (frames(station=""), "station"),
        (frames(station=["a"]), "station"),
        (frames(sequence=-1), "sequence"),
        (frames(sequence=True), "sequence"),
        (frames(sequence=2**63), "sequence"),
        (frames(sequence=1.0), "sequence"),
        (frames(time="now"), "time"),
        (frames(time=float("nan")), "time"),
        (frames(time=10**400), "time"),
        (frames(shape=[2, 80, 80]), "shape"),
        (frames(shape=None), "shape"),
        (frames(payload=b""), "payload"),
        (frames(payload=IMAGE.tobytes()[:-1]), "payload"),
        (frames(payload=(-IMAGE).tobytes()), "values"),
        (frames(payload=np.full_like(IMAGE, np.nan).tobytes()), "values"),
        (frames(payload=np.full_like(IMAGE, np.inf).tobytes()), "values"),
        (frames(payload=np.full_like(IMAGE, 1e38).tobytes()), "values"),
    ],
)  # fmt: skip
def test_what_is_malformed_has_a_reason(sent, reason):
    with pytest.raises(Malformed) as found:
        messages.read(sent, 1)
    assert found.value.reason == reason


ODD = (
    10**400,
    -(10**400),
    1e308,
    -0.0,
    True,
    None,
    "",
    "\ud800",
    [],
    {},
    [[]],
    2**63 - 1,
    float("nan"),
    float("inf"),
    "9" * 300,
)


def test_whatever_a_header_says_is_read_or_malformed_and_can_be_answered():
    rng = np.random.default_rng(5)
    odd = [None, *ODD]
    for _ in range(3000):
        changes = {name: odd[rng.integers(len(odd))] for name in (*HEADER, "true_energy") if rng.random() < 0.25}
        sent = frames(**changes)
        if rng.random() < 0.5:
            place = int(rng.integers(len(sent[1])))
            sent[1] = sent[1][:place] + rng.bytes(3) + sent[1][place + rng.integers(3) :]
        try:
            found = messages.read(sent, 1)
        except Malformed:
            continue
        warnings = _warnings(found, {"true_energy": [1.0, 2.0]})
        messages.answer(found.sent, np.array([0.25, 0.75]), ("iron", "proton"), "1.0.0", warnings)

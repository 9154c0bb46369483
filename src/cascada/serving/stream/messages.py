"""The messages of a stream, without a socket. Each is a few frames of ZeroMQ: a topic, a header in JSON, and what it describes.

| topic       | header                                                                        | payload                                   |
|-------------|-------------------------------------------------------------------------------|-------------------------------------------|
| `shower`    | `schema`, `station`, `sequence`, `time`, `shape`, and what else the station says | raw float32, little-endian, (C, 80, 80) [GeV] |
| `heartbeat` | `schema`, `station`, `sequence` (of the next shower), `time`                    | –                                         |
| `answer`    | `schema`, `station`, `sequence`, `time`, `class`, `probabilities`, `model`, `warnings` | –                                  |
| `health`    | `schema`, `time`, and the state of the stream                                   | –                                         |

`time` is in seconds since the epoch, by the sender's clock: of a shower and its answer that of the shower. `sequence` grows by
one with each shower of a station.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from cascada.core.errors import CascadaError
from cascada.data.energies import LARGEST, are_energies
from cascada.data.format import IMAGE_SIZE

SCHEMA = 1
SHOWER, HEARTBEAT, ANSWER, HEALTH = b"shower", b"heartbeat", b"answer", b"health"
STATION = re.compile(r"[A-Za-z0-9._-]{1,64}")
HEADER_BYTES = 4096
LARGEST_SEQUENCE = 2**63 - 1


REASONS = (
    "topic",
    "frames",
    "header",
    "schema",
    "station",
    "sequence",
    "time",
    "shape",
    "payload",
    "values",
)  # why one is malformed


class Malformed(CascadaError):
    """`reason`: a word that is counted."""

    def __init__(self, reason: str, sentence: str):
        super().__init__(sentence)
        assert reason in REASONS, reason
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sent:
    """Who sent a message, as which one, and when. `more`: what else its header says."""

    station: str
    sequence: int
    time: float
    more: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shower:
    """`image`: float32 (C, 80, 80) [GeV]."""

    sent: Sent
    image: np.ndarray


def shower(station: str, sequence: int, time: float, image: np.ndarray, **more: Any) -> list[bytes]:
    """The frames of an image float32 (C, 80, 80) [GeV]."""
    return [
        SHOWER,
        _header(station, sequence, time, shape=list(image.shape), **more),
        np.ascontiguousarray(image, "<f4").tobytes(),
    ]


def heartbeat(station: str, sequence: int, time: float) -> list[bytes]:
    return [HEARTBEAT, _header(station, sequence, time)]


def answer(
    sent: Sent, probabilities: np.ndarray, classes: tuple[str, ...], model: str, warnings: list[str]
) -> list[bytes]:
    """The frames that answer a shower; `probabilities` (K,), `model`: its version."""
    found = {name: round(float(value), 6) for name, value in zip(classes, probabilities, strict=True)}
    said = {"class": classes[int(probabilities.argmax())], "probabilities": found, "model": model, "warnings": warnings}
    return [ANSWER, _header(sent.station, sent.sequence, sent.time, **said)]


def health(time: float, state: dict[str, Any]) -> list[bytes]:
    return [HEALTH, json.dumps({"schema": SCHEMA, "time": time} | state, allow_nan=False).encode()]


def _header(station: str, sequence: int, time: float, **more: Any) -> bytes:
    return json.dumps(
        {"schema": SCHEMA, "station": station, "sequence": sequence, "time": time} | more, allow_nan=False
    ).encode()


def read(frames: list[bytes], channels: int) -> Shower | Sent:
    """What a station sent: a shower, or a heartbeat. Raises Malformed."""
    if len(frames) < 2 or frames[0] not in (SHOWER, HEARTBEAT):
        raise Malformed(
            "topic", "expected the frames topic, header and payload, with the topic `shower` or `heartbeat`"
        )
    if len(frames) != (3 if frames[0] == SHOWER else 2):
        raise Malformed("frames", f"{len(frames)} frames; a shower has three, a heartbeat two")
    content = _content(frames[1])
    sent = _sent(content)
    return sent if frames[0] == HEARTBEAT else Shower(sent, _image(content, frames[2], channels))


def _content(text: bytes) -> dict[str, Any]:
    if len(text) > HEADER_BYTES:
        raise Malformed("header", f"a header of {len(text)} bytes, at most {HEADER_BYTES} are read")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("header", "a header that is not JSON") from error
    if not isinstance(content, dict):
        raise Malformed("header", "a header that is not a JSON object")
    if content.get("schema") != SCHEMA:
        raise Malformed("schema", f"schema {str(content.get('schema'))[:20]}; this version reads {SCHEMA}")
    return content


def _sent(content: dict[str, Any]) -> Sent:
    station, sequence, time = (content.get(name) for name in ("station", "sequence", "time"))
    if not isinstance(station, str) or not STATION.fullmatch(station):
        raise Malformed(
            "station", "a station whose name is not of 1 to 64 letters, digits, dots, hyphens and underscores"
        )
    if type(sequence) is not int or not 0 <= sequence <= LARGEST_SEQUENCE:
        raise Malformed("sequence", f"station {station}: a sequence number that is not a whole number from 0 on")
    if (seconds := number(time)) is None:
        raise Malformed("time", f"station {station}: a time that is not a number of seconds")
    more = {
        name: value for name, value in content.items() if name not in ("schema", "station", "sequence", "time", "shape")
    }
    return Sent(station, sequence, seconds, more)


def number(value: Any) -> float | None:
    """What a header says, if it is a finite number; JSON may hold integers that no float can."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _image(content: dict[str, Any], payload: bytes, channels: int) -> np.ndarray:
    shape = [channels, IMAGE_SIZE, IMAGE_SIZE]
    if content.get("shape") != shape:
        raise Malformed(
            "shape", f"station {content['station']}: a shape of {str(content.get('shape'))[:60]}, expected {shape}"
        )
    if len(payload) != 4 * math.prod(shape):
        raise Malformed(
            "payload", f"station {content['station']}: {len(payload)} bytes, expected {4 * math.prod(shape)}"
        )
    image = np.frombuffer(payload, "<f4").reshape(shape)
    if not are_energies(image):
        raise Malformed(
            "values", f"station {content['station']}: values that are negative, not finite, or above {LARGEST:g}"
        )
    return image

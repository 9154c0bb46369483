"""The Open Inference Protocol, version 2 (https://github.com/kserve/open-inference-protocol), without a server.

Tensors come and go as JSON or as raw bytes behind the JSON: the binary tensor extension
(https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md), which Triton's clients use by default.
"""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from cascada.data.energies import first_wrong
from cascada.data.format import IMAGE_SIZE
from cascada.serving.http.errors import Refused, bad, too_large

INPUT, OUTPUT = "images", "probabilities"
DATATYPE = "FP32"
JSON_LENGTH = "inference-header-content-length"  # header: bytes of JSON before the tensors
EXTENSIONS = ("binary_tensor_data",)
SHORT = 1024  # bytes of JSON that is remembered
ALIGNMENT = 64  # bytes: at multiples of that, numbers are read fastest


@dataclass(frozen=True, slots=True)
class Inference:
    """A request. `images`: float32 (n, C, 80, 80), as they came; `binary`: whether the answer is wanted as bytes; `id`: the client's own."""

    images: np.ndarray
    id: str
    binary: bool


def read_request(pieces: list[bytes], json_length: str | None, channels: tuple[str, ...], showers: int) -> Inference:
    """Read a body, in the pieces in which it came, whose JSON has `json_length` bytes (a header, None: all). Raises Refused.

    At most `showers` are allowed.
    """
    text, tensors = _parts(pieces, json_length)
    content = _json(text)
    inputs = content.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise bad(f"inputs: expected one tensor, {INPUT!r}.")
    images = _tensor(inputs[0], tensors, channels, showers)
    id = content.get("id", "")
    if not isinstance(id, str):
        raise bad("id: expected text.")
    return Inference(images, id, _wants_binary(content))


def _parts(pieces: list[bytes], json_length: str | None) -> tuple[memoryview, memoryview]:
    """The JSON, and the bytes behind it."""
    size = sum(map(len, pieces))
    if json_length is None:
        return memoryview(b"".join(pieces)), memoryview(b"")
    if not json_length.isascii() or not json_length.isdigit() or len(json_length) > 12 or int(json_length) > size:
        raise bad(f"Inference-Header-Content-Length: expected a number of at most {size}, the body's length.")
    length = int(json_length)
    view = _together(pieces, size, length)
    return view[:length], view[length:]


def _together(pieces: list[bytes], size: int, aligned: int) -> memoryview:
    """Pieces of together `size` bytes as one, so that the numbers at the place `aligned` need not be copied again to be computed with."""
    start = -aligned % ALIGNMENT
    whole = np.empty(start + size, np.uint8).data[start:]
    place = 0
    for piece in pieces:
        whole[place : place + len(piece)] = piece
        place += len(piece)
    return whole


def _json(text: memoryview) -> dict[str, Any]:
    """What is only read: a client says the same before each tensor."""
    return _known_json(bytes(text)) if len(text) <= SHORT else _read_json(bytes(text))


def _read_json(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise bad(f"The body is not JSON ({type(error).__name__}).") from error
    if not isinstance(content, dict):
        raise bad("The body is not a JSON object.")
    return content


_known_json = lru_cache(256)(_read_json)


def _tensor(tensor: dict[str, Any], raw: memoryview, channels: tuple[str, ...], showers: int) -> np.ndarray:
    if tensor.get("name") != INPUT:
        raise bad(f"inputs: expected the tensor {INPUT!r}, got {_shown(tensor.get('name'))}.")
    if tensor.get("datatype") != DATATYPE:
        raise bad(f"{INPUT}: expected datatype {DATATYPE}, got {_shown(tensor.get('datatype'))}.")
    shape = check_shape(tensor.get("shape"), channels, showers)
    parameters = _parameters(tensor)
    if "binary_data_size" in parameters:
        return _from_bytes(raw, parameters["binary_data_size"], shape)
    if len(raw):
        raise bad(f"{INPUT}: {len(raw)} bytes follow the JSON, but parameters.binary_data_size is missing.")
    return _from_json(tensor.get("data"), shape)


def check_shape(shape: Any, channels: tuple[str, ...], showers: int) -> tuple[int, ...]:
    """Return the shape of a request's images as a tuple. Raises Refused for another than (n, C, 80, 80), and for too many showers."""
    expected = [len(channels), IMAGE_SIZE, IMAGE_SIZE]
    is_shape = isinstance(shape, list | tuple) and all(type(size) is int for size in shape)
    if not is_shape or len(shape) != 4 or list(shape[1:]) != expected or shape[0] < 1:
        raise bad(
            f"{INPUT}: expected the shape [showers, {', '.join(map(str, expected))}] (channels: {', '.join(channels)}), got {_shown(shape)}."
        )
    if shape[0] > showers:
        raise too_large(f"{INPUT}: {shape[0]} showers given, at most {showers} are allowed in a request; send several.")
    return tuple(shape)


def _from_bytes(raw: memoryview, size: Any, shape: tuple[int, ...]) -> np.ndarray:
    expected = math.prod(shape) * 4
    if size != expected or len(raw) != expected:
        raise bad(
            f"{INPUT}: shape {list(shape)} of {DATATYPE} is {expected} bytes; binary_data_size is {_shown(size)} and {len(raw)} bytes came."
        )
    images = np.frombuffer(raw, "<f4").reshape(shape)
    return images if images.flags.aligned and images.dtype == np.float32 else images.astype(np.float32)


def _from_json(data: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Flat or nested lists, row by row."""
    if not isinstance(data, list):
        raise bad(f"{INPUT}: data is missing, expected a list of numbers.")
    try:
        values = np.asarray(data)
        # text that looks like numbers, and true for 1, are mistakes
        if values.dtype.kind not in "iuf" or values.size != math.prod(shape) or values.ndim not in (1, len(shape)):
            raise ValueError(f"{values.dtype} of shape {list(values.shape)}")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(values.reshape(shape), np.float32)
    except (ValueError, OverflowError, RecursionError) as error:
        raise bad(f"{INPUT}: data do not fill the shape {list(shape)} with numbers ({str(error)[:120]}).") from error


def _wants_binary(content: dict[str, Any]) -> bool:
    outputs = content.get("outputs")
    if outputs is None:
        return _parameters(content).get("binary_data_output") is True
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], dict):
        raise bad(f"outputs: expected one tensor, {OUTPUT!r}.")
    if outputs[0].get("name") != OUTPUT:
        raise bad(f"outputs: expected the tensor {OUTPUT!r}, got {_shown(outputs[0].get('name'))}.")
    parameters = _parameters(outputs[0])
    if "classification" in parameters:
        raise bad("outputs: classification is not offered; the probabilities of all classes are.")
    return parameters.get("binary_data", _parameters(content).get("binary_data_output")) is True


def _parameters(content: dict[str, Any]) -> dict[str, Any]:
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise bad("parameters: expected a mapping.")
    return parameters


def answer(request: Inference, probabilities: np.ndarray, name: str, version: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers for probabilities float32 (n, K)."""
    if not request.binary:
        values = {"data": probabilities.ravel().tolist()}
        text = _said(name, version, probabilities.shape, values, request.id)
        return text, {"content-type": "application/json"}
    raw = np.ascontiguousarray(probabilities, "<f4").tobytes()
    text = _said_before_bytes(name, version, probabilities.shape, len(raw), request.id)
    return text + raw, {"content-type": "application/octet-stream", JSON_LENGTH: str(len(text))}


def _said(name: str, version: str, shape: tuple[int, ...], more: dict[str, Any], id: str) -> bytes:
    tensor = {"name": OUTPUT, "datatype": DATATYPE, "shape": shape} | more
    content = {"model_name": name, "model_version": version, "outputs": [tensor]}
    return json.dumps(content | ({"id": id} if id else {}), allow_nan=False).encode()


@lru_cache(256)
def _said_before_bytes(name: str, version: str, shape: tuple[int, ...], size: int, id: str) -> bytes:
    return _said(name, version, shape, {"parameters": {"binary_data_size": size}}, id)


def check_values(images: np.ndarray) -> None:
    """Raise Refused for images (n, C, 80, 80) that hold no energies: not finite, negative, or larger than any shower's."""
    if wrong := first_wrong(images):
        sentence = f"{INPUT}: shower {wrong[0]} (counted from 0) holds a value that is {wrong[1]}; energies [GeV] are expected."
        raise Refused(422, "values", sentence)


def metadata(name: str, versions: list[str], channels: tuple[str, ...], classes: tuple[str, ...]) -> dict[str, Any]:
    """Of a model. A size of -1 is any."""
    return {
        "name": name,
        "versions": versions,
        "platform": "onnx_onnxv1",
        "inputs": [{"name": INPUT, "datatype": DATATYPE, "shape": [-1, len(channels), IMAGE_SIZE, IMAGE_SIZE]}],
        "outputs": [{"name": OUTPUT, "datatype": DATATYPE, "shape": [-1, len(classes)]}],
    }


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"

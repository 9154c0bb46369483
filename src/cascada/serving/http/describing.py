"""What the OpenAPI description says of bodies that are read as bytes."""

from typing import Any

from cascada.data.format import IMAGE_SIZE

SUMMARY = "Which primary started an air shower: probabilities from images of the energy at ground."
_SENTENCE = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}
ERROR: dict[str, Any] = {"description": "refused", "content": {"application/json": {"schema": _SENTENCE}}}
REFUSED: dict[int | str, dict[str, Any]] = dict.fromkeys((400, 401, 404, 408, 413, 415, 421, 422, 429, 503), ERROR)
_BYTES = {"schema": {"type": "string", "format": "binary"}}

_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"const": "images"},
        "datatype": {"const": "FP32"},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 4, "maxItems": 4},
        "data": {"type": "array", "description": "flat or nested, row by row [GeV]"},
        "parameters": {"type": "object", "description": "binary_data_size: bytes of this tensor behind the JSON"},
    },
}
_REQUEST = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "inputs": {"type": "array", "minItems": 1, "maxItems": 1, "items": _TENSOR},
        "outputs": {"type": "array"},
        "parameters": {"type": "object"},
    },
}
INFER = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _REQUEST}, "application/octet-stream": _BYTES},
    }
}
INFERRED = REFUSED | {
    200: {
        "description": "probabilities",
        "content": {"application/json": {"schema": {"type": "object"}}, "application/octet-stream": _BYTES},
    }
}

_IMAGES = {
    "type": "object",
    "required": ["images"],
    "properties": {
        "images": {"type": "array", "description": f"({IMAGE_SIZE}, {IMAGE_SIZE}), (C, …) or (n, C, …) [GeV]"}
    },
}
PREDICT = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _IMAGES}, "application/octet-stream": _BYTES},
    }
}
PREDICTED = REFUSED

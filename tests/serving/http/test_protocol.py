"""The Open Inference Protocol without a server: what is read, what is refused, and how an answer looks."""

import json

import numpy as np
import pytest

from cascada.serving.http import protocol
from cascada.serving.http.errors import Refused

CHANNELS = ("energy",)
IMAGES = np.random.default_rng(1).random((2, 1, 80, 80), np.float32)


def tensor(**changes):
    plain = {"name": "images", "datatype": "FP32", "shape": [2, 1, 80, 80], "data": IMAGES.ravel().tolist()}
    return {name: value for name, value in (plain | changes).items() if value is not None}


def read(content, raw=b"", length=None, showers=8):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return protocol.read_request([text + raw], str(len(text)) if raw and length is None else length, CHANNELS, showers)


def binary(size=IMAGES.nbytes):
    return {"inputs": [tensor(data=None, parameters={"binary_data_size": size})]}


def test_the_same_images_as_flat_and_nested_lists_and_as_bytes():
    for content, raw in (
        ({"inputs": [tensor()]}, b""),
        ({"inputs": [tensor(data=IMAGES.tolist())]}, b""),
        (binary(), IMAGES.tobytes()),
    ):
        assert np.array_equal(read(content, raw).images, IMAGES)


def test_bytes_that_begin_anywhere_are_laid_out_for_the_model():
    images = read(b" " + json.dumps(binary()).encode(), IMAGES.tobytes()).images
    assert images.flags.aligned and images.flags.c_contiguous
    assert np.array_equal(images, IMAGES)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"inputs": [tensor()]}, False),
        ({"inputs": [tensor()], "parameters": {"binary_data_output": True}}, True),
        ({"inputs": [tensor()], "outputs": [{"name": "probabilities"}]}, False),
        ({"inputs": [tensor()], "outputs": [{"name": "probabilities", "parameters": {"binary_data": True}}]}, True),
    ],
)
def test_the_client_says_how_it_wants_the_answer(content, expected):
    assert read(content).binary is expected


def test_an_answer_in_bytes_and_in_json():
    probabilities = np.array([[0.25, 0.75], [1, 0]], np.float32)
    for wants in (False, True):
        request = protocol.Inference(IMAGES, "mine", wants)
        body, headers = protocol.answer(request, probabilities, "tiny", "1.0.0")
        length = int(headers.get(protocol.JSON_LENGTH, len(body)))
        content = json.loads(body[:length])
        assert (content["model_name"], content["model_version"], content["id"]) == ("tiny", "1.0.0", "mine")
        (output,) = content["outputs"]
        values = np.frombuffer(body[length:], "<f4") if wants else output["data"]
        assert np.array_equal(np.reshape(values, output["shape"]), probabilities)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON object"),
        ({}, "one tensor"),
        ({"inputs": []}, "one tensor"),
        ({"inputs": [1]}, "one tensor"),
        ({"inputs": [tensor(), tensor()]}, "one tensor"),
        ({"inputs": [tensor(name="x")]}, "'x'"),
        ({"inputs": [tensor(datatype="FP64")]}, "FP64"),
        ({"inputs": [tensor(shape=[2, 1, 80, 81])]}, "80, 81"),
        ({"inputs": [tensor(shape=[0, 1, 80, 80])]}, "shape"),
        ({"inputs": [tensor(shape=[True, 1, 80, 80])]}, "shape"),
        ({"inputs": [tensor(shape="x")]}, "shape"),
        ({"inputs": [tensor(shape=None)]}, "shape"),
        ({"inputs": [tensor(data=None)]}, "data is missing"),
        ({"inputs": [tensor(data=[1, 2])]}, "do not fill"),
        ({"inputs": [tensor(data=["1"] * IMAGES.size)]}, "do not fill"),
        ({"inputs": [tensor(data=[True] * IMAGES.size)]}, "do not fill"),
        ({"inputs": [tensor(data=[[1, 2], [3]])]}, "do not fill"),
        ({"inputs": [tensor(parameters=3)]}, "parameters"),
        ({"inputs": [tensor()], "outputs": [{"name": "logits"}]}, "logits"),
        ({"inputs": [tensor()], "outputs": [{"name": "probabilities", "parameters": {"classification": 1}}]}, "classification"),
        ({"inputs": [tensor()], "id": 7}, "id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_a_sentence(content, word):
    with pytest.raises(Refused, match=word) as refused:
        read(content)
    assert refused.value.status == 400


@pytest.mark.parametrize("length", ["-1", "x", "99999999", "1e3", "٣"])
def test_a_wrong_length_of_the_json(length):
    with pytest.raises(Refused, match="Inference-Header-Content-Length"):
        read({"inputs": [tensor()]}, length=length)


@pytest.mark.parametrize(
    ("size", "sent"), [(4, IMAGES.nbytes), (IMAGES.nbytes, 4), ("x", IMAGES.nbytes), (-1, IMAGES.nbytes)]
)
def test_bytes_that_do_not_fill_the_shape(size, sent):
    with pytest.raises(Refused, match="binary_data_size"):
        read(binary(size), IMAGES.tobytes()[:sent])


def test_too_many_showers_are_too_large():
    with pytest.raises(Refused, match="at most 1") as refused:
        read({"inputs": [tensor()]}, showers=1)
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "not finite"), (np.inf, "not finite"), (-np.inf, "not finite"), (-1e-3, "negative")]
)
def test_values_that_are_no_energies(value, word):
    images = IMAGES.copy()
    images[1, 0, 3, 4] = value
    with pytest.raises(Refused, match=f"shower 1 .* {word}"):
        protocol.check_values(images)
    protocol.check_values(IMAGES)

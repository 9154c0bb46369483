"""Clients that other people wrote, each in an environment of its own: Triton's, and schemathesis over our description."""

import subprocess
import sys

import numpy as np
import pytest

from cascada.data.format import open_showers
from cascada.export.predict import Model

TRITON = """
import sys, numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException
client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("tiny")
assert client.get_server_metadata()["name"] == "cascada"
about = client.get_model_metadata("tiny")
assert about["inputs"][0]["shape"] == [-1, 1, 80, 80], about
images = np.load(sys.argv[2])
for binary in (True, False):
    tensor = triton.InferInput("images", images.shape, "FP32")
    tensor.set_data_from_numpy(images, binary_data=binary)
    wanted = [triton.InferRequestedOutput("probabilities", binary_data=binary)]
    for outputs in (None, wanted):
        answer = client.infer("tiny", [tensor], outputs=outputs, request_id="mine")
        assert answer.get_response()["id"] == "mine"
        np.save(sys.argv[3], answer.as_numpy("probabilities"))
        assert np.allclose(np.load(sys.argv[3]), np.load(sys.argv[4]), atol=1e-6), (binary, outputs)
waiting = [client.async_infer("tiny", [tensor]) for _ in range(8)]
assert all(np.allclose(one.get_result().as_numpy("probabilities"), np.load(sys.argv[4]), atol=1e-6) for one in waiting)
try:
    client.infer("other", [tensor])
except InferenceServerException as error:
    assert "No model 'other' here" in str(error), error
else:
    raise AssertionError("another model answered")
print("ok")
"""


def environment(folder, *packages):
    """The Python of a new environment with these packages; skips where they cannot be had."""
    steps = ([sys.executable, "-m", "venv", folder], [folder / "bin/pip", "install", "--quiet", *packages])
    for step in steps:
        done = subprocess.run(list(map(str, step)), capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{packages[0]} cannot be installed here: {done.stderr.strip()[-300:]}")
    return folder / "bin/python"


@pytest.mark.nightly
def test_tritons_client_works_as_it_is(server, model, results, tmp_path):
    python = environment(tmp_path / "venv", "tritonclient[http]==2.73.0")
    with open_showers(results / "dataset/train.h5") as file:
        images = file["images"][:7]
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "expected.npy", Model(model, threads=1).probabilities(images))
    files = [tmp_path / name for name in ("images.npy", "found.npy", "expected.npy")]
    done = subprocess.run(
        [str(python), "-c", TRITON, server.address.removeprefix("http://"), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.strip() == "ok", done.stderr


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_schemathesis_finds_no_answer_that_the_description_does_not_allow(server, tmp_path):
    python = environment(tmp_path / "venv", "schemathesis==4.32.5")
    done = subprocess.run(
        [str(python.with_name("schemathesis")), "run", f"{server.address}/openapi.json", "--checks", "not_a_server_error,status_code_conformance",
         "--max-examples", "30", "--seed", "1", "--no-color"],
        capture_output=True, text=True, timeout=1100, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert server.process.poll() is None

"""`cascada serve` as a client meets it: a real process, real requests."""

import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import zipfile

import httpx
import numpy as np
import pytest
from serve_process import running, wait_until

from cascada.core.files import read_json
from cascada.data.energies import LARGEST
from cascada.data.format import open_showers
from cascada.export.predict import Model
from cascada.serving.http.decoding import _for_clients

HEADER = "Inference-Header-Content-Length"


@pytest.fixture(scope="module")
def images(results):
    with open_showers(results / "dataset/train.h5") as file:
        return file["images"][:5]


@pytest.fixture(scope="module")
def expected(model, images):
    return Model(model, threads=1).probabilities(images)


def infer(client, images, name="tiny", **changes):
    """As Triton's client sends it: bytes behind the JSON."""
    tensor = {"name": "images", "datatype": "FP32", "shape": list(images.shape)}
    content = {
        "inputs": [tensor | {"parameters": {"binary_data_size": images.nbytes}}],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(content | changes).encode()
    return client.post(f"/v2/models/{name}/infer", content=text + images.tobytes(), headers={HEADER: str(len(text))})


def values(answer):
    length = int(answer.headers[HEADER])
    output = json.loads(answer.content[:length])["outputs"][0]
    return np.frombuffer(answer.content[length:], "<f4").reshape(output["shape"])


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def test_the_protocol_gives_the_models_own_probabilities(server, images, expected):
    assert np.allclose(values(infer(server.client, images)), expected, atol=1e-6)
    tensor = {"name": "images", "datatype": "FP32", "shape": list(images.shape), "data": images.tolist()}
    answer = server.client.post("/v2/models/tiny/infer", json={"inputs": [tensor]}).json()
    assert np.allclose(np.reshape(answer["outputs"][0]["data"], expected.shape), expected, atol=1e-6)


def test_it_says_what_it_is(server, model):
    content = read_json(model / "model.json")
    about = server.client.get("/v2/models/tiny").json()
    assert about["versions"] == [content["configuration"]]
    assert about["inputs"][0]["shape"] == [-1, 1, 80, 80]
    assert server.client.get(f"/v2/models/tiny/versions/{content['configuration']}/ready").json()["ready"] is True
    assert server.client.get("/model").text == (model / "MODEL_CARD.md").read_text()
    assert "/v2/models/{name}/infer" in server.client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    "path", ["/v2/models/other", "/v2/models/tiny/versions/9.9.9", "/v2/nothing", "/../etc/passwd"]
)
def test_what_is_not_there_is_a_sentence_of_the_protocol(server, path):
    answer = server.client.get(path)
    assert answer.status_code == 404 and set(answer.json()) == {"error"}


def test_people_send_json_archives_and_files(server, images, expected, results):
    sent = {
        "json": {"json": {"images": images.tolist()}},
        "npz": {"content": npz(images=images)},
        "hdf5": {"content": (results / "dataset/train.h5").read_bytes()},
    }
    for kind, body in sent.items():
        answer = server.client.post("/predict", **body).json()
        assert answer["model"]["name"] == "tiny" and "Surrogate" in answer["notice"], kind
        found = [[one["probabilities"][name] for name in answer["classes"]] for one in answer["showers"][:5]]
        assert np.allclose(found, expected, atol=2e-6), kind
        if kind == "hdf5":
            assert answer["showers"][0]["true_energy"] > 0 and "event_id" in answer["showers"][0]


def test_a_blank_image_is_told(server):
    answer = server.client.post("/predict", json={"images": np.zeros((2, 1, 80, 80)).tolist()}).json()
    assert "2 of 2 images are blank" in answer["warnings"][0]


def bomb():
    """An archive of 0.3 MB that unpacks to 300 MB."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("images.npy", "w") as member:
        for _ in range(300):
            member.write(bytes(1_000_000))
    return file.getvalue()


def promises_too_much():
    """A header of NumPy's format for terabytes, and no data."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 1, 80, 80)})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("images.npy", file.getvalue())
    return archive.getvalue()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"PK\x03\x04 and no archive", 400),
        (npz(other=np.zeros(3)), 400),
        (npz(images=np.zeros((2, 1, 80, 79), np.float32)), 400),
        (npz(images=np.array(["text"])), 400),
        (npz(images=np.array([{"an": "object"}], object)), 400),
        (npz(images=np.full((1, 1, 80, 80), np.nan, np.float32)), 422),
        (npz(images=np.full((1, 1, 80, 80), -1, np.float32)), 422),
        (npz(images=np.full((1, 1, 80, 80), 1e300)), 422),
        (npz(images=np.full((1, 1, 80, 80), 1e38, np.float32)), 422),  # the network would answer with no number
        (bomb(), 413),
        (promises_too_much(), 400),
        (b"x" * 9_000_000, 413),
        (b"no file of any source", 422),
        (b"\x89HDF\r\n\x1a\n" + b"damaged" * 99, 422),
    ],
)  # fmt: skip
def test_bad_uploads_are_refused_without_a_traceback(server, body, status):
    answer = server.client.post("/predict", content=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"} and "Traceback" not in answer.text and "/tmp" not in answer.text
    assert server.process.poll() is None


@pytest.mark.parametrize(
    "text", ['{"images": 1}', '{"images": [[1], [1, 2]]}', "[]", "{", '"x"', '{"images": {"a": 1}}', "[" * 9999]
)
def test_bad_json_for_people(server, text):
    answer = server.client.post("/predict", content=text.encode(), headers={"content-type": "application/json"})
    assert answer.status_code == 400 and set(answer.json()) == {"error"}


def test_the_largest_energies_that_are_taken_are_answered_with_numbers(server):
    images = np.full((2, 1, 80, 80), LARGEST, np.float32)
    images[1, :, ::2] = 0
    assert np.isfinite(values(infer(server.client, images))).all()
    answer = infer(server.client, np.nextafter(images, np.float32(np.inf)))
    assert answer.status_code == 422 and "above 3e+12" in answer.json()["error"]


def test_advice_is_what_a_client_can_follow(tmp_path):
    folder = tmp_path / "upload-x"
    said = _for_clients(
        f"{folder}/upload: shower 1: no observation level at 5200 m, there is 110 m; set the source's `altitude` to one of them.",
        folder,
    )
    assert said == (
        "shower 1: no observation level at 5200 m, there is 110 m; with `cascada predict --set`, set the source's `altitude` to one of them."
    )
    assert _for_clients(f"{folder}/upload: not one. Check --source or `kind:`.", folder) == "not one. Check `?source=`."
    assert _for_clients("name one with --source, of: a, b.", folder) == "name one with `?source=`, of: a, b."


def test_a_body_in_another_encoding_is_not_unpacked(server, images):
    answer = server.client.post("/predict", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


def test_names_that_lead_here_from_elsewhere_are_refused(server):
    assert server.client.get("/model", headers={"host": "evil.example"}).status_code == 421


def test_metrics_count_what_was_answered(server, images):
    infer(server.client, images)
    text = server.client.get("/metrics").text
    assert "cascada_showers_total" in text and 'cascada_refused_total{reason="host"}' in text
    assert 'version="lenet-' in text and "tiny" not in text.split("cascada_model_info", 1)[0]


def test_the_log_has_a_line_per_request_and_no_payload(server, images):
    infer(server.client, images, id="secret-payload")
    lines = [json.loads(line) for line in server.log.splitlines()]
    last = [line for line in lines if line.get("endpoint", "").endswith("/infer")][-1]
    assert last["status"] == 200 and last["showers"] == len(images)
    assert "secret-payload" not in server.log


def test_concurrent_clients_get_their_own_answers(server, images, expected):
    wrong = []

    def one(place):
        with httpx.Client(base_url=server.address, timeout=60) as client:
            for _ in range(5):
                found = values(infer(client, images[place : place + 1]))
                if not np.allclose(found, expected[place : place + 1], atol=1e-6):
                    wrong.append(place)

    threads = [threading.Thread(target=one, args=(place % 5,)) for place in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_token_is_asked_for_and_never_shown(model, images, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret-token\n")
    token.chmod(0o600)
    with running(model, tmp_path, "--token-file", str(token)) as server:
        for given in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic s3cret-token"}):
            answer = server.client.get("/model", headers=given)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert server.client.get("/model", headers={"authorization": "Bearer s3cret-token"}).status_code == 200
        assert server.client.get("/v2/health/ready").status_code == 200
        assert "s3cret" not in server.log


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--host", "0.0.0.0"], "a token is required"),
        (["--port", "99999"], "65535"),
        (["--queue", "0"], "queue"),
        (["--token-file", "readable"], "chmod 600"),
        (["--token-file", "missing"], "not readable"),
        (["--shadow", "nowhere"], "not an exported model"),
    ],
)
def test_what_cannot_be_started_is_a_sentence(model, tmp_path, arguments, word):
    (tmp_path / "readable").write_text("token")
    (tmp_path / "readable").chmod(0o644)
    command = [sys.executable, "-m", "cascada", "serve", str(model), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken(model, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "cascada", "serve", str(model), "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "another port" in done.stderr


def publish_as(folder, version):
    """Give an exported folder another version, as publishing does."""
    from cascada.export.folder import write_description

    content = read_json(folder / "model.json")
    published = {
        "version": version,
        "tag": f"model@v{version}",
        "time": "2026-11-26T00:00:00Z",
        "notes": [],
        "behaviour": None,
    }
    write_description(folder, content | {"published": published})


def test_another_version_takes_over_and_a_damaged_one_does_not(model, images, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    with running(folder, tmp_path, "--watch") as server:

        def answering():
            return server.client.get("/v2/models/tiny").json()["versions"]

        publish_as(folder, "2.0.0")
        wait_until(lambda: answering() == ["2.0.0"])
        (folder / "model.onnx").write_bytes(b"damaged")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "warning" in server.client.get("/v2/health/ready").json())
        assert answering() == ["2.0.0"] and infer(server.client, images).status_code == 200
        assert server.client.get("/v2/health/ready").json()["version"] == "2.0.0"
        assert "goes on answering" in server.log
        assert "cascada_model_reload_failed 1.0" in server.client.get("/metrics").text


def test_a_shadow_is_compared_and_answers_nobody(model, images, expected, tmp_path):
    folder = tmp_path / "shadow"
    shutil.copytree(model, folder)
    publish_as(folder, "3.0.0")
    with running(model, tmp_path, "--shadow", str(folder)) as server:
        for _ in range(3):
            answer = infer(server.client, images)
            assert json.loads(answer.content[: int(answer.headers[HEADER])])["model_version"] != "3.0.0"
            assert np.allclose(values(answer), expected, atol=1e-6)
        wait_until(lambda: "cascada_shadow_showers_total 0.0" not in server.client.get("/metrics").text)
        assert "cascada_shadow_other_class_total 0.0" in server.client.get("/metrics").text


def test_sigterm_under_load_loses_nothing_that_was_taken(model, images, tmp_path):
    answered, refused, broken = [], [], []

    def load(address):
        with httpx.Client(base_url=address, timeout=60) as client:
            while True:
                try:
                    answer = infer(client, images)
                except httpx.ConnectError:  # not taken
                    return
                except httpx.TransportError as error:
                    broken.append(error)
                    return
                (answered if answer.status_code == 200 else refused).append(answer.status_code)

    with running(model, tmp_path) as server:
        threads = [threading.Thread(target=load, args=(server.address,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) > 50)
        assert server.end() == 0
        for thread in threads:
            thread.join(60)
    # a connection that the server closes between two requests carried none
    assert all(isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError) for error in broken)
    counted = server.log.count('"status": 200')
    assert counted - 2 <= len(answered) <= counted and set(refused) <= {503}


def test_drift_is_seen_while_it_happens_and_clears(model, results, tmp_path):
    with open_showers(results / "dataset/train.h5") as file:
        usual = file["images"][:][file["events"]["split"] == 1]
    with running(model, tmp_path) as server:

        def ask(images, showers=1):
            for _ in range(1 + (showers - 1) // len(images)):
                assert infer(server.client, images).status_code == 200
            return server.client.get("/drift.json").json()

        assert ask(usual[:5])["enough"] is False
        page = server.client.get("/drift").text
        assert "Too few showers" in page and "Surrogate showers" in page
        far = ask(8 * usual, 250)
        assert far["moved"]["total_energy"]["state"] == "far" and far["sentences"]
        assert "total_energy has moved far" in server.client.get("/v2/health/ready").json()["warning"]
        assert 'cascada_drift_state{quantity="total_energy"} 2.0' in server.client.get("/metrics").text
        assert "moved far" in server.client.get("/drift").text and "<svg" in server.client.get("/drift").text
        ask(usual, 1500)
        wait_until(lambda: ask(usual)["sentences"] == [])  # after a burst not all are looked at
        steady = server.client.get("/drift.json").json()
        assert steady["moved"]["total_energy"]["state"] == "steady"
        assert "warning" not in server.client.get("/v2/health/ready").json()
        assert 0.5 <= steady["expected"]["accuracy"] <= 1 and "only the inputs" in steady["assumption"]


def test_a_shadow_may_come_later_change_and_go(model, images, tmp_path):
    folder = tmp_path / "next"

    def says(text):
        return text in server.client.get("/metrics").text

    with running(model, tmp_path, "--watch", "--shadow", str(folder)) as server:
        assert not says("cascada_shadow_info")
        for version in ("3.0.0", "3.1.0"):
            shutil.copytree(model, tmp_path / version)
            publish_as(tmp_path / version, version)
            (tmp_path / "link").symlink_to(tmp_path / version)
            (tmp_path / "link").rename(folder)
            wait_until(lambda version=version: says(f'version="{version}"'))
            assert says("cascada_shadow_showers_total 0.0"), "counted anew"
            infer(server.client, images)
            wait_until(lambda: says("cascada_shadow_showers_total 5.0"))
        (tmp_path / "3.1.0/model.onnx").write_bytes(b"damaged")
        (tmp_path / "3.1.0/SHA256SUMS").touch()
        wait_until(lambda: "nothing is tried in the shadow" in server.log)
        assert not says("cascada_shadow_info") and infer(server.client, images).status_code == 200
        folder.unlink()
        assert server.client.get("/v2/health/ready").status_code == 200


def test_a_credential_of_systemd_may_show_the_rights_of_its_group(tmp_path, monkeypatch):
    from cascada.core.errors import ConfigError
    from cascada.serving.http.settings import read_token

    token = tmp_path / "token"
    token.write_text("s3cret\n")
    token.chmod(0o440)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token(token)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_token(token) == "s3cret"
    token.chmod(0o444)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_token(token)

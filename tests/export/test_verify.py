"""Verifying an exported folder notices every change that could change a result."""

import io
import json
import shutil
import zipfile

import h5py
import numpy as np
import pytest
import torch
from exports import make_export

from cascada.cli import main
from cascada.core.errors import DataError
from cascada.core.files import sha256
from cascada.export.program import program
from cascada.export.verify import check_hashes, verify


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_export(tmp_path_factory.mktemp("export") / "results")


@pytest.fixture
def folder(results, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(results / "model", tmp_path / "model")


def failed(checks):
    return [check.name for check in checks if not check.passed]


def resum(folder):
    """Write the hashes again, as somebody would who hides a change."""
    names = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    (folder / "SHA256SUMS").write_text("".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def test_a_whole_folder_passes(results, folder, capsys):
    checks = verify(folder, results / "dataset")
    assert not failed(checks) and len(checks) == 11
    assert main(["verify", str(folder), "--data", str(results / "dataset")]) == 0
    assert "all 11 checks passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["model.onnx", "model.pt2", "model.json", "MODEL_CARD.md", "LICENSE", "probe.h5", "templates.h5"]
)
def test_a_changed_or_missing_file_is_named(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content + b" ")
    assert failed(check_hashes(folder)) == [name]
    (folder / name).unlink()
    assert failed(check_hashes(folder)) == [name]


def test_outputs_are_computed_and_not_believed(folder, capsys):
    """Also where the hashes were written anew."""
    with h5py.File(folder / "probe.h5", "r+") as file:
        file["probability"][3] += np.float32([1e-3, -1e-3])
    resum(folder)
    assert failed(verify(folder)) == ["outputs of model.onnx", "outputs of model.pt2"]
    assert main(["verify", str(folder)]) == 1 and "2 of 9 checks failed" in capsys.readouterr().out


def test_other_data_are_noticed(results, folder, tmp_path):
    data = shutil.copytree(results / "dataset", tmp_path / "dataset")
    with h5py.File(data / "train.h5", "r+") as file:
        file["images"][0, 0, 0, 0] += 1
    assert failed(verify(folder, data)) == [str(data / "train.h5")]


def test_two_exports_are_compared(results, folder, tmp_path):
    assert not failed(verify(folder, other=results / "model"))
    other = make_export(tmp_path / "other", seed=2)
    assert {"both: seed", "both: checkpoint_sha256", "both: model.onnx"} <= set(
        failed(verify(folder, other=other / "model"))
    )


@pytest.mark.parametrize("sums", ["", "nonsense\n", "0  ../outside\n"])
def test_unusable_hashes_fail(folder, sums):
    (folder / "SHA256SUMS").write_text(sums)
    assert failed(check_hashes(folder))
    (folder / "SHA256SUMS").unlink()
    assert failed(check_hashes(folder)) == ["SHA256SUMS"]


def test_a_folder_that_is_none(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1 and "not an exported model" in capsys.readouterr().err


class Evil:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("where", ["weights", "sample_inputs"])
def test_a_program_that_would_run_code_is_refused(folder, tmp_path, where):
    stored = io.BytesIO()
    torch.save(Evil(tmp_path / "executed"), stored)
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    if where == "sample_inputs":
        (name,) = [name for name in content if "/sample_inputs/" in name]
        content[name] = stored.getvalue()
    else:
        (name,) = [name for name in content if name.endswith("weights_config.json")]
        config = json.loads(content[name])
        entry = next(iter(config["config"].values()))
        entry["use_pickle"] = True
        content[name] = json.dumps(config).encode()
        (path,) = [path for path in content if path.endswith(f"/{entry['path_name']}")]
        content[path] = stored.getvalue()
    with zipfile.ZipFile(folder / "model.pt2", "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    with pytest.raises(DataError, match=r"model\.pt2"):
        program(folder)
    assert not (tmp_path / "executed").exists()


def test_the_layout_of_older_archives_is_refused(folder, tmp_path):
    """PyTorch unpickles them: `serialized_*.pt` where the new layout cannot be read."""
    stored = io.BytesIO()
    torch.save(Evil(tmp_path / "executed"), stored)
    with zipfile.ZipFile(folder / "model.pt2") as archive:
        graph = archive.read("archive/models/model.json")
    version = ".".join(str(json.loads(graph)["schema_version"][part]) for part in ("major", "minor"))
    with zipfile.ZipFile(folder / "model.pt2", "w") as archive:
        archive.writestr("version", version)
        archive.writestr("serialized_exported_program.json", graph)
        for name in ("state_dict", "constants", "example_inputs"):
            archive.writestr(f"serialized_{name}.pt", stored.getvalue())
    with pytest.raises(DataError, match=r"model\.pt2: not an archive as `cascada` exports it"):
        program(folder)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "name",
    ["version", "archive/data/weights/model.pt", "archive/data/constants/opaque_obj_0", "archive/data/aotinductor/model/a.so",
     "archive/models/MODEL.json", "archive/models/model.json"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_an_export_does_not_write_are_refused(folder, name):
    program(folder)
    with zipfile.ZipFile(folder / "model.pt2", "a") as archive:
        archive.writestr(name, b"")
    with pytest.raises(DataError, match=r"model\.pt2: not an archive"):
        program(folder)

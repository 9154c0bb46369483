import pickle
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

from cascada.core.errors import ConfigError, DataError
from cascada.core.files import sha256
from cascada.data import sources
from cascada.data.format import open_showers, read_header, read_sources
from cascada.data.sources import energy_ground
from cascada.data.sources.energy_ground import Options

LAYOUTS = {
    "fixed": {"format": "fixed"},
    "table": {"format": "table"},
    "columns": {"format": "table", "data_columns": True},
    "mixed": {"format": "table", "data_columns": ["E0"]},
}


def write_thesis_file(path, number=6, layout="fixed", images=None, **columns):
    """Write a file in the thesis's layout, rows sorted by class, and return its path and images."""
    generator = np.random.default_rng(number)
    if images is None:
        images = generator.gamma(0.3, 1.0, (number, 80, 80)).astype(np.float32)
    table = {
        "ID_shower": 100 + np.arange(number),
        "E0": generator.uniform(2500, 63000, number),
        "theta0": np.zeros(number),
        "Nmuons": generator.integers(10, 600, number),
        "Y_class": np.arange(number) * 2 // number,
    } | columns
    frame = pd.DataFrame({name: values for name, values in table.items() if values is not None})
    if layout == "plain":
        with h5py.File(path, "w") as file:
            file["info"] = frame.to_records(index=False)
    else:
        frame.to_hdf(path, key="info", mode="w", **LAYOUTS[layout])
    with h5py.File(path, "a") as file:
        file["data"] = images
    return path, images, frame


@pytest.mark.parametrize("layout", [*LAYOUTS, "plain"])
def test_every_layout_gives_the_table_s_values(tmp_path, layout):
    path, images, frame = write_thesis_file(tmp_path / "Train.h5", layout=layout)

    assert energy_ground.can_read(path)
    (block,) = energy_ground.showers(path, Options())

    np.testing.assert_array_equal(block.images, images[:, None])
    events = block.events
    assert events["event_id"].tolist() == events["shower_id"].tolist() == list(range(6))
    assert events["primary"].tolist() == [5626] * 3 + [14] * 3
    np.testing.assert_allclose(events["true_energy"], frame["E0"], rtol=1e-6)
    np.testing.assert_array_equal(events["muons"], frame["Nmuons"])
    assert np.isnan(events["core_x"]).all()
    assert events["event"].tolist() == frame["ID_shower"].tolist() and (events["run"] == -1).all()


def test_text_columns_are_never_unpickled(tmp_path, monkeypatch):
    path, *_ = write_thesis_file(tmp_path / "Train.h5", ID_shower=[f"DAT{i}" for i in range(6)])

    def refuse(*arguments):
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    (block,) = energy_ground.showers(path, Options())
    assert block.events["primary"].tolist() == [5626] * 3 + [14] * 3
    assert block.events["event"].tolist() == [-1] * 6


def test_conversion_keeps_role_and_source(tmp_path):
    path, images, _ = write_thesis_file(tmp_path / "Test.h5", number=1100)
    ticks = []
    options = sources.make_options("energy_ground", {"role": "test", "zenith_unit": "deg"})

    number = sources.convert("energy_ground", [path], tmp_path / "o.h5", options, lambda *tick: ticks.append(tick))

    assert number == 1100
    with open_showers(tmp_path / "o.h5") as file:
        np.testing.assert_array_equal(file["images"][:], images[:, None])
        assert read_header(file).role == "test"
        (row,) = read_sources(file)
    assert (row.file, row.sha256, row.kind, row.events) == ("Test.h5", sha256(path), "energy_ground", 1100)
    assert len(ticks) == 3
    assert ticks[-1] == (1000, 1000)


def test_degrees_become_radians(tmp_path):
    path, *_ = write_thesis_file(tmp_path / "Train.h5", theta0=np.full(6, 30.0))
    (block,) = energy_ground.showers(path, Options(zenith_unit="deg"))
    np.testing.assert_allclose(block.events["zenith"], np.pi / 6, rtol=1e-6)


@pytest.mark.parametrize("storage", [{}, {"chunks": (256, 80, 80), "compression": "gzip"}])
def test_memory_does_not_grow_with_the_file(tmp_path, storage):
    number = 12_000  # 307 MB of images
    path, *_ = write_thesis_file(tmp_path / "Train.h5", number=number, images=np.zeros((0, 80, 80), np.float32))
    with h5py.File(path, "a") as file:
        del file["data"]
        data = file.create_dataset("data", (number, 80, 80), "<f4", **storage)
        for start in range(0, number, 1200):
            data[start : start + 1200] = 0
    code = (
        "import sys; from pathlib import Path; from cascada.data import sources;"
        "import cascada.data.sources.energy_ground as s;"
        "peak = lambda: int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]); before = peak();"
        "print(sources.convert('energy_ground', [Path(sys.argv[1])], Path(sys.argv[2]), s.Options()), peak() - before)"
    )
    source_path = str(sources.__file__).split("/cascada/")[0]
    result = subprocess.run(
        [sys.executable, "-c", code, path, tmp_path / "o.h5"],
        env={"PYTHONPATH": source_path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    converted, kilobytes = map(int, result.stdout.split())
    assert converted == number
    assert kilobytes < 150_000


def broken_file(path, how):
    changes = {
        "no Nmuons": {"Nmuons": None},
        "class 2": {"Y_class": [0, 0, 0, 1, 2, 1]},
        "NaN energy": {"E0": [1.0, np.nan, 1, 1, 1, 1]},
        "energy 0": {"E0": [1.0, 0.0, 1, 1, 1, 1]},
        "negative energy": {"E0": [1.0, 1, -5, 1, 1, 1]},
        "energy 1e39": {"E0": [1.0, 1, 1e39, 1, 1, 1]},  # more than a float32 holds
        "zenith in degrees": {"theta0": [0.0, 0, 0, 20, 0, 0]},
        "negative zenith": {"theta0": [0.0, 0, 0, -0.1, 0, 0]},
        "negative muons": {"Nmuons": [1, 1, 1, 1, 1, -1]},
        "half a number": {"ID_shower": [1, 2, 3.5, 4, 5, 6]},
        "an infinite number": {"ID_shower": [1, 2, 3, 4, 1e300, 6]},
        "wrong shape": {"images": np.zeros((6, 64, 64), np.float32)},
        "fewer images": {"images": np.zeros((5, 80, 80), np.float32)},
        "no images": {"images": np.zeros((0, 80, 80), np.float32)},
        "NaN image": {"images": np.where(np.arange(6)[:, None, None] == 4, np.nan, np.ones((6, 80, 80)))},
        "negative": {"images": np.where(np.arange(6)[:, None, None] == 4, -1, np.ones((6, 80, 80)))},
    }
    write_thesis_file(path, **changes.get(how, {}))
    if how == "huge chunks":
        with h5py.File(path, "a") as file:
            del file["data"]
            file.create_dataset("data", (100_000, 80, 80), "f4", chunks=(20_000, 80, 80))
    if how == "never written":
        with h5py.File(path, "a") as file:
            del file["data"]
            file.create_dataset("data", (6, 80, 80), "f4", chunks=(1, 80, 80))[:3] = 1
    if how == "info is a link to nothing":
        with h5py.File(path, "a") as file:
            del file["info"]
            file["info"] = h5py.SoftLink("/nowhere")
    if how in ("blosc", "blosc fixed"):
        table = pd.read_hdf(path, "info")
        layout = "fixed" if how == "blosc fixed" else "table"
        table.to_hdf(path, key="info", mode="w", format=layout, complib="blosc", complevel=5)
        with h5py.File(path, "a") as file:
            file["data"] = np.ones((6, 80, 80))
    if how == "no data":
        with h5py.File(path, "a") as file:
            file.move("data", "images")
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:-40_000])
    if how == "foreign":
        path.write_bytes(b"RUNH" * 100)
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no Nmuons", r"info: column\(s\) \['Nmuons'\] missing, there is \['E0'.*expected \['E0', 'theta0', 'Nmuons'"),
        ("class 2", r"info: row 4: Y_class 2 given, expected 0 \(iron\) or 1 \(proton\)"),
        ("NaN energy", "info: row 1: E0 is nan, expected a finite number"),
        ("energy 0", "info: row 1: true_energy is 0, expected a finite energy above 0 GeV; columns E0"),
        ("negative energy", "info: row 2: true_energy is -5, expected a finite energy above 0 GeV"),
        ("energy 1e39", "info: row 2: true_energy is inf, expected a finite energy"),
        ("zenith in degrees", "info: row 3: zenith is 20, expected an angle from 0 to π rad; .*zenith_unit"),
        ("negative zenith", "info: row 3: zenith is -0.1, expected an angle from 0 to π rad"),
        ("negative muons", "info: row 5: muons is -1, expected a finite number of at least 0"),
        ("half a number", "info: row 2: ID_shower is 3.5, expected a whole number"),
        ("an infinite number", r"info: row 4: ID_shower is 1e\+300, expected a whole number"),
        (
            "blosc",
            r".*info/table: compressed with blosc \(HDF5 filter 32001\), which is not read; write it unc.*`complib`",
        ),
        ("huge chunks", r"data: chunks of \(20000, 80, 80\), expected at most 256 MB each"),
        ("never written", "data: 76800 bytes of 153600 are in the file, the others were never written"),
        ("info is a link to nothing", "info: cannot be read"),
        ("wrong shape", r"data: shape \(6, 64, 64\), type float32 given, expected numbers \(N, 80, 80\)"),
        ("fewer images", "info: 6 rows in E0, but 5 images; expected as many"),
        ("no images", "data: no shower, expected at least one; leave this file out"),
        ("NaN image", "data: image 4 holds NaN, infinite or negative cells, expected energies of 0 GeV or more"),
        ("negative", "data: image 4 holds NaN, infinite or negative cells"),
        ("no data", r"\['data'\] missing, there is \['images', 'info'\]; expected `data`"),
        ("truncated", "not a readable HDF5 file .*Copy it again"),
        ("foreign", "not a readable HDF5 file .*check --source"),
    ],
)
def test_bad_input_names_file_and_place_and_leaves_nothing(tmp_path, how, message):
    path = broken_file(tmp_path / "Train.h5", how)
    with pytest.raises(DataError, match=f"Train.h5: {message}"):
        sources.convert("energy_ground", [path], tmp_path / "out" / "shard.h5", Options())
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": ["muons"]}, "hold `energy` only"),
        ({"role": "tests"}, "role 'tests' given, expected one of"),
        ({"zenith_unit": "grad"}, r"expected one of \['rad', 'deg'\]"),
    ],
)
def test_impossible_options_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        sources.make_options("energy_ground", settings)

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import yaml

from cascada.data import sources
from cascada.data.format import CHANNELS, open_showers, read_header, read_sources
from cascada.data.sources import corsika8
from cascada.data.sources.corsika8 import Options
from cascada.errors import ConfigError, DataError

IRON, PROTON, GAMMA, ELECTRON, MUON, NEUTRON = 1000260560, 2212, 22, 11, -13, 2112


def write_library(path, particles, primaries, drop=(), finished=True):
    """Write a CORSIKA 8 output folder: particles are (shower, pdg, kinetic energy, x, y, weight), each a column (n,)."""
    names = ("shower", "pdg", "kinetic_energy", "x", "y", "weight")
    types = ("i4", "i4", "f4", "f4", "f4", "f4")
    table = {name: np.asarray(column, kind) for name, column, kind in zip(names, particles, types, strict=True)}
    table |= {name: np.zeros(len(table["pdg"]), "f4") for name in ("z", "nx", "ny", "nz", "time")}
    (path / "particles").mkdir(parents=True)
    (path / "primary").mkdir()
    (path / "config.yaml").write_text("name: library\nversion: 8.0.0\n")
    if finished:
        (path / "summary.yaml").write_text("showers: 2\n")
    columns = {name: values for name, values in table.items() if name not in drop}
    pyarrow.parquet.write_table(pyarrow.table(columns), path / "particles" / "particles.parquet")
    entries = {
        f"shower_{number}": {"pdg": pdg, "total_energy": energy, "nx": float(nx), "ny": float(ny), "nz": float(nz)}
        for number, (pdg, energy, (nx, ny, nz)) in primaries.items()
    }
    (path / "primary" / "summary.yaml").write_text(yaml.safe_dump(entries))
    return path


DOWN = (0, 0, -1)
PARTICLES = [
    [0, 0, 0, 2],
    [GAMMA, MUON, NEUTRON, ELECTRON],
    [1, 3, 0.5, 2],
    [5, 0, 0, -9],
    [-9, 0, 0, 5],
    [1, 2, 10, 1],
]
PRIMARIES = {0: (PROTON, 3000.0, DOWN), 1: (IRON, 40000.0, (0.6, 0, -0.8)), 2: (GAMMA, 100.0, (0, 0.6, -0.8))}


def read(path, options=None):
    (block,) = corsika8.showers(path, options or Options(channels=CHANNELS))
    return block


def test_showers_get_energy_weight_primary_and_direction(tmp_path):
    path = write_library(tmp_path / "library", PARTICLES, PRIMARIES)

    assert corsika8.can_read(path)
    assert sources.detect(path) == "corsika8"
    block = read(path)

    muon, neutron = (3 + 0.1056583755) * 2, (0.5 + 0.93956542) * 10
    expected = [[1 + muon + neutron, 1, muon, neutron, 2], [0] * 5, [2.000511, 2.000511, 0, 0, 0]]
    np.testing.assert_allclose(block.images.sum((2, 3)), expected, rtol=1e-6)
    assert block.images[0, 1, 37, 41] == 1  # row: y in [-12, -8) m, column: x in [4, 8) m
    events = block.events
    assert events["primary"].tolist() == [14, 5626, 1]
    assert events["true_energy"].tolist() == [3000, 40000, 100]
    np.testing.assert_allclose(events["zenith"], [0, np.arccos(0.8), np.arccos(0.8)], atol=1e-6)
    np.testing.assert_allclose(events["azimuth"][1:], [0, np.pi / 2], atol=1e-6)
    assert events["muons"].tolist() == [2, 0, 0]
    assert events["shower_id"].tolist() == events["event"].tolist() == [0, 1, 2]
    assert events["run"].tolist() == [-1] * 3  # config.yaml names no seed
    (path / "config.yaml").write_text("name: library\nseed: 4711\n")
    assert read(path).events["run"].tolist() == [4711] * 3


def test_showers_that_span_batches_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(corsika8, "BATCH", 7)
    shower = np.repeat([0, 1, 2], [20, 3, 30])
    zeros = np.zeros(53)
    particles = [shower, np.full(53, GAMMA), np.ones(53), zeros, zeros, np.arange(53)]
    block = read(write_library(tmp_path / "library", particles, PRIMARIES))
    assert block.images[:, 0].sum((1, 2)).tolist() == [np.arange(53)[shower == i].sum() for i in range(3)]


def test_several_cores_share_a_shower(tmp_path):
    path = write_library(tmp_path / "library", PARTICLES, PRIMARIES)
    block = read(path, Options(cores_per_shower=2, core_offset=20.0))
    assert block.events["shower_id"].tolist() == [0, 0, 1, 1, 2, 2]
    assert block.events["event_id"].tolist() == list(range(6))
    assert len(set(block.events["core_x"])) == 6
    assert np.abs(block.images[0] - block.images[1]).sum() > 0


def test_conversion_hashes_the_whole_folder(tmp_path):
    path = write_library(tmp_path / "library", PARTICLES, PRIMARIES)
    ticks = []
    options = Options(altitude=4800.0)
    assert sources.convert("corsika8", [path], tmp_path / "a.h5", options, lambda *tick: ticks.append(tick)) == 3
    (path / "primary" / "config.yaml").write_text("something: else\n")
    sources.convert("corsika8", [path], tmp_path / "b.h5", options)

    rows = []
    for name in ("a.h5", "b.h5"):
        with open_showers(tmp_path / name) as file:
            rows += read_sources(file)
            assert read_header(file).observation_altitude == 4800
    assert [(row.file, row.kind, row.events, len(row.sha256)) for row in rows] == [("library", "corsika8", 3, 64)] * 2
    assert rows[0].sha256 != rows[1].sha256
    assert ticks[-1] == (1000, 1000)


def broken_library(path, how):
    particles = [list(column) for column in PARTICLES]
    primaries = dict(PRIMARIES)
    if how == "unsorted":
        particles[0] = [1, 0, 0, 2]
    if how == "unknown particle":
        particles[1][1] = 9_999_999
    if how == "NaN":
        particles[2][1] = np.nan
    if how == "other showers":
        primaries.pop(2)
    if how == "no showers":
        primaries = {}
    if how == "unknown primary":
        primaries[1] = (5555, 1.0, DOWN)
    drop = ("kinetic_energy",) if how == "no column" else ()
    write_library(path, particles, primaries, drop, finished=how != "unfinished")
    parquet, primary = path / "particles" / "particles.parquet", path / "primary" / "summary.yaml"
    if how == "truncated":
        parquet.write_bytes(parquet.read_bytes()[:-100])
    if how == "no particles":
        parquet.unlink()
    if how == "no primary":
        primary.unlink()
    if how == "no direction":
        primary.write_text("shower_0: {pdg: 2212, total_energy: 1.0}")
    if how == "no YAML":
        primary.write_text("{")
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("unfinished", "summary.yaml missing.*Let it finish, or leave it out"),
        ("unsorted", ".*rows of shower 0 come after those of shower 1; expected .*Sort the file"),
        ("unknown particle", ".*particles.parquet: rows 0 to 4: PDG code 9999999 is unknown, expected"),
        ("NaN", ".*particles.parquet: rows 0 to 4: NaN or infinite values, expected finite"),
        (
            "other showers",
            ".*shower 2 has no primary, there are showers .0, 1..*expected both outputs to be of the same",
        ),
        ("no showers", ".*primary/summary.yaml: no shower, expected entries shower_0"),
        ("unknown primary", ".*primary/summary.yaml: shower_1: PDG code 5555"),
        ("no column", r".*column\(s\) \['kinetic_energy'\] missing, there is .*expected \['shower'"),
        ("truncated", ".*particles.parquet: after row 0: .*expected a complete Parquet file. Copy"),
        ("no particles", ".*particles.parquet: no such file.*set the source's `particles`"),
        ("no primary", ".*primary/summary.yaml: no such file.*set the source's `primary`"),
        ("no direction", ".*primary/summary.yaml: shower_0: KeyError.'nx'.; expected pdg, total_energy"),
        ("no YAML", ".*primary/summary.yaml: not readable as YAML"),
    ],
)
def test_bad_input_names_file_and_place_and_leaves_nothing(tmp_path, how, message):
    path = broken_library(tmp_path / "library", how)
    with pytest.raises(DataError, match=f"(?s)library[/:].*{message}"):
        sources.convert("corsika8", [path], tmp_path / "out" / "shard.h5", Options())
    assert list((tmp_path / "out").iterdir()) == []


def test_foreign_folders_are_not_recognised(tmp_path):
    assert not corsika8.can_read(tmp_path)
    assert not corsika8.can_read(tmp_path / "absent")


@pytest.mark.parametrize("settings", [{"channels": ["photons"]}, {"cores_per_shower": 3}, {"seed": -1}])
def test_impossible_options_are_refused(settings):
    with pytest.raises(ConfigError):
        sources.make_options("corsika8", settings)

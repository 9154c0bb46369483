import os
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import yaml

from cascada.core.errors import ConfigError, DataError
from cascada.data import sources
from cascada.data.format import CHANNELS, open_showers, read_header, read_sources
from cascada.data.sources import corsika8
from cascada.data.sources.corsika8 import Options

IRON, PROTON, GAMMA, ELECTRON, MUON, NEUTRON = 1000260560, 2212, 22, 11, -13, 2112


EARTH = 6_371_000  # m


def write_library(path, particles, primaries, drop=(), finished=True, altitude=5200.0, units=None):
    """Write a CORSIKA 8 output folder: particles are (shower, pdg, kinetic energy, x, y, weight), each a column (n,)."""
    names = ("shower", "pdg", "kinetic_energy", "x", "y", "weight")
    types = ("i4", "i4", "f4", "f4", "f4", "f4")
    table = {name: np.asarray(column, kind) for name, column, kind in zip(names, particles, types, strict=True)}
    table |= {name: np.zeros(len(table["pdg"]), "f4") for name in ("z", "nx", "ny", "nz", "time")}
    (path / "particles").mkdir(parents=True)
    (path / "primary").mkdir()
    (path / "config.yaml").write_text("name: library\nversion: 8.0.0\n")
    if finished:
        (path / "summary.yaml").write_text(f"showers: {len(primaries)}\n")
    plane = {"center": [0, 0, EARTH + altitude], "normal": [0, 0, 1]}
    config = {"type": "ObservationPlane", "units": {"length": "m"} | (units or {}), "plane": plane}
    (path / "particles" / "config.yaml").write_text(yaml.safe_dump(config))
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
    path = write_library(tmp_path / "library", PARTICLES, PRIMARIES, altitude=4800.0)
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
    if how == "unknown primary's nucleus":
        primaries[1] = (1000000040, 1.0, DOWN)
    if how == "negative energy":
        particles[2][1] = -1
    if how == "negative weight":
        particles[5][1] = -1
    if how == "too much energy":
        particles[2][1] = 4e4
    for what, energy in (("no energy", 0.0), ("energy -1", -1.0), ("energy NaN", np.nan)):
        if how == what:
            primaries[1] = (PROTON, energy, DOWN)
    if how == "no direction at all":
        primaries[1] = (PROTON, 100.0, (0, 0, 0))
    drop = ("kinetic_energy",) if how == "no column" else ()
    write_library(path, particles, primaries, drop, finished=how != "unfinished")
    parquet, primary = path / "particles" / "particles.parquet", path / "primary" / "summary.yaml"
    config = path / "particles" / "config.yaml"
    if how == "sea level":
        config.write_text(config.read_text().replace("6376200", "6371000"))
    if how == "no plane":
        config.unlink()
    if how == "unit of length":
        config.write_text(config.read_text().replace("length: m", "length: ell"))
    if how == "showers lost":
        (path / "summary.yaml").write_text("showers: 4\n")
    if how == "a text column":
        table = pyarrow.parquet.read_table(parquet)
        parquet.unlink()
        names = pyarrow.array([str(value) for value in table["pdg"].to_pylist()])
        pyarrow.parquet.write_table(table.set_column(table.schema.get_field_index("pdg"), "pdg", names), parquet)
    if how == "no YAML in the plane's":
        config.write_text("{")
    if how == "truncated":
        parquet.write_bytes(parquet.read_bytes()[:-100])
    if how == "no particles":
        parquet.unlink()
    if how == "no primary":
        primary.unlink()
    if how == "no direction":
        primary.write_text("shower_0: {pdg: 2212, total_energy: 1.0}\n")
        (path / "summary.yaml").write_text("showers: 1\n")
    if how == "no YAML":
        primary.write_text("{")
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("unfinished", "summary.yaml missing.*Let it finish, or leave it out"),
        ("unsorted", ".*rows of shower 0 come after those of shower 1; expected .*Sort the file"),
        ("unknown particle", ".*particles.parquet: rows 0 to 4: PDG code 9999999 is unknown, expected .*skip"),
        ("unknown primary's nucleus", ".*primary/summary.yaml: shower_1: PDG code 1000000040"),
        ("negative energy", ".*particles.parquet: rows 0 to 4: kinetic_energy -1 given, expected at least 0"),
        ("negative weight", ".*particles.parquet: rows 0 to 4: weight -1 given, expected at least 0"),
        ("too much energy", ".*rows 0 to 4: shower 0: a particle of 40000.* GeV, expected at most the 3000 GeV"),
        ("no energy", "shower 1: true_energy is 0, expected a finite energy above 0 GeV"),
        ("energy -1", "shower 1: true_energy is -1, expected a finite energy above 0 GeV"),
        ("energy NaN", ".*primary/summary.yaml: shower_1: .*energy nan GeV"),
        ("no direction at all", r".*shower_1: .*direction \[0.0, 0.0, 0.0\] given, expected .*a direction of length 1"),
        (
            "sea level",
            ".*particles/config.yaml: the observation plane is at 0 m .*, expected 5200 m; set .*`altitude`",
        ),
        ("no plane", ".*particles/config.yaml: no plane.center, expected the place of the observation plane"),
        ("no YAML in the plane's", ".*particles/config.yaml: not readable as YAML"),
        ("unit of length", ".*particles/config.yaml: unit of length 'ell' given, expected one of .'m', 'cm'"),
        ("showers lost", ".*primary/summary.yaml: 3 showers, expected 4 as .*/summary.yaml says"),
        ("a text column", ".*particles.parquet: pdg is of type string, expected whole numbers"),
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


def test_neutrinos_are_left_out_and_counted(tmp_path, capsys):
    particles = [list(column) for column in PARTICLES]
    for column, value in zip(particles, (2, 16, 5, 0, 0, 3), strict=True):
        column.append(value)
    for column, value in zip(particles, (2, -12, 7, 1e6, 0, 1), strict=True):  # beyond the disc, too
        column.append(value)
    path = write_library(tmp_path / "library", particles, PRIMARIES)
    block = read(path)
    assert block.images[2, 0].sum() == pytest.approx(2.000511)
    assert block.left_out == {"neutrinos": 4, "neutrino_energy_gev": 22}
    sources.convert("corsika8", [path], tmp_path / "s.h5", Options())
    assert "left out of the images: 4 neutrinos" in capsys.readouterr().err


def test_unknown_particles_can_be_skipped_and_are_counted(tmp_path):
    particles = [list(column) for column in PARTICLES]
    particles[1][1] = 9_999_999  # the muon
    block = read(write_library(tmp_path / "library", particles, PRIMARIES), Options(unknown_particles="skip"))
    assert block.images[0].sum() == pytest.approx(1 + (0.5 + 0.93956542) * 10)
    assert block.left_out == {"unknown_particles": 1}


def test_particles_that_corsika_7_does_not_know_are_hadrons(tmp_path):
    particles = [[0, 0, 0], [311, 511, 4232], [1, 1, 1], [0] * 3, [0] * 3, [1] * 3]
    block = read(write_library(tmp_path / "library", particles, PRIMARIES))
    assert block.images[0, 3].sum() == pytest.approx(3 + 0.497611 + 5.27972 + 2.46779, rel=1e-5)


def test_units_of_the_file_are_read(tmp_path):
    particles = [[0], [GAMMA], [2000], [1.5], [0.5], [1]]
    units = {"length": "cm", "energy": "MeV"}
    path = write_library(tmp_path / "library", particles, PRIMARIES, units=units)
    config = path / "particles" / "config.yaml"
    config.write_text(config.read_text().replace("6376200.0", "637620000.0"))
    block = read(path)
    assert block.images[0, 0].sum() == pytest.approx(2)
    assert block.images[0, 0, 40, 40] == pytest.approx(2)  # 1.5 cm and 0.5 cm from the centre


def test_rows_that_the_run_s_own_summary_counts_must_be_there(tmp_path):
    particles = [[0, 0], [GAMMA, GAMMA], [1, 1], [0, 0], [0, 0], [1, 1]]
    path = write_library(tmp_path / "library", particles, {0: PRIMARIES[0]})
    summary = path / "particles" / "summary.yaml"
    summary.write_text("Eground: 2.0\nhadrons: 0\nmuons: 0\nem: 2\nothers: 0\n")
    assert read(path).images[0, 0].sum() == 2
    summary.write_text("Eground: 2.0\nhadrons: 1\nmuons: 0\nem: 2\nothers: 0\n")
    with pytest.raises(DataError, match=r"particles.parquet: 2 rows, expected 3 as summary.yaml beside it says"):
        read(path)


def test_a_real_run_of_an_early_version_is_refused_with_its_reason():
    if not os.environ.get("CASCADA_TEST_DATA"):
        pytest.skip("CASCADA_TEST_DATA is not set: it names the folder that holds corsika8/, a real run")
    path = Path(os.environ["CASCADA_TEST_DATA"]) / "corsika8" / "shower_42"
    assert sources.detect(path) == "corsika8"
    with pytest.raises(
        DataError, match=r"primary/summary.yaml: no such file.*written by CORSIKA 8 8.0.0-prealpha.*again"
    ):
        read(path, Options(altitude=0.0))
    table = pyarrow.parquet.read_table(path / "particles" / "particles.parquet")
    counts = yaml.safe_load((path / "particles" / "summary.yaml").read_text())
    assert counts["em"] + counts["hadrons"] + counts["muons"] + counts["others"] == len(
        table
    )  # what the check relies on


def test_the_plane_of_a_real_run_is_found_at_sea_level(tmp_path):
    if not os.environ.get("CASCADA_TEST_DATA"):
        pytest.skip("CASCADA_TEST_DATA is not set: it names the folder that holds corsika8/, a real run")
    real = Path(os.environ["CASCADA_TEST_DATA"]) / "corsika8" / "shower_42" / "particles" / "config.yaml"
    path = write_library(tmp_path / "library", PARTICLES, PRIMARIES)
    (path / "particles" / "config.yaml").write_text(real.read_text())
    assert len(read(path, Options(altitude=0.0)).events) == 3
    with pytest.raises(DataError, match=r"the observation plane is at 0 m above sea level .*expected 5200 m"):
        read(path)


def test_foreign_folders_are_not_recognised(tmp_path):
    assert not corsika8.can_read(tmp_path)
    assert not corsika8.can_read(tmp_path / "absent")


@pytest.mark.parametrize(
    "settings", [{"channels": ["photons"]}, {"cores_per_shower": 3}, {"seed": -1}, {"unknown_particles": "x"}]
)
def test_impossible_options_are_refused(settings):
    with pytest.raises(ConfigError):
        sources.make_options("corsika8", settings)

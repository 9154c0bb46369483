import gzip
import os
import struct
from pathlib import Path

import corsikaio
import numpy as np
import pytest
import zstandard
from corsika_writer import PROTON_MASS, Shower, random_rows, rows, write_corsika

from cascada.core.errors import ConfigError, DataError
from cascada.core.files import sha256
from cascada.data import corsika_rows, sources
from cascada.data.corsika_records import PARTICLES, check_start, sub_blocks
from cascada.data.format import CHANNELS, open_showers, read_header, read_sources
from cascada.data.sources import corsika7
from cascada.data.sources.corsika7 import Options

zstd = zstandard.ZstdCompressor().compress
ALL = Options(channels=CHANNELS)
MASSES = {1: 0, 2: 0.000511, 3: 0.000511, 5: 0.105658, 6: 0.105658, 8: 0.13957, 9: 0.13957, 13: 0.939565}
MASSES |= {14: 0.938272, 15: 0.938272, 25: 0.939565, 7: 0.134977, 10: 0.497611, 11: 0.493677, 12: 0.493677}
MASSES |= {16: 0.497611, 75: np.nan, 76: np.nan, 201: 1.8756, 301: 2.8089, 402: 3.7274}


def real_file(name: str) -> Path:
    folder = os.environ.get("CASCADA_TEST_DATA")
    if not folder:
        pytest.skip("CASCADA_TEST_DATA is not set: it names the folder that holds corsika/, the real CORSIKA files")
    return Path(folder) / "corsika" / name


def read(path, options=ALL) -> sources.Block:
    blocks = list(corsika7.showers(path, options))
    return sources.Block(np.concatenate([b.images for b in blocks]), np.concatenate([b.events for b in blocks]))


def parse(path: Path) -> list[np.ndarray]:
    """Return the non-empty particle rows (n, 8), weight 1 if plain, of each shower: plain parsing of the bytes."""
    data = path.read_bytes()
    (marker,) = struct.unpack_from("<i", data)
    words = {22932: 273, 26208: 312}[marker]
    showers, inside = [], False
    for record in range(0, len(data), marker + 8):
        for block in range(21):
            start = record + 4 + block * 4 * words
            name = data[start : start + 4]
            if name == b"EVTH":
                showers.append([])
            inside = name == b"EVTH" or (inside and name != b"EVTE")
            if inside and name not in (b"EVTH", b"LONG"):
                showers[-1].append(np.frombuffer(data, "<f4", words, start).reshape(39, -1))
    return [with_weight(np.concatenate(blocks)) for blocks in showers]


def with_weight(table: np.ndarray) -> np.ndarray:
    table = table[(table != 0).any(axis=1)].astype(float)
    return table if table.shape[1] == 8 else np.hstack([table, np.ones((len(table), 1))])


def expected(table: np.ndarray, codes, mass=MASSES) -> tuple[float, float]:
    """Return the weighted energy [GeV] and number of the particles of `codes` (None: all) within 160 m of the axis."""
    code = (table[:, 0] // 1000).astype(int)
    keep = (np.hypot(table[:, 4], table[:, 5]) <= 16000) & ~np.isin(code, [75, 76, 85, 86, 95, 96])
    if codes is not None:
        keep &= np.isin(code, codes)
    table, code = table[keep], code[keep]
    energy = np.sqrt((table[:, 1:4] ** 2).sum(axis=1) + np.array([mass[c] for c in code]) ** 2)
    return (energy * table[:, 7]).sum(), table[:, 7].sum()


@pytest.mark.parametrize(
    ("name", "altitude", "counts", "thinned"),
    [
        ("corsika757_particle", 2200.0, [28, 17, 11, 13, 6, 7, 7, 4, 42, 3], False),
        ("corsika76900_thin", 4.0, [4127, 1533, 1280, 839, 2753], True),
    ],
)
def test_real_files_agree_with_an_independent_reading(name, altitude, counts, thinned):
    path = real_file(name)
    tables = parse(path)
    assert [len(table) for table in tables] == counts

    assert corsika7.can_read(path)
    assert check_start(path, path.read_bytes()[:4000]) == (thinned, True)
    block = read(path, Options(channels=CHANNELS, altitude=altitude))
    assert block.images.shape == (len(counts), 5, 80, 80)
    assert block.events["primary"].tolist() == [14] * len(counts)
    groups = {0: None, 1: [1, 2, 3], 2: [5, 6], 3: [code for code in MASSES if code > 6]}
    for image, event, table in zip(block.images, block.events, tables, strict=True):
        for channel, codes in groups.items():
            assert image[channel].sum() == pytest.approx(expected(table, codes)[0], rel=1e-4)
        muons = expected(table, [5, 6])[1]
        assert [image[4].sum(), event["muons"]] == pytest.approx([muons, muons], rel=1e-5)


def test_bookkeeping_rows_of_a_real_file_are_left_out():
    path = real_file("corsika76900_thin")
    code = parse(path)[0][:, 0] // 1000
    assert ((code == 75).sum(), (code == 76).sum()) == (976, 925)

    kept = 0
    for name, words in sub_blocks(path):
        if name == PARTICLES:
            group = corsika_rows.look_up("", words.reshape(len(words) * 39, -1)[:, 0], level=1)[1]
            kept += corsika_rows.particles_in(group)
        if name == "EVTE":
            break
    assert kept == 4127 - 976 - 925


@pytest.mark.parametrize("name", ["corsika757_particle", "corsika76900_thin"])
def test_sub_blocks_are_those_that_corsikaio_finds(name):
    path = real_file(name)
    found = [[]]
    for block, words in sub_blocks(path):
        if block == PARTICLES:
            found[-1].append(words.copy())
        if block == "EVTE":
            found.append([])
    with corsikaio.CorsikaParticleFile(path, thinning="thin" in name, parse_blocks=False) as file:
        for event, blocks in zip(file, found, strict=False):
            np.testing.assert_array_equal(np.concatenate(blocks).reshape(event.particles.shape), event.particles)
    assert found[-1] == []


def test_one_proton_lands_in_its_cell_with_its_energy(tmp_path):
    particles = rows([14], momentum=3.0, x=[5.0], y=[-9.0])
    path = write_corsika(tmp_path / "DAT1", [Shower(particles=particles, primary=14, energy=4000.0)])

    block = read(path)

    energy = np.hypot(3.0, PROTON_MASS)
    wanted = np.zeros((5, 80, 80))
    wanted[0, 37, 41] = wanted[3, 37, 41] = energy  # row: y in [-12, -8) m, column: x in [4, 8) m
    np.testing.assert_allclose(block.images[0], wanted, rtol=1e-6)
    event = block.events[0]
    assert event["true_energy"] == 4000
    assert event["core_x"] == event["core_y"] == event["muons"] == 0
    assert (event["label"], event["split"], event["source"]) == (-1, -1, 0)


def test_thinned_iron_at_5200_m_carries_weights_and_direction(tmp_path):
    particles = np.concatenate(
        [
            rows([1, 6], momentum=[0.5, 4.0], x=[10, 20], y=[0, 0], weight=[300.0, 7.0]),
            rows([5626], momentum=[1000.0], x=[0.5], y=[0.5], weight=1.0),
        ]
    )
    iron = Shower(particles=particles, primary=5626, energy=40000.0, zenith=0.3, azimuth=-1.2, long_blocks=2)
    block = read(write_corsika(tmp_path / "DAT1", [iron], thinned=True))

    muon = np.hypot(4, 0.1056583755) * 7
    nucleus = np.hypot(1000, 26 * 0.93827209 + 30 * 0.93956542)
    np.testing.assert_allclose(block.images[0].sum((1, 2)), [150 + muon + nucleus, 150, muon, nucleus, 7], rtol=1e-6)
    fields = ["primary", "true_energy", "zenith", "azimuth", "muons"]
    np.testing.assert_allclose(block.events[fields][0].tolist(), [5626, 40000, 0.3, -1.2, 7], rtol=1e-6)


def test_only_the_configured_level_is_taken(tmp_path):
    particles = np.concatenate(
        [rows([1], momentum=1.0, x=[0], y=[0], level=1), rows([1], momentum=20.0, x=[0], y=[0], level=2)]
    )
    path = write_corsika(tmp_path / "DAT1", [Shower(particles=particles)], levels=(5200.0, 4800.0))

    assert read(path).images.sum() == pytest.approx(2.0)  # energy and electromagnetic energy
    assert read(path, Options(altitude=4800.0)).images.sum() == pytest.approx(20.0)
    with pytest.raises(DataError, match=r"DAT1: shower 1: no observation level at 100 m, there is 5200 m, 4800 m"):
        read(path, Options(altitude=100.0))


def test_particles_beyond_the_disc_bookkeeping_and_ancestors_are_left_out(tmp_path):
    inside = rows([1, 5], momentum=1.0, x=[160.0, 0], y=[0, -160.0])
    outside = rows([1, 1, 1], momentum=1.0, x=[160.1, 120, -1e6], y=[0, 120, 1e6])
    repeated = rows([75, 76, 85, 86, 95, 96], momentum=1.0, x=[0] * 6, y=[0] * 6)
    ancestors = rows([14], momentum=1.0, x=[0], y=[0])
    ancestors[:, 0] *= -1
    particles = np.concatenate([outside, repeated, inside, ancestors])
    block = read(write_corsika(tmp_path / "DAT1", [Shower(particles=particles)]))

    muon = np.hypot(1, 0.1056583755)
    assert block.images[0].sum((1, 2)).tolist() == pytest.approx([1 + muon, 1, muon, 0, 1])
    assert block.images[0, 1, 40, 79] == 1  # on the rim: the last column


@pytest.mark.parametrize("thinned", [False, True])
def test_many_particles_over_several_chunks(tmp_path, thinned):
    tables = [random_rows(number, seed=number, thinned=thinned) for number in (70_001, 39, 0)]
    showers = [Shower(particles=table) for table in tables]
    block = read(write_corsika(tmp_path / "DAT1", showers, thinned=thinned))

    for image, event, table in zip(block.images, block.events, tables, strict=True):
        assert image[0].sum() == pytest.approx(expected(table.astype(float), None)[0], rel=1e-5)
        assert event["muons"] == pytest.approx(expected(table.astype(float), [5, 6])[1], rel=1e-5)
    inside = np.hypot(*tables[0][:, 4:6].T) <= 16000
    x, y = tables[0][inside, 4] / 100, tables[0][inside, 5] / 100
    muons = np.isin(tables[0][inside, 0] // 1000, [5, 6])
    counts, *_ = np.histogram2d(y[muons], x[muons], 80, [[-160, 160]] * 2, weights=tables[0][inside, 7][muons])
    assert np.abs(block.images[0, 4] - counts).sum() <= 1e-3 * counts.sum()


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd])
def test_compressed_files_give_the_same_images(tmp_path, compress):
    showers = [Shower(particles=random_rows(500, seed=3))]
    plain = read(write_corsika(tmp_path / "plain", showers))
    path = write_corsika(tmp_path / "packed", showers, compress=compress)

    assert corsika7.can_read(path)
    np.testing.assert_array_equal(read(path).images, plain.images)
    if compress != zstd:  # whose frames have no padding
        path.write_bytes(path.read_bytes() + bytes(100))
    sources.convert("corsika7", [path], tmp_path / "s.h5", Options())
    with open_showers(tmp_path / "s.h5") as file:
        assert read_sources(file)[0].sha256 == sha256(path)  # of the file as it lies there, to its last byte


@pytest.mark.parametrize("thinned", [False, True])
def test_files_without_record_markers_give_the_same_images(tmp_path, thinned):
    showers = [Shower(particles=random_rows(n, seed=n, thinned=thinned)) for n in (100, 5000)]
    path = write_corsika(tmp_path / "marked", showers, thinned=thinned)
    data, size = path.read_bytes(), 21 * 4 * (312 if thinned else 273)
    bare = b"".join(data[start + 4 : start + 4 + size] for start in range(0, len(data), size + 8))
    (tmp_path / "bare").write_bytes(bare[: bare.index(b"RUNE") + size // 21])

    assert corsika7.can_read(tmp_path / "bare")
    np.testing.assert_array_equal(read(tmp_path / "bare").images, read(path).images)


def test_zeros_between_showers_are_padding(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower(number=1), Shower(number=2)])
    data = bytearray(path.read_bytes())
    # RUNH, EVTH, EVTE, EVTH, EVTE, RUNE, zeros: move the second shower and the end three sub-blocks back
    moved = data[4 + 3 * 1092 : 4 + 6 * 1092]
    data[4 + 3 * 1092 : 4 + 6 * 1092] = bytes(3 * 1092)
    data[4 + 6 * 1092 : 4 + 9 * 1092] = moved
    path.write_bytes(data)
    assert read(path).events["event"].tolist() == [1, 2]


def test_several_cores_shift_the_image_and_share_the_shower(tmp_path):
    particles = rows([1], momentum=1.0, x=[0], y=[0])
    path = write_corsika(tmp_path / "DAT1", [Shower(particles=particles), Shower(particles=particles)])
    options = Options(cores_per_shower=3, core_offset=50.0, seed=4)

    block = read(path, options)

    assert block.events["shower_id"].tolist() == [0, 0, 0, 1, 1, 1]
    assert block.events["event_id"].tolist() == list(range(6))
    cores = np.stack([block.events["core_x"], block.events["core_y"]])
    assert len(np.unique(cores, axis=1).T) == 6
    assert 0 < np.hypot(*cores).min() < np.hypot(*cores).max() <= 50
    for image, (x, y) in zip(block.images[:, 0], cores.T, strict=True):
        assert image[int((y + 160) // 4), int((x + 160) // 4)] == 1
    np.testing.assert_array_equal(block.images, read(path, options).images)
    other = read(path, Options(cores_per_shower=3, core_offset=50.0, seed=5))
    assert not np.array_equal(block.images, other.images)


def test_conversion_writes_a_shard_with_unique_showers(tmp_path):
    paths = [write_corsika(tmp_path / f"DAT{i}", [Shower(), Shower(primary=5626)], run=i) for i in (1, 2)]
    ticks = []
    options = Options(cores_per_shower=2, core_offset=10.0)

    number = sources.convert("corsika7", paths, tmp_path / "shard.h5", options, lambda *tick: ticks.append(tick))

    with open_showers(tmp_path / "shard.h5") as file:
        events = file["events"][:]
        header, rows_ = read_header(file), read_sources(file)
    assert number == len(events) == 8
    assert len(set(events["event_id"])) == 8
    assert [len(set(events["shower_id"][i : i + 2])) for i in (0, 2, 4, 6)] == [1, 1, 1, 1]
    assert len(set(events["shower_id"])) == 4
    assert events["source"].tolist() == [0] * 4 + [1] * 4
    assert events["primary"].tolist() == [14, 14, 5626, 5626] * 2
    assert events["run"].tolist() == [1] * 4 + [2] * 4 and events["event"].tolist() == [1, 1, 2, 2] * 2
    assert (header.channels, header.observation_altitude, header.role) == (("energy",), 5200.0, "")
    assert [(row.file, row.sha256, row.kind, row.events) for row in rows_] == [
        (path.name, sha256(path), "corsika7", 4) for path in paths
    ]
    assert ticks[-1] == (2000, 2000)


def break_file(path: Path, how: str) -> Path:
    """Write a broken particle file and return its path."""
    shower = Shower(particles=random_rows(4000, seed=1))
    if how == "no showers":
        return write_corsika(path, [])
    if how in ("thinned content", "plain content"):
        thinned = how == "thinned content"
        return write_corsika(path, [shower], thinned=thinned, marker=22932 if thinned else 26208)
    if how == "NaN":
        shower.particles[7, 2] = np.nan
    if how == "NaN weight":
        shower.particles[7, 7] = np.nan
    if how == "unknown particle":
        shower.particles[7, 0] = 99_011
    write_corsika(
        path,
        [shower, Shower(particles=random_rows(9000, seed=2))],
        thinned=how == "NaN weight",
        end=how != "no end",
        marker=None,
    )
    data = path.read_bytes()
    cut = {"cut": data[:-30_000], "cut at a record": data[: 5 * 22940], "foreign": b"PK\3\4 something else" * 99}
    cut |= {"empty": b"", "cut early": data[:500], "cut gzip": gzip.compress(data)[:-30_000]}
    cut |= {"cut zstd": zstandard.ZstdCompressor().compress(data)[:-1000], "other marker": b"\1" + data[1:]}
    cut |= {"second marker": data[: 3 * 22940] + b"1234" + data[3 * 22940 + 4 :]}
    cut |= {
        "no EVTE": data.replace(b"EVTE", b"LONG", 1),
        "no EVTH": data[:9999] + data[9999:].replace(b"EVTH", b"LONG"),
    }
    path.write_bytes(cut.get(how, data))
    if how == "a folder":
        path.unlink()
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no showers", "no shower between RUNH and RUNE, expected at least one; leave this file out"),
        ("thinned content", "first record: its marker says plain, its content is thinned"),
        ("plain content", "first record: its marker says thinned, its content is plain"),
        ("NaN", "shower 1: NaN, infinite or .* expected finite"),
        ("NaN weight", "shower 1: NaN, infinite or .* expected finite"),
        ("unknown particle", "shower 1: particle code 99 is unknown"),
        ("no end", "after shower 2: .*expected a complete CORSIKA 7 particle file, from RUNH to RUNE"),
        ("cut", "in shower 2: .*truncated: .*expected a complete"),
        ("cut at a record", "in shower 1: the file ends without RUNE; expected a complete"),
        ("cut gzip", "(before|in) .*shower.*: Compressed file ended before .*expected a complete"),
        ("cut zstd", "in shower 2: Compressed file ended inside a zstd frame; expected a complete"),
        ("cut early", "first record: b'' after the run header, expected EVTH"),
        ("foreign", "start of file: a ZIP archive: .*; expected a record marker and RUNH. .*check --source"),
        ("empty", "start of file: an empty file: .*; expected a record marker and RUNH"),
        ("second marker", "in shower 1: a record without its markers; expected a complete"),
        ("no EVTE", "in shower 1: EVTH inside a shower, expected RUNH, then EVTH, particles, LONG, EVTE for each"),
        ("no EVTH", "after shower 1: LONG outside a shower, expected RUNH, then EVTH"),
        ("a folder", "start of file: .*directory.*; expected a complete"),
        ("other marker", "start of file: record marker .* given, expected 22932"),
    ],
)
def test_bad_input_names_file_and_place_and_leaves_nothing(tmp_path, how, message):
    path = break_file(tmp_path / "DAT000001", how)
    with pytest.raises(DataError, match=f"DAT000001: {message}"):
        sources.convert("corsika7", [path], tmp_path / "out" / "shard.h5", Options())
    assert list((tmp_path / "out").iterdir()) == []


def test_foreign_files_are_not_recognised(tmp_path):
    assert not corsika7.can_read(break_file(tmp_path / "DAT1", "foreign"))
    assert not corsika7.can_read(tmp_path)
    assert not corsika7.can_read(tmp_path / "absent")
    assert corsika7.can_read(write_corsika(tmp_path / "DAT2", [Shower()], thinned=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": ["energie"]}, "energie.*expected one or several different ones of: energy, electromagnetic"),
        ({"channels": []}, "expected one or several"),
        ({"channels": ["energy", "energy"]}, "different"),
        ({"cores_per_shower": 2}, "set core_offset"),
        ({"cores_per_shower": 0}, "cores_per_shower 0 given, expected at least 1"),
        ({"core_offset": -1.0}, "core_offset -1.0 given, expected at least 0"),
        ({"seed": -1}, "seed -1 given"),
        ({"altitud": 1.0}, r"Unknown option\(s\) \['altitud'\] for source corsika7. Valid options are: channels, alt"),
    ],
)
def test_impossible_options_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        sources.make_options("corsika7", settings)

"""Every byte of a CORSIKA 7 file is read, or of no use, or refused: rows, counts, headers, what stands behind the end."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import zstandard
from corsika_writer import Shower, random_rows, rows, write_corsika

from cascada.core.errors import ConfigError, DataError
from cascada.data import sources
from cascada.data.format import CHANNELS, open_showers, read_events, read_header
from cascada.data.sources import corsika7
from cascada.data.sources.corsika7 import Options

RECORD = {False: 22940, True: 26216}  # bytes with markers, thinned?
BLOCK = 1092  # bytes of a plain sub-block


def real_file(name: str) -> Path:
    folder = os.environ.get("CASCADA_TEST_DATA")
    if not folder:
        pytest.skip("CASCADA_TEST_DATA is not set: it names the folder that holds corsika/, the real CORSIKA files")
    return Path(folder) / "corsika" / name


def read(path, **options) -> sources.Block:
    blocks = list(corsika7.showers(path, Options(**{"channels": CHANNELS} | options)))
    images, events = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("images", "events"))
    total = {name: sum(block.left_out.get(name, 0) for block in blocks) for name in sources.LEFT_OUT}
    return sources.Block(images, events, {name: number for name, number in total.items() if number})


def two_showers(path: Path, thinned: bool = False, run: int = 7) -> Path:
    showers = [Shower(particles=random_rows(number, seed=number, thinned=thinned)) for number in (4000, 900)]
    return write_corsika(path, showers, thinned=thinned, run=run)


def with_row(path: Path, word: float, **changes) -> Path:
    """Write a shower of 100 particles of which one begins with `word`; `changes` are of the shower."""
    particles = random_rows(100, seed=5)
    particles[40, 0] = word
    return write_corsika(path, [Shower(particles=particles, **changes)])


# -- rows that are no particles


def test_a_cherenkov_file_is_refused():
    with pytest.raises(DataError, match=r"corsika75700_cherenkov: shower 1: a row begins with 0\.995.*Cherenkov"):
        read(real_file("corsika75700_cherenkov"), altitude=2200.0)


@pytest.mark.parametrize(
    "word",
    [1001.5, 5.0, 999.0, 0.25, -0.5, -999.0, 9.9e6 + 10 * 120 + 1, 9.9e6 + 51, 6_000_000.0, -6_000_000.0, 1e30, 3e-41],
)
def test_rows_that_cannot_be_particles_are_refused_with_what_they_begin_with(tmp_path, word):
    with pytest.raises(DataError, match=r"DAT1: shower 1: a row begins with .*expected code \* 1000"):
        read(with_row(tmp_path / "DAT1", word, counted=100))


def test_photon_bunches_between_the_particles_do_not_become_nuclei(tmp_path):
    particles = random_rows(100, seed=5)
    particles[::7, 0] = (
        9.9e6 + 10 * np.arange(100, 115) + 1
    )  # codes 9901: were nuclei of 99 nucleons, one of them charged
    with pytest.raises(DataError, match=r"a row begins with 9901001, .*Cherenkov"):
        read(write_corsika(tmp_path / "DAT1", [Shower(particles=particles)]))


@pytest.mark.parametrize(("word", "code"), [(99_011, 99), (4_011, 4), (400_011, 400), (1_299_011, 1299)])
def test_unknown_codes_are_refused_or_skipped_and_counted(tmp_path, word, code):
    path = with_row(tmp_path / "DAT1", word)
    with pytest.raises(
        DataError, match=rf"DAT1: shower 1: particle code {code} is unknown, .*`unknown_particles` to skip"
    ):
        read(path)
    particles = np.delete(random_rows(100, seed=5), 40, axis=0)
    without = read(write_corsika(tmp_path / "DAT2", [Shower(particles=particles)]))
    skipped = read(path, unknown_particles="skip")
    np.testing.assert_array_equal(skipped.images, without.images)
    assert skipped.left_out == {"unknown_particles": 1}


def test_unknown_particles_stand_in_the_shard_and_are_told(tmp_path, capsys):
    options = sources.make_options("corsika7", {"unknown_particles": "skip"})
    sources.convert("corsika7", [with_row(tmp_path / "DAT1", 99_011)], tmp_path / "s.h5", options)
    with open_showers(tmp_path / "s.h5") as file:
        assert read_header(file).left_out == {"unknown_particles": 1}
    assert "s.h5: left out of the images: 1 particles of codes that nobody knows" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"unknown_particles 'ignore' given, expected one of \['refuse', 'skip'\]"):
        sources.make_options("corsika7", {"unknown_particles": "ignore"})


@pytest.mark.parametrize("code", [*range(71, 75), *range(161, 164), *range(171, 174), *range(176, 196)])
def test_every_code_of_corsika_s_table_is_read(tmp_path, code):
    block = read(write_corsika(tmp_path / "DAT1", [Shower(particles=rows([code], momentum=3.0, x=[1], y=[1]))]))
    assert 3 < block.images[0, 3].sum() == block.images[0, 0].sum() < 8  # a hadron of at most 6.3 GeV


# -- neutrinos


def test_neutrinos_are_left_out_of_every_channel_and_counted(tmp_path):
    particles = np.concatenate(
        [
            rows([66, 69, 133, 134], momentum=[1.0, 2, 3, 4], x=[0, 1, 2, 1000], y=[0] * 4, weight=[1, 10, 1, 1]),
            rows([68], momentum=[5.0], x=[0], y=[0], level=2),
            rows([1], momentum=[0.5], x=[0], y=[0], weight=2.0),
        ]
    )
    path = write_corsika(tmp_path / "DAT1", [Shower(particles=particles)], thinned=True, levels=(5200.0, 100.0))
    block = read(path)
    assert block.images[0].sum((1, 2)).tolist() == [1, 1, 0, 0, 0]
    assert block.left_out == {"neutrinos": 13, "neutrino_energy_gev": 28}  # those of this level alone


def test_the_tau_neutrinos_of_a_real_file_are_no_energy_at_ground():
    """Shower 3 has 76 TeV of tau neutrinos among its 427 TeV at ground."""
    path = real_file("DAT000037_ehist")
    block = read(path, altitude=110.0)
    data, energy, neutrinos = path.read_bytes(), [], []
    for record in range(0, len(data), RECORD[False]):
        for block_start in range(record + 4, record + 4 + 21 * BLOCK, BLOCK):
            name = data[block_start : block_start + 4]
            if name == b"EVTH":
                energy.append(0.0), neutrinos.append(0.0)
            elif name not in (b"RUNH", b"RUNE", b"EVTE", b"LONG"):
                for row in np.frombuffer(data, "<f4", 273, block_start).reshape(39, 7).astype(float):
                    p, code = np.sqrt((row[1:4] ** 2).sum()), row[0] // 1000
                    if row[0] >= 1000 and code in (66, 67, 68, 69, 133, 134):
                        neutrinos[-1] += p
                    elif row[0] >= 1000 and code not in (75, 76, 85, 86, 95, 96) and np.hypot(row[4], row[5]) <= 16000:
                        energy[-1] += p  # masses matter little at these energies
    assert block.left_out["neutrino_energy_gev"] == pytest.approx(sum(neutrinos), rel=1e-5)
    assert neutrinos[2] > 70_000
    np.testing.assert_allclose(block.images[:, 0].sum((1, 2)), energy, rtol=1e-3)
    assert block.events["primary"].tolist() == [2814] * 5
    assert block.events["run"].tolist() == [37] * 5 and block.events["event"].tolist() == [1, 2, 3, 4, 5]


# -- the file's own counts


@pytest.mark.parametrize("name", ["corsika757_particle", "corsika76900_thin", "DAT000037_ehist", "DAT101001"])
def test_real_files_count_what_they_hold(name):
    altitudes = {"corsika757_particle": 2200.0, "corsika76900_thin": 4.0, "DAT000037_ehist": 110.0, "DAT101001": 5300.0}
    showers = {"corsika757_particle": 10, "corsika76900_thin": 5, "DAT000037_ehist": 5, "DAT101001": 1}
    assert len(read(real_file(name), altitude=altitudes[name]).events) == showers[name]


@pytest.mark.parametrize("thinned", [False, True])
@pytest.mark.parametrize("how", ["lost", "zeros", "doubled"])
def test_a_record_lost_zeroed_or_doubled_inside_a_shower_is_refused(tmp_path, thinned, how):
    size, path = RECORD[thinned], two_showers(tmp_path / "DAT1", thinned)
    data = path.read_bytes()
    record = data[2 * size : 3 * size]
    put = {"lost": b"", "zeros": record[:4] + bytes(size - 8) + record[-4:], "doubled": record * 2}[how]
    path.write_bytes(data[: 2 * size] + put + data[3 * size :])
    with pytest.raises(
        DataError, match=r"DAT1: shower 1: \d+ particles in it, expected 4000, as its end \(EVTE\) says"
    ):
        read(path)


def test_counts_are_over_all_levels_and_compared_as_float32(tmp_path):
    particles = np.concatenate([rows([1] * n, 1.0, [0] * n, [0] * n, level=level) for n, level in ((3, 1), (5, 2))])
    path = write_corsika(tmp_path / "DAT1", [Shower(particles=particles)], levels=(5200.0, 4800.0))
    assert read(path).images[0, 0].sum() == 3
    assert np.float32(2**24 + 1) == np.float32(2**24)  # why: a larger count is stored rounded
    path = write_corsika(tmp_path / "DAT2", [Shower(particles=particles, counted=3)], levels=(5200.0, 4800.0))
    with pytest.raises(DataError, match="shower 1: 8 particles in it, expected 3"):
        read(path)


def test_a_whole_shower_that_is_lost_is_missed_at_the_end_of_the_run(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower(), Shower(), Shower()])
    data = path.read_bytes()  # marker, RUNH, three times EVTH and EVTE, RUNE
    path.write_bytes(data[: 4 + 3 * BLOCK] + data[4 + 5 * BLOCK : -4] + bytes(2 * BLOCK) + data[-4:])
    with pytest.raises(
        DataError, match=r"DAT1: end of run 7: 2 showers in it, expected 3 of run 7, as the end \(RUNE\) says"
    ):
        read(path)


def test_a_row_whose_code_was_zeroed_is_refused(tmp_path):
    with pytest.raises(DataError, match="shower 1: a row of particles has values but no particle code"):
        read(with_row(tmp_path / "DAT1", 0.0))


# -- the same shower twice, and what belongs elsewhere


def test_a_shower_s_number_may_stand_once_in_a_run(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower(number=4), Shower(number=5), Shower(number=4)])
    with pytest.raises(
        DataError, match="shower 4: run 7 has a shower of this number already, expected every shower once"
    ):
        read(path)


def test_showers_of_another_run_and_ends_of_another_shower_are_refused(tmp_path):
    with pytest.raises(DataError, match="shower 1: belongs to run 8, expected run 7 of the run header"):
        read(write_corsika(tmp_path / "DAT1", [Shower(run=8)]))
    path = write_corsika(tmp_path / "DAT2", [Shower()])
    data = bytearray(path.read_bytes())
    data[4 + 2 * BLOCK + 4 : 4 + 2 * BLOCK + 8] = struct.pack("<f", 9.0)
    path.write_bytes(data)
    with pytest.raises(DataError, match="shower 1: ends as shower 9, expected its own number"):
        read(path)


# -- bytes behind the end, or between the parts


@pytest.mark.parametrize("thinned", [False, True])
def test_runs_one_behind_the_other_are_all_read(tmp_path, thinned):
    one, other = (two_showers(tmp_path / f"DAT{run}", thinned, run) for run in (7, 8))
    both = tmp_path / "both"
    both.write_bytes(one.read_bytes() + other.read_bytes())
    block = read(both)
    np.testing.assert_array_equal(block.images, np.concatenate([read(one).images, read(other).images]))
    assert block.events["run"].tolist() == [7, 7, 8, 8] and block.events["event"].tolist() == [1, 2, 1, 2]
    assert block.events["shower_id"].tolist() == block.events["event_id"].tolist() == [0, 1, 2, 3]
    sources.convert("corsika7", [both, one], tmp_path / "s.h5", Options())
    with open_showers(tmp_path / "s.h5") as file:
        assert read_events(file)["shower_id"].tolist() == list(range(6))


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_runs_that_were_compressed_one_by_one_are_all_read(tmp_path, compress):
    parts = [two_showers(tmp_path / f"DAT{run}", run=run).read_bytes() for run in (7, 8)]
    both = tmp_path / "both"
    both.write_bytes(b"".join(map(compress, parts)))
    assert read(both).events["run"].tolist() == [7, 7, 8, 8]
    both.write_bytes(compress(parts[0]) + b"something else")
    with pytest.raises(DataError, match="both: behind the end of run 7: "):
        read(both)


def test_the_same_run_twice_in_a_file_is_refused(tmp_path):
    path = two_showers(tmp_path / "DAT1")
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(DataError, match="shower 1: run 7 has a shower of this number already"):
        read(path)


@pytest.mark.parametrize("zeros", [1, 3, 4, 1092, 22940, 50_000, 2_000_000])
def test_zeros_behind_the_end_are_padding(tmp_path, zeros):
    path = two_showers(tmp_path / "DAT1")
    images = read(path).images
    path.write_bytes(path.read_bytes() + bytes(zeros))
    np.testing.assert_array_equal(read(path).images, images)


def test_a_zstd_frame_that_is_cut_off_is_refused(tmp_path):
    """zstandard's reader would end where the second frame is cut off, as if one run were all."""
    parts = [
        zstandard.ZstdCompressor().compress(two_showers(tmp_path / f"DAT{run}", run=run).read_bytes()) for run in (7, 8)
    ]
    for kept in (1, 9, len(parts[1]) // 2, len(parts[1]) - 1):
        (tmp_path / "both").write_bytes(parts[0] + parts[1][:kept])
        with pytest.raises(DataError, match=r"both: .*ended inside a zstd frame"):
            read(tmp_path / "both")


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (b"\1", "behind the end of run 7: the file seems to be truncated"),
        (
            bytes(1_000_000) + b"\1",
            "behind the end of run 7: a record without its markers; .*nothing behind it but zeros",
        ),
        (b"something else" * 5000, "behind the end of run 7: a record without its markers"),
        (
            struct.pack("<i", 22932) + bytes(22931) + b"\1" + struct.pack("<i", 22932),
            "bytes that are not zero, expected",
        ),
        (struct.pack("<i", 22932) + b"EVTH" + bytes(22928) + struct.pack("<i", 22932), "behind the end of run 7: EVTH"),
    ],
)
def test_other_bytes_behind_the_end_are_refused(tmp_path, rest, message):
    path = two_showers(tmp_path / "DAT1")
    path.write_bytes(path.read_bytes() + rest)
    with pytest.raises(DataError, match=f"DAT1: .*{message}"):
        read(path)


def test_bytes_between_end_and_padding_are_refused(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower()])
    data = bytearray(path.read_bytes())
    data[-500] = 1
    path.write_bytes(data)
    with pytest.raises(
        DataError, match="behind the end of run 7: bytes that are not zero, expected the end of the file"
    ):
        read(path)


def test_a_run_without_its_end_before_another_is_refused(tmp_path):
    parts = [write_corsika(tmp_path / f"DAT{run}", [Shower()], run=run, end=run == 8).read_bytes() for run in (7, 8)]
    (tmp_path / "both").write_bytes(b"".join(parts))
    with pytest.raises(DataError, match="both: after shower 1: RUNH outside a shower, expected RUNH, then EVTH"):
        read(tmp_path / "both")


# -- values of headers and particles


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": 0.0}, "true_energy is 0, expected a finite energy above 0 GeV"),
        ({"energy": -1.0}, "true_energy is -1, expected a finite energy above 0 GeV"),
        ({"energy": np.nan}, "true_energy is nan, expected a finite energy"),
        ({"energy": np.inf}, "true_energy is inf, expected a finite energy"),
        ({"zenith": np.nan}, "zenith is nan, expected an angle from 0 to π rad"),
        ({"zenith": 45.0}, "zenith is 45, expected an angle from 0 to π rad"),
        ({"zenith": -0.1}, "zenith is -0.1, expected an angle"),
        ({"azimuth": np.inf}, "azimuth is inf, expected a finite angle"),
        ({"primary": 0}, "the primary is 0, expected a code of CORSIKA's table"),
        ({"primary": 99}, "the primary is 99, expected a code of CORSIKA's table"),
        ({"primary": 75}, "the primary is 75, expected a code of CORSIKA's table"),
        ({"primary": 14.5}, "the primary is 14.5, expected a whole number"),
        ({"primary": 9_000_000}, "the primary is 9000000, expected a code"),
    ],
)
def test_impossible_headers_are_refused_and_leave_nothing(tmp_path, changes, message):
    path = write_corsika(tmp_path / "DAT1", [Shower(), Shower(**changes)])
    with pytest.raises(DataError, match=f"DAT1: shower 2: {message}"):
        sources.convert("corsika7", [path], tmp_path / "out" / "s.h5", Options())
    assert list((tmp_path / "out").iterdir()) == []


def test_the_largest_angle_is_read(tmp_path):
    block = read(write_corsika(tmp_path / "DAT1", [Shower(zenith=np.pi, azimuth=-np.pi)]))
    assert block.events["zenith"] == np.float32(np.pi)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (3, 3000.0, "a particle of 3000 GeV, expected at most the 1000 GeV of the primary"),
        (3, 1e30, "NaN, infinite or far too large momentum, position or weight"),
        (4, np.nan, "NaN, infinite or far too large momentum, position or weight"),
        (1, -np.inf, "NaN, infinite or far too large momentum, position or weight"),
        (7, -1.0, "a particle of weight -1, expected at least 0"),
        (7, np.inf, "NaN, infinite or far too large momentum, position or weight"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_impossible_particles_are_refused(tmp_path, column, value, message):
    particles = random_rows(100, seed=5, thinned=True)
    particles[40, column] = value
    with pytest.raises(DataError, match=f"DAT1: shower 1: {message}"):
        read(write_corsika(tmp_path / "DAT1", [Shower(particles=particles)], thinned=True))


def test_impossible_numbers_of_levels_are_refused(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower()])
    start = 4 + BLOCK + 4 * 46
    for number in (0.0, 11.0, np.nan, 1e9, 1.5):
        data = bytearray(path.read_bytes())
        data[start : start + 4] = struct.pack("<f", number)
        (tmp_path / "DAT2").write_bytes(data)
        with pytest.raises(DataError, match=r"DAT2: shower 1: .*observation levels"):
            read(tmp_path / "DAT2")


def test_half_of_a_shower_says_that_the_rest_may_stand_in_another_file(tmp_path):
    path = write_corsika(tmp_path / "DAT1", [Shower(particles=random_rows(50, seed=1), counted=80)])
    with pytest.raises(
        DataError, match=r"50 particles in it, expected 80, .*or parts of this shower stand in other files"
    ):
        read(path)

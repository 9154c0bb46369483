import contextlib
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corsika_writer import Shower, random_rows, write_corsika

import cascada
from cascada.cli import command_names, main
from cascada.data import projection, sources
from cascada.data.format import open_showers, read_header

HEAVY = ("torch", "h5py", "sklearn", "pandas", "matplotlib", "numpy", "pyarrow")


def python(code: str, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(Path(cascada.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True)


def test_help_lists_the_commands_without_heavy_imports():
    code = (
        "import sys\nfrom cascada.cli import main\ntry: main(['--help'])\nexcept SystemExit as end: print(end.code)\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    result = python(code)
    assert "loaded []" in result.stdout
    assert "usage: cascada COMMAND" in result.stdout
    for name in command_names():
        assert f"\n  {name} " in result.stdout


def test_module_and_version():
    environment = os.environ | {"PYTHONPATH": str(Path(cascada.__file__).parents[1])}
    command = [sys.executable, "-m", "cascada", "--version"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == f"cascada {cascada.__version__}\n"


def test_a_reader_that_has_gone_ends_a_command_without_a_traceback(tmp_path):
    (tmp_path / "results/small/search").mkdir(parents=True)
    command = [sys.executable, "-m", "cascada", "status", "results/small", "--json"]
    environment = os.environ | {"PYTHONPATH": str(Path(cascada.__file__).parents[1])}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 2
    assert "\n  convert " in capsys.readouterr().err


def test_unknown_commands_are_refused_with_the_list(capsys):
    with pytest.raises(SystemExit) as end:
        main(["convrt"])
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert "convrt" in message
    assert "choose from" in message
    assert "convert" in message


@pytest.fixture
def particle_file(tmp_path):
    return write_corsika(tmp_path / "DAT000001", [Shower(particles=random_rows(300, seed=1))] * 2, levels=(4800.0,))


@pytest.mark.parametrize("source", [[], ["--source", "corsika7"]])
def test_convert_does_what_the_library_does(particle_file, tmp_path, capsys, source):
    other = write_corsika(tmp_path / "DAT000002", [Shower(primary=5626)], levels=(4800.0,))
    output = tmp_path / "out.h5"
    settings = ["--altitude", "4800", "--channels", "energy,muons", "--cores-per-shower=2", "--core-offset", "9.5"]

    assert main(["convert", *source, *settings, str(particle_file), str(other), str(output)]) == 0

    assert capsys.readouterr().out.startswith(f"{output}: 6 showers, ")
    options = {"altitude": 4800.0, "channels": ["energy", "muons"], "cores_per_shower": 2, "core_offset": 9.5}
    made = sources.make_options("corsika7", options)
    sources.convert("corsika7", [particle_file, other], tmp_path / "expected.h5", made)
    with open_showers(output) as file, open_showers(tmp_path / "expected.h5") as expected:
        np.testing.assert_array_equal(file["images"][:], expected["images"][:])
        np.testing.assert_array_equal(file["events"][:], expected["events"][:])
        assert read_header(file) == read_header(expected)


def test_errors_are_one_line_on_stderr_and_leave_no_output(particle_file, tmp_path, capsys):
    particle_file.write_bytes(particle_file.read_bytes()[:20_000])
    output = tmp_path / "out" / "out.h5"
    assert main(["convert", "--source", "corsika7", str(particle_file), str(output)]) == 1
    message = capsys.readouterr().err
    assert message.startswith(
        f"cascada convert: {particle_file}: before the first shower: the file seems to be truncated"
    )
    assert message.count("\n") == 1
    assert list(output.parent.iterdir()) == []


def test_inputs_that_cannot_be_read_are_skipped_if_asked(tmp_path, capsys, monkeypatch):
    """The broken one has whole showers before the break, which were written already: they go with it."""
    monkeypatch.setattr(projection, "BLOCK_BYTES", 1)
    good, other, broken = (
        write_corsika(
            tmp_path / f"DAT{n}", [Shower(particles=random_rows(4000, seed=10 * n + i)) for i in range(3)], run=n
        )
        for n in (1, 2, 3)
    )
    broken.write_bytes(broken.read_bytes()[:-60_000])
    output = tmp_path / "out.h5"
    command = ["convert", "--source", "corsika7", str(good), str(broken), str(other), str(output)]
    assert main(command) == 1 and not output.exists()
    capsys.readouterr()
    assert main([*command, "--on-error", "skip"]) == 3
    said = capsys.readouterr()
    assert f"cascada convert: skipped: {broken}: " in said.err and "6 showers" in said.out
    assert f"1 input(s) skipped: {tmp_path}/out.skipped.tsv" in said.out
    with open_showers(output) as file:
        assert file["events"]["run"].tolist() == [1] * 3 + [2] * 3 and len(file["images"]) == 6
        assert file["events"]["source"].tolist() == [0] * 3 + [1] * 3
        assert len(set(file["events"]["event_id"])) == len(set(file["events"]["shower_id"])) == 6
        assert file["skipped"]["file"].tolist() == [b"DAT3"] and file["sources"]["file"].tolist() == [b"DAT1", b"DAT2"]
    assert main([*command[:3], str(broken), str(tmp_path / "none.h5"), "--on-error", "skip"]) == 1
    assert "every input was skipped, the first because of: " in capsys.readouterr().err
    assert not list(tmp_path.glob("none*"))


def test_a_forgotten_output_costs_no_input(particle_file, tmp_path, capsys):
    before = particle_file.read_bytes()
    assert main(["convert", "--source", "corsika7", str(particle_file), str(particle_file)]) == 1
    assert "expected a name that ends in .h5" in capsys.readouterr().err
    assert particle_file.read_bytes() == before

    existing = tmp_path / "Test.h5"
    existing.write_text("precious")
    arguments = ["convert", "--altitude", "4800", str(particle_file), str(existing)]
    assert main(arguments) == 1
    assert "exists already" in capsys.readouterr().err
    assert existing.read_text() == "precious"
    assert main([*arguments, "--force"]) == 0
    with open_showers(existing) as file:
        assert len(file["events"]) == 2


def test_help_of_a_source_shows_its_options_with_their_meaning(capsys):
    with pytest.raises(SystemExit):
        main(["convert", "--source", "corsika7", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--core-offset CORE_OFFSET radius of the disc in which random cores fall [m] (default: 0.0)" in text
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    assert "{" + ",".join(sources.kinds()) + "}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--source", "corsika9", "a", "b.h5"], "Unknown source kind 'corsika9'. Valid kinds are: corsika7"),
        (["absent", "b.h5"], "absent: no such file or folder; expected raw files, or --source surrogate"),
        (["--source", "corsika7", "absent", "b.h5"], "absent: no such file or folder"),
        (["--source", "corsika7", "--channels", "light", "absent", "b.h5"], "Channels ['light'] given"),
    ],
)
def test_bad_arguments_are_explained(argv, message, capsys):
    assert main(["convert", *argv]) == 1
    assert message in capsys.readouterr().err


def test_an_input_of_no_kind_is_explained(tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("Dear all")
    assert main(["convert", str(tmp_path / "letter.txt"), str(tmp_path / "b.h5")]) == 1
    assert "letter.txt: no source can read this: a text file that begins with 'Dear all'" in capsys.readouterr().err


def test_surrogate_showers_need_no_input(tmp_path, capsys):
    output = tmp_path / "surrogate.h5"
    arguments = ["--primary", "proton", "--showers", "3", "--seed", "1", "--energy-max", "5000", str(output)]
    assert main(["convert", "--source", "surrogate", *arguments]) == 0
    assert "3 showers" in capsys.readouterr().out
    with open_showers(output) as file:
        assert file["events"]["primary"].tolist() == [14] * 3
        assert max(file["events"]["true_energy"]) <= 5000
        assert b"seed=1" in file["sources"]["file"][0]

    with pytest.raises(SystemExit):
        main(["convert", "--source", "surrogate", "--primary", "photon", *arguments[2:]])
    assert "'photon' given, expected a CORSIKA code or one of ['gamma', 'proton'" in capsys.readouterr().err


def test_a_terminal_shows_a_progress_bar(particle_file, tmp_path):
    ours, theirs = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(Path(cascada.__file__).parents[1]), "TERM": "xterm"}
    command = [sys.executable, "-m", "cascada", "convert", "--altitude", "4800", particle_file, tmp_path / "o.h5"]
    subprocess.run(command, env=environment, stderr=theirs, stdout=subprocess.DEVNULL, check=True)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(
        OSError
    ):  # the end; a read gives 4 kB at most, and a slow machine draws the bar many times
        while part := os.read(ours, 100_000):
            shown += part
    os.close(ours)
    shown = shown.decode()
    assert "o.h5" in shown
    assert "100%" in shown

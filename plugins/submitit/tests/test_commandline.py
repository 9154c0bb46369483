"""Which commands are called in a forked process, and which are left to a shell."""

import json
import shlex
import subprocess
import sys

import pytest
from snakemake_executor_plugin_submitit.commandline import AND, Call, parse, requoted, split
from snakemake_interface_executor_plugins.utils import format_cli_arg

PYTHON = sys.executable


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("a 'b c'd \"e f\"", ["a", "b cd", "e f"]),
        ("a ''", ["a", ""]),
        ("a&&b && c", ["a", AND, "b", AND, "c"]),
        ("a '&&' '$HOME'", ["a", "&&", "$HOME"]),
        ("r:x=1,y=\"a,b\"", ["r:x=1,y=a,b"]),
        ("'r:x=1,y=\"a,b\"'", ['r:x=1,y="a,b"']),
    ],
)  # fmt: skip
def test_words_are_those_of_a_shell(command, words):
    assert split(command) == words


@pytest.mark.parametrize(
    "command",
    ["a $HOME", 'a "$HOME"', "a `b`", "a | b", "a > b", "a; b", "a & b", "a b*", "a ~/b", "a \\ b", "(a)", "a 'b", "a\nb",
     "a #b", 'a "b\\n"', "a {b,c}"],
)  # fmt: skip
def test_what_a_shell_would_expand_is_left_to_it(command):
    assert split(command) is None


@pytest.mark.parametrize(
    ("command", "call"),
    [
        (f"{PYTHON} -m snakemake --cores 1", Call(arguments=["--cores", "1"])),
        (f"cd '/a b' && {PYTHON} -m snakemake -n", Call(arguments=["-n"], folder="/a b")),
        (
            f"export A='1' B='x=y' && cd /a && {PYTHON} -m snakemake -n",
            Call(arguments=["-n"], folder="/a", environment={"A": "1", "B": "x=y"}),
        ),
    ],
)
def test_a_call_of_snakemake_is_recognized(command, call):
    assert parse(command) == call


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/some-other-python -m snakemake",
        f"{PYTHON} -m pytest",
        f"{PYTHON} script.py -m snakemake",
        f"A=1 {PYTHON} -m snakemake",
        f"pip install x && {PYTHON} -m snakemake",
        f"{PYTHON} -m snakemake && touch done",
        f"{PYTHON} -m snakemake 2>&1",
        "true",
        "",
    ],
)
def test_everything_else_is_not(command):
    assert parse(command) is None


def test_a_link_to_the_interpreter_is_another_environment(tmp_path):
    link = tmp_path / "python"
    link.symlink_to(PYTHON)
    assert parse(f"{link} -m snakemake") is None


@pytest.mark.parametrize(
    "value",
    [
        "plain", "two words", "it's", 'say "hi"', "a,b", "&&", "it's $HOME and `id`", "a\\b", "\\n", "two\nlines", "it's \"said\"",
        "$HOME", "tab\there", "漢", "'", '"', "\\", "-",
    ],
)  # fmt: skip
def test_snakemakes_own_quoting_comes_back(value):
    """Here and in a shell."""
    arguments = requoted(format_cli_arg("--option", [value]))
    assert parse(f"{PYTHON} -m snakemake {arguments}") == Call(arguments=["--option", value])
    shell = f"{PYTHON} -c 'import json, sys; print(json.dumps(sys.argv[1:]))' {arguments}"
    told = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == ["--option", value]


@pytest.mark.parametrize("text", ["--a 'it'\"'\"'s'", "--folder '/a\\b'", "--cores 1", '--x "$HOME"'])
def test_what_is_not_python_s_word_for_a_string_stays(text):
    assert shlex.split(requoted(text)) == shlex.split(text)
    assert requoted("'unfinished") == "'unfinished" and requoted('--x "$HOME"') == '--x "$HOME"'

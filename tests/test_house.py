"""The house itself: pins agree, style is clean, documents point at what exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def pins(lines):
    return {line.strip() for line in lines if line.strip() and not line.strip().startswith("#")}


def test_conda_and_pip_have_the_same_pins():
    conda = yaml.safe_load((ROOT / "envs/cascada.yaml").read_text())
    by_pip = next(item["pip"] for item in conda["dependencies"] if isinstance(item, dict))
    assert pins(by_pip) == pins((ROOT / "envs/requirements.txt").read_text().splitlines())


def test_every_pin_is_exact():
    for pin in pins((ROOT / "envs/requirements.txt").read_text().splitlines()):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", pin), pin


def test_what_runs_is_what_is_pinned():
    from importlib.metadata import version

    for pin in pins((ROOT / "envs/requirements.txt").read_text().splitlines()):
        name, _, expected = pin.partition("==")
        assert version(name).split("+")[0] == expected, name


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["snakefmt", "--check", "Snakefile", "rules"],
        ["snakemake", "--lint"],
    ],
    ids=" ".join,
)
def test_style_is_clean(command):
    done = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_of_the_documents_resolve():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/**/*.md"), *ROOT.glob("plugins/*/*.md")]
    for document in documents:
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document}: {target}"


def test_every_rule_has_its_script():
    rules = set(re.findall(r"^rule (\w+):", "".join(p.read_text() for p in ROOT.glob("rules/*.smk")), re.MULTILINE))
    assert rules == {path.stem for path in ROOT.glob("scripts/*.py")}


def test_scripts_translate_and_do_not_compute():
    for script in ROOT.glob("scripts/*.py"):
        assert len(script.read_text().splitlines()) <= 35, script

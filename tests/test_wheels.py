"""Each wheel alone, installed by pip in an environment with nothing else, imports every module that it brings.

What serves a model, or shows a search to Prometheus, needs the extra `serve`, and nothing else does.
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EVERY_MODULE = """
import importlib, pkgutil, sys
count = 0
without = tuple(sys.argv[1].split())
for package in sys.argv[2:]:
    top = importlib.import_module(package)
    assert "site-packages" in top.__file__, top.__file__
    for module in pkgutil.walk_packages(top.__path__, package + "."):
        if not module.name.endswith("__main__") and not (without and module.name.startswith(without)):
            importlib.import_module(module.name)
            count += 1
print(count)
"""


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("project", "packages", "least", "extras"),
    [
        (
            ".",
            ["cascada", "snakemake_logger_plugin_cascada"],
            100,
            {"serve": "cascada.serving. cascada.report.progress.exporter"},
        ),
        ("plugins/submitit", ["snakemake_executor_plugin_submitit"], 30, {}),
    ],
)
def test_a_wheel_alone_imports_every_module(project, packages, least, extras, tmp_path):
    wheel = built(ROOT / project, tmp_path)
    pins = tmp_path / "pins.txt"  # what is allowed, not what is installed: only what the wheel requires is
    pins.write_text("".join(f"{line.split()[0]}\n" for line in lock_lines()))
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", pins, wheel)
    run(python, "-m", "pip", "check")
    needs_more = " ".join(extras.values())
    alone = int(run(python, "-I", "-c", EVERY_MODULE, needs_more, *packages, cwd=tmp_path).split()[-1])
    assert alone >= least
    if extras:
        run(python, "-m", "pip", "install", "--quiet", "--constraint", pins, f"{wheel}[{','.join(extras)}]")
        assert int(run(python, "-I", "-c", EVERY_MODULE, "", *packages, cwd=tmp_path).split()[-1]) > alone


def built(project: Path, folder: Path) -> Path:
    """The wheel, made from a copy: setuptools writes beside what it builds."""
    source = folder / "source"
    shutil.copytree(project / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(project / name, source)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "dist", source)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def lock_lines() -> list[str]:
    return [line for line in (ROOT / "envs/requirements.txt").read_text().splitlines() if line[:1].isalnum()]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}"
    return done.stdout

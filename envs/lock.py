"""Make the lock anew from what both pyproject.toml name: `make lock`, or `python envs/lock.py [arguments of uv pip compile]`.

Pins stay as they are unless they no longer fit, or uv is asked to raise them (`--upgrade`, `--upgrade-package NAME`).
Four files come out of one resolution: `requirements.txt`, which pip checks by hash; `cuda.txt`, what the build of torch on the
public index needs beside it (its processor build does not); `cascada.yaml`, the pins of the first for conda; and `serve.txt`, those
that the names in `serve.in` need, for an image that only serves.

torch keeps the hashes of both builds: uv lists those of the index, pip says which build it would take on this machine.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from install import CUDA, preferred_build

ENVS = Path(__file__).parent
PROJECTS = ("pyproject.toml", "plugins/submitit/pyproject.toml")
PLAIN = ("--no-annotate", "--no-header")
FORM = (
    "--extra",
    "dev",
    "--extra",
    "serve",
    "--python-version",
    "3.11",
    "--generate-hashes",
    *PLAIN,
)
PIN = re.compile(r"^[^\s#].*?(?=^[^\s#]|\Z)", re.MULTILINE | re.DOTALL)

LOCK_HEAD = """\
# The one pinned environment of Cascada, with the hash of every file that may be installed; made by `make lock`.
# torch: the files of the public index bring CUDA on Linux and need cuda.txt too; of its processor build the hash for Python 3.11 is here.
"""
CUDA_HEAD = """\
# What torch needs beside requirements.txt where pip takes its CUDA build; made by `make lock`, installed by `make setup`.
"""
SERVE_HEAD = """\
# Of requirements.txt what serve.in needs; made by `make lock`, installed by the serving target of the Containerfile.
"""
CONDA_HEAD = """\
# The same pins as requirements.txt, for `snakemake --sdm conda` and `conda env create -f`; made by `make lock`, a test compares them.
name: cascada
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.11
  - pip
  - pip:
"""


def main(arguments: list[str]) -> None:
    pins = resolve(arguments)
    common = [with_own_build(pin) if pin.startswith("torch==") else pin for pin in pins if not CUDA.match(pin)]
    names = [pin.split()[0] for pin in common]
    write(ENVS / "requirements.txt", LOCK_HEAD + "".join(common))
    write(ENVS / "cuda.txt", CUDA_HEAD + "".join(pin for pin in pins if CUDA.match(pin)))
    write(ENVS / "cascada.yaml", CONDA_HEAD + "".join(f"      - {name}\n" for name in names))
    needed = needed_by(ENVS / "serve.in")
    write(ENVS / "serve.txt", SERVE_HEAD + "".join(pin for pin in common if pin.split()[0] in needed))


def resolve(arguments: list[str]) -> list[str]:
    """Return one block per package: its pin and its hashes. What is pinned now is what uv prefers."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "requirements.txt"
        output.write_text(
            "".join(path.read_text() for path in (ENVS / "requirements.txt", ENVS / "cuda.txt") if path.exists())
        )
        command = ["uv", "pip", "compile", "--quiet", *PROJECTS, *FORM, "--output-file", str(output), *arguments]
        subprocess.run([sys.executable, "-m", *command], check=True, cwd=ENVS.parent, stdout=subprocess.DEVNULL)
        return PIN.findall(output.read_text())


def needed_by(names: Path) -> set[str]:
    """Return the pins, as in `numpy==2.4.6`, that a file of names needs, all of them among those of requirements.txt."""
    lock = str(ENVS / "requirements.txt")
    command = ["uv", "pip", "compile", "--quiet", str(names), "--constraint", lock, "--python-version", "3.11", *PLAIN]
    done = subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.PIPE, text=True)
    return set(done.stdout.split())


def with_own_build(pin: str) -> str:
    """Add to the pin of torch the hash of the build that pip takes here, and those that the present lock has for this version."""
    name = pin.split()[0]
    found = {*hashes(pin), preferred_build(name)}
    for present in PIN.findall((ENVS / "requirements.txt").read_text()):
        if present.split()[0] == name:
            found |= set(hashes(present))
    return " \\\n".join([name, *(f"    --hash=sha256:{digest}" for digest in sorted(found))]) + "\n"


def hashes(pin: str) -> list[str]:
    return re.findall(r"--hash=sha256:([0-9a-f]{64})", pin)


def write(path: Path, text: str) -> None:
    made = path.with_suffix(".new")
    made.write_text(text)
    made.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])

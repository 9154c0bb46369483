"""Run the tests of the source distribution on the wheel in a clean environment: `from_sdist.py [pytest's arguments]`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from slurm_sandbox import clean

TOOLS = ("pip", "setuptools", "wheel")  # some tests build the distributions themselves
OWN_OPTIONS = ("-p", "no:cacheprovider", "-o", "pythonpath=tests")  # the wheel is tested, not src/


def main(project: Path, arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="from-sdist-") as made:
        folder = Path(made)
        built = clean.build(project, folder / "dist")
        python = clean.environment(built.wheel, folder, extra="test", beside=TOOLS)
        print(f"# {built.wheel.name} in {python}, tests from {built.sdist.name}", flush=True)
        command = [python, "-m", "pytest", *OWN_OPTIONS, *arguments]
        return subprocess.run(command, cwd=built.unpack(folder)).returncode


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1], sys.argv[1:]))

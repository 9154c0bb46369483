"""A virtual environment that holds Snakemake, one plugin's wheel, what these two require, and nothing else.

The required distributions are linked from the environment that runs the tests, in the versions that are pinned there, so
that this takes seconds and no network; the wheel itself is built and installed by pip, which checks its requirements.
"""

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

SKIPPED = {"build", "dist", "tests", ".pytest_cache", "__pycache__"}


def requirements(names: list[str]) -> dict[str, importlib.metadata.Distribution]:
    """The distributions with these names and all that they require here, extras left out."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = re.split(r"[ ;<>=!~\[(]", waiting.pop().strip())[0]
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            found[key] = importlib.metadata.distribution(key)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or version of Python; pip's check finds what really lacks
        waiting += [text for text in found[key].requires or [] if "extra ==" not in text]
    return found


def link(distributions: dict[str, importlib.metadata.Distribution], site_packages: Path) -> None:
    """Link each distribution's packages, modules and metadata."""
    for distribution in distributions.values():
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            target = site_packages / top
            if not target.exists():
                target.symlink_to(distribution.locate_file(top))


def wheel_of(project: Path, folder: Path) -> Path:
    """Build the project's wheel from a copy, so that nothing is written into the source tree."""
    source = folder / "source"
    shutil.copytree(project, source, ignore=lambda _, names: SKIPPED.intersection(names))
    pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    return next(folder.glob("*.whl"))


def required_by(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as content:
        name = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        return re.findall(r"^Requires-Dist: (.+)$", content.read(name).decode(), re.M)


def pip(python: Path | str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def environment(project: Path, folder: Path, beside: str = "snakemake") -> Path:
    """Make the environment in `folder`; the path of its python."""
    wheel = wheel_of(project, folder / "wheel")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    site_packages = next((folder / "venv" / "lib").glob("python3*")) / "site-packages"
    link(requirements([beside, *required_by(wheel)]), site_packages)
    pip(python, "install", "--no-index", "--no-cache-dir", wheel)
    return python


def pinned(project: Path) -> list[str]:
    """What the project's tests need, in the versions that are installed here: `name==version`, one per distribution."""
    given = tomllib.loads((project / "pyproject.toml").read_text())
    names = [*given["build-system"]["requires"], *given["project"]["dependencies"], "pip"]
    names += given["project"]["optional-dependencies"]["test"]
    return sorted(f"{found.name}=={found.version}" for found in requirements(names).values())


if __name__ == "__main__":
    print(*pinned(Path(sys.argv[1])), sep="\n")

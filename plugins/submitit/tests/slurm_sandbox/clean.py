"""The plugin's distributions, and virtual environments that hold its wheel, what that requires, and nothing else.

The required distributions are linked from the environment that runs the tests, in the versions that are pinned there, so
that this takes seconds and no network; the wheel itself is installed by pip, which checks its requirements.
`python clean.py PROJECT` lists what the tests need, one `name==version` per line.
"""

import dataclasses
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

SKIPPED = {"build", "dist", ".pytest_cache", "__pycache__"}


@dataclasses.dataclass(frozen=True)
class Built:
    """A project's distributions."""

    wheel: Path
    sdist: Path

    def unpack(self, folder: Path) -> Path:
        """Unpack the source distribution in `folder`; the folder in it."""
        with tarfile.open(self.sdist) as content:
            content.extractall(folder, filter="data")
        return folder / self.sdist.name.removesuffix(".tar.gz")


def build(project: Path, folder: Path) -> Built:
    """Build the source distribution, and from that the wheel; from a copy, so that nothing is written into the tree."""
    source = folder / "source"
    skipped = shutil.ignore_patterns(*SKIPPED, "*.egg-info")
    shutil.copytree(project, source, ignore=skipped)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source)
    return Built(next(folder.glob("*.whl")), next(folder.glob("*.tar.gz")))


def requirements(names: list[str]) -> dict[str, importlib.metadata.Distribution]:
    """The distributions with these names and all that they require here, extras left out."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        key = normal(waiting.pop())
        if key in found:
            continue
        try:
            found[key] = importlib.metadata.distribution(key)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or version of Python; pip's check finds what really lacks
        waiting += [text for text in found[key].requires or [] if "extra ==" not in text]
    return found


def normal(requirement: str) -> str:
    """`Jinja2>=3 ; extra` -> `jinja2`."""
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[(]", requirement.strip())[0]).lower()


def link(distributions: dict[str, importlib.metadata.Distribution], site_packages: Path) -> None:
    """Link each distribution's packages, modules and metadata."""
    for distribution in distributions.values():
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            target = site_packages / top
            if not target.exists():
                target.symlink_to(distribution.locate_file(top))


def required_by(wheel: Path, extra: str = "") -> list[str]:
    """What the wheel requires; with `extra`, what that requires beside."""
    with zipfile.ZipFile(wheel) as content:
        name = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        texts = re.findall(r"^Requires-Dist: (.+)$", content.read(name).decode(), re.M)
    return [text for text in texts if "extra ==" not in text or (extra and f'"{extra}"' in text)]


def run(*command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True)
    if done.returncode:
        words = " ".join(map(str, command))
        raise RuntimeError(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def environment(wheel: Path, folder: Path, extra: str = "", beside: tuple[str, ...] = ()) -> Path:
    """Make an environment in `folder` with the wheel, and what is to be `beside` it; the path of its python."""
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    site_packages = next((folder / "venv" / "lib").glob("python3*")) / "site-packages"
    link(requirements([*beside, *required_by(wheel, extra)]), site_packages)
    run(sys.executable, "-m", "pip", "--python", python, "--quiet", "install", "--no-index", "--no-cache-dir", wheel)
    return python


def pinned(project: Path) -> list[str]:
    """What the project's tests need, in the versions that are installed here: `name==version`, one per distribution."""
    given = tomllib.loads((project / "pyproject.toml").read_text())
    names = [*given["build-system"]["requires"], *given["project"]["dependencies"], "pip"]
    names += given["project"]["optional-dependencies"]["test"]
    return sorted(f"{found.name}=={found.version}" for found in requirements(names).values())


if __name__ == "__main__":
    print(*pinned(Path(sys.argv[1])), sep="\n")

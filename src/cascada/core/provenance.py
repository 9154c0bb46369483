"""Where a result comes from: git commit, whether the tree was dirty, hashes of the lock and the data, the command line."""

import subprocess
import sys
from pathlib import Path

from cascada.core.files import sha256

DETERMINES_NO_RESULT = True  # for cascada.core.digest: says where an output comes from

LOCK = Path("envs/requirements.txt")
# what a result is made from: a new file here changes it, whether git knows the file or not
SOURCES = ("Snakefile", "config.yaml", "rules", "scripts", "src", "experiments", "profiles", "plugins", "envs")
# of the whole tree the tracked files, of the sources those that git does not know (nor ignore) too
TRACKED = ("status", "--porcelain", "--untracked-files=no")
UNKNOWN = ("ls-files", "--others", "--exclude-standard", "--", *SOURCES)


def provenance(folder: Path | None = None, **data: str | None) -> dict:
    """Return `git_commit`, `git_dirty` (None outside a repository), `lock_sha256`, `data_sha256`, `command`, `python`.

    New files in SOURCES that git does not know make it dirty too.

    `data`: sha256 of the files that the result was made from, by name: provenance(train=…, test=…).
    """
    folder = Path.cwd() if folder is None else folder
    commit = _git(folder, "rev-parse", "HEAD")
    changes = [_git(folder, *TRACKED), _git(folder, *UNKNOWN)]
    lock = folder / LOCK
    return {
        "git_commit": commit,
        "git_dirty": None if None in changes else any(changes),
        "lock_sha256": sha256(lock) if lock.is_file() else None,
        "data_sha256": data,
        "command": _command(),
        "python": sys.version.split()[0],
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _command() -> str:
    """The command line of the workflow that runs this process, or of this process itself."""
    import psutil

    process = psutil.Process()
    lines = [process.cmdline()]
    for parent in process.parents():
        try:
            words = parent.cmdline()
        except psutil.Error:
            break
        if "snakemake" in [Path(word).name for word in words[:4]]:
            lines.append(words)
    words = lines[-1]  # the outermost Snakemake is the one that a person typed
    return " ".join(Path(word).name if i < 2 else word for i, word in enumerate(words))

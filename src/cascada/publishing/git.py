"""Git and DVC as publishing uses them: a thin shell, one method per thing that is asked of them."""

import os
import subprocess
import sys
from pathlib import Path

from cascada.core.errors import CascadaError
from cascada.core.provenance import TRACKED, UNKNOWN


class Repository:
    """A git repository with DVC in it, whose root is `root`. Raises CascadaError if `root` is not one."""

    def __init__(self, root: Path):
        self.root = Path(root).resolve()
        top = self._run(["git", "rev-parse", "--show-toplevel"])
        if top.returncode or Path(top.stdout.strip()).resolve() != self.root:
            raise CascadaError(f"{self.root}: not the root of a git repository; publish from a clone, not from a copy.")
        if not (self.root / ".dvc").is_dir():
            raise CascadaError(
                f"{self.root}: DVC is not set up here (.dvc is missing); check out .dvc/config, or `dvc init`."
            )

    def git(self, *arguments: str) -> str:
        """Return what git prints. Raises CascadaError with git's own words."""
        return self._checked(["git", *arguments])

    def dvc(self, *arguments: str) -> str:
        """Return what DVC prints. Raises CascadaError with DVC's own words."""
        return self._checked([sys.executable, "-m", "dvc", *arguments])

    def changes(self, besides: str) -> list[str]:
        """Changed files that git tracks outside the folder `besides`, and new ones among the sources of results.

        As `git status --porcelain` writes them.
        """
        new = self.git(*UNKNOWN).splitlines()
        return self.git(*TRACKED, "--", ".", f":!{besides}").splitlines() + [f"?? {name}" for name in new]

    def tags(self, pattern: str) -> list[str]:
        return self.git("tag", "--list", pattern).split()

    def differs_from_head(self, path: str) -> bool:
        """Whether anything under `path` that git would track is not as committed."""
        return bool(self.git("status", "--porcelain", "--untracked-files=all", "--", path).strip())

    def default_remote(self) -> str:
        """The name of DVC's default remote, "" if there is none."""
        done = self._run([sys.executable, "-m", "dvc", "config", "core.remote"])
        return done.stdout.strip() if done.returncode == 0 else ""

    def check_identity(self) -> None:
        if self._run(["git", "var", "GIT_COMMITTER_IDENT"]).returncode:
            raise CascadaError("git does not know who you are; set `git config user.name` and `git config user.email`.")

    def commit_and_tag(self, path: str, message: str, tag: str, tag_message: str) -> str:
        """Commit what changed under `path`, nothing else, and tag that commit; both or neither. Returns the commit."""
        before = self.git("rev-parse", "HEAD").strip()
        try:
            self.git("add", "--all", "--", path)
            self.git("commit", "--quiet", "--message", message, "--", path)
            self.git("tag", "--annotate", tag, "--message", tag_message)
        except BaseException:
            self._run(["git", "update-ref", "HEAD", before])
            self._run(["git", "reset", "--quiet", "--", path])
            raise
        return self.git("rev-parse", "HEAD").strip()

    def _checked(self, command: list[str]) -> str:
        done = self._run(command)
        if done.returncode:
            name = "dvc" if "dvc" in command[1:3] else "git"
            words = " ".join(command[command.index("dvc") + 1 :] if name == "dvc" else command[1:])
            said = (done.stderr.strip() or done.stdout.strip()).replace("\n", "\n  ")
            raise CascadaError(f"`{name} {words}` failed:\n  {said}")
        return done.stdout

    def _run(self, command: list[str]) -> subprocess.CompletedProcess:
        # DVC draws progress bars where it thinks that somebody watches
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "DVC_NO_ANALYTICS": "1"}
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

"""Which test is in which set: markers by rules, and a guard that stops a test from starting what its markers do not name.

`make quick` runs what has none of the markers in HEAVY, `make test` all but `nightly`, `make nightly` everything. Most markers follow
from the fixtures and the folder of a test; the others are written at the test. Because the guard is always on, a test that starts
SLURM, Snakemake, a browser or a training without its marker fails in every set and cannot slip into `make quick`.
"""

import itertools
import sys
from pathlib import Path

# marker: what must be started for it; a test with the marker may start these programs, and no other test
PROGRAMS = {
    "slurm": ("slurmctld", "slurmd", "slurmdbd", "munged"),
    "workflow": ("snakemake",),
    "browser": ("chromium", "chromedriver"),
}
HEAVY = {"slurm", "workflow", "browser", "training", "slow", "nightly"}
FREE_OF_CHARGE = ("--help", "--version")  # snakemake --help starts no workflow


def markers(fixtures: list[str], path: Path) -> set[str]:
    """Return the markers that follow from a test's fixtures and its file."""
    rules = {
        "slurm": any(name.endswith(("sandbox", "grid")) for name in fixtures),
        "browser": "page" in fixtures,
        "workflow": "workflow" in fixtures or path.parent.name == "workflow",
        "training": path.parent.name == "training" or "trained" in fixtures,
    }
    return {marker for marker, holds in rules.items() if holds}


def needed(command: list[str]) -> str | None:
    """Return the marker that a test must have to start this command, if any."""
    words = [Path(word).name for word in command]
    if any(word in FREE_OF_CHARGE for word in words):
        return None
    # the program, what an interpreter or a wrapper runs as module or script, and no file that is an argument of theirs
    begun = [words[0], *(word for before, word in itertools.pairwise(words) if before == "-m")]
    begun += words[1:2] if words[0].startswith(("python", "sh", "bash", "unshare", "env")) else []
    return next((marker for marker, programs in PROGRAMS.items() if set(programs) & set(begun)), None)


class Guard:
    """Refuses, in this process, what the running test may not start; fixtures count as part of the test that asks for them."""

    def __init__(self) -> None:
        self.allowed: set[str] | None = None  # None: no test is running
        sys.addaudithook(self._see)

    def enter(self, item) -> None:
        self.allowed = {marker.name for marker in item.iter_markers()}
        trial = sys.modules.get("cascada.training.trial")
        if trial is not None and not hasattr(trial.make_optimizer, "guarded"):
            trial.make_optimizer = self._guarded(trial.make_optimizer)

    def leave(self) -> None:
        self.allowed = None

    def _see(self, event: str, arguments: tuple) -> None:
        if event == "subprocess.Popen" and self.allowed is not None:
            words = arguments[1]
            command = [words] if isinstance(words, (str, bytes)) else list(words)
            self._require(needed([str(word) for word in command]), " ".join(map(str, command)))

    def _guarded(self, function):
        """Training begins with an optimizer: `function` makes it, if the test is marked."""

        def guarded(*arguments):
            self._require("training", "the training of a trial")
            return function(*arguments)

        guarded.guarded = True
        return guarded

    def _require(self, marker: str | None, what: str) -> None:
        if marker and self.allowed is not None and marker not in self.allowed:
            raise RuntimeError(f"this test starts {what[:200]}: mark it with @pytest.mark.{marker} (see tests/sets.py)")

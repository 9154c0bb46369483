"""Which test is in which set: markers by rules, and a guard that stops a test from starting what its markers do not name.

`make quick` runs what has none of the markers in HEAVY, `make test` all but `nightly`, `make nightly` everything. Most markers follow
from the fixtures and the folder of a test; the other markers are set on the test, or here where they are those of files or of measured times. Because the guard is always on, a test that starts
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
TRAINING = "make_optimizer"  # of cascada.training.trial: with it a training begins
FREE_OF_CHARGE = ("--help", "--version")  # snakemake --help starts no workflow


# by the beginning of a test's id; slow is what took more than two seconds of a processor
LISTED = {
    "training": (
        "tests/core/test_scripts.py::test_a_preemption_after_the_end_of_training_does_not_undo_it",
        "tests/models/test_families.py::test_every_hyperparameter_changes_the_training",
        "tests/models/test_families.py::test_it_can_learn_one_batch_by_heart",
        "tests/models/test_families.py::test_the_seed_decides_all_bits",
        "tests/models/test_hyperparameters.py::test_every_common_hyperparameter_changes_the_training",
        "tests/models/test_hyperparameters.py::test_the_reference_repeats",
        "tests/report/test_status.py",
        "tests/test_recorded_bits.py",
    ),
    "workflow": (
        "tests/test_progress.py",
        "tests/training/test_trial.py::test_a_trial_ends_with_the_workflow_that_started_it",
    ),
    "slow": (
        "plugins/submitit/tests/test_packaging.py",
        "plugins/submitit/tests/test_resume.py",
        "plugins/submitit/tests/node/test_worker.py",
        "tests/baselines/test_baselines.py::test_trees_agree_with_scikit_learn",
        "tests/data/test_cascade.py",
        "tests/data/test_interactions.py",
        "tests/data/test_energy_ground.py::test_memory_does_not_grow_with_the_file",
        "tests/data/test_surrogate.py::test_other_nuclei_stand_between_proton_and_iron",
        "tests/export/",
        "tests/publishing/",
        "tests/report/test_sealed_plots.py::test_every_picture",
        "tests/serving/http/test_clients.py",
        "tests/serving/http/test_front.py",
        "tests/serving/http/test_malformed.py",
        "tests/serving/http/test_server.py",
        "tests/serving/stream/test_stream.py",
        "tests/serving/test_engine.py",
        "tests/test_fuzzing.py",
    ),
}


def markers(fixtures: list[str], path: Path, name: str = "") -> set[str]:
    """Return the markers that follow from a test's fixtures, its file and its id (`name`)."""
    rules = {
        "slurm": any(fixture.endswith(("sandbox", "grid")) for fixture in fixtures),
        "browser": "page" in fixtures,
        "workflow": "workflow" in fixtures or path.parent.name == "workflow",
        "training": path.parent.name == "training" or "trained" in fixtures,
    }
    listed = {marker for marker, beginnings in LISTED.items() if name.startswith(beginnings)}
    return {marker for marker, holds in rules.items() if holds} | listed


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
        begins = getattr(trial, TRAINING, None)  # a test notices if it is gone
        if begins is not None and not hasattr(begins, "guarded"):
            setattr(trial, TRAINING, self._guarded(begins))

    def leave(self) -> None:
        self.allowed = None

    def _see(self, event: str, arguments: tuple) -> None:
        if event == "subprocess.Popen" and self.allowed is not None:
            words = arguments[1]
            command = [words] if isinstance(words, (str, bytes)) else list(words)
            self._require(needed([str(word) for word in command]), " ".join(map(str, command)))

    def _guarded(self, function):
        """`function`, for tests that are marked alone."""

        def guarded(*arguments):
            self._require("training", "the training of a trial")
            return function(*arguments)

        guarded.guarded = True
        return guarded

    def _require(self, marker: str | None, what: str) -> None:
        if marker and self.allowed is not None and marker not in self.allowed:
            raise RuntimeError(f"this test starts {what[:200]}: mark it with @pytest.mark.{marker} (see tests/sets.py)")

"""A search with rungs on a real SLURM while its driver, its jobs, a node and the controller are killed or stopped, again and again.

However it was disturbed, it ends with the decisions, the choice and the bits of a search that nobody disturbed, and no epoch was trained
twice beyond what a kill loses. The moments follow from a seed, which a failure names: CASCADA_CHAOS_SEED=7 repeats them, as far as
the machine's own timing can be repeated.
"""

import contextlib
import os
import shutil
from pathlib import Path

import chaos
import pytest
import workflows
import yaml
from slurm_sandbox import SandboxError, wait_until
from slurm_sandbox.driver import Driver

from cascada.core.files import read_json, sha256
from cascada.experiment import proposals, records, schema
from cascada.experiment.population import RUNG
from cascada.selection import deciding, ranking
from cascada.training.scoring import score_trials
from cascada.training.settings import Machine, Trial
from cascada.training.trial import train

pytestmark = [pytest.mark.slurm, pytest.mark.workflow, pytest.mark.training, pytest.mark.timeout(7200)]

SEED = int(os.environ.get("CASCADA_CHAOS_SEED", "1"))
RUNGS = [20, 60, 180]  # 8, 3 and 1 configurations
QUICK = ("--submitit-poll-max-s", "2", "--latency-wait", "10", "--submitit-lost-after-s", "20")
MACHINE = Machine(device="cpu", threads=1)
NOT_COMPARED = {
    "time",
    "sha256",
    "provenance",
    "checkpoint",
}  # when and where it was made; the checkpoint's hash is compared


def write(folder: Path) -> None:
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    model = {"channels": [2, 4], "batch_size": 16, "learning_rate": {"loguniform": [0.0003, 0.01]}}
    content["search"] |= {"models": {"lenet": model}, "sampler": "sobol", "samples": 8, "halving": {"rungs": RUNGS}}
    content["search"]["rescore"] = {"top": 1, "seeds": [2]}
    (folder / "chaos.yaml").write_text(
        yaml.safe_dump(content | {"experiment": "chaos", "training": {"epochs": RUNGS[-1]}})
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the workflow with the data of the search; the search itself is still to come."""
    folder = workflows.copy(tmp_path_factory.mktemp("chaos"))
    write(folder)
    workflows.snakemake(folder, "results/chaos/baselines/metrics.json", configfile="chaos.yaml")
    return folder


@pytest.fixture(scope="module")
def start(sandbox, folder):
    """Starts a driver of the search: `snakemake --profile slurm`, or the command that resumes it."""

    def start(resume: bool) -> Driver:
        words = ("search", "--profile", "slurm", *QUICK, "--configfile", "chaos.yaml")
        module = "snakemake_executor_plugin_submitit" if resume else "snakemake"
        environment = {"PYTHONPATH": str(folder / "src"), "OMP_NUM_THREADS": "1"}
        return Driver(
            sandbox, folder, *(["resume", "--"] if resume else []), *words, module=module, environment=environment
        )

    yield start
    sandbox.clear()


@pytest.mark.nightly
@pytest.mark.parametrize("count", [12, 50])
def test_a_search_ends_as_if_nobody_had_disturbed_it(sandbox, folder, start, tmp_path, count):
    print(f"CASCADA_CHAOS_SEED={SEED}")
    left = chaos.moments(SEED, count)
    while left:  # a search that is done before all moments have come is followed by another one
        forget(folder / "results/chaos")
        run = chaos.Run(sandbox, start, folder / "results/chaos")
        while left and run.disturb(left[0]):
            left.pop(0)
        run.finish()
        assert_undisturbed(sandbox, folder, tmp_path / f"reference-{len(left)}")


def forget(results: Path) -> None:
    """Remove everything of the search but the data."""
    for path in results.glob("*"):
        if path.name not in ("dataset", "baselines"):
            shutil.rmtree(path)


def assert_undisturbed(sandbox, folder: Path, reference: Path) -> None:
    with contextlib.suppress(SandboxError):
        wait_until(lambda: not sandbox.queue(), "the queue is empty", 120)
    assert sandbox.queue() == [], sandbox.run("scontrol", "show", "nodes").stdout
    results = folder / "results/chaos"
    search(results, reference)
    names = sorted(str(path.relative_to(reference)) for path in reference.glob("trials/*/*/*/checkpoint.pt"))
    assert sorted(str(path.relative_to(results)) for path in results.glob("trials/*/*/*/checkpoint.pt")) == names
    for name in [*names, *(name.replace("checkpoint.pt", "scores.npy") for name in names)]:
        assert sha256(results / name) == sha256(reference / name), name
    for name in ("search/rung-2.json", "search/rung-3.json", "search/finalists.json", "selection/best.json"):
        assert content(results / name) == content(reference / name), name
    wrong = [text for name in names for text in wrong_attempts((results / name).parent)]
    assert not wrong, "\n".join(wrong)
    assert not list((folder / ".snakemake/submitit/runs").glob("*/members/*"))


def content(path: Path) -> dict:
    """A record or best.json, without what depends on the clock and the place."""
    return {key: value for key, value in read_json(path).items() if key not in NOT_COMPARED}


def wrong_attempts(trial: Path) -> list[str]:
    epochs = int(trial.name.removeprefix("epochs-"))
    shorter = [rung for rung in RUNGS if rung < epochs] if trial.parent.name == "seed-1" else []
    return chaos.trained_twice(trial, max(shorter, default=0), epochs)


def search(results: Path, reference: Path) -> None:
    """The same search without Snakemake and SLURM, each trial on its rung in one piece, in the folder `reference`."""
    known = configurations(results)
    names, metrics = list(known), {}
    for rung, epochs in enumerate(RUNGS, 1):
        metrics[rung] = [alone(results, reference, known[name], 1, epochs) for name in names]
        if epochs != RUNGS[-1]:
            path = reference / f"search/rung-{rung + 1}.json"
            deciding.promote(metrics[rung], rung + 1, RUNGS[rung - 1 : rung + 1], "f1", path)
            names = [row["configuration"] for row in records.read(path, RUNG)["promoted"]]
    path = reference / "search/finalists.json"
    deciding.rescore(metrics[3], 1, [2], "f1", path)
    more = [alone(results, reference, known[name], 2, RUNGS[-1]) for name in deciding.finalists(str(path))]
    behind = [
        one for rung in (1, 2) for one in metrics[rung] if not climbed(one, [*metrics[2], *metrics[3]], RUNGS[rung])
    ]
    choose(results, reference, [*metrics[3], *more], behind)


def configurations(results: Path) -> dict:
    return proposals.candidates(experiment(results), results / "search", print).all()


def experiment(results: Path) -> dict:
    """The experiment with its defaults."""
    config = yaml.safe_load((results.parents[1] / "chaos.yaml").read_text())
    schema.validate(config, workflows.ROOT / "rules/schemas/config.schema.yaml")
    return config


def climbed(one: Path, above: list[Path], epochs: int) -> bool:
    return one.parents[1] / f"epochs-{epochs}" / "metrics.json" in above


def choose(results: Path, reference: Path, compared: list[Path], behind: list[Path]) -> None:
    """As the rules `score_trials` and `select`, with the settings that the experiment leaves as they are."""
    selection, data = reference / "selection", results / "dataset/train.h5"
    selection.mkdir()
    everything = sorted(reference.glob("trials/*/*/*/metrics.json"))
    scores = reference / "search/scores.json"
    score_trials(data, everything, scores, MACHINE, report=lambda text: None)
    config = experiment(results)
    ranking.select(
        compared, [path.with_name("checkpoint.pt") for path in compared], "f1",
        selection / "leaderboard.tsv", selection / "best.json", selection / "checkpoint.pt",
        results / "baselines/metrics.json", behind, deciding.finalists(str(reference / "search/finalists.json")),
        scores=scores, train=data, how={name: config["selection"][name] for name in ("rule", "tolerance", "seed")},
        search={"seeds": config["search"]["seeds"], "learns": False},
    )  # fmt: skip


def alone(results: Path, reference: Path, one, seed: int, epochs: int) -> Path:
    """Train a configuration in this process, from the beginning; its metrics.json."""
    folder = reference / f"trials/{one.id}/seed-{seed}"
    trial = Trial.of_table(
        configuration=one.id, model=one.model, hyperparameters=one.hyperparameters, settings=one.training, seed=seed, epochs=epochs,
        data=results / "dataset/train.h5", folder=folder / f"epochs-{epochs}", tensorboard=folder / f"tensorboard-{epochs}",
    )  # fmt: skip
    # each rung in one piece: the state of the rung below is out of sight
    for state in folder.glob("epochs-*/state.pt"):
        state.unlink()
    train(trial, MACHINE, report=lambda text: None)
    return trial.folder / "metrics.json"

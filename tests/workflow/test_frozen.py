"""A search whose selection averages seeds and fits a temperature, run, published, verified and used, through the front door."""

import subprocess
import sys

import h5py
import numpy as np
import publications
import pytest
import workflows
import yaml

from cascada.core.files import read_json

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.nightly,
    pytest.mark.timeout(1800),
]  # a whole run, a publication and four dry-runs
NAME = "frozen.yaml"


def experiment(folder, seeds=(1, 2), name=NAME, **selection):
    """Write the smallest experiment with these seeds, one configuration and this selection; return its file's name."""
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    content["selection"] = selection
    content["search"]["seeds"] = list(seeds)
    content["search"]["models"]["lenet"] |= {"learning_rate": 0.003, "batch_size": 8}
    content["data"]["sources"]["showers"] |= {"showers": {"proton": 150, "iron": 150}, "showers_per_shard": 150}
    content["training"]["epochs"] = 3
    content["behaviour"] = {"showers": 20, "bootstrap": 20}
    (folder / name).write_text(yaml.safe_dump(content))
    return name


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A repository in which an ensemble with a temperature is published as version 1.0.0."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in publications.environment(tmp_path_factory.mktemp("home")).items():
            patch.setenv(name, value)
        folder = tmp_path_factory.mktemp("publisher")
        publications.commit_work_tree(folder)
        experiment(folder, ensemble=True, calibration="temperature")
        publications.git(folder, "add", "--all")
        publications.git(folder, "commit", "--quiet", "--message", "Average the seeds")
        done = workflows.snakemake(folder, "publish", "--config", "version=1.0.0", configfile=NAME)
        assert "Published model@v1.0.0" in done.stderr
        yield folder


def cascada(folder, *arguments):
    command = [sys.executable, "-m", "cascada", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=workflows.environment(folder), capture_output=True, text=True)


def test_the_published_model_verifies_and_gives_the_probabilities_of_the_test(published):
    done = cascada(published, "verify", "artifacts/model")
    assert done.returncode == 0, done.stdout + done.stderr
    fitted = read_json(published / "results/smoke/selection/best.json")["calibration"]
    assert f"{fitted['value']:.4f} in model.json" in done.stdout and not fitted["at_limit"]
    done = cascada(published, "predict", "artifacts/model", "artifacts/dataset/test.h5", "-o", "out.h5")
    assert done.returncode == 0, done.stdout + done.stderr
    with (
        h5py.File(published / "out.h5") as found,
        h5py.File(published / "results/smoke/test/predictions.h5") as expected,
    ):
        np.testing.assert_array_equal(found["event_id"][:], expected["event_id"][:])
        # a temperature below 1 enlarges what single precision rounds in the logits
        allowed = 1e-6 * max(1, 1 / fitted["value"])
        np.testing.assert_allclose(found["probability"][:], expected["probability"][:], atol=allowed, rtol=0)
        uncalibrated = expected["logits"][:] * fitted["value"]
        assert (
            np.abs(np.exp(uncalibrated).T / np.exp(uncalibrated).sum(1) - found["probability"][:].T).max()
            > 100 * allowed
        )


def test_every_product_names_the_members(published):
    results = published / "results/smoke"
    assert [one["seed"] for one in read_json(results / "selection/best.json")["members"]] == [1, 2]
    assert read_json(results / "test/metrics.json")["members"] == [1, 2]
    assert "trained with the seeds 1, 2." in (published / "artifacts/model/MODEL_CARD.md").read_text()
    done = cascada(published, "summary", "results/smoke")
    assert "ensemble: mean of the seeds 1 and 2" in done.stdout and "temperature: " in done.stdout


def test_a_temperature_that_is_taken_back_selects_and_tests_again_and_trains_nothing(published):
    experiment(published, ensemble=True)
    try:
        jobs = set(workflows.jobs(workflows.snakemake(published, "-n", "check_export", configfile=NAME)))
        assert jobs == {"select", "test_model", "export_model", "check_export"}
    finally:
        experiment(published, ensemble=True, calibration="temperature")
    assert workflows.jobs(workflows.snakemake(published, "-n", "check_export", configfile=NAME)) == []


def test_an_ensemble_of_one_seed_is_refused_by_the_dry_run(published):
    one = experiment(published, seeds=[1], name="one.yaml", ensemble=True)
    done = workflows.snakemake(published, "-n", check=False, configfile=one)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "selection.ensemble: true given, but the search trains with the one seed 1" in said
    assert "Traceback" not in said

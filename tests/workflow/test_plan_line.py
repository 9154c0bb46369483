"""What a search will cost stands in the dry-run, once, and in nothing else that Snakemake prints."""

import json

import pytest
import workflows
import yaml

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = workflows.copy(tmp_path_factory.mktemp("plan"))
    content = yaml.safe_load((folder / "experiments/smoke.yaml").read_text())
    content["search"] |= {"halving": {"rungs": [1, 2]}, "seeds": [1, 2]}
    (folder / "halved.yaml").write_text(yaml.safe_dump(content))
    trial = folder / "results/old/trials/lenet-00000000/seed-1/epochs-1"
    trial.mkdir(parents=True)
    speed = {"samples_per_second": 0.01, "training_seconds": 10.0, "wall_seconds": 10.0}  # 100 s for a shower
    (trial / "metrics.json").write_text(json.dumps({"model": "lenet", "device": "cpu"} | speed))
    return folder


def test_the_dry_run_says_what_the_search_costs(folder):
    done = workflows.snakemake(folder, "-n", configfile="halved.yaml")
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("The search: ")]
    hours = (4 + 2) * 88 * 100 / 3600  # trial-epochs, showers, seconds
    assert said == [
        "The search: 2 configurations, at most 6 trainings, 6 epochs, 75% of the full search; "
        f"{hours:.0f} h on cpu (cascada plan tells more)"
    ]


def test_a_run_and_its_jobs_say_nothing(folder):
    done = workflows.snakemake(folder, "results/smoke/search/search.json", configfile="halved.yaml")
    assert "The search: " not in done.stdout + done.stderr
    log = (folder / "results/smoke/logs/describe_search.log").read_text()
    assert "The search: " not in log

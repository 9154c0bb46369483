"""The search of the thesis with each sampler, as a user runs it, of few showers and six configurations of its four families."""

import pytest
import workflows
import yaml

from cascada.core import tables
from cascada.experiment import samplers
from cascada.experiment.families import families

pytestmark = [pytest.mark.workflow, pytest.mark.nightly, pytest.mark.timeout(3600)]

TOTAL = "search={samples: {total: 6}}"
FEW = {"lenet": {"optimizer": {"choice": ["adam", "sgd"]}}, "resnet": {"normalize": {"choice": [True, False]}}}


def write(folder, sampler: str) -> None:
    content = yaml.safe_load((folder / "experiments/thesis.yaml").read_text())
    content["experiment"], content["training"]["epochs"] = "thesis", 1
    content["data"]["sources"]["showers"] |= {"showers": {"iron": 60, "proton": 60}, "showers_per_shard": 60}
    content["search"] |= {"sampler": sampler, "seeds": [1]}
    if sampler == "grid":  # the spaces of the thesis have no list of values
        content["search"]["models"] = FEW | {"cae": {}, "vae": {}}
    if sampler == "tpe":
        content["search"]["batch"] = 1
    (folder / "thesis.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("sampler", samplers.names())
def test_each_sampler_searches_the_thesis(tmp_path, sampler):
    folder = workflows.copy(tmp_path)
    write(folder, sampler)
    shared = ["--config", TOTAL] if sampler != "grid" else []
    workflows.snakemake(folder, "search", *shared, configfile="thesis.yaml", timeout_s=3000)
    rows = tables.read(folder / "results/thesis/selection/leaderboard.tsv")
    trained = [row for row in rows if row["status"] != "baseline"]
    assert len(trained) == 6 and {row["model"] for row in trained} == {"lenet", "resnet", "cae", "vae"} <= set(
        families()
    )
    assert {row["status"] for row in trained} <= {"completed", "diverged"}
    batches = {"sobol": 1, "tpe": 2}.get(sampler, 0)
    assert len(list((folder / "results/thesis/search").glob("batch-*.json"))) == batches


def test_a_grid_of_the_thesis_is_refused_in_one_sentence(tmp_path):
    folder = workflows.copy(tmp_path)
    done = workflows.snakemake(
        folder, "-n", "--config", "search={sampler: grid}", configfile="experiments/thesis.yaml", check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "search.models.lenet.learning_rate: loguniform has no list of values" in said
    assert "Traceback" not in said

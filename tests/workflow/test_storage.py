"""A search that grows goes on from its states; what `training.keep` removes trains nothing again."""

import pytest
import workflows
from workflows import ROOT, jobs, snakemake

from cascada.core.files import read_json

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy in which the smallest search has run."""
    folder = workflows.copy(tmp_path_factory.mktemp("storage"))
    snakemake(folder, "search")
    return folder


def change(folder, old, new):
    path = folder / "experiments/smoke.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_more_epochs_go_on_and_the_best_alone_keeps_its_state(folder):
    results = folder / "results/smoke"
    assert len(list(results.glob("trials/*/*/epochs-2/state.pt"))) == 2
    change(folder, "epochs: 2", "epochs: 3")
    listed = jobs(snakemake(folder, "-n", "search"))
    assert listed.count("train") == 2 and not {"convert", "merge"} & set(listed)
    snakemake(folder, "search")
    for log in results.glob("logs/train/*/seed-1-epochs-3.log"):
        assert "resuming at epoch 3, batch 0 from" in log.read_text() and "epoch 1/" not in log.read_text()
    states = {str(path.relative_to(results / "trials")).split("/")[2] for path in results.glob("trials/*/*/*/state.pt")}
    assert states == {"epochs-3"}, "those of the shorter budget have gone on"

    change(folder, "epochs: 3", "epochs: 3\n  keep: best")
    listed = jobs(snakemake(folder, "-n", "search"))
    assert sorted(listed) == ["search", "tidy_trials"], "and the ids are the same"
    snakemake(folder, "search")
    (left,) = results.glob("trials/*/*/*/state.pt")
    assert left.parts[-4] == read_json(results / "selection/best.json")["configuration"]
    assert read_json(results / "search/storage.json")["removed"]["files"] == 1
    assert jobs(snakemake(folder, "-n", "search")) == []
    change(folder, "choice: [0.001, 0.003]", "choice: [0.001, 0.003, 0.01]")
    assert jobs(snakemake(folder, "-n", "search")).count("train") == 1, "the new configuration alone"


def test_a_wrong_keep_is_named_at_the_dry_run(folder):
    (folder / "wrong.yaml").write_text(
        (ROOT / "experiments/smoke.yaml").read_text().replace("training:", "training:\n  keep: some")
    )
    done = snakemake(folder, "-n", "search", check=False, configfile="wrong.yaml")
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "training.keep: 'some' given" in said and "Traceback" not in said

"""Which nodes are left out of further submissions."""

import pytest
from fake_cluster import finish, jobs, maker, step_until
from snakemake_executor_plugin_submitit import resources
from snakemake_executor_plugin_submitit.driver.nodes import Nodes
from snakemake_executor_plugin_submitit.refusals import refusal
from snakemake_executor_plugin_submitit.states import Observation


def nodes(*ends, at_most=10) -> tuple[str, ...]:
    """The bad nodes after ends `(node, rule, ok[, seconds])`."""
    found = Nodes(at_most)
    for node, rule, ok, *seconds in ends:
        found.note_end(node, rule, ok, *seconds or [1.0])
    return found.bad


@pytest.mark.parametrize(
    ("ends", "bad"),
    [
        ([("n2", "a", False), ("n2", "b", False), ("n1", "a", True), ("n1", "b", True)], ("n2",)),
        ([("n1", "a", True), ("n1", "b", True), ("n2", "a", False), ("n2", "b", False)], ("n2",)),
        ([("n2", "a", False), ("n2", "a", False), ("n1", "a", True)], ()),  # one rule may be at fault itself
        ([("n2", "a", False), ("n2", "b", False), ("n1", "a", True)], ()),  # b has succeeded nowhere
        ([("n2", "a", False), ("n2", "b", False)], ()),
        ([("n2", "a", False, 90.0), ("n2", "b", False, 90.0), ("n1", "a", True), ("n1", "b", True)], ()),  # not at once
        ([("n2", "a", False), ("n2", "c", True), ("n2", "b", False), ("n1", "a", True), ("n1", "b", True)], ()),
        ([("n2", "a", False, 1.0, "CANCELLED"), ("n2", "b", False), ("n1", "a", True), ("n1", "b", True)], ()),
        ([("n[1-2]", "a", False), ("n[1-2]", "b", False), ("n1", "a", True), ("n1", "b", True)], ()),
    ],
)
def test_a_black_hole(ends, bad):
    assert nodes(*ends) == bad


def test_lost_nodes_up_to_a_number():
    found = Nodes(2)
    for node, state in (
        ("n1", "RUNNING"),
        ("n2", "NODE_FAIL"),
        ("n3", "NODE_FAIL"),
        ("n4", "BOOT_FAIL"),
        ("", "NODE_FAIL"),
    ):
        found.note_state(node, state)
    assert found.bad == ("n2", "n3")
    assert Nodes(0, lost=["n1"]).bad == ()


def test_a_lost_node_is_left_out_and_told_of_once(tmp_path):
    one = maker(tmp_path)()
    one.driver.enqueue(jobs(one.run, "a", "b"))
    one.driver.step()
    one.cluster.observe = lambda jobs: {job: Observation("NODE_FAIL", node="n7", elapsed_s=9) for job in jobs}
    step_until(one, lambda: one.driver.registry.nodes.bad)
    assert sum("Excluded from further submissions (lost under a job): n7." in text for text in one.told.texts) == 1
    one.driver.enqueue(jobs(one.run, "c"))
    one.driver.step()
    assert one.driver.registry.active[-1].excluded == ("n7",)


def test_bad_nodes_are_taken_again_where_there_are_no_others(tmp_path):
    one = maker(tmp_path)(refusal("sbatch: error: Requested node configuration is not available"))
    one.driver.registry.nodes.note_state("n1", "NODE_FAIL")
    entries = jobs(one.run, "a")
    one.driver.enqueue(entries)
    step_until(one, lambda: one.cluster.arrays)
    assert any("sbatch rejects jobs that exclude n1" in text for text in one.told.texts) and not one.told.failed
    finish(entries)
    step_until(one, lambda: one.told.succeeded == ["a"])


@pytest.mark.parametrize(
    ("extra", "exclude"), [("", "n1,n2"), ("--exclude=n9", "n9,n1,n2"), ("--nodelist=n1", None)]
)  # fmt: skip
def test_the_user_s_own_words_about_nodes_count(extra, exclude):
    from snakemake_executor_plugin_submitit import ExecutorSettings

    settings = ExecutorSettings()
    whole = resources.request("train", {"slurm_extra": extra}, 1, settings)
    found = resources.submitit_parameters(whole, name="", comment="", settings=settings, excluded=("n1", "n2"))
    assert found["slurm_additional_parameters"].get("exclude") == exclude

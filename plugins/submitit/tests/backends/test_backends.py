"""Clusters are found by the names of their files, and have the plain answers where they say nothing else."""

import time

import pytest
from fake_cluster import jobs
from snakemake_executor_plugin_submitit import ExecutorSettings, backends
from snakemake_executor_plugin_submitit.driver.records import RunFolder
from snakemake_executor_plugin_submitit.settings import CLUSTERS
from snakemake_executor_plugin_submitit.tracking import Task

TOY = """
from snakemake_executor_plugin_submitit.backends import Backend
from snakemake_executor_plugin_submitit.states import Observation


class Toy(Backend):
    def submit(self, submission, payloads):
        return ["1"]

    def observe(self, jobs):
        return {"1": Observation("RUNNING"), "2": Observation("FAILED")}

    def cancel(self, jobs):
        return ""
"""


def test_each_cluster_is_the_class_in_the_file_of_its_name():
    assert CLUSTERS == ("debug", "local", "slurm")
    found = [backends.load(ExecutorSettings(cluster=name)) for name in CLUSTERS]
    assert [(type(one).__name__, one.name) for one in found] == [
        ("Debug", "debug"),
        ("Local", "local"),
        ("Slurm", "slurm"),
    ]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    (tmp_path / "toy.py").write_text(TOY)
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    return lambda **given: backends.load(ExecutorSettings(cluster="toy", **given))


def test_a_file_with_three_methods_is_a_cluster(toy, tmp_path):
    one = toy(max_submitted=3, preload=["yaml"])
    assert (one.name, one.array_size, one.knows_why, one.trouble) == ("toy", 1, False, "")
    assert abs(one.now() - time.time()) < 1
    assert one.find("0123", 1) == [] and one.alive(["1", "2"]) == {"1"}
    tasks = [Task(entries=[entry]) for entry in jobs(RunFolder.create(tmp_path / "runs"), *"abcde")]
    assert one.room(tasks, tasks[:1]) == 2 and toy().room(tasks, tasks) is None
    request = tasks[0].entries[0].request
    assert one.pack_settings(request, request).preload == ("yaml",)


def test_one_that_finds_jobs_has_to_hand_them_their_payloads(toy):
    with pytest.raises(NotImplementedError, match="hand them their payloads"):
        toy().deliver(None, [])

"""The least memory of an allocation, and what is told of it."""

import dataclasses

import pytest
from snakemake_executor_plugin_submitit.driver.memory import LeastMemory, with_least
from snakemake_executor_plugin_submitit.resources import Request


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"mem_mb": 5}, {"mem_mb": 300}),
        ({"mem_mb": 300}, {"mem_mb": 300}),
        ({"mem_mb": 4000}, {"mem_mb": 4000}),
        ({"mem_mb_per_cpu": 50, "cpus": 4}, {"mem_mb_per_cpu": 75}),
        ({"mem_mb_per_cpu": 50, "cpus": 7}, {"mem_mb_per_cpu": 50}),
        ({"mem_mb_per_cpu": 10, "cpus": 1, "tasks": 7}, {"mem_mb_per_cpu": 43}),
        ({}, {"mem_mb": None, "mem_mb_per_cpu": None}),  # the cluster's default
        ({"mem_mb": 0}, {"mem_mb": 0}),  # all of the node's, for sbatch
    ],
)
def test_an_allocation_has_room_for_the_job_s_own_snakemake(asked, given):
    one = Request(rule="one", runtime_min=1, **asked)
    assert with_least(one, 300) == dataclasses.replace(one, **given)


def test_each_rule_is_told_once():
    said = []
    least = LeastMemory(300, said.append)
    for rule, memory in (("a", 5), ("a", 6), ("b", 400), ("c", 7)):
        least(Request(rule=rule, runtime_min=1, mem_mb=memory))
    words = "its jobs get 300 MB, which their own Snakemake needs (--submitit-least-mem-mb)."
    assert said == [f"Rule a asks for mem_mb=5; {words}", f"Rule c asks for mem_mb=7; {words}"]

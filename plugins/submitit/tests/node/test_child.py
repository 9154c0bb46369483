"""What a forked child is to its job: the Snakemake that would have been started anew."""

import sys

import pytest
from node_side import Node
from snakemake_executor_plugin_submitit.node import child

SNAKEFILE = """
rule draw:
    output: "{name}.txt"
    run:
        import os, sys
        import numpy
        with open(output[0], "w") as file:
            print(numpy.random.random(), os.environ["OMP_NUM_THREADS"], file=file)
        sys.stdout = open(os.devnull, "w")
        sys.stdout.close()
"""


@pytest.fixture
def node(tmp_path, monkeypatch):
    for name in child.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    node = Node(tmp_path)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    yield node
    node.close()


def draw(node: Node, name: str, threads: int, **environment: str):
    options = f"--cores {threads} --force --nolock --force-use-threads"
    command = f"cd {node.folder} && {sys.executable} -m snakemake {options} -- {name}.txt"
    return node.member(name, command, threads=threads, **environment)


def test_members_draw_different_numbers_and_may_close_standard_output(node):
    pack = [draw(node, name, threads=1) for name in "ab"]
    node.run(pack, preload=("numpy.random",))
    assert [member.result()["status"] for member in pack] == ["ok", "ok"], pack[0].log.read_text()
    first, second = ((node.folder / f"{name}.txt").read_text().split()[0] for name in "ab")
    assert first != second


def test_a_job_s_own_snakemake_gets_the_threads_of_its_rule_unless_the_user_says_otherwise(node):
    pack = [draw(node, "a", threads=3), draw(node, "b", threads=3, OMP_NUM_THREADS="2")]
    node.run(pack)
    assert [(node.folder / f"{name}.txt").read_text().split()[1] for name in "ab"] == ["3", "2"]


def test_nothing_is_forked_from_a_process_that_is_a_snakemake_itself(node, monkeypatch):
    member = draw(node, "a", threads=1)
    assert child.call_of(member)
    monkeypatch.setitem(sys.modules, "snakemake.cli", object())
    assert not child.warm_up([member], ())

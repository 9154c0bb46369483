"""What the check of a cluster makes of what it sees."""

import pytest
from snakemake_executor_plugin_submitit.checking import cluster, findings
from snakemake_executor_plugin_submitit.checking.cluster import Choice, Cluster, Partition
from snakemake_executor_plugin_submitit.commands import Answer

MAIN = Partition(name="main", default=True, up=True, time_limit="infinite", gres="gpu:a100:4(S:0-1),lustre:1")
OLD = Partition(name="old", default=False, up=True, time_limit="1:00:00", gres="gpu:2")
SITE = Cluster(configuration={"MaxArraySize": "1001"}, partitions=[MAIN, OLD], accounts=["first", "second"])
HERE = {"skew_s": 0.0, "versions": {"snakemake": "9.27.1"}, "variables": ["HOME", "PATH", "_", "SLURM_CONF"]}
PROBE = {
    "number": 0, "host": "a", "node": "n1", "python": "3.11.7", "versions": {"snakemake": "9.27.1"}, "time": 0.0,
    "scontrol": "", "variables": ["HOME", "PATH"], "lock_of_driver": "held", "round_trip_s": 0.1,
}  # fmt: skip
OTHER = {**PROBE, "number": 1, "node": "n2", "lock_of_node": "held"}


def test_sinfo_is_read():
    text = (
        "main*|up|infinite|gpu:a100:4(S:0-1),lustre:1\nold|up|1:00:00|(null)\nold|up|1:00:00|gpu:2\noff|down|1|(null)\n"
    )
    main, old, off = cluster.read_partitions(text)
    assert main == MAIN and main.gpus == ["a100:4"]
    assert (old.name, old.default, old.gpus) == ("old", False, ["2"])
    assert not off.up and off.gpus == []


def test_accounts_are_read_with_the_default_one_first():
    assert cluster.read_accounts("first|second\nsecond|second\n") == ["second", "first"]
    assert cluster.read_accounts("") == []


def sbatch(*taken):
    """An sbatch that takes jobs with these options and no others."""

    def ask(command):
        asked = {word for word in command if word.startswith(("--partition", "--account"))}
        return Answer(asked in taken, "", "allocation failure: Invalid account")

    return ask


@pytest.mark.parametrize(
    ("taken", "partition", "account", "expected"),
    [
        (set(), None, None, Choice(partition=None, account=None)),
        ({"--partition=old"}, None, None, Choice(partition="old", account=None, refusal="Invalid account")),
        ({"--account=second"}, None, "first", Choice(partition=None, account="second", refusal="Invalid account")),
        ({"--partition=old", "--account=second"}, "main", None, Choice(partition="old", account="second", refusal="Invalid account")),
        ({"--partition=x"}, "main", None, Choice(partition="main", account=None, refusal="Invalid account", taken=False)),
    ],
)  # fmt: skip
def test_a_partition_and_an_account_are_found(taken, partition, account, expected):
    assert cluster.choose(SITE, partition, account, [], sbatch(taken)) == expected


def test_the_report_tells_what_to_write():
    choice = Choice(partition="old", account="second", refusal="No partition specified")
    found = findings.of_submission(SITE, choice, None, None)
    assert [one.kind for one in found] == ["BAD"]
    slow = findings.of_probes([PROBE | {"round_trip_s": 12.0, "scontrol": "not found"}, OTHER], HERE)
    text = findings.report([*found, *slow])
    assert "rejects the profile as it is (No partition specified)" in text
    assert text.endswith(
        "Write into the profile:\n  latency-wait: 120\n  submitit-max-requeues: 0\n"
        "  default-resources:\n    slurm_partition: old\n    slurm_account: second"
    )


def test_a_cluster_where_all_is_well():
    found = [
        *findings.of_cluster(SITE),
        *findings.of_probes([PROBE, OTHER], HERE),
        findings.of_signal({"after_s": 40.0}, 60),
    ]
    assert {one.kind for one in found} == {"ok"}
    assert findings.report(found).endswith("Nothing to change in the profile.")
    assert "20 s before its limit" in findings.report(found)


@pytest.mark.parametrize(
    ("first", "second", "here", "topic", "kind", "words"),
    [
        ({"lock_of_driver": "not seen"}, {}, {}, "locks", "BAD", "driver and nodes: not seen"),
        ({}, {"lock_of_node": "not supported"}, {}, "locks", "BAD", "the nodes: not supported"),
        ({}, {"node": "n1"}, {}, "locks", "note", "both tasks ran on n1"),
        ({"round_trip_s": None}, {}, {}, "latency", "BAD", "did not reach the node"),
        ({}, {}, {"skew_s": -90.0}, "clocks", "BAD", "90 s off"),
        ({"versions": {"snakemake": "8.0"}}, {}, {}, "environment", "BAD", "9.27.1 here but 8.0 in the job"),
        ({"variables": ["PATH"]}, {}, {}, "environment", "note", "without HOME"),
    ],
)
def test_what_is_not_well_is_told(first, second, here, topic, kind, words):
    found = findings.of_probes([PROBE | first, OTHER | second], HERE | here)
    assert any((one.topic, one.kind) == (topic, kind) and words in one.text for one in found), found


def test_a_signal_that_does_not_come_and_a_job_that_does_not_start():
    assert findings.of_signal({"after_s": None}, 60).kind == findings.of_signal(None, 60).kind == "BAD"
    assert "does not see this folder" in findings.of_failure("", "/scratch/x", "FAILED").text
    assert "python: not found" in findings.of_failure("line\nexec: python: not found\n", "/scratch/x", "FAILED").text


def test_gpus():
    assert "main: a100:4 per node; old: 2 per node. `gpu: 1` is accepted" in findings.of_gpus(SITE, "").text
    assert findings.of_gpus(SITE, "Invalid generic resource").kind == "BAD"
    assert "gpu: 0" in findings.of_gpus(Cluster(configuration={}, partitions=[], accounts=[]), None).text

"""What a run has cost, and who has asked for more than it used."""

import dataclasses

from snakemake_executor_plugin_submitit.driver import costs
from snakemake_executor_plugin_submitit.driver.costs import Usage
from snakemake_executor_plugin_submitit.resources import Request

WHOLE = Request(rule="train", runtime_min=5, cpus=2, mem_mb=4000, gres="lustre:1,gpu:a100:2")
USED = Usage(
    whole=WHOLE,
    jobs=1,
    failed=0,
    elapsed_s=100.0,
    cpu_seconds=150.0,
    max_rss_mb=3000.0,
    job_id="7_1",
    names="train a=1",
)
IDLE = dataclasses.replace(USED, whole=dataclasses.replace(WHOLE, rule="idle"), cpu_seconds=20.0, max_rss_mb=400.0)


def test_the_report_is_a_table_that_grows(tmp_path):
    path = tmp_path / "new" / "report.tsv"
    costs.write_report(path, [USED])
    costs.write_report(path, [IDLE])
    head, first, second = (line.split("\t") for line in path.read_text().splitlines())
    assert dict(zip(head, first, strict=True)) == {
        "job_id": "7_1", "rule": "train", "jobs": "1", "failed": "0", "elapsed_s": "100", "cpus": "2", "cpu_share": "0.75",
        "mem_mb": "4000", "max_rss_mb": "3000", "memory_share": "0.75", "gpus": "2", "names": "train a=1",
    }  # fmt: skip
    assert second[1] == "idle"


def test_rules_below_the_threshold_are_named():
    assert costs.wasteful([USED, IDLE], 0.5) == ["idle: 10% of its cores' time", "idle: 10% of its memory"]
    assert costs.wasteful([USED], 0.8) == ["train: 75% of its cores' time", "train: 75% of its memory"]
    assert costs.wasteful([dataclasses.replace(IDLE, failed=1)], 0.5) == []


def test_gpus_of_generic_resources():
    assert costs.gpus(WHOLE) == 2
    assert costs.gpus(Request(rule="", runtime_min=1, gpus=1, gres="lustre:1")) == 1
    assert costs.gpus(Request(rule="", runtime_min=1, gres="gpu", nodes=3)) == 3

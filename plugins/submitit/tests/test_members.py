"""What the driver and the node tell each other in files."""

import dataclasses
import json
import os
import threading

import pytest
from snakemake_executor_plugin_submitit.members import Member, job_id, read_json


@pytest.fixture
def member(tmp_path) -> Member:
    return Member(
        token="0123456789abcdef", name="count sample=a", command="true", folder=tmp_path, log=tmp_path / "log",
        environment={"A": "1"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "done"), [("ok", True), ("failed", True), ("requeue", False), ("something else", False)]
)
def test_only_final_results_are_done(member, status, done):
    assert member.result() is None
    assert not member.done()
    member.write_result(status=status, exit_code=0)
    assert member.result() == {"token": member.token, "status": status, "exit_code": 0}
    assert member.done() == done


def test_a_member_whose_folder_the_driver_has_removed_is_done(member):
    assert not member.done()
    assert dataclasses.replace(member, folder=member.folder / "gone").done()


def test_readers_never_see_half_a_result(member):
    """While a result is rewritten again and again, every look finds one that is whole."""
    looks, stop = [], threading.Event()

    def look():
        while not stop.is_set():
            looks.append((member.folder / "result.json").read_text())

    member.write_result(status="requeue", reason="x" * 100_000)
    reader = threading.Thread(target=look)
    reader.start()
    for number in range(50):
        member.write_result(status="requeue", number=number, reason="x" * 100_000)
    stop.set()
    reader.join()
    assert looks
    assert all(len(json.loads(text)["reason"]) == 100_000 for text in looks)
    assert sorted(os.listdir(member.folder)) == ["result.json"]


@pytest.mark.parametrize("text", ["", '{"status": "o', "[]"])
def test_a_file_that_is_not_whole_counts_as_missing(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    assert read_json(tmp_path / "result.json") is None


def test_starts_are_counted(member):
    assert member.starts() == 0
    assert [member.note_start(host="n1"), member.note_start(host="n2")] == [1, 2]
    assert [json.loads(line)["host"] for line in (member.folder / "starts").read_text().splitlines()] == ["n1", "n2"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"SLURM_JOB_ID": "7"}, "7"),
        ({"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}, "7_2"),
        ({"SUBMITIT_LOCAL_JOB_ID": "123"}, "123"),
    ],
)
def test_the_jobs_id_is_written_as_slurm_does(monkeypatch, environment, expected):
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SUBMITIT_LOCAL_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert job_id() == expected

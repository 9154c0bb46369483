"""The driver's private folder: intents, locks, adoption of what a killed driver has left."""

import dataclasses
import signal
import stat
import subprocess
import sys
import time

import pytest
from snakemake_executor_plugin_submitit import adoption, identity, records
from snakemake_executor_plugin_submitit.members import Member, write_json
from snakemake_executor_plugin_submitit.records import RunFolder
from snakemake_executor_plugin_submitit.resources import Request
from snakemake_executor_plugin_submitit.states import Observation
from snakemake_executor_plugin_submitit.tracking import Entry, Submission, Task

REQUEST = Request(rule="train", runtime_min=5, options=(("nice", "1"),), pack=2)


def entry(run: RunFolder, name: str, digest: str = "same") -> Entry:
    token = records.new_token()
    folder = run.member_folder(token)
    member = Member(token=token, name=name, command="true", folder=folder, log=run.path / f"{name}.log")
    return Entry(
        member=member, request=REQUEST, key=f"key of {name}", digest=digest, metadata={name: {"rule": "train"}}
    )


def submission(run: RunFolder, *packs: list[str]) -> Submission:
    tasks = [Task(entries=[entry(run, name) for name in names]) for names in packs]
    token = records.new_token()
    return Submission(token=token, folder=run.submission_folder(token), whole=REQUEST, tasks=tasks, submitted_at=1.0)


def everything(path):
    return [path, *path.rglob("*")]


def test_all_is_private(tmp_path):
    run = RunFolder.create(tmp_path / "submitit")
    one = submission(run, ["a"])
    run.write(one)
    folders = [path for path in everything(tmp_path / "submitit") if path.is_dir()]
    assert stat.S_IMODE((tmp_path / "submitit").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders if path.name != "runs"} == {0o700}


def test_what_was_written_before_sbatch_is_read_back(tmp_path):
    run = RunFolder.create(tmp_path)
    one = submission(run, ["a", "b"], ["c"])
    run.write(one)
    (before,) = run.submissions()
    assert (before.token, before.job_id, before.whole) == (one.token, "", REQUEST)
    assert [[e.member for e in task.entries] for task in before.tasks] == [
        [e.member for e in task.entries] for task in one.tasks
    ]
    assert before.entries[0].metadata == {"a": {"rule": "train"}}
    one.submitted(["7_0", "7_1"])
    run.write_ids(one)
    (after,) = run.submissions()
    assert (after.job_id, [task.job_id for task in after.tasks]) == ("7", ["7_0", "7_1"])


def test_members_whose_folder_is_gone_are_closed(tmp_path):
    run = RunFolder.create(tmp_path)
    one = submission(run, ["a", "b"])
    run.write(one)
    records.remove_member(one.entries[0].member.folder)
    records.remove_member(one.entries[0].member.folder)  # harmless when repeated
    (read,) = run.submissions()
    assert [e.forgotten for e in read.entries] == [True, False]
    records.remove_member(one.entries[1].member.folder)
    assert list(run.submissions()) == []
    run.remove_if_done()
    assert not run.path.exists()


def test_a_run_with_open_members_stays(tmp_path):
    run = RunFolder.create(tmp_path)
    run.write(submission(run, ["a"]))
    run.remove_if_done()
    assert run.path.exists()


def test_the_run_of_a_living_driver_is_left_alone_and_that_of_a_killed_one_is_not(tmp_path):
    program = (
        "import sys, time, pathlib; from snakemake_executor_plugin_submitit.records import RunFolder; "
        "run = RunFolder.create(pathlib.Path(sys.argv[1])); print('ready', flush=True); time.sleep(600)"
    )
    driver = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout.readline() == "ready\n"
        assert records.abandoned(tmp_path) == []
        assert records.living(tmp_path)[0].startswith(f"process {driver.pid} on ")
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        driver.stdout.close()
    assert records.living(tmp_path) == []
    (run,) = records.abandoned(tmp_path)
    assert records.abandoned(tmp_path) == []  # now it is ours
    run.release()


def test_a_driver_never_takes_its_own_run_for_abandoned(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(records.fcntl, "flock", no_locks)
    own = RunFolder.create(tmp_path)
    other = RunFolder.create(tmp_path)
    assert [run.path for run in records.abandoned(tmp_path, own.path)] == [other.path]
    adopted = adoption.Adoption(tmp_path, Cluster(), Words(), own.path)
    adopted.finish(None, [])
    assert own.path.exists() and not other.path.exists()
    own.remove()
    own.remove_if_done()  # harmless when it is gone


class Cluster:
    """What Adoption asks of a cluster: which jobs are there, and to cancel."""

    def __init__(self, found=()):
        self.found, self.cancelled, self.delivered, self.seen = found, [], [], {}

    def find(self, token, tasks):
        return self.found

    def deliver(self, submission, payloads):
        self.delivered += payloads

    def pack_settings(self, whole, one):
        return "settings"

    def cancel(self, ids):
        self.cancelled += ids
        return ""

    def observe(self, ids):
        return self.seen


class Words(list):
    """Collects what the user is told."""

    info = warning = list.append


@pytest.fixture
def left(tmp_path):
    """A killed driver's submission of two jobs, ids known."""
    run = RunFolder.create(tmp_path)
    one = submission(run, ["a"], ["b"])
    one.submitted(["7_0", "7_1"])
    run.write(one)
    run.write_ids(one)
    run.release()
    return one


def test_jobs_of_a_killed_driver_are_taken_once(tmp_path, left):
    words = Words()
    adopted = adoption.Adoption(tmp_path, Cluster(), words)
    one, whole = adopted.take("key of a", "same")
    assert (one.member, whole.tasks[0].job_id, one.adopted) == (left.entries[0].member, "7_0", True)
    assert adopted.take("key of a", "same") is None
    assert adopted.take("key of c", "same") is None
    assert "a is adopted: an earlier run has submitted it as job 7_0." in words


def test_a_job_whose_code_or_params_changed_is_cancelled_not_adopted(tmp_path, left):
    cluster = Cluster()
    adopted = adoption.Adoption(tmp_path, cluster, Words())
    assert adopted.take("key of a", "other") is None
    assert cluster.cancelled == ["7_0"]
    assert not left.entries[0].member.folder.exists()


def test_a_changed_member_takes_its_pack_along_but_no_other_task(tmp_path):
    run = RunFolder.create(tmp_path)
    one = submission(run, ["a", "b", "c"], ["d"])
    one.submitted(["7_0", "7_1"])
    run.write(one)
    run.write_ids(one)
    run.release()
    cluster = Cluster()
    adopted = adoption.Adoption(tmp_path, cluster, Words())
    assert adopted.take("key of a", "other") is None
    assert adopted.take("key of b", "other") is None
    assert cluster.cancelled == ["7_0"]  # once
    _, whole = adopted.take("key of c", "same")
    assert [task.given_up for task in whole.tasks] == [True, False]


@pytest.mark.parametrize(("status", "digest"), [("failed", "same"), ("ok", "other")])
def test_what_ended_badly_or_from_other_code_runs_again(tmp_path, left, status, digest):
    write_json(left.entries[0].member.folder / "result.json", {"status": status})
    cluster = Cluster()
    assert adoption.Adoption(tmp_path, cluster, Words()).take("key of a", digest) is None
    assert cluster.cancelled == []


def test_a_driver_killed_during_sbatch_finds_its_job_by_the_token_or_forgets_it(tmp_path):
    run = RunFolder.create(tmp_path)
    run.write(submission(run, ["a"]))
    run.release()
    there = Cluster(found=["9"])
    adopted = adoption.Adoption(tmp_path, there, Words())
    assert adopted.take("key of a", "same")[1].tasks[0].job_id == "9"
    assert len(there.delivered) == 1  # the job waits for its payload
    for run in adopted.runs:
        run.release()

    second = tmp_path / "second"
    run = RunFolder.create(second)
    run.write(submission(run, ["a"]))
    run.release()
    gone = adoption.Adoption(second, Cluster(found=[]), Words())
    assert gone.take("key of a", "same") is None

    third = tmp_path / "third"
    run = RunFolder.create(third)
    run.write(submission(run, ["a"]))
    run.release()
    with pytest.raises(Exception, match="Try again once squeue works"):
        adoption.Adoption(third, Cluster(found=None), Words())


@pytest.mark.parametrize(
    ("seen", "open_members", "told"),
    [
        (None, ["a", "b"], []),  # SLURM does not answer
        ({}, [], []),
        ({"7_1": Observation("RUNNING")}, ["b"], ["scancel 7_1 ends them"]),
    ],
)
def test_jobs_that_are_not_part_of_this_run_stay_on_record_unless_they_ended(tmp_path, left, seen, open_members, told):
    words, cluster = Words(), Cluster()
    cluster.seen = seen
    adopted = adoption.Adoption(tmp_path, cluster, words)
    adopted.finish(None, [])
    assert [one.member.name for one in left.entries if one.member.folder.exists()] == open_members
    assert len(words) == len(told) and all(part in text for part, text in zip(told, words, strict=True))
    assert adopted.runs[0].path.exists() == bool(open_members)


def test_records_of_jobs_that_ended_without_a_driver(tmp_path, monkeypatch):
    from snakemake.persistence.file import FilePersistence

    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").write_text("x")
    persistence = FilePersistence(nolock=True, path=tmp_path / ".snakemake")
    fields = {"rule": "train", "params": ["1"], "code": "old code", "input": ["in"], "script_changed": 3.0}
    persistence._mark_incomplete("out", "7")
    assert identity.restore(persistence, {"out": fields}, began=time.time())
    record = persistence._read_record("out")
    assert (record.rule, record.params, record.code, record.input) == ("train", ["1"], "old code", ["in"])
    assert not persistence._filter_incomplete_keys(["out"])
    assert not identity.restore(persistence, {"not there": fields}, began=time.time())


def test_digest_is_of_code_params_and_input_only():
    fields = {"code": "a", "params": ["1"], "input": ["x"], "log": ["l"], "shellcmd": "s"}
    same = identity.digest({"out": fields | {"log": ["other"], "shellcmd": "with /tmp/other"}})
    assert identity.digest({"out": fields}) == same
    for name, value in (("code", "b"), ("params", ["2"]), ("input", ["y"]), ("script_changed", 2.0)):
        assert identity.digest({"out": fields | {name: value}}) != same
    assert dataclasses.replace(REQUEST, mem_mb=5) != REQUEST

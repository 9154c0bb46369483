"""What becomes of the jobs that a killed driver has left."""

import pytest
from run_folders import entry, submission
from snakemake_executor_plugin_submitit.driver import adoption, records
from snakemake_executor_plugin_submitit.driver.records import RunFolder
from snakemake_executor_plugin_submitit.members import write_json
from snakemake_executor_plugin_submitit.states import Observation


class Cluster:
    """What Adoption asks of a cluster: which jobs are there, and to cancel."""

    def __init__(self, found=()):
        self.found, self.cancelled, self.delivered, self.seen, self.still_there = found, [], [], {}, []

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

    def alive(self, ids):
        return self.still_there.pop(0) if self.still_there else set()


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
    assert "a is adopted: an earlier run submitted it as job 7_0." in words


def test_an_adopted_task_that_waits_in_the_queue_again_is_known_to_have_run(tmp_path, left):
    left.entries[0].member.note_start()
    adopted = adoption.Adoption(tmp_path, Cluster(), Words())
    for key, ran in (("key of a", True), ("key of b", False)):
        entry, whole = adopted.take(key, "same")
        assert next(task for task in whole.tasks if entry in task.entries).ran == ran


def test_a_job_whose_code_or_params_changed_is_cancelled_not_adopted(tmp_path, left):
    cluster = Cluster()
    adopted = adoption.Adoption(tmp_path, cluster, Words())
    assert adopted.take("key of a", "other") is None
    assert cluster.cancelled == ["7_0"]
    assert not left.entries[0].member.folder.exists()


def test_changed_jobs_are_not_submitted_before_the_cancelled_ones_have_ended(tmp_path, left, monkeypatch):
    monkeypatch.setattr(adoption.time, "sleep", lambda _: None)
    cluster, words = Cluster(), Words()
    cluster.still_there = [None, {"7_0", "7_1"}, {"7_1"}, set()]
    adopted = adoption.Adoption(tmp_path, cluster, words)
    for key in ("key of a", "key of b"):
        assert adopted.take(key, "other") is None
    assert (
        cluster.cancelled == ["7_0", "7_1"] and len(cluster.still_there) == 4
    )  # all are cancelled, then all waited for
    adopted.wait_for_ends()
    assert cluster.still_there == [] and not any("not known to have ended" in text for text in words)


def test_a_cancelled_job_that_does_not_end_is_told_once(tmp_path, left, monkeypatch):
    monkeypatch.setattr(adoption, "END_S", 0.2)
    cluster, words = Cluster(), Words()
    cluster.still_there = [{"7_0"}] * 10
    adopted = adoption.Adoption(tmp_path, cluster, words)
    adopted.take("key of a", "other")
    for _ in range(2):
        adopted.wait_for_ends()
    assert [text for text in words if "ended" in text] == ["Cancelled 0 s ago, but not known to have ended: 7_0."]


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


def test_a_job_whose_output_was_deleted_since_runs_again(tmp_path, left, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for one in left.entries:
        write_json(one.member.folder / "result.json", {"status": "ok"})
    (tmp_path / "b").touch()
    adopted = adoption.Adoption(tmp_path, Cluster(), Words())
    assert adopted.take("key of a", "same") is None
    assert not left.entries[0].member.folder.exists()
    assert adopted.take("key of b", "same") is not None


def test_members_that_were_never_submitted_are_cleared_away(tmp_path):
    run = RunFolder.create(tmp_path)
    entry(run, "waiting")
    run.release()
    adoption.Adoption(tmp_path, Cluster(), Words()).finish(None, [])
    assert not run.path.exists()


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
    with pytest.raises(Exception, match="Try again once it answers"):
        adoption.Adoption(third, Cluster(found=None), Words())


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

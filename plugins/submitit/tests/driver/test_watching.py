"""What becomes of submitted jobs, and what the user reads of it, on a cluster that answers as told."""

import time
from types import SimpleNamespace

import pytest
from fake_cluster import finish, jobs, maker, step_until
from snakemake_executor_plugin_submitit.driver import watching
from snakemake_executor_plugin_submitit.states import Observation


@pytest.fixture
def make(tmp_path):
    return maker(tmp_path)


def test_members_of_a_pack_report_for_themselves(make):
    one = make()
    entries = jobs(one.run, *"abc", pack=3)
    one.driver.enqueue(entries)
    one.driver.step()
    finish(entries[:1])
    finish(entries[1:2], "failed")
    step_until(one, lambda: one.told.succeeded and one.told.failed)
    assert one.told.succeeded == ["a"] and [name for name, *_ in one.told.failed] == ["b"]
    one.cluster.states["1"] = "CANCELLED"
    step_until(one, lambda: len(one.told.failed) == 2)
    name, message, job_id = one.told.failed[1]
    assert (name, job_id) == ("c", "1") and "was cancelled from outside" in message


def test_the_task_s_log_does_not_explain_the_failure_that_a_member_of_a_pack_told_itself(make):
    one = make()
    entries = jobs(one.run, *"ab", pack=2)
    one.driver.enqueue(entries)
    one.driver.step()
    log = one.cluster.log(one.driver.registry.active[0], "1")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("a: killed by SIGKILL (memory used up?)\n")
    finish(entries[1:], "failed")
    step_until(one, lambda: one.told.failed)
    one.cluster.states["1"] = "FAILED"
    step_until(one, lambda: len(one.told.failed) == 2)
    words = {name: message for name, message, _ in one.told.failed}
    assert "ran out of memory" in words["a"] and "ran out of memory" not in words["b"].partition("\n")[0]


@pytest.mark.parametrize("states", [{"1": "CANCELLED"}, {}])
def test_an_adopted_job_that_ended_before_anyone_looked_is_submitted_again(make, states, monkeypatch):
    monkeypatch.setattr(watching, "ADOPTED_LOST_S", 0.1)
    one = make()
    entries = jobs(one.run, "a")
    one.driver.enqueue(entries)
    one.driver.step()
    submission = one.driver.registry.active[0]
    later = make()
    submission.tasks[0].lived, submission.tasks[0].seen = False, None
    entries[0].adopted = True
    later.cluster.states = states
    later.driver.adopt(submission)
    step_until(later, lambda: later.told.resubmitted == ["a"])
    assert not later.told.failed


def test_unchanged_members_of_a_pack_that_adoption_cancelled_are_submitted_again(make):
    one = make()
    entries = jobs(one.run, *"abc", pack=3)
    one.driver.enqueue(entries)
    one.driver.step()
    (task,) = one.driver.registry.active[0].tasks
    entries[0].adopted = entries[1].adopted = task.given_up = True
    entries[2].settled = True  # the changed one
    step_until(one, lambda: task.lived)
    finish(entries[1:2], "failed")  # as its end by scancel looks
    one.cluster.states["1"] = "CANCELLED"
    step_until(one, lambda: not task.open_entries)
    assert one.told.resubmitted == ["a", "b"] and not one.told.failed


def test_a_job_whose_end_cannot_be_told_in_full_fails(make, monkeypatch):
    one = make()
    entries = jobs(one.run, "a", "b")
    one.driver.enqueue(entries)
    one.driver.step()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(one.told, "resubmitted", SimpleNamespace(append=full))
    entries[0].adopted, one.driver.registry.active[0].tasks[0].given_up = True, True
    one.cluster.states |= {"1_0": "CANCELLED"}
    finish(entries[1:])
    step_until(one, lambda: one.told.failed and one.told.succeeded)
    ((name, message, job_id),) = one.told.failed
    assert (name, job_id) == ("a", "1_0") and "No space left" in message


def test_a_requeued_job_is_told_once_and_goes_on(make):
    one = make()
    entries = jobs(one.run, "a")
    one.driver.enqueue(entries)
    step_until(one, lambda: one.driver.watcher.registry.live_tasks and one.driver.registry.live_tasks[0].seen)
    one.cluster.states["1"] = "PENDING"
    step_until(one, lambda: any("back in the queue" in text for text in one.told.texts))
    for _ in range(5):
        one.driver.step()
        time.sleep(0.03)
    assert sum("back in the queue" in text for text in one.told.texts) == 1
    one.cluster.states["1"] = "RUNNING"
    finish(entries)
    step_until(one, lambda: one.told.succeeded == ["a"])


def test_a_failure_is_told_while_the_rest_of_its_pack_waits_in_the_queue_again(make):
    one = make()
    entries = jobs(one.run, *"ab", pack=2)
    one.driver.enqueue(entries)
    step_until(one, lambda: one.driver.registry.live_tasks and one.driver.registry.live_tasks[0].seen)
    one.cluster.states["1"] = "PENDING"
    finish(entries[:1], "failed")
    finish(entries[1:], "requeue")
    step_until(one, lambda: one.told.failed)
    assert [name for name, *_ in one.told.failed] == ["a"]
    one.cluster.states["1"] = "RUNNING"
    finish(entries[1:])
    step_until(one, lambda: one.told.succeeded == ["b"])


def test_many_held_jobs_are_one_sentence(make):
    one = make()
    one.driver.enqueue(jobs(one.run, *"abcde"))
    one.driver.step()
    one.cluster.observe = lambda jobs: {job: Observation("PENDING", "JobHeldUser") for job in jobs}
    step_until(one, lambda: len(one.told.texts) > 1)
    assert one.told.texts[1:] == [
        "On hold (JobHeldUser): 1_0; 1_1; 1_2 and 2 more: a; b; c and 2 more. "
        "`scontrol release 1` lets them run, `scancel 1` cancels them."
    ]


def test_a_limit_is_told_once_per_rule_and_a_reason_that_changes_while_a_job_waits(make):
    one = make()
    reasons = {"1_0": "AssocMaxJobsLimit"}
    one.cluster.observe = lambda jobs: {job: Observation("PENDING", reasons.get(job, "Priority")) for job in jobs}
    one.driver.enqueue(jobs(one.run, *"abc"))
    step_until(one, lambda: len(one.told.texts) > 1)
    reasons |= {"1_1": "AssocMaxJobsLimit", "1_2": "PartitionConfig"}
    step_until(one, lambda: len(one.told.texts) > 2)
    for _ in range(5):
        one.driver.step()
        time.sleep(0.03)
    assert one.told.texts[1:] == [
        "Waiting for a site limit (AssocMaxJobsLimit): 1_0: a. `scancel 1` cancels them.",
        "Will not start as things stand (PartitionConfig): 1_2: c. `scancel 1` cancels them.",
    ]


def test_files_are_removed_once_recorded_and_ended(make):
    one = make()
    entries = jobs(one.run, "a")
    one.driver.enqueue(entries)
    one.driver.step()
    finish(entries)
    step_until(one, lambda: one.told.succeeded)
    entries[0].member.log.write_text("words")
    one.driver.forget(entries[0], ok=True)
    assert not entries[0].member.folder.exists() and not entries[0].member.log.exists()
    one.driver.step()
    submission = one.driver.registry.active[0]
    (submission.folder / "submitit").mkdir()
    (submission.folder / "submitit" / "1_0_result.pkl").touch()
    one.driver.close()
    assert not submission.folder.exists()
    one.run.remove_if_done()
    assert not one.run.path.exists()


def test_a_job_with_nothing_left_to_do_does_not_stay_in_the_queue(make):
    one = make()
    entries = jobs(one.run, "a", "b", pack=2)
    one.driver.enqueue(entries)
    one.driver.step()
    finish(entries, "failed")
    step_until(one, lambda: len(one.told.failed) == 2)
    one.cluster.states["1"] = "PENDING"  # put into the queue again before its members were given up
    one.driver.close(wait_s=0.1)
    assert one.cluster.cancelled == ["1"]

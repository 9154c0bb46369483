"""Waiting, cutting, trying again: what the driver does with ready jobs, on a cluster that answers as told."""

import asyncio
import signal
import threading
import time
from types import SimpleNamespace

import pytest
from snakemake_executor_plugin_submitit import ExecutorSettings, records, slurm, submitting, watching
from snakemake_executor_plugin_submitit.driver import Driver
from snakemake_executor_plugin_submitit.executor import Executor, remove_empty, uninterrupted
from snakemake_executor_plugin_submitit.members import Member, write_json
from snakemake_executor_plugin_submitit.records import RunFolder
from snakemake_executor_plugin_submitit.resources import Request
from snakemake_executor_plugin_submitit.slurm import SubmitError, refusal
from snakemake_executor_plugin_submitit.states import Observation, Patience
from snakemake_executor_plugin_submitit.tracking import Entry
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo


class Told:
    """Collects what the driver reports."""

    def __init__(self):
        self.succeeded, self.failed, self.resubmitted, self.texts = [], [], [], []

    def success(self, entry):
        self.succeeded.append(entry.member.name)

    def failure(self, entry, message, logs, job_id):
        self.failed.append((entry.member.name, message, job_id))

    def again(self, entry, why):
        self.resubmitted.append(entry.member.name)

    def info(self, text):
        self.texts.append(text)

    warning = info


class Cluster(slurm.Slurm):
    """SLURM's rules for arrays and limits, with the answers of sbatch and squeue as the test gives them."""

    def __init__(self, settings, *answers, array_size=1001):
        super().__init__(settings)
        self._configuration = {"MaxArraySize": str(array_size), "AccountingStorageType": "accounting_storage/none"}
        self.answers, self.arrays, self.there, self.states, self.cancelled = list(answers), [], [], {}, []

    def submit(self, submission, payloads):
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            answer()
        self.arrays.append([[member.name for member in payload.members] for payload in payloads])
        main = str(len(self.arrays))
        ids = [main] if len(payloads) == 1 else [f"{main}_{index}" for index in range(len(payloads))]
        self.states |= dict.fromkeys(ids, "RUNNING")
        return ids

    def find(self, token, tasks):
        return self.there

    def deliver(self, submission, payloads):
        self.arrays.append("delivered")

    def observe(self, jobs):
        return {job: Observation(self.states[job]) for job in jobs if job in self.states}

    def cancel(self, jobs):
        self.cancelled += jobs
        return ""


@pytest.fixture
def make(tmp_path):
    def make(*answers, array_size=1001, **keywords):
        settings = ExecutorSettings(poll_min_s=0.01, poll_max_s=0.02, **keywords)
        cluster = Cluster(settings, *answers, array_size=array_size)
        run = RunFolder.create(tmp_path)
        driver = Driver(cluster, settings, run, Patience(0.0, 100.0), Told())
        return SimpleNamespace(driver=driver, cluster=cluster, told=driver.report, run=run)

    return make


def jobs(run, *names, pack=1, rule="train") -> list[Entry]:
    made = []
    for name in names:
        token = records.new_token()
        member = Member(
            token=token, name=name, command="true", folder=run.member_folder(token), log=run.path / f"{name}.log"
        )
        request = Request(rule=rule, runtime_min=5, pack=pack)
        made.append(Entry(member=member, request=request, key=name, digest="", info=object()))
    return made


def finish(entries, status="ok"):
    for entry in entries:
        write_json(entry.member.folder / "result.json", {"status": status, "reason": "exit code 1"})


def step_until(one, condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, one.told.texts
        one.driver.step()
        time.sleep(0.01)


def test_one_array_per_request_cut_by_the_cluster_s_limit(make):
    one = make(array_size=3)
    one.driver.enqueue(jobs(one.run, *"abcdefg") + jobs(one.run, *"xy", rule="test"))
    one.driver.step()
    assert one.cluster.arrays == [
        [["a"], ["b"], ["c"]],
        [["d"], ["e"], ["f"]],
        [["g"]],
        [["x"], ["y"]],
    ]


def test_a_thousand_jobs_are_one_sbatch(make):
    one = make()
    one.driver.enqueue(jobs(one.run, *(str(number) for number in range(1000))))
    one.driver.step()
    assert [len(array) for array in one.cluster.arrays] == [1000]


def test_packs(make):
    one = make()
    one.driver.enqueue(jobs(one.run, *"abcde", pack=2))
    one.driver.step()
    assert one.cluster.arrays == [[["a", "b"], ["c", "d"], ["e"]]]


def test_portions_of_a_large_grid_are_submitted_together(make):
    one = make()
    one.driver.enqueue(jobs(one.run, "a", "b"), more_to_come=True)
    one.driver.step()
    assert one.cluster.arrays == []
    one.driver.enqueue(jobs(one.run, "c"))
    one.driver.step()
    assert one.cluster.arrays == [[["a"], ["b"], ["c"]]]


def test_max_submitted_keeps_the_rest_in_the_driver(make):
    one = make(max_submitted=2)
    entries = jobs(one.run, *"abcde")
    one.driver.enqueue(entries)
    one.driver.step()
    one.driver.step()
    assert one.cluster.arrays == [[["a"], ["b"]]]
    finish(entries[:1])
    step_until(one, lambda: len(one.cluster.arrays) == 2)
    assert one.cluster.arrays[1] == [["c"]]
    assert one.told.succeeded == ["a"]


def test_sbatch_is_tried_again_and_then_given_up_with_its_own_words(make, monkeypatch):
    monkeypatch.setattr(submitting, "PAUSE_S", 0.01)
    one = make(*[SubmitError("sbatch: error: hiccup")] * 2)
    one.driver.enqueue(jobs(one.run, "a"))
    step_until(one, lambda: one.cluster.arrays)
    assert sum("hiccup" in text for text in one.told.texts) == 2

    other = make(*[SubmitError("sbatch: error: no luck")] * 9, sbatch_retries=2)
    other.driver.enqueue(jobs(other.run, "a", "b"))
    step_until(other, lambda: other.told.failed)
    assert len(other.cluster.answers) == 9 - 3
    assert [(name, "no luck" in message) for name, message, _ in other.told.failed] == [("a", True), ("b", True)]


def test_an_unreachable_controller_is_waited_for_without_end(make, monkeypatch):
    monkeypatch.setattr(submitting, "PAUSE_S", 0.001)
    one = make(*[SubmitError("Unable to contact slurm controller", "away")] * 5, sbatch_retries=1)
    one.driver.enqueue(jobs(one.run, "a"))
    step_until(one, lambda: one.cluster.arrays)
    assert not one.told.failed


def test_a_job_that_sbatch_took_though_it_failed_is_not_submitted_twice(make, monkeypatch):
    monkeypatch.setattr(submitting, "PAUSE_S", 0.01)
    one = make(SubmitError("Socket timed out on send/recv operation", "away"))
    one.cluster.there, one.cluster.states = ["77"], {"77": "RUNNING"}
    entries = jobs(one.run, "a")
    one.driver.enqueue(entries)
    step_until(one, lambda: one.cluster.arrays)
    assert one.cluster.arrays == ["delivered"]
    finish(entries)
    step_until(one, lambda: one.told.succeeded == ["a"])


def test_what_can_never_work_is_not_tried_again(make):
    one = make(refusal("sbatch: error: Batch job submission failed: Invalid partition name specified"))
    one.driver.enqueue(jobs(one.run, "a", "b"))
    one.driver.step()
    assert [name for name, *_ in one.told.failed] == ["a", "b"]
    assert "rule train" in one.told.failed[0][1] and "Invalid partition name" in one.told.failed[0][1]
    assert not one.driver.submitter.pending and not list((one.run.path / "jobs").iterdir())


def test_the_site_s_limit_is_learned(make):
    limit = refusal(
        "sbatch: error: QOSMaxSubmitJobPerUserLimit\nJob violates accounting/QOS policy (job submit limit…)"
    )
    one = make(limit)
    entries = jobs(one.run, *"abcd")
    one.driver.enqueue(entries)
    step_until(one, lambda: one.cluster.arrays)
    assert one.cluster.arrays == [[["a"], ["b"]]]
    finish(entries[:2])
    step_until(one, lambda: len(one.cluster.arrays) == 2)
    assert one.cluster.arrays[1] == [["c"], ["d"]]
    assert not one.told.failed


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Invalid account or account/partition combination specified", "fatal"),
        ("Requested node configuration is not available", "fatal"),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "fatal"),
        ("AssocMaxSubmitJobLimit\nJob violates accounting/QOS policy", "limit"),
        ("AssocGrpSubmitJobsLimit\nJob violates accounting/QOS policy", "limit"),
        ("QOSGrpSubmitJobsLimit\nJob violates accounting/QOS policy", "limit"),
        ("Slurm temporarily unable to accept job, sleeping and retrying", "away"),
        ("Unable to contact slurm controller (connect failure)", "away"),
        ("Socket timed out on send/recv operation", "away"),
        ("something that nobody has seen", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_sbatch_s_words_mean(words, kind):
    assert refusal(words).kind == kind


def test_cancel_waits_for_the_sbatch_under_way_and_cancels_its_jobs(make):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        begun.set()
        assert go_on.wait(20)

    one = make(slow)
    one.driver.enqueue(jobs(one.run, "a", "b") + jobs(one.run, "c", rule="later"))
    stepping = threading.Thread(target=one.driver.step)
    stepping.start()
    assert begun.wait(20)
    cancelling = threading.Thread(target=one.driver.cancel)
    cancelling.start()
    go_on.set()
    cancelling.join(20)
    stepping.join(20)
    assert one.cluster.cancelled == ["1"]  # the whole array at once
    assert one.cluster.arrays == [[["a"], ["b"]]]  # the later one was not submitted any more
    one.driver.step()
    assert len(one.cluster.arrays) == 1


def test_cancel_finds_the_job_of_an_sbatch_that_was_interrupted(make):
    one = make(SubmitError("killed"))
    one.driver.enqueue(jobs(one.run, "a", "b"))
    one.driver.step()
    one.cluster.there = ["7_0", "7_1"]
    one.driver.cancel()
    assert one.cluster.cancelled == ["7"]


def test_of_an_adopted_array_only_the_jobs_of_this_run_are_cancelled(make):
    one = make()
    entries = jobs(one.run, *"abc")
    one.driver.enqueue(entries)
    one.driver.step()
    entries[1].info = None  # part of the earlier run only
    one.driver.cancel()
    assert one.cluster.cancelled == ["1_0", "1_2"]


def test_scancel_gets_exactly_the_ids_asked_for(monkeypatch):
    asked = []
    answer = SimpleNamespace(ok=True, error="", text="")
    monkeypatch.setattr(slurm.commands, "ask", lambda command: asked.append(command) or answer)
    assert slurm.Slurm(ExecutorSettings()).cancel(["19_5", "20", "19_5", ""]) == ""
    assert asked == [["scancel", "19_5", "20"]]


def executor(one) -> Executor:
    """Snakemake's side, with what the end of a run and a failing job need of it."""
    made = Executor.__new__(Executor)
    made.driver, made.logs, made._entries, made._failures = one.driver, one.run.path.parents[1] / "logs", {}, 0
    made.logs.mkdir(exist_ok=True)
    made.adoption = SimpleNamespace(finish=lambda *_: None)
    made.logger = SimpleNamespace(info=one.told.info, warning=one.told.warning, error=one.told.info)
    made.workflow = SimpleNamespace(persistence=None, scheduler=SimpleNamespace(error_callback=one.told.failed.append))
    return made


@pytest.mark.parametrize("trouble", ["", "Unable to contact slurm controller. Cancel by hand: scancel 1"])
def test_what_could_not_be_cancelled_stays_on_record(make, trouble):
    one = make()
    one.driver.enqueue(jobs(one.run, "a"))
    one.driver.step()
    one.cluster.cancel = lambda jobs: trouble
    one.driver.cancel()
    executor(one)._finish()
    assert one.run.path.exists() == bool(trouble)
    assert any("resume -- ARGUMENTS" in text for text in one.told.texts) == bool(trouble)
    assert [run.path for run in records.abandoned(one.run.path.parents[1])] == [one.run.path] * bool(trouble)


@pytest.mark.parametrize(("there", "kept"), [(None, True), ([], False)])
def test_an_interrupted_sbatch_that_nobody_knows_of_stays_on_record(make, there, kept):
    one = make(SubmitError("killed"))
    one.driver.enqueue(jobs(one.run, "a"))
    one.driver.step()
    one.cluster.there = there
    one.driver.cancel()
    executor(one)._finish()
    assert one.run.path.exists() == kept


def test_a_driver_that_fails_waits_longer_and_longer_and_then_gives_up(make, monkeypatch):
    one = make()
    made, pauses = executor(one), []

    async def look():
        return [info async for info in made.check_active_jobs([])]

    monkeypatch.setattr(one.driver, "step", lambda: 1 / 0)
    for _ in range(9):
        assert asyncio.run(look()) == []
        pauses.append(one.driver.interval)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    with pytest.raises(ZeroDivisionError):
        asyncio.run(look())
    assert one.driver.cancelled


@pytest.mark.parametrize("group", [False, True])
def test_a_group_that_fails_has_a_reason_too(make, group):
    """Snakemake shows the message of a job, and drops that of a group."""
    one = make()
    shown = []
    job = SimpleNamespace(is_group=lambda: group, log_error=lambda msg, **_: None if group else shown.append(msg))
    (entry,) = jobs(one.run, "a")
    entry.info = SubmittedJobInfo(job)
    executor(one).failure(entry, "ran out of memory", [], "7")
    assert sum("ran out of memory" in text for text in shown + one.told.texts) == 1
    assert one.told.failed == [job]


def test_an_interrupt_while_all_is_cancelled_is_survived_without_a_terminal(monkeypatch):
    def gone(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.write", gone)
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)


def test_only_empty_log_folders_are_removed(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "log").touch()
    (tmp_path / "file").touch()
    remove_empty(tmp_path)
    remove_empty(tmp_path / "not there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]


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


def test_jobs_whose_folder_the_disk_refuses_go_on_waiting(make, monkeypatch):
    one = make()
    one.driver.enqueue(jobs(one.run, "a", "b") + jobs(one.run, "x", rule="test"))
    create, calls = one.run.submission_folder, []

    def refuse_second(token):
        calls.append(token)
        if len(calls) == 2:
            raise OSError(122, "Disk quota exceeded")
        return create(token)

    monkeypatch.setattr(one.run, "submission_folder", refuse_second)
    with pytest.raises(OSError, match="quota"):
        one.driver.step()
    assert not one.cluster.arrays and not list((one.run.path / "jobs").iterdir())
    one.driver.step()
    assert one.cluster.arrays == [[["a"], ["b"]], [["x"]]]


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
    step_until(one, lambda: any("is in the queue again" in text for text in one.told.texts))
    for _ in range(5):
        one.driver.step()
        time.sleep(0.03)
    assert sum("is in the queue again" in text for text in one.told.texts) == 1
    one.cluster.states["1"] = "RUNNING"
    finish(entries)
    step_until(one, lambda: one.told.succeeded == ["a"])


def test_many_held_jobs_are_one_sentence(make):
    one = make()
    one.driver.enqueue(jobs(one.run, *"abcde"))
    one.driver.step()
    one.cluster.observe = lambda jobs: {job: Observation("PENDING", "JobHeldUser") for job in jobs}
    step_until(one, lambda: len(one.told.texts) > 1)
    assert one.told.texts[1:] == [
        "Waiting until someone acts (JobHeldUser): 1_0; 1_1; 1_2 and 2 more: a; b; c and 2 more. "
        "`scontrol release 1` lets them go on, `scancel 1` gives them up."
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

"""Waiting, cutting, trying again: what the driver does with ready jobs, on a cluster that answers as told."""

import pytest
from fake_cluster import finish, jobs, maker, step_until
from snakemake_executor_plugin_submitit.driver import submitting
from snakemake_executor_plugin_submitit.refusals import SubmitError, refusal


@pytest.fixture
def make(tmp_path):
    return maker(tmp_path)


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


def test_packs_fill_up_from_jobs_that_come_one_by_one(make):
    """As with --jobs 4: another job is handed over whenever one has ended."""
    one = make()
    names = iter("abcdefghij")
    running = jobs(one.run, *(next(names) for _ in range(4)), pack=2)
    one.driver.enqueue(running, coming=["train"])
    one.driver.step()
    for name in names:
        finish(running[:1])
        running = running[1:] + jobs(one.run, name, pack=2)
        step_until(one, lambda name=name: len(one.told.succeeded) == "abcdefghij".index(name) - 3)
        one.driver.enqueue(running[-1:], coming=["train"] if name != "j" else [])
        one.driver.step()
    assert [task for array in one.cluster.arrays for task in array] == [
        ["a", "b"],
        ["c", "d"],
        ["e", "f"],
        ["g", "h"],
        ["i", "j"],
    ]


def test_a_pack_waits_for_others_only_while_it_makes_sense(make, monkeypatch):
    def arrays(entries, coming, busy=True, **settings):
        one = make(**settings)
        if busy:
            one.driver.enqueue(jobs(one.run, "x", rule="other"))
            one.driver.step()
        one.driver.enqueue(entries(one.run), coming=coming)
        one.driver.step()
        return one.cluster.arrays[busy:]

    def one_job(run):
        return jobs(run, "a", pack=2)

    def second_attempt(run):
        (entry,) = jobs(run, "a", pack=2)
        entry.patient = False
        return [entry]

    assert arrays(one_job, ["train"]) == []
    assert arrays(one_job, ["test"]) == [[["a"]]]  # nothing more of this rule
    assert arrays(one_job, ["train"], busy=False) == [[["a"]]]  # the cluster has nothing else to do
    assert arrays(one_job, ["train"], pack_wait_s=0) == [[["a"]]]
    assert arrays(second_attempt, ["train"]) == [[["a"]]]  # with resources of its own


def test_a_pack_waits_for_a_bounded_time(make):
    one = make(pack_wait_s=0.5)
    one.driver.enqueue(jobs(one.run, "x", rule="other"))
    one.driver.step()
    one.driver.enqueue(jobs(one.run, "a", pack=2), coming=["train"])
    one.driver.step()
    assert len(one.cluster.arrays) == 1 and one.driver.interval <= 0.5
    step_until(one, lambda: len(one.cluster.arrays) == 2)
    assert one.cluster.arrays[1] == [["a"]]


def test_portions_of_a_large_grid_are_submitted_together(make):
    """The first portion at once, as the cluster has nothing else to do; the others when the last one has come."""
    one = make()
    one.driver.enqueue(jobs(one.run, "a"), more_to_come=True)
    one.driver.step()
    assert one.cluster.arrays == [[["a"]]]
    for name in "bc":
        one.driver.enqueue(jobs(one.run, name), more_to_come=True)
        one.driver.step()
    assert len(one.cluster.arrays) == 1
    one.driver.enqueue(jobs(one.run, "d"))
    one.driver.step()
    assert one.cluster.arrays[1:] == [[["b"], ["c"], ["d"]]]


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

"""The driver's private folder: intents and locks; Snakemake's own records."""

import dataclasses
import signal
import stat
import subprocess
import sys
import time

from run_folders import REQUEST, submission
from snakemake_executor_plugin_submitit.driver import identity, records
from snakemake_executor_plugin_submitit.driver.records import RunFolder


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


def test_a_run_is_removed_also_while_a_job_still_writes_into_it(tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path)
    remove, tries = records.shutil.rmtree, []

    def meets_a_writer(path, ignore_errors):
        tries.append(path)
        if len(tries) > 1:
            remove(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(records.shutil, "rmtree", meets_a_writer)
    run.remove()
    assert len(tries) == 2 and not run.path.exists()


def test_the_run_of_a_living_driver_is_left_alone_and_that_of_a_killed_one_is_not(tmp_path):
    program = (
        "import sys, time, pathlib; from snakemake_executor_plugin_submitit.driver.records import RunFolder; "
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

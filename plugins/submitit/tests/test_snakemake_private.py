"""What the plugin uses of Snakemake beyond its interface is there in the installed version, and means what it thinks."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from slurm_sandbox.driver import write
from snakemake import api
from snakemake.settings import types as settings
from snakemake_executor_plugin_submitit import Executor, ExecutorSettings, snakemake_private
from snakemake_interface_common.exceptions import WorkflowError

pytestmark = [pytest.mark.workflow, pytest.mark.filterwarnings("ignore::DeprecationWarning:pulp")]

WORKFLOW = """
    rule all:
        input: "out/a", "out/b"

    rule one:
        output: "out/{name}"
        log: "logs/{name}"
        params: colour="red"
        resources: runtime=7
        script: "one.py"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("workflow")
    write(folder, "Snakefile", WORKFLOW)
    write(folder, "one.py", "open(snakemake.output[0], 'w').write(snakemake.params.colour)\n")
    return folder


@pytest.fixture(scope="module")
def seen(folder) -> dict:
    """What the functions give inside of a run of Snakemake, when the first job is handed over."""
    found = {}
    new_entry = Executor._new_entry

    def look(self, job, *rest):
        if not found:
            private, kept = snakemake_private, self.workflow.persistence
            found["defaults"] = dict(private.default_resources(self.workflow))
            found["latency"] = private.latency_wait_s(self.workflow)
            with pytest.MonkeyPatch.context() as listening:
                # whatever an earlier run in this process has left of the logger's level
                listening.setattr(self.logger, "isEnabledFor", lambda level: True)
                listening.setattr(self.logger, "handle", lambda record: found.setdefault("warning", record))
                private.warn(self.logger, "a word of warning")
            found["timespan"] = private.jobs_per_timespan(self.workflow)
            found["to run"] = sorted(str(job.output) for job in private.jobs_to_run(self.dag) if job.output)
            found["ready"] = sorted(str(job.output) for job in private.ready_jobs(self.dag))
            found["source"] = private.script_source(job).get_path_or_uri(secret_free=False)
            found["fields"] = private.record_fields(job, kept)
            found["key"] = private.record_key(kept, job.output[0])
            found["output"] = str(job.output[0])
        return new_entry(self, job, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "_new_entry", look)
        resources = settings.ResourceSettings(nodes=2, default_resources={"mem_mb": 5, "runtime": 3})
        with api.SnakemakeApi(settings.OutputSettings(quiet={settings.Quietness.ALL})) as snakemake:
            read = snakemake.workflow(resource_settings=resources, snakefile=folder / "Snakefile", workdir=folder)
            read.dag().execute_workflow(
                executor="submitit",
                executor_settings=ExecutorSettings(cluster="debug"),
                execution_settings=settings.ExecutionSettings(latency_wait=17),
                scheduling_settings=settings.SchedulingSettings(max_jobs_per_timespan=settings.MaxJobsPerTimespan(100)),
            )
    return found


def test_default_resources(seen):
    assert seen["defaults"]["mem_mb"] == 5 and seen["defaults"]["runtime"] == 3


def test_the_latency_wait(seen):
    assert seen["latency"] == 17


def test_a_warning_reaches_snakemake_s_logger(seen):
    assert (seen["warning"].getMessage(), seen["warning"].levelname) == ("a word of warning", "WARNING")


def test_jobs_per_timespan(seen):
    assert seen["timespan"].max_jobs == 100


def test_jobs_to_run_and_ready_jobs(seen):
    assert seen["to run"] == ["out/a", "out/b"]
    assert set(seen["ready"]) <= {"out/a", "out/b"}


def test_script_source(seen, folder):
    assert Path(seen["source"]).resolve() == (folder / "one.py").resolve()


def test_record_fields_and_key(seen):
    assert seen["key"] == seen["output"]
    fields = seen["fields"]
    assert (fields["rule"], fields["input"], fields["log"]) == ("one", [], [f"logs/{Path(seen['output']).name}"])
    assert fields["params"] == ["'red'"] and fields["code"] and fields["shellcmd"] is None


def test_a_record_that_is_written_is_one_of_snakemake_s(seen, folder):
    """Of a job that has run, the record goes, and is written by us: Snakemake has nothing to do, and would have without."""
    kept = snakemake_private.file_persistence(folder)
    written = Path(kept._metadata_path) if hasattr(kept, "_metadata_path") else folder / ".snakemake" / "metadata"
    for file in written.iterdir():
        file.unlink()
    for name in ("a", "b"):
        ended = (folder / "out" / name).stat().st_mtime
        fields = seen["fields"] | {"log": [f"logs/{name}"]}
        snakemake_private.forget_cached_records(kept)
        snakemake_private.write_record(kept, f"out/{name}", fields, time.time() - 60, ended)
    assert "Nothing to be done" in dry_run(folder)
    write(folder, "Snakefile", WORKFLOW.replace("red", "blue"))
    assert "Params have changed" in dry_run(folder)


def dry_run(folder: Path) -> str:
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores=1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_parse_arguments():
    options = snakemake_private.parse_arguments(
        ["--directory=here", "--rerun-incomplete", "--default-resources", "a=1"]
    )
    assert (options.directory.name, options.rerun_incomplete) == ("here", True)
    assert options.persistence_backend.name == "FILE" and options.default_resources is not None


def test_the_command_line_can_be_run_in_this_process(folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    assert snakemake_private.argument_parser().prog
    with pytest.raises(SystemExit) as end:
        snakemake_private.run(["--dry-run", "--cores=1", "--quiet"])
    assert not end.value.code


@pytest.mark.parametrize("never", [True, False])
def test_never_retry(tmp_path, never):
    """A rule's own `retries:` inside of a job, with and without the arguments that overrule it."""
    write(tmp_path, "Snakefile", 'rule all:\n    output: "x"\n    retries: 2\n    shell: "echo once >> runs; exit 1"\n')
    arguments = ["--cores=1", "--retries=0", *(snakemake_private.NEVER_RETRY.split() if never else ())]
    subprocess.run([sys.executable, "-m", "snakemake", *arguments, "--", "all"], cwd=tmp_path, capture_output=True)
    assert len((tmp_path / "runs").read_text().split()) == (1 if never else 3)


def test_count_as_failed(folder, tmp_path):
    """Where a job's failure cannot be printed, the run ends all the same, and with an error."""
    write(tmp_path, "Snakefile", 'rule all:\n    output: "x"\n    shell: "exit 1"\n')
    given = settings.ResourceSettings(nodes=1)

    def unsaid(self, info, message, **keywords):
        snakemake_private.count_as_failed(self.workflow, info.job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Executor, "_fail", unsaid)
        with api.SnakemakeApi(settings.OutputSettings(quiet={settings.Quietness.ALL})) as snakemake:
            read = snakemake.workflow(resource_settings=given, snakefile=tmp_path / "Snakefile", workdir=tmp_path)
            with pytest.raises(WorkflowError):
                read.dag().execute_workflow(executor="submitit", executor_settings=ExecutorSettings(cluster="local"))


def test_no_other_module_reaches_into_snakemake():
    """By import; and by a name with an underscore, of the objects that Snakemake hands over."""
    own = Path(snakemake_private.__file__)
    for path in own.parent.rglob("*.py"):
        text = path.read_text()
        if path != own:
            assert not re.search(r"^\s*(from|import) snakemake[. ]", text, re.M), path
            assert not re.search(r"\b(workflow|dag|persistence|job|one|scheduler)\._\w", text), path

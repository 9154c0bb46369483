"""The documented command for a killed driver: what it takes from Snakemake's arguments, and when it refuses."""

import subprocess
import sys

import pytest
from slurm_sandbox.driver import write
from snakemake_executor_plugin_submitit.__main__ import snakemake_options
from snakemake_executor_plugin_submitit.driver.records import RunFolder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workflow whose profile names another working directory."""
    write(tmp_path, "Snakefile", "rule all:\n")
    write(tmp_path, "site/config.yaml", "directory: elsewhere\ncores: 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def resume(folder, *words):
    command = [sys.executable, "-m", "snakemake_executor_plugin_submitit", "resume", "--", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_profiles_count_as_they_do_for_snakemake(folder):
    options = snakemake_options(["--profile", "site"])
    assert (str(options.directory), options.rerun_incomplete) == ("elsewhere", False)
    options = snakemake_options(["--profile", "site", "--ri", "-d", "here", "--persistence-backend", "db"])
    assert (str(options.directory), options.rerun_incomplete) == ("here", True)
    assert options.persistence_backend.name == "DB"


def test_a_living_driver_is_found_in_the_profile_s_directory(folder):
    run = RunFolder.create(folder / "elsewhere" / ".snakemake" / "submitit")
    done = resume(folder, "--profile", "site")
    assert done.returncode == 1
    assert "A driver is still at work in" in done.stderr and "elsewhere" in done.stderr
    run.release()


def test_wrong_arguments_are_refused_in_snakemake_s_words(folder):
    done = resume(folder, "--nonsense")
    assert done.returncode == 2 and "unrecognized arguments: --nonsense" in done.stderr

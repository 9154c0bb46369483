"""Settings, README and profiles agree, and wrong values are refused with what is allowed."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake_executor_plugin_submitit import ExecutorSettings, resources
from snakemake_interface_common.exceptions import WorkflowError

README = (Path(__file__).parents[1] / "README.md").read_text()
FIELDS = {field.name: field for field in dataclasses.fields(ExecutorSettings)}
PROFILES = Path(__file__).parent.parent.parent.parent / "profiles"  # of the workflow, where it is there


def options() -> set[str]:
    return {f"submitit-{name.replace('_', '-')}" for name in FIELDS}


def test_the_readme_has_a_line_for_each_setting_with_its_default_and_its_help():
    rows = dict(re.findall(r"^\| `--(submitit-[a-z-]+)` \| (.*) \|$", README, re.M))
    assert set(rows) == options()
    for field in FIELDS.values():
        default, text = rows[f"submitit-{field.name.replace('_', '-')}"].split(" | ", 1)
        assert text == field.metadata["help"]
        value = [] if field.default is dataclasses.MISSING else field.default
        shown = str(value).lower() if isinstance(value, bool) else value
        assert default == ("–" if value in (None, "", []) else f"`{shown}`")


def test_the_readme_names_no_option_that_does_not_exist():
    assert set(re.findall(r"--(submitit-[a-z-]+[a-z])", README)) <= options()


def test_the_readme_names_each_resource():
    table = resources.__doc__
    names = set(re.findall(r"`([a-z_]+)`", table)) - {"threads"}
    assert names and all(f"`{name}`" in README for name in names)


@pytest.mark.parametrize("name", ["slurm", "workstation"])
def test_the_profiles_set_what_exists(name):
    if not PROFILES.exists():
        pytest.skip("the plugin is tested without its workflow")
    profile = yaml.safe_load((PROFILES / name / "config.yaml").read_text())
    assert {key for key in profile if key.startswith("submitit-")} <= options()
    assert profile["executor"] == "submitit"
    for line in (PROFILES / name / "config.yaml").read_text().splitlines():
        assert line.strip().startswith("#") or "#" in line or not line.strip() or line.rstrip().endswith(":"), line


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"jobs_per_task": 0}, "--submitit-jobs-per-task is 0; give at least 1"),
        ({"max_submitted": 0}, "--submitit-max-submitted is 0; give at least 1, or omit it"),
        ({"signal_delay_s": -1}, "--submitit-signal-delay-s is -1; give at least 0"),
        ({"poll_min_s": 5, "poll_max_s": 1}, "the first must be above 0 and no larger than the second"),
    ],
)
def test_wrong_values_are_refused(given, words):
    with pytest.raises(WorkflowError, match=re.escape(words)):
        ExecutorSettings(**given)


def test_importing_the_plugin_imports_nothing_heavy():
    """Every `import snakemake.cli`, also in each job, imports all executor plugins."""
    program = "import sys, snakemake_executor_plugin_submitit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "snakemake_executor_plugin_submitit" in loaded
    assert not loaded & {"submitit", "cloudpickle", "numpy", "pandas", "torch", "snakemake"}

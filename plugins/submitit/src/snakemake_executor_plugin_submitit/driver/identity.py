"""What a Snakemake job is, in words and in digests: by these an earlier driver's jobs are recognised."""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping

from .. import snakemake_private
from ..naming import cut

DIGESTED = ("input", "params", "code", "conda_env", "container_img_url", "software_stack_hash", "script_changed")
RULE_BYTES = 100


def parts(job) -> list:
    """The jobs of a group, or the job itself, in a fixed order."""
    return sorted(job.jobs, key=lambda one: (one.rule.name, *map(str, one.output))) if job.is_group() else [job]


def rule(job) -> str:
    """The rule's name; the names of a group's rules."""
    return cut("+".join(sorted({one.rule.name for one in parts(job)})), RULE_BYTES)


def name(job) -> str:
    """`train configuration=lenet-1a2b, seed=1`; a group is named by its rules and its first output."""
    if job.is_group():
        outputs = [str(file) for one in parts(job) for file in one.output]
        return " ".join([rule(job), *outputs[:1]])
    wildcards = ", ".join(f"{key}={value}" for key, value in sorted(job.wildcards_dict.items()))
    return f"{job.rule.name} {wildcards}".strip()


def from_defaults(job, defaults: Mapping) -> set[str]:
    """The resources that a job has from --default-resources alone, as its rules give them no value of their own."""
    names = {name for name in defaults if all(one.rule.resources.get(name) == defaults[name] for one in parts(job))}
    return names | {f"{name}_{unit}" for name in names for unit in ("mb", "mib")}


def key(job) -> str:
    """What the job makes."""
    content = [[one.rule.name, sorted(one.wildcards_dict.items()), [str(f) for f in one.output]] for one in parts(job)]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()[:32]


def metadata(job, persistence) -> dict[str, dict]:
    """By output file, what Snakemake records of a finished job, as it is now, at submission.

    The record that Snakemake itself writes at the end would hold the code and params of that time; for a job that ended
    without a driver they may have changed.
    """
    records = {}
    for one in parts(job):
        fields = snakemake_private.record_fields(one, persistence)
        if one.is_script or one.is_notebook:
            with contextlib.suppress(Exception):  # a script from the web, or none yet
                source = snakemake_private.script_source(one)
                fields["script_changed"] = os.stat(source.get_path_or_uri(secret_free=False)).st_mtime
        for file in one.output:
            records[snakemake_private.record_key(persistence, file)] = fields
        if not one.output:
            records[f"rule {one.rule.name}"] = fields
    return records


def digest(records: dict[str, dict]) -> str:
    """From what the job makes it."""
    content = {file: {name: fields.get(name) for name in DIGESTED} for file, fields in records.items()}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]


def missing_outputs(records: dict[str, dict]) -> list[str]:
    """The job's outputs that are not there; those of a remote storage are not looked for."""
    files = [file for file in records if not file.startswith("rule ") and "://" not in file]
    for folder in {os.path.dirname(file) or "." for file in files}:
        with contextlib.suppress(OSError):
            os.listdir(folder)  # a file system over the network looks again
    return [file for file in files if not os.path.lexists(file)]


def restore(persistence, records: dict[str, dict], began: float) -> bool:
    """Write Snakemake's records of a job that ended without a driver. False if an output is not there (yet)."""
    files = [file for file in records if not file.startswith("rule ")]
    if not all(os.path.exists(file) for file in files):
        return False
    snakemake_private.forget_cached_records(persistence)
    for file in files:
        fields = {name: value for name, value in records[file].items() if name != "script_changed"}
        snakemake_private.write_record(persistence, file, fields, began, os.stat(file).st_mtime)
    return True

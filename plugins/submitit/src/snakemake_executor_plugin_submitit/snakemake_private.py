"""All that the plugin uses of Snakemake beyond the interface for executor plugins, in one place, each with a test.

Snakemake may change these with any version; the tests say what is missing then. Everything else comes from
snakemake-interface-executor-plugins and snakemake-interface-common, which promise to stay.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

# in a job: of all that makes a job's own Snakemake try again, `--retries 0` leaves out what a rule says itself
NEVER_RETRY = "--preemptible-rules --preemptible-retries 0"


# -- command line ----------------------------------------------------------------------------------------------------


def parse_arguments(words: list[str]):
    """What Snakemake makes of its arguments and profiles, an argparse.Namespace; it ends the process on errors."""
    from snakemake.cli import parse_args

    return parse_args(words)[1]


def argument_parser():
    from snakemake.cli import get_argument_parser

    return get_argument_parser()


def run(arguments: list[str]) -> None:
    """Run Snakemake's command line in this process; it mostly ends in SystemExit."""
    from snakemake.cli import main

    main(arguments)


# -- workflow, jobs ----------------------------------------------------------------------------------------------------


def default_resources(workflow) -> Mapping:
    """What --default-resources says, by name, as rules have it; empty if an older Snakemake does not say."""
    return getattr(workflow.resource_settings, "_parsed_default_resources", {})


def latency_wait_s(workflow) -> float:
    return workflow.execution_settings.latency_wait


def warn(logger, text: str) -> None:
    logger.warning(text)


def jobs_per_timespan(workflow):
    return workflow.scheduling_settings.max_jobs_per_timespan


def count_as_failed(workflow, job) -> None:
    """Tell the scheduler alone that the job has failed."""
    workflow.scheduler.error_callback(job)


def jobs_to_run(dag) -> Iterable:
    return dag.needrun_jobs()


def ready_jobs(dag) -> Iterable:
    return dag.ready_jobs


def script_source(job):
    """Where the job's script or notebook comes from."""
    return job._path_to_source_file(job.rule.script or job.rule.notebook)


# -- records -----------------------------------------------------------------------------------------------------------


def file_persistence(folder: Path):
    """The records below `folder`/.snakemake, outside of a run of Snakemake."""
    from snakemake.persistence.file import FilePersistence

    return FilePersistence(nolock=True, path=folder / ".snakemake")


def record_fields(job, persistence) -> dict:
    """What Snakemake records of a finished job, as it is now."""
    return {
        "rule": job.rule.name,
        "input": [str(file) for file in persistence._input(job)],
        "log": [str(file) for file in persistence._log(job)],
        "params": list(persistence._params(job)),
        "shellcmd": job.shellcmd,
        "code": persistence._code(job.rule),
        "conda_env": persistence._conda_env(job),
        "software_stack_hash": persistence._software_stack_hash(job),
        "container_img_url": job.container_img_url,
    }


def record_key(persistence, file) -> str:
    return persistence._get_key(file)


def forget_cached_records(persistence) -> None:
    persistence._clear_cache()


def write_record(persistence, key: str, fields: dict, began: float, ended: float) -> None:
    """Write the record of one output, and take the mark of an incomplete one from it."""
    from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord

    record = MetadataRecord(
        **fields, starttime=began, endtime=ended, incomplete=False, record_format_version=RECORD_FORMAT_VERSION
    )
    persistence._write_record(key, record)
    persistence._unmark_incomplete(key)

"""What a user of the plugin runs beside Snakemake itself.

`python -m snakemake_executor_plugin_submitit check --profile NAME`: the first hour on a new cluster. Submits one tiny
array, reports what the cluster requires and offers, and what to write into the profile.

`python -m snakemake_executor_plugin_submitit resume -- ARGUMENTS OF SNAKEMAKE`: resume after the driver was killed.
Unlocks the working directory, records the jobs that ended without a driver, and starts Snakemake, which adopts those
that are still running. Run it in the folder and with the arguments of the run that was killed.
"""

import argparse
import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

from .driver import adoption, records


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m snakemake_executor_plugin_submitit", description=__doc__)
    parser.add_argument("command", choices=["check", "resume"])
    parser.add_argument("snakemake", nargs=argparse.REMAINDER, metavar="-- ARGUMENTS OF SNAKEMAKE")
    given = parser.parse_args(arguments)
    words = given.snakemake[1:] if given.snakemake[:1] == ["--"] else given.snakemake
    return {"check": check, "resume": resume}[given.command](words)


def check(words: list[str]) -> int:
    """Try the cluster with the settings and default resources of these arguments of Snakemake."""
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    from .checking import run
    from .settings import ExecutorSettings

    options = snakemake_options(words)
    settings = ExecutorPluginRegistry().get_plugin("submitit").get_settings(options)
    assert isinstance(settings, ExecutorSettings)
    return run.main(settings, options.default_resources, Path(options.directory or ".").absolute())


def resume(words: list[str]) -> int:
    """Resume the run with these arguments of Snakemake; does not return if all is well."""
    options = snakemake_options(words)
    folder = Path(options.directory or ".").absolute()
    base = folder / ".snakemake" / "submitit"
    if at_work := records.living(base):
        print(f"A driver is still at work in {folder}: {', '.join(at_work)}. Stop it first.", file=sys.stderr)
        return 1
    snakemake = [sys.executable, "-m", "snakemake"]
    unlocked = subprocess.run([*snakemake, *words, "--unlock"])
    if unlocked.returncode:
        return unlocked.returncode
    if options.persistence_backend.name != "DB":  # records in a database are written by the executor itself
        put_on_record(folder, base)
    again = [] if options.rerun_incomplete else ["--rerun-incomplete"]
    sys.stdout.flush()
    os.execv(sys.executable, [*snakemake, *again, *words])


def snakemake_options(words: list[str]) -> argparse.Namespace:
    """What Snakemake itself makes of its arguments and profiles; it ends the process if it does not know them."""
    from .snakemake_private import parse_arguments

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):  # which profiles it uses, as it will say again
            return parse_arguments(words)
    except SystemExit:
        print(said.getvalue(), end="", file=sys.stderr)
        raise


def put_on_record(folder: Path, base: Path) -> None:
    """Before Snakemake decides what to run, so that changes of code and params since then count."""
    from .snakemake_private import file_persistence

    os.chdir(folder)
    persistence = file_persistence(folder)
    for run in records.abandoned(base):
        names = adoption.restore_records(persistence, run)
        if names:
            some = "; ".join(names[:5]) + ("; …" if len(names) > 5 else "")
            print(f"Recorded {len(names)} jobs that ended without a driver ({some})", flush=True)
        run.release()


if __name__ == "__main__":
    sys.exit(main())

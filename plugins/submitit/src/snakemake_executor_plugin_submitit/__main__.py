"""`python -m snakemake_executor_plugin_submitit resume -- ARGUMENTS OF SNAKEMAKE`: go on after the driver was killed.

It unlocks the working directory, puts on record the jobs that ended without a driver, and starts Snakemake, which adopts
those that still run. Run it in the folder and with the arguments of the run that was killed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from . import adoption, records


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m snakemake_executor_plugin_submitit", description=__doc__)
    parser.add_argument("command", choices=["resume"])
    parser.add_argument("snakemake", nargs=argparse.REMAINDER, metavar="-- ARGUMENTS OF SNAKEMAKE")
    given = parser.parse_args(arguments)
    words = given.snakemake[1:] if given.snakemake[:1] == ["--"] else given.snakemake
    folder = working_directory(words)
    base = folder / ".snakemake" / "submitit"
    if at_work := records.living(base):
        print(f"A driver is still at work in {folder}: {', '.join(at_work)}. End it first.", file=sys.stderr)
        return 1
    snakemake = [sys.executable, "-m", "snakemake"]
    unlocked = subprocess.run([*snakemake, *words, "--unlock"])
    if unlocked.returncode:
        return unlocked.returncode
    if "db" not in words:  # records in a database are written by the executor itself
        put_on_record(folder, base)
    again = [] if "--rerun-incomplete" in words or "--ri" in words else ["--rerun-incomplete"]
    sys.stdout.flush()
    os.execv(sys.executable, [*snakemake, *again, *words])


def working_directory(words: list[str]) -> Path:
    """Where Snakemake keeps its records: --directory, or here."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--directory", "-d", default=".")
    return Path(parser.parse_known_args(words)[0].directory).absolute()


def put_on_record(folder: Path, base: Path) -> None:
    """Before Snakemake decides what to run, so that changes of code and params since then count."""
    from snakemake.persistence.file import FilePersistence

    os.chdir(folder)
    persistence = FilePersistence(nolock=True, path=folder / ".snakemake")
    for run in records.abandoned(base):
        names = adoption.restore_records(persistence, run)
        if names:
            some = "; ".join(names[:5]) + ("; …" if len(names) > 5 else "")
            print(f"On record, ended without a driver: {len(names)} jobs ({some})", flush=True)
        run.release()


if __name__ == "__main__":
    sys.exit(main())

"""Mutate and read, with progress and a summary: python -m tests.fuzzing --mutants 20000 --seed 1

Exit status 1 if any mutant failed; each is shown with its number, from which `--from N --mutants 1 --keep FOLDER` makes it
again.
"""

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from .driver import run
from .worker import Reader


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=20_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (default: %(default)s)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first one")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="only make the first mutant, in a new FOLDER")
    arguments = parser.parse_args()
    if arguments.keep:
        _, mutation, path = Reader(arguments.keep).mutant(arguments.seed, arguments.first)
        print(f"{path}: {mutation}")
        return 0
    summary = run(arguments.seed, range(arguments.first, arguments.first + arguments.mutants), print_progress=True)
    print(summary.table())
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())

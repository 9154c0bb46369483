"""`cascada summary [RESULTS]`: what a finished experiment found; of one that has not finished, what is missing.

Exit status: 0 done; 1 the experiment has not finished, or there is none; 2 wrong usage.
"""

import argparse
from pathlib import Path

HELP = "print what a finished experiment found: the best configuration, its metrics, where to look next"


def run(argv: list[str]) -> None:
    from cascada.commands.status import newest
    from cascada.core import paths
    from cascada.report.summary import summary

    results = _parser().parse_args(argv).results
    print(summary(results or newest(paths.RESULTS)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada summary",
        description=f"{HELP[0].upper()}{HELP[1:]}. If it has not finished, say what is missing.",
        epilog="exit status: 0 done; 1 the experiment has not finished, or there is none; 2 wrong usage",
    )
    parser.add_argument(
        "results", metavar="RESULTS", type=Path, nargs="?", help="results/<experiment>; the newest if omitted"
    )
    return parser

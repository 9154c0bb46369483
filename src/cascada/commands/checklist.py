"""`cascada checklist [RESULTS]`: the REFORMS checklist of an experiment, answered from its files as far as they can.

Exit status: 0 written, also of an experiment that has not finished; 1 the folder is no experiment's; 2 wrong usage.
"""

import argparse
from pathlib import Path

HELP = "answer the REFORMS checklist for a paper from an experiment's files, and list what is left to say"


def run(argv: list[str]) -> None:
    from cascada.commands.status import newest
    from cascada.core import paths
    from cascada.core.errors import DataError
    from cascada.core.files import write_text
    from cascada.report.checklist.evidence import collect
    from cascada.report.checklist.markdown import markdown

    arguments = _parser().parse_args(argv)
    output = arguments.output
    if output and output.exists() and not arguments.force:
        raise DataError(
            f"{output}: exists already, perhaps with answers of yours; give another file to -o, or --force to replace "
            "it."
        )
    text = markdown(collect(arguments.results or newest(paths.RESULTS)))
    if output:
        write_text(output, text)
        print(output)
    else:
        print(text, end="")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada checklist",
        description=(
            f"{HELP[0].upper()}{HELP[1:]}: 32 items, as Markdown. An experiment that has not finished leaves more open."
        ),
        epilog="exit status: 0 done; 1 not the results of an experiment; 2 wrong usage",
    )
    parser.add_argument(
        "results", metavar="RESULTS", type=Path, nargs="?", help="results/<experiment>; the newest if omitted"
    )
    parser.add_argument("-o", "--output", metavar="FILE.md", type=Path, help="file to write (default: print)")
    parser.add_argument("--force", action="store_true", help="replace FILE.md if it exists")
    return parser

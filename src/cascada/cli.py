"""The command `cascada`: everything that is not a rule of the workflow. `python -m cascada` does the same."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from cascada import __version__, commands
from cascada.core.errors import CascadaError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status: 1 on an error that the user can act on, which is printed."""
    argv = list(sys.argv[1:] if argv is None else argv)
    names = command_names()
    if argv and argv[0] in names:
        name, rest = argv[0], argv[1:]
    elif not argv:
        _parser(names).print_help(sys.stderr)
        return 2
    else:
        arguments = _parser(names).parse_args(argv)
        name, rest = arguments.command, arguments.arguments
    try:
        status = _command(name).run(rest) or 0
        sys.stdout.flush()  # here, not at the interpreter's end: a reader that has gone is noticed below
        return status
    except CascadaError as error:
        print(f"cascada {name}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `cascada … | head` has seen enough: end as the shell expects, without a word
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        print(f"cascada {name}: interrupted, nothing unfinished was kept", file=sys.stderr)
        return 130


def command_names() -> list[str]:
    """Return the names of the subcommands: the modules in the folder `commands`."""
    return sorted(path.stem for path in Path(commands.__file__).parent.glob("[a-z]*.py"))


def _command(name: str):
    return importlib.import_module(f"{commands.__name__}.{name}")


def _parser(names: list[str]) -> argparse.ArgumentParser:
    """Return the parser of what comes before the subcommand; it also refuses unknown subcommands."""
    width = max(map(len, names))
    listing = "\n".join(f"  {name:<{width}}  {_command(name).HELP}" for name in names)
    parser = argparse.ArgumentParser(
        prog="cascada",
        usage="cascada COMMAND ...",
        description="From raw air-shower simulations to a tested, versioned, deployable classifier. The workflow itself "
        "runs with `make run` or `snakemake`; these commands are for single steps.",
        epilog=f"commands:\n{listing}\n\n`cascada COMMAND --help` shows what a command takes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cascada {__version__}")
    parser.add_argument("command", choices=names, metavar="COMMAND", help="one of those below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser

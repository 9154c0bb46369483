"""`cascada convert [--source KIND] [options] INPUT... OUTPUT.h5`: raw simulation files → one file of showers.

The flags and their help are the fields of the source's `Options`, and of its `Run` for a source without files. Exit status: 0 done; 1
nothing could be converted, and no output is left; 2 wrong usage; 3 done, but with `--on-error skip` inputs were skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cascada.core.errors import ConfigError, DataError

HELP = "convert raw simulation files, or surrogate showers, into one HDF5 file of showers"


def run(argv: list[str]) -> int:
    from cascada.commands._skipping import Skipping
    from cascada.data import sources

    kind = _kind(argv)
    module = sources.source(kind) if kind else None
    parser = _parser(module)
    arguments = vars(parser.parse_args(argv))
    if kind is None or module is None:
        parser.error("no INPUT that could tell its kind: name files that exist, or the kind by --source")
    output = Path(arguments["output"])
    _check_output(output, arguments["force"])
    options = sources.make_options(kind, _given(module.Options, arguments))
    inputs = [Path(path) for path in arguments["inputs"]] if _has_files(module) else [_simulation(module, arguments)]
    skipping = Skipping("convert", arguments["on_error"], output)
    with _progress_bar(output.name) as progress:
        number = sources.convert(kind, inputs, output, options, progress, skipping.callback)
    print(f"{output}: {number} showers, {output.stat().st_size / 1e6:.1f} MB")
    return skipping.finish()


def _kind(argv: list[str]) -> str | None:
    """Return the kind of source that was named or that can read the first input, None if there is neither."""
    from cascada.data import sources

    parser = argparse.ArgumentParser(add_help=False, prog="cascada convert")
    parser.add_argument("--source")
    named, rest = parser.parse_known_args(argv)
    words = [word for word in rest[:-1] if not word.startswith("-")]
    paths = [Path(word) for word in words if Path(word).exists()]
    if words and not named.source and not paths and not {"-h", "--help"} & set(rest):
        raise DataError(f"{words[-1]}: no such file or folder; expected raw files, or --source surrogate.")
    return named.source or (sources.detect(paths[0]) if paths else None)


def _has_files(module: Any) -> bool:
    return not hasattr(module, "Run")


def _folders() -> str:
    """What an input is, for the help."""
    from cascada.data import catalogue

    kinds = [kind for kind in catalogue.kinds() if catalogue.describe(kind).folder_with]
    return f"raw file, or folder for {' and '.join(kinds)}" if kinds else "raw file"


def _explained() -> str:
    from cascada.data import catalogue

    lines = [f"  {kind:16} {catalogue.describe(kind).description}" for kind in catalogue.kinds()]
    return "\n".join(["sources:", *lines])


def _parser(module: Any) -> argparse.ArgumentParser:
    """Return the parser for one source; without a source, one that explains what is needed."""
    from cascada.commands import _skipping as skipping
    from cascada.data import sources

    parser = argparse.ArgumentParser(
        prog="cascada convert",
        description=f"{HELP[0].upper()}{HELP[1:]}. Add --source to see the options of that source.",
        epilog=_explained() if module is None else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--source", choices=sources.kinds(), help="kind; detected from the first input if omitted")
    parser.add_argument("--force", action="store_true", help="replace OUTPUT.h5 if it exists")
    skipping.add_argument(parser)
    if module is None or _has_files(module):
        parser.add_argument("inputs", nargs="+", metavar="INPUT", help=_folders())
    parser.add_argument("output", metavar="OUTPUT.h5", help="file to write; it appears once it is complete")
    if module is not None:
        for options in [module.Options] if _has_files(module) else [module.Run, module.Options]:
            _add_fields(parser, options)
    return parser


def _add_fields(parser: argparse.ArgumentParser, options: type) -> None:
    """Add an argument for each field of a dataclass of `option`s (cascada.core.options)."""
    group = parser.add_argument_group(f"{options.__name__.lower()} of {options.__module__.rsplit('.', 1)[-1]}")
    taken = set(parser._option_string_actions)
    for field in dataclasses.fields(options):
        flag = f"--{field.name.replace('_', '-')}"
        if flag in taken:  # Run and Options may share a name: one flag serves both
            continue
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        settings: dict[str, Any] = {"default": argparse.SUPPRESS, "required": required, "dest": field.name}
        help_text = field.metadata.get("help", "").replace("%", "%%")
        if not required and field.default is not dataclasses.MISSING:
            default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
            help_text = f"{help_text} (default: {default})".strip()
        if isinstance(field.default, bool):
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=help_text, **settings)
        else:
            group.add_argument(flag, type=_type(field), metavar=field.name.upper(), help=help_text, **settings)


def _type(field: dataclasses.Field) -> Any:
    """Return what turns an argument into a field's value."""
    if field.name == "primary" and str(field.type) in ("int", "<class 'int'>"):
        return _primary
    if isinstance(field.default, tuple):
        return lambda text: tuple(text.split(","))
    return {"int": int, "float": float}.get(getattr(field.type, "__name__", str(field.type)), str)


def _primary(text: str) -> int:
    """Return a primary's code from its name or CORSIKA code."""
    from cascada.core.classes import PRIMARY_NAMES

    if text not in PRIMARY_NAMES and not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} given, expected a CORSIKA code or one of {list(PRIMARY_NAMES)}")
    return PRIMARY_NAMES.get(text) or int(text)


def _given(options: type, arguments: dict[str, Any]) -> dict[str, Any]:
    return {field.name: arguments[field.name] for field in dataclasses.fields(options) if field.name in arguments}


def _simulation(module: Any, arguments: dict[str, Any]) -> Any:
    try:
        return module.Run(**_given(module.Run, arguments))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{error}; see `cascada convert --source {module.KIND} --help`.") from error


def _check_output(output: Path, force: bool) -> None:
    """Refuse what is probably an input: a forgotten OUTPUT.h5 must not cost a raw file."""
    if output.suffix not in (".h5", ".hdf5"):
        raise DataError(f"{output}: the last argument is the file to write, expected a name that ends in .h5.")
    if output.exists() and not force:
        raise DataError(f"{output}: exists already; give another OUTPUT.h5 as last argument, or --force to replace it.")


@contextlib.contextmanager
def _progress_bar(name: str) -> Iterator[Any]:
    """Yield a callback (done, total) that draws a bar on the terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

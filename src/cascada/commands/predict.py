"""`cascada predict MODEL INPUT... -o OUT.h5`: probabilities of an exported model for files of showers or raw files.

Exit status: 0 done; 1 the model or an input cannot be used (the message names it, and no output is left); 2 wrong
usage; 3 done, but with `--on-error skip` inputs were skipped; 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from cascada.core.errors import ConfigError, DataError

HELP = "apply an exported model to files of showers or raw simulation files"


def run(argv: list[str]) -> int:
    from cascada.commands._skipping import Skipping
    from cascada.commands.convert import _progress_bar
    from cascada.export.predict import Model, Request, predict

    arguments = _parser().parse_args(argv)
    output = arguments.output
    if output.exists() and not arguments.force:
        raise DataError(f"{output}: exists already; give another file to -o, or --force to replace it.")
    for path in arguments.inputs:
        if path.resolve() == output.resolve():
            raise DataError(f"{output}: is an input as well; give another file to -o.")
    request = Request(source=arguments.source or "", options=dict(arguments.set))
    model = Model(arguments.model, arguments.threads)
    skipping = Skipping("predict", arguments.on_error, output)
    with _progress_bar(output.name) as progress:
        number = predict(model, arguments.inputs, output, request, progress, _warn, skipping.callback)
    print(f"{output}: probabilities of {number} showers for {', '.join(model.classes)} (signal: {model.signal})")
    if arguments.figures:
        from cascada.report.predictions import plot_predictions

        for path in plot_predictions(output, arguments.figures):
            print(path)
    return skipping.finish()


def _parser() -> argparse.ArgumentParser:
    from cascada.commands import _skipping as skipping
    from cascada.data import sources

    parser = argparse.ArgumentParser(
        prog="cascada predict",
        description=f"{HELP[0].upper()}{HELP[1:]}. Memory does not grow with the inputs.",
        epilog="exit status: 0 done; 1 the model or an input cannot be used, and no output is left; 2 wrong usage; 3 done, "
        "but inputs were skipped",
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="exported folder, such as artifacts/model")
    parser.add_argument("inputs", metavar="INPUT", type=Path, nargs="+", help="file of showers or raw file")
    parser.add_argument("-o", "--output", metavar="OUT.h5", type=Path, required=True, help="file to write")
    parser.add_argument("--force", action="store_true", help="replace OUT.h5 if it exists")
    parser.add_argument("--figures", metavar="FOLDER", type=Path, help="draw pictures of the probabilities there")
    parser.add_argument("--source", choices=sources.kinds(), help="kind of the raw files; detected if omitted")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", type=_setting, action="append", default=[],
        help="option of the source, as in `cascada convert --source KIND --help`; may be repeated",
    )  # fmt: skip
    skipping.add_argument(parser)
    parser.add_argument("--threads", metavar="N", type=_positive, help="CPU threads (default: all)")
    return parser


def _setting(text: str) -> tuple[str, Any]:
    import yaml

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name.replace("-", "_"), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: not a value ({error}).") from error


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text!r}")
    return int(text)


def _warn(text: str) -> None:
    print(f"cascada predict: warning: {text}", file=sys.stderr)

"""`cascada composition MODEL PREDICTIONS --index -2.7`: the fractions of the classes in a set of unknown showers.

Exit status: 0 measured; 1 the model or the predictions cannot be used, or the answer is not to be believed (the message says
why); 2 wrong usage.
"""

import argparse
import json
import sys
from pathlib import Path

HELP = "measure the fractions of the classes in a set of unknown showers"


def run(argv: list[str]) -> int:
    from cascada.core.errors import DataError
    from cascada.export.composition import Question, measure

    arguments = _parser().parse_args(argv)
    question = Question(
        index=arguments.index,
        change=arguments.index_change,
        confidence=arguments.confidence,
        simulated=arguments.simulated,
    )
    found = measure(arguments.model, arguments.predictions, question)
    if arguments.plot:
        from cascada.report.composition_picture import plot_composition

        plot_composition(found, arguments.plot)
        print(arguments.plot, file=sys.stderr)
    if found["refusals"]:
        raise DataError(" ".join(["No composition.", *found["refusals"], *found["remarks"]]))
    if arguments.json:
        print(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        from cascada.report.composition import text

        print(text(found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada composition",
        description=f"{HELP[0].upper()}{HELP[1:]}: a likelihood of their scores, with templates from the sealed test of the "
        "model. The showers may differ from those of the test in their composition and spectrum alone; what else may be "
        "otherwise is a systematic uncertainty, if the model was tested on it (testing.also). See docs/composition.md.",
        epilog="example: cascada predict artifacts/model night/*.h5 -o night.h5 && cascada composition artifacts/model "
        "night.h5 --index -2.7 --plot night.png. Exit status: 0 measured; 1 a file cannot be used, or the answer is not to "
        "be believed; 2 wrong usage",
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="exported folder, such as artifacts/model")
    parser.add_argument(
        "predictions",
        metavar="PREDICTIONS",
        type=Path,
        nargs="+",
        help="file that `cascada predict` wrote with this model",
    )
    parser.add_argument(
        "--index", metavar="NUMBER", type=float, required=True,
        help="of the spectrum dN/dE ∝ E^NUMBER of the showers, such as -2.7",
    )  # fmt: skip
    parser.add_argument(
        "--index-change", metavar="NUMBER", type=float, default=0.1,
        help="by how much the index may be otherwise, either way: a systematic uncertainty (default: 0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--simulated", metavar="NUMBER", type=float, default=-1.0,
        help="index with which the test showers of the model were simulated (default: -1, log-uniform)",
    )  # fmt: skip
    parser.add_argument(
        "--confidence", metavar="SHARE", type=float, default=0.95, help="of the intervals (default: 0.95)"
    )
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the observed and the fitted scores there")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser

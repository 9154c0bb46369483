"""`cascada drift MODEL PREDICTIONS…`: has the model's input drifted since validation?

Exit status: 0 nothing has moved far, or too few showers to say; 1 the model or a file cannot be used; 2 wrong usage; 4 something has moved far.
"""

import argparse
import json
from pathlib import Path
from typing import Any

HELP = "compare predictions with what the model was validated on: what has moved, and what that does to it"
MOVED_FAR = 4


def run(argv: list[str]) -> int:
    from cascada.export.drift import of_predictions

    arguments = _parser().parse_args(argv)
    found = of_predictions(arguments.model, arguments.predictions)
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)
    return MOVED_FAR if any(one["state"] == "far" for one in found["moved"].values()) and found["enough"] else 0


def _print(found: dict[str, Any]) -> None:
    from cascada.statistics.drift import LEAST

    for sentence in found["sentences"]:
        print(sentence)
    if not found["enough"]:
        print(f"{found['showers']} showers are too few to judge by, {LEAST} are needed.")
    elif not found["sentences"]:
        print(f"Nothing has moved: the {found['showers']} showers look like those that the model was validated on.")
    width = max((len(name) for name in found["moved"]), default=8)
    print(
        f"{'quantity':<{width}}  {'PSI':>6}  {'by chance':>9}  {'KS':>6}  {'Wasserstein':>11}  {'mean then':>10}  {'mean now':>10}  state"
    )
    for name, one in found["moved"].items():
        print(
            f"{name:<{width}}  {one['psi']:6.3f}  {one['by_chance']:9.3f}  {one['ks']:6.3f}  {one['wasserstein']:11.3f}  "
            f"{one['reference_mean']:10.4g}  {one['mean']:10.4g}  {one['state']}"
        )
    expected = found["expected"]
    print(
        f"Expected of these showers without labels (CBPE): accuracy {expected['accuracy']:.4f} ± {expected['accuracy_error']:.4f}, "
        f"F1 {expected['f1']:.4f} ± {expected['f1_error']:.4f} (standard errors). That {found['assumption']}."
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada drift",
        description=f"{HELP[0].upper()}{HELP[1:]}. PSI above 0.1 (moved) and 0.25 (far), beyond what chance gives, are conventions.",
        epilog="exit status: 0 nothing has moved far, or too few showers to say; 1 the model or a file cannot be used; 2 wrong usage; "
        "4 something has moved far",
    )
    parser.add_argument("model", metavar="MODEL", type=Path, help="exported folder, such as artifacts/model")
    parser.add_argument(
        "predictions",
        metavar="PREDICTIONS",
        type=Path,
        nargs="+",
        help="file that `cascada predict` wrote with this model",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    return parser

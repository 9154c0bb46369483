"""`cascada verify FOLDER`: recompute the hashes and probe outputs of an exported or published model, and compare.

Exit status: 0 all as recorded; 1 something differs or the folder is no model; 2 wrong usage.
"""

import argparse
from pathlib import Path

HELP = "recompute the hashes and probe outputs of an exported model and compare with what it records"


def run(argv: list[str]) -> int:
    from cascada.verification import DATA_FILES, verify

    arguments = _parser().parse_args(argv)
    folder = arguments.folder
    beside = folder.resolve().parent / "dataset"
    data = arguments.data or (beside if all((beside / name).is_file() for name in DATA_FILES) else None)
    checks = verify(folder, data, arguments.against)
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{'ok    ' if check.passed else 'FAILED'}  {check.name:<{width}}  {check.found}")
    failed = sum(not check.passed for check in checks)
    if failed:
        print(
            f"{folder}: {failed} of {len(checks)} checks failed; get the folder again, for instance with `dvc pull --force`."
        )
        return 1
    print(f"{folder}: all {len(checks)} checks passed")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada verify",
        description=f"{HELP[0].upper()}{HELP[1:]}. Files are only read.",
        epilog="exit status: 0 all as recorded; 1 something differs; 2 wrong usage",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="exported folder, such as artifacts/model")
    parser.add_argument(
        "--data", metavar="FOLDER", type=Path,
        help="folder of train.h5 and test.h5 to hash as well (default: `dataset` beside FOLDER, if it is complete)",
    )  # fmt: skip
    parser.add_argument(
        "--against", metavar="FOLDER", type=Path, help="another export that must have come out with the same bits"
    )
    return parser

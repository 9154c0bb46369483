"""`cascada verify FOLDER`: recompute the hashes and probe outputs of an exported or published model, and compare.

Exit status: 0 all as recorded; 1 something differs or the folder is not a model; 2 wrong usage.
"""

import argparse
from pathlib import Path

HELP = "recompute the hashes and probe outputs of an exported model and compare with what it records"


def run(argv: list[str]) -> int:
    from cascada.export.verify import DATA_FILES, verify

    arguments = _parser().parse_args(argv)
    folder = arguments.folder
    if arguments.remote or arguments.repair:
        return _remote(folder, arguments.repair)
    beside = folder.resolve().parent / "dataset"
    data = arguments.data or (beside if all((beside / name).is_file() for name in DATA_FILES) else None)
    failed = _show(verify(folder, data, arguments.against), folder)
    if failed:
        print(
            "Where DVC keeps the folder, `--repair` and then `dvc pull` get it again; otherwise export or copy it again."
        )
    return int(failed)


def _remote(folder: Path, repair: bool) -> int:
    from cascada.core.errors import DataError
    from cascada.publishing.remote import check_remote

    pointers = sorted(folder.resolve().parent.glob("*.dvc"))
    if folder.resolve().with_name(f"{folder.name}.dvc") not in pointers:
        raise DataError(f"{folder}: no {folder.name}.dvc beside it; --remote needs a folder that DVC keeps.")
    checks = check_remote(folder.resolve().parent.parent, pointers, repair)
    failed = _show(checks, folder)
    bad = {check.name.startswith("remote: ") for check in checks if not check.passed}
    removed = "What was damaged was removed" if repair else "`--repair` removes what is damaged"
    for remote, then in ((True, "`dvc push` in a clone that has the files"), (False, "`dvc pull` here")):
        if remote in bad:
            print(f"{removed}; then run {then}.")
    return int(failed)


def _show(checks: list, folder: Path) -> bool:
    """Print the checks; returns whether one failed."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{'ok    ' if check.passed else 'FAILED'}  {check.name:<{width}}  {check.found}")
    failed = sum(not check.passed for check in checks)
    print(f"{folder}: {f'{failed} of {len(checks)} checks failed' if failed else f'all {len(checks)} checks passed'}")
    return bool(failed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cascada verify",
        description=f"{HELP[0].upper()}{HELP[1:]}. model.pt2 is a program, and it is run: verify only folders of people you trust.",
        epilog="exit status: 0 all as recorded; 1 something differs; 2 wrong usage",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="exported folder, such as artifacts/model")
    parser.add_argument(
        "--data", metavar="FOLDER", type=Path,
        help="folder of train.h5 and test.h5 to hash as well (default: `dataset` beside FOLDER, if it is complete)",
    )  # fmt: skip
    parser.add_argument("--against", metavar="FOLDER", type=Path, help="another export that must agree bit by bit")
    parser.add_argument(
        "--remote",
        action="store_true",
        help="hash the objects in DVC's default remote and cache, instead of running the model",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="as --remote, and remove damaged objects and edited files, so that `dvc push` and `dvc pull` restore them",
    )
    return parser

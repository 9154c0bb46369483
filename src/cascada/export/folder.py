"""What an exported folder consists of, and its description: shared by those who write, use, verify and publish one.

| file              | content                                                                                     |
|-------------------|---------------------------------------------------------------------------------------------|
| `model.onnx`      | ONNX, any batch size: raw energies [GeV] (N, C, 80, 80) → probabilities (N, K)                |
| `model.pt2`       | the same as a `torch.export` program                                                         |
| `model.json`      | inputs, units, classes, metrics with intervals, configuration, data hashes, where it is from |
| `MODEL_CARD.md`   | the same for people                                                                          |
| `LICENSE`         | the licence                                                                                  |
| `probe.h5`        | a few validation showers with the probabilities that PyTorch gave (probe.py)                 |
| `templates.h5`    | the scores of the sealed showers (scores.py); not in format 1                                |
| `SHA256SUMS`      | the files' hashes, for `cascada verify` and `sha256sum -c`                                    |
"""

from pathlib import Path

from cascada.core.errors import DataError
from cascada.core.files import read_json, sha256, write_json, write_text
from cascada.export.card import render

FORMAT = 2  # of the folder
READABLE = (1, FORMAT)
ONNX, PT2, CONTENT, CARD, LICENSE = "model.onnx", "model.pt2", "model.json", "MODEL_CARD.md", "LICENSE"
PROBE, TEMPLATES, SUMS = "probe.h5", "templates.h5", "SHA256SUMS"
DESCRIPTION = (CONTENT, CARD, SUMS)  # made from `content`; the other files do not change after the export
FILES = (ONNX, PT2, CONTENT, CARD, LICENSE, PROBE, TEMPLATES, SUMS)
TOLERANCE = 1e-5  # of a probability: other processors and libraries round differently


def write_description(folder: Path, content: dict) -> None:
    """Write model.json, the card made from it, and the hashes of all files; the other files are there."""
    write_json(folder / CONTENT, content)
    write_text(folder / CARD, render(read_json(folder / CONTENT)))
    names = [name for name in FILES if name != SUMS]
    write_text(folder / SUMS, "".join(f"{sha256(folder / name)}  {name}\n" for name in names))


def get_again(folder: Path) -> str:
    """What to do about a damaged file of an exported folder: only the first of the two removes it from DVC's cache too."""
    if folder.absolute().with_name(f"{folder.name}.dvc").exists():
        return f"`cascada verify {folder} --repair`, then `dvc pull`"
    return "export the model again, or get the folder again"


def read_content(folder: Path) -> dict:
    """Return model.json. Raises DataError if the folder is not an exported model of a known format."""
    path = folder / CONTENT
    if not path.is_file():
        hint = " Get it first: `dvc pull`." if folder.with_name(f"{folder.name}.dvc").exists() else ""
        raise DataError(
            f"{folder}: not an exported model ({CONTENT} is missing); give results/…/model or artifacts/model.{hint}"
        )
    try:
        content = read_json(path)
        found = content["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: not the description of a model ({error!r}); {get_again(folder)}.") from error
    if found not in READABLE:
        raise DataError(
            f"{path}: expected format {' or '.join(map(str, READABLE))}, got {found!r}; use the version that wrote it."
        )
    return content

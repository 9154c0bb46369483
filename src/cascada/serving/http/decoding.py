"""Read one uploaded file in a process of its own: `python -m cascada.serving.http.decoding FOLDER KIND MODEL SHOWERS SECONDS`.

Reads FOLDER/upload, writes FOLDER/images.npy, and FOLDER/said.json with what the file says of each shower, or with an error.
"""

import json
import math
import re
import resource
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

MEMORY = 4 << 30  # bytes of address space
UPLOAD = "upload"
OF_COMMANDS = re.compile(r"--source(?: or `kind:`)?")  # in sentences of readers


def main(folder: Path, kind: str, model: Path, showers: int, seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds) + 1,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from cascada.core.errors import CascadaError

    try:
        said = read(folder, kind, model, showers)
    except CascadaError as error:
        said = {"error": _for_clients(str(error), folder)}
    except MemoryError:
        said = {
            "error": "The file needs more memory than the server gives a file; use `cascada predict`.",
            "status": 413,
        }
    part = folder / "said.part"
    part.write_text(json.dumps(said, allow_nan=False), encoding="utf-8")
    part.rename(folder / "said.json")


def read(folder: Path, kind: str, model: Path, showers: int) -> dict[str, Any]:
    """Write the images; return what is known of the showers, and warnings. Raises DataError, ConfigError."""
    import numpy as np

    from cascada.core.errors import DataError
    from cascada.export.folder import read_content
    from cascada.export.predict import Model, Request
    from cascada.export.prediction_inputs import Watch, open_input
    from cascada.serving.http.uploads import KNOWN

    path, content = folder / UPLOAD, read_content(model)
    warnings: list[str] = []
    # the readers need a model's description alone
    described = cast(Model, SimpleNamespace(content=content, channels=tuple(content["input"]["channels"])))
    opened = open_input(path, described, Request(source=kind), None, warnings.append)
    watch = Watch(content["data"].get("ranges") or {})
    images, events = [], []
    for block, rows in opened.blocks:
        watch.look(path, block, rows)
        if watch.showers > showers:
            raise DataError(
                f"{path}: more than the {showers} showers that are allowed in a request; use `cascada predict`."
            )
        images.append(block.copy())
        events += [_known(row, KNOWN) for row in rows]
    if not images:
        raise DataError(f"{path}: no shower in it, expected at least one.")
    np.save(folder / "images.npy", np.concatenate(images))
    warnings += watch.sentences(path)
    return {"showers": events, "warnings": [_for_clients(text, folder) for text in warnings]}


def _known(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: row[name].item() for name in names}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _for_clients(sentence: str, folder: Path) -> str:
    """Without what a client does not know, how the file is called here, and without advice that a client cannot follow."""
    sentence = sentence.replace(f"{folder / UPLOAD}: ", "").replace(str(folder / UPLOAD), "the file")
    sentence = OF_COMMANDS.sub("`?source=`", sentence.replace(str(folder), ""))
    return sentence.replace("set the source's `", "with `cascada predict --set`, set the source's `")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))

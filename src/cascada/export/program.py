"""Load model.pt2 of an exported folder, as far as that can be done without running what a stranger put beside the program."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from cascada.core.errors import DataError
from cascada.export.folder import PT2, get_again

TENSOR = re.compile(r"(weight|tensor)_\d+")  # bytes of one tensor
MEMBER = re.compile(  # below the only folder of model.pt2
    rf"models/model\.json|data/sample_inputs/model\.pt|data/(weights|constants)/({TENSOR.pattern}|model_\w+_config\.json)"
    r"|archive_format|archive_version|byteorder|\.data/(version|serialization_id)"
)


def program(folder: Path) -> Any:
    """Return model.pt2 as a function of images (N, C, 80, 80) [GeV].

    PyTorch would unpickle or execute some members of such an archive, so only those that an export writes are taken. What is
    left is still a program: run it only if you trust who wrote it.
    """
    import torch

    path = Path(folder) / PT2
    try:
        return torch.export.load(_checked_archive(path)).module()
    except DataError:
        raise
    except Exception as error:  # zip, JSON and PyTorch's errors have no base of their own
        raise DataError(f"{path}: not a readable program ({error}); {get_again(path.parent)}.") from error


def _checked_archive(path: Path) -> io.BytesIO:
    """Return a rewritten copy of the archive, so that PyTorch's own zip reader cannot see other members than were checked here.

    Raises DataError where loading would execute what is inside: older layouts, pickled weights, compiled code.
    """
    import torch

    checked = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(checked, "w") as copy:
        names = archive.namelist()
        root = names[0].partition("/")[0] if names else ""
        strange = [
            name for name in names if not (name.startswith(f"{root}/") and MEMBER.fullmatch(name[len(root) + 1 :]))
        ]
        if strange or len(set(names)) < len(names) or f"{root}/archive_format" not in names:
            raise DataError(
                f"{path}: not an archive as `cascada` exports it ({strange[0] if strange else 'members missing or twice'}); "
                "others, such as those of older versions of PyTorch, could run code. Export the model again."
            )
        for name in names:
            content = archive.read(name)
            if name.endswith("_config.json"):
                entries = json.loads(content)["config"].values()
                if any(entry.get("use_pickle") or not TENSOR.fullmatch(entry["path_name"]) for entry in entries):
                    raise DataError(
                        f"{path}: {name} names pickled entries, which could run code; export the model again."
                    )
            elif "/sample_inputs/" in name:
                torch.load(io.BytesIO(content), weights_only=True)  # PyTorch falls back to unpickling what fails here
            copy.writestr(name, content)
    checked.seek(0)
    return checked

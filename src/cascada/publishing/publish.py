"""Publish the data set and the selected model as a version: DVC pointers, metrics and plots in one tagged commit.

| path                              | content                                          | kept by                 |
|-----------------------------------|--------------------------------------------------|-------------------------|
| `artifacts/model/`                | the exported folder; its card names the version  | DVC, by `model.dvc`     |
| `artifacts/dataset/`              | train.h5, test.h5, summary.json, card.json       | DVC, by `dataset.dvc`   |
| `artifacts/metrics.json`          | metrics with intervals; whether of the surrogate | git                     |
| `artifacts/plots/*.csv`           | ROC curve, confusion, learning curve             | git                     |

The folder `artifacts/` is replaced as a whole, by renaming: if anything fails, the former one comes back, and neither
commit nor tag is left. Large files are linked from the results, and never opened for writing under either name.
"""

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cascada.core import paths
from cascada.core.errors import CascadaError
from cascada.core.files import read_json, write_json
from cascada.core.notices import marks
from cascada.core.provenance import provenance
from cascada.export.folder import CONTENT, DESCRIPTION, FILES, read_content, write_description
from cascada.export.verify import check_hashes
from cascada.publishing.git import Repository
from cascada.publishing.notes import dirt_notes, few, gate_notes, read_probes
from cascada.publishing.tables import write_plots
from cascada.statistics.verdicts import ALLOW

ARTIFACTS = "artifacts"
OURS = {"model", "dataset", "model.dvc", "dataset.dvc", ".gitignore", "metrics.json", "plots"}
DATA_FILES = ("train.h5", "test.h5", "summary.json", "card.json")
BEFORE = ".dvc/tmp/published-before"  # the former artifacts/ while the new one is made
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
FICLONE = 0x40049409  # ioctl of linux/fs.h: share the blocks of another file


@dataclass(kw_only=True, slots=True)
class Request:
    """What to publish. `version` "" takes the next minor one; the switches are the config's `publishing`."""

    results: Path  # results/<experiment>
    history: Path  # history.tsv of the selected trial
    version: str = ""
    undecided: str = ALLOW  # the config's `behaviour.undecided`
    ignore_gates: bool = False
    allow_dirty: bool = False
    commit: bool = True
    push: bool = False


def publish(request: Request, root: Path) -> str:
    """Publish `request.results` in the repository `root`; return what to tell the user.

    Raises CascadaError, and leaves everything as it was, where something is missing or a check fails.
    """
    repository = Repository(root)
    recover(repository)
    tags = repository.tags("model@v*")
    version = request.version or next_minor(tags)
    tag = f"model@v{version}"
    _check_version(version, tag, tags)
    content = read_content(request.results / paths.MODEL)
    behaviour = read_probes(request.results / paths.BEHAVIOUR, content["checkpoint_sha256"])
    notes = gate_notes(behaviour, request.ignore_gates, request.undecided) + dirt_notes(
        repository.changes(ARTIFACTS), content, request.allow_dirty
    )
    notes += marks(content["test"])
    _check_results(request.results)
    _check_repository(repository, request)
    content["published"] = {
        "version": version,
        "tag": tag,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "notes": notes,
        "ignore_gates": request.ignore_gates,
        "allow_dirty": request.allow_dirty,
        "behaviour": behaviour,
        "export_check": read_json(request.results / paths.MODEL_CHECK),
    }
    data = content["data"]
    origin = provenance(repository.root, train=data["train_sha256"], test=data["test_sha256"])
    content["provenance"]["publication"] = origin
    with replaced(repository) as folder:
        _fill(folder, request, content)
        repository.dvc("add", "--quiet", f"{ARTIFACTS}/model", f"{ARTIFACTS}/dataset")
        if request.push:
            _push(repository)
        remarks = "".join(f"{note}\n" for note in notes)
        message = (
            f"Publish {tag}\n\nExperiment {content['experiment']}, configuration {content['configuration']}.\n{remarks}"
        )
        if request.commit:
            commit = repository.commit_and_tag(
                ARTIFACTS, message, tag, f"{content['experiment']} {version}\n\n{remarks}"
            )
    return _conclusion(tag, commit[:12] if request.commit else "", request, content["experiment"])


def next_minor(tags: list[str]) -> str:
    """The next minor version after the highest of `tags` (`model@v1.2.0`), 0.1.0 if there is none. Pure."""
    found = [
        tuple(map(int, match.groups())) for tag in tags if (match := VERSION.fullmatch(tag.removeprefix("model@v")))
    ]
    major, minor, _ = max(found, default=(0, 0, 0))
    return f"{major}.{minor + 1}.0"


def _check_version(version: str, tag: str, tags: list[str]) -> None:
    if not VERSION.fullmatch(version):
        raise CascadaError(
            f"Expected a version of three numbers such as 1.2.0, got {version!r}: --config version=1.2.0."
        )
    if tag in tags:
        raise CascadaError(
            f"The tag {tag} exists already, and a published version does not change; give another version "
            f"(--config version=…) or leave it out to get {next_minor(tags)}."
        )


def _check_results(results: Path) -> None:
    failed = [check for check in check_hashes(results / paths.MODEL) if not check.passed]
    if failed:
        raise CascadaError(
            f"{results / paths.MODEL}: {failed[0].name}: {failed[0].found}. The export was changed after it was made; "
            "run it again: snakemake --forcerun export_model."
        )
    data = read_json(results / paths.MODEL / CONTENT)["data"]
    summary = read_json(results / paths.SUMMARY)
    if any(data[name] != summary[name] for name in ("train_sha256", "test_sha256")):
        raise CascadaError(
            f"{results}: the data set is not the one that the model was trained on; run the workflow again."
        )


def _check_repository(repository: Repository, request: Request) -> None:
    folder = repository.root / ARTIFACTS
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in OURS) if folder.is_dir() else []
    if foreign:
        raise CascadaError(
            f"{folder}: contains {few(foreign)}, and publishing replaces the folder; move that elsewhere."
        )
    if not repository.default_remote():
        raise CascadaError(
            "DVC has no default remote, so the version could not be sent anywhere; name one: "
            "`dvc remote add --default NAME PATH_OR_URL`, and commit .dvc/config (see docs/publishing.md)."
        )
    if request.commit:
        repository.check_identity()


@contextlib.contextmanager
def replaced(repository: Repository) -> Iterator[Path]:
    """Yield a new, empty artifacts/; on any error the former one comes back."""
    folder, before = repository.root / ARTIFACTS, repository.root / BEFORE
    before.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    os.rename(folder, before)
    folder.mkdir()
    try:
        yield folder
    except BaseException:
        _restore(folder, before)
        raise
    shutil.rmtree(before)


def _restore(folder: Path, before: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(before, folder)
    if not any(folder.iterdir()):
        folder.rmdir()


def recover(repository: Repository) -> bool:
    """Undo what a killed `publish` left; returns whether there was anything."""
    folder, before = repository.root / ARTIFACTS, repository.root / BEFORE
    if not before.is_dir():
        return False
    if folder.is_dir() and not repository.differs_from_head(ARTIFACTS) and (folder / "model.dvc").exists():
        shutil.rmtree(before)  # killed after its commit: all is done
    else:
        repository.git("reset", "--quiet", "--", ARTIFACTS)
        _restore(folder, before)
    return True


def _fill(folder: Path, request: Request, content: dict) -> None:
    model, data = folder / "model", folder / "dataset"
    model.mkdir()
    data.mkdir()
    for name in FILES:
        if name not in DESCRIPTION:
            link(request.results / paths.MODEL / name, model / name)
    write_description(model, content)
    for name in DATA_FILES:
        link(request.results / paths.DATASET / name, data / name)
    metrics = {
        part: {name: value for name, value in content[part].items() if name != "settings"}
        for part in ("validation", "test")
    }
    about = {"surrogate": content["data"]["surrogate"], "signal": content["output"].get("signal")}
    write_json(folder / "metrics.json", about | metrics)
    write_plots(request.results / paths.PREDICTIONS, request.history, folder / "plots")


def link(source: Path, target: Path) -> str:
    """Give a file a second name without copying its bytes, if the file system can; returns how.

    `reflink` shares blocks until one of the two changes; `hardlink` is the same file; `copy` where neither is possible.
    """
    with contextlib.suppress(OSError), source.open("rb") as given, target.open("xb") as made:
        fcntl.ioctl(made, FICLONE, given.fileno())
        return "reflink"
    target.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.link(source, target)
        return "hardlink"
    shutil.copyfile(source, target)
    return "copy"


def _push(repository: Repository) -> None:
    try:
        repository.dvc("push", "--quiet", f"{ARTIFACTS}/model.dvc", f"{ARTIFACTS}/dataset.dvc")
    except CascadaError as error:
        raise CascadaError(
            f"{error}\nNothing was committed or tagged. Files that have arrived are not sent again: check the remote "
            f"{repository.default_remote()!r} in .dvc/config, and publish again."
        ) from None


def _conclusion(tag: str, commit: str, request: Request, experiment: str) -> str:
    send = [] if request.push else ["dvc push"]
    if request.commit:
        lines = [f"Published {tag} as commit {commit}. To send it, the files before the pointers to them:"]
        return "\n  ".join([*lines, *send, "git push --follow-tags"])
    lines = [f"{ARTIFACTS}/ is ready for {tag}, nothing was committed (commit: false). What would have been done:"]
    commands = [
        f"git add --all -- {ARTIFACTS}",
        f"git commit --message 'Publish {tag}' -- {ARTIFACTS}",
        f"git tag --annotate {tag} --message '{experiment} {tag.removeprefix('model@v')}'",
    ]
    return "\n  ".join([*lines, *commands, *send, "git push --follow-tags"])

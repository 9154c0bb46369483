"""The exported model as a page of the report: what it takes and gives, how exact the exports are, where it comes from."""

from pathlib import Path

from cascada.core.files import read_json
from cascada.core.notices import marks
from cascada.export.folder import read_content
from cascada.report import headlines, html
from cascada.report.sealed import calibrated
from cascada.statistics.words import networks, temperature

TEMPLATE = "model.html.j2"


def write_model_page(folder: Path, check: Path, path: Path) -> None:
    """Write the page from the exported `folder` and the differences that `check_export` found."""
    content, found = read_content(folder), read_json(check)
    html.write(
        path,
        TEMPLATE,
        content=content,
        headlines=headlines.of_model(content, found),
        marks=marks(content["test"]),
        facts=_facts(content),
        header=calibrated.HEADER,
        calibrated=calibrated.of_selection(content["calibration"]) if "calibration" in content else [],
        check=found,
        differences=[
            [name, size, f"{value:.1e}"]
            for name, of_size in found["largest_differences"].items()
            for size, value in of_size.items()
        ],
        origins=[
            [step, one["git_commit"] or "unknown", one["git_dirty"], one["lock_sha256"] or "unknown", one["command"]]
            for step, one in content["provenance"].items()
        ],
        hashes=[[name, content["data"][name]] for name in ("train_sha256", "test_sha256")],
        folder=folder,
    )


def _facts(content: dict) -> list[list]:
    given, answer = content["input"], content["output"]
    channels = ", ".join(f"{name} [{unit}]" for name, unit in zip(given["channels"], given["units"], strict=True))
    return [
        ["family", content["model"]],
        ["configuration", content["configuration"]],
        ["networks", networks(content["seed"], [one["seed"] for one in content.get("members", ())])],
        *([["temperature", temperature(content["calibration"])]] if "calibration" in content else []),
        ["parameters", content["parameters"]],
        ["input", f"{given['dtype']} {given['shape']}: {channels}"],
        ["output", f"{answer['dtype']} {answer['shape']}: {', '.join(answer['classes'])}"],
        ["signal", answer.get("signal", "")],
    ]

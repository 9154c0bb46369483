"""The exported model as a page of the report: what it takes and gives, how exact the exports are, where it comes from."""

from pathlib import Path

from cascada.core.files import read_json, write_text
from cascada.export.card import marks
from cascada.export.folder import read_content
from cascada.report import html as pages


def write_model_page(folder: Path, check: Path, path: Path) -> None:
    """Write the page from the exported `folder` and the differences that `check_export` found."""
    content, found = read_content(folder), read_json(check)
    given, answer = content["input"], content["output"]
    facts = [
        ["family", content["model"]],
        ["configuration", content["configuration"]],
        ["seed", content["seed"]],
        ["parameters", content["parameters"]],
        [
            "input",
            f"{given['dtype']} {given['shape']}: "
            + ", ".join(f"{name} [{unit}]" for name, unit in zip(given["channels"], given["units"], strict=True)),
        ],
        ["output", f"{answer['dtype']} {answer['shape']}: {', '.join(answer['classes'])}"],
        ["signal", answer.get("signal", "")],
    ]
    differences = [
        [name, size, f"{value:.1e}"]
        for name, of_size in found["largest_differences"].items()
        for size, value in of_size.items()
    ]
    origins = [
        [
            step, source["git_commit"] or "unknown", source["git_dirty"], source["lock_sha256"] or "unknown", source["command"],
        ]
        for step, source in content["provenance"].items()
    ]  # fmt: skip
    hashes = [[name, content["data"][name]] for name in ("train_sha256", "test_sha256")]
    surrogate = "Trained on surrogate showers, a toy cascade: nothing here holds for CORSIKA."
    parts = [
        pages.paragraph(surrogate, "note") if content["data"]["surrogate"] else "",
        *(pages.paragraph(text, "note") for text in marks(content)),
        pages.table(["fact", "value"], facts),
        pages.heading(f"Exports against PyTorch, {found['showers']} validation showers"),
        pages.table(["file", "run in", "largest difference of a probability"], differences),
        pages.paragraph(f"At most {found['tolerance']:.0e} is allowed."),
        pages.heading("Where it comes from"),
        pages.table(["step", "git commit", "uncommitted changes", "lock file", "command"], origins),
        pages.table(["data", "sha256"], hashes),
        pages.paragraph(f"Everything else: {folder}/MODEL_CARD.md", "small"),
    ]
    write_text(path, pages.page("Model", *parts))

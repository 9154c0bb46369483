"""Draw docs/architecture.md from the rules, their scripts and the order of the rooms: `python docs/draw_architecture.py`.

A rule's files are the paths written in it; a function in their place must be named in FUNCTIONS. tests/test_house.py compares.
"""

import ast
import dataclasses
import fnmatch
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/architecture.md"
TRIAL = "trials/*/seed-*/epochs-*/"
# what an input function of rules/common.smk gives
FUNCTIONS = {
    "raw_file": "raw files",
    "all_shards": "dataset/shards/*/*.h5",
    "shards_of_set": "dataset/shards/*/*.h5",
    "prediction_file": "files to predict",
    "all_predictions": "predictions/*.h5",
    "DECISIONS": "search/finalists.json",
    "batch_before": "search/batch-*.json",
    "record_below": "search/rung-*.json",
    "batches": "search/batch-*.json",
    "records_of_search": "search/rung-*.json",
    "search_of_batch": "search/search.json",
    "trials_of_batches_before": TRIAL + "metrics.json",
    "trials_below": TRIAL + "metrics.json",
    "trials_of_last_rung": TRIAL + "metrics.json",
}
HEAD = """\
# Architecture
Made from the code by `python docs/draw_architecture.py`; a test compares.

## Stages and their files
A box is a rule of `rules/`, an arrow a file under `results/<experiment>/` that one writes and another reads. Only `test_model`
reads `test.h5`; `publish` links and hashes it.

```mermaid
flowchart TD
"""


@dataclasses.dataclass(frozen=True)
class Rule:
    name: str
    stage: str
    reads: list[str]  # relative to the results, * for a wildcard
    writes: list[str]
    rooms: list[str]


def text() -> str:
    found = rules()
    return HEAD + diagram(found) + "```\n\n" + table(found) + "\n" + rooms_table()


def rules() -> list[Rule]:
    stages = re.findall(r'^include: "rules/(\w+)\.smk"', (ROOT / "Snakefile").read_text(), re.MULTILINE)
    return [
        Rule(name, stage, paths(section(body, "input")), paths(section(body, "output")), rooms(name))
        for stage in stages
        for name, body in bodies((ROOT / f"rules/{stage}.smk").read_text())
    ]


def bodies(text: str) -> list[tuple[str, str]]:
    """Name and body of each rule or checkpoint, also of those that only some experiments have."""
    found = re.findall(r"^( *)(?:rule|checkpoint) (\w+):\n((?:\1    .*\n|\n)*)", text, re.MULTILINE)
    return [(name, re.sub(f"^{margin}", "", body, flags=re.MULTILINE)) for margin, name, body in found]


def section(body: str, name: str) -> str:
    found = re.search(rf"^    {name}:\n((?:        .*\n)*)", body, re.MULTILINE)
    return found[1] if found else ""


def paths(section: str) -> list[str]:
    """Every file that a section names, in the order of the text, once."""
    code = ast.parse(f"files({section})", mode="eval").body
    given = [*code.args, *(keyword.value for keyword in code.keywords)]
    return list(dict.fromkeys(path for node in given for path in files(node)))


def files(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(value=str(path)):
            return [re.sub(r"\{\w+\}", "*", path.removeprefix("<results>/"))]
        case ast.List(elts=parts):
            return [path for part in parts for path in files(part)]
        case ast.Name(id=name) if name in FUNCTIONS:
            return [FUNCTIONS[name]]
        case ast.Call(func=ast.Name(id="trial_files"), args=[ast.Constant(value=name), *_]):
            return [TRIAL + name]
        case ast.JoinedStr(values=parts):
            return files(ast.Constant("".join(p.value if isinstance(p, ast.Constant) else "*" for p in parts)))
        case ast.IfExp(body=one, orelse=other):
            return files(one) + files(other)
        case ast.Call(func=ast.Name(id="report" | "ancient" | "update"), args=[inner, *_]):
            return files(inner)
        case ast.Call(func=ast.Name(id="collect"), args=[ast.Constant(value=pattern), *_], keywords=keywords):
            return collected(pattern, {keyword.arg: keyword.value for keyword in keywords})
    raise SystemExit(f"{ast.unparse(node)}: name it in FUNCTIONS of {Path(__file__).name}")


def collected(pattern: str, values: dict[str, ast.expr]) -> list[str]:
    """`collect` over names that are written out gives one path each, over others a pattern."""
    if pattern.startswith("{folder}"):
        return ["artifacts/model/*"]
    listed = values.get("file")
    if isinstance(listed, ast.List):
        return [path for part in listed.elts for path in files(ast.Constant(pattern.replace("{file}", part.value)))]
    return files(ast.Constant(pattern))


def rooms(rule: str) -> list[str]:
    """The rooms of the library that the rule's script calls."""
    imported = re.findall(r"^from cascada\.(\w+)", (ROOT / f"scripts/{rule}.py").read_text(), re.MULTILINE)
    return [room for room in dict.fromkeys(imported) if room != "core"]


def diagram(found: list[Rule]) -> str:
    lines = []
    for stage in dict.fromkeys(rule.stage for rule in found):
        names = [f"        {rule.name}" for rule in found if rule.stage == stage]
        lines += [f"    subgraph {stage}", *names, "    end"]
    for writer in found:
        for reader in found:
            between = [path for path in writer.writes if any(fnmatch.fnmatch(path, read) for read in reader.reads)]
            if between and writer is not reader:
                lines.append(f"    {writer.name} -->|{label(between)}| {reader.name}")
    return "\n".join(lines) + "\n"


def label(between: list[str]) -> str:
    """Names without folders; a star alone says which folder."""
    names = [Path(path).name if Path(path).name != "*" else path for path in between]
    return '"' + "<br>".join(names) + '"'


def table(found: list[Rule]) -> str:
    lines = ["| rule | rooms | reads | writes |", "|---|---|---|---|"]
    for rule in found:
        reads, writes = (", ".join(f"`{path}`" for path in part) or "–" for part in (rule.reads, rule.writes))
        lines.append(f"| `{rule.name}` | {', '.join(rule.rooms)} | {reads} | {writes} |")
    return "\n".join(lines) + "\n"


def rooms_table() -> str:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    lines = [
        "## Rooms of the library",
        "Under `src/cascada/`, from the bottom: a room imports only from those above it in this table, which import-linter checks (`make lint`).",
        "",
        "| room | what is in it |",
        "|---|---|",
    ]
    for layer in reversed(contract["layers"]):
        for name in re.split(r" [|:] ", layer):
            path = ROOT / "src/cascada" / name
            module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            lines.append(f"| `{name}` | {(ast.get_docstring(ast.parse(module.read_text())) or '').splitlines()[0]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text())

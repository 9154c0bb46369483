"""The house itself: pins agree, style is clean, documents point at what exists."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cascada.core import digest
from cascada.core.options import tree

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


LOCK = ROOT / "envs/requirements.txt"
PROJECTS = [ROOT / "pyproject.toml", ROOT / "plugins/submitit/pyproject.toml"]


def pins(path) -> dict[str, list[str]]:
    """The sha256 that are allowed for each `name==version` of a lock."""
    blocks = re.findall(r"^(\S+==\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)\n", path.read_text(), re.MULTILINE)
    assert len(blocks) == len(re.findall(r"^[^ #\n]", path.read_text(), re.MULTILINE)), "a line that is no pin"
    return {pin: re.findall(r"sha256:(\w+)", hashes) for pin, hashes in blocks}


def names(requirements) -> set[str]:
    return {re.match(r"[\w.-]+", text)[0].lower().replace("_", "-") for text in requirements}


def test_conda_and_pip_have_the_same_pins():
    conda = yaml.safe_load((ROOT / "envs/cascada.yaml").read_text())
    by_pip = next(item["pip"] for item in conda["dependencies"] if isinstance(item, dict))
    assert by_pip == list(pins(LOCK))


@pytest.mark.parametrize("path", [LOCK, ROOT / "envs/cuda.txt", ROOT / "envs/serve.txt"], ids=lambda path: path.name)
def test_every_pin_is_exact_and_has_the_hash_of_each_file(path):
    for pin, hashes in pins(path).items():
        assert re.fullmatch(r"[a-z0-9.-]+==[a-z0-9.]+", pin), pin
        assert hashes and len(set(hashes)) == len(hashes), pin


def test_what_runs_is_what_is_pinned():
    for pin in pins(LOCK):
        name, _, expected = pin.partition("==")
        assert version(name).split("+")[0] == expected, name


def test_the_lock_holds_what_the_projects_declare():
    pinned = names(pins(LOCK))
    for path in PROJECTS:
        project = tomllib.loads(path.read_text())["project"]
        extras = project["optional-dependencies"]
        assert names([*project["dependencies"], *extras.get("dev", []), *extras.get("test", [])]) <= pinned, path


def test_what_serves_is_part_of_the_lock_and_has_the_same_hashes():
    """`serve.txt`: the pins of what `serve.in` names, and of all that these need on Linux."""
    lock, served = pins(LOCK), pins(ROOT / "envs/serve.txt")
    assert served and served == {pin: hashes for pin, hashes in lock.items() if pin in served}
    named = set(re.findall(r"^[a-z]\S+", (ROOT / "envs/serve.in").read_text(), re.MULTILINE))
    needed, waiting = set(), list(named)
    while waiting:
        if (name := waiting.pop()) not in needed:
            needed.add(name)
            found = [Requirement(text) for text in requires(name) or []]
            waiting += [
                canonicalize_name(one.name) for one in found if not one.marker or one.marker.evaluate({"extra": ""})
            ]
    assert needed == names(served)


COMMANDS = [f"cascada.commands.{name}" for name in ("serve", "stream", "replay", "predict", "drift")]
NOT_THERE = {"torch", "matplotlib"}  # `cascada verify`, the training; pictures


def test_what_serves_imports_nothing_else():
    """Where a module is imported, or inside of a function that may be called later."""
    modules = digest._closure((*COMMANDS, "cascada.serving.http.decoding", "cascada.data.sources.*"))
    trees = [tree(digest._path(module)) for module in modules]
    nodes = [node for syntax in trees for node in ast.walk(syntax)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    tops = {name.partition(".")[0] for name in imported} - {"cascada", "_typeshed", *sys.stdlib_module_names}
    installed = packages_distributions()
    distributions = {canonicalize_name(installed[top][0]) for top in tops}
    assert distributions - names(pins(ROOT / "envs/serve.txt")) == NOT_THERE


def test_a_server_loads_no_torch():
    modules = ["cascada.serving.http.server", "cascada.serving.http.decoding", "cascada.serving.stream.loop"]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "fastapi" in loaded and not NOT_THERE & set(loaded)


NETWORKS = {"check_export", "export_model", "score_trials", "test_behaviour", "train"}  # rules that run or rebuild one


def test_jobs_without_a_network_load_no_torch():
    """It takes a second of a processor; what a rule's script imports is paid by each of its jobs."""
    scripts = [path for path in (ROOT / "scripts").glob("*.py") if path.stem not in NETWORKS]
    nodes = [node for path in scripts for node in tree(path).body if isinstance(node, ast.ImportFrom)]
    modules = sorted({str(node.module) for node in nodes if str(node.module).startswith("cascada")})
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True)
    assert len(modules) > 20 and "torch" not in done.stdout.split()


def test_the_lock_is_complete_for_the_build_of_torch_that_is_installed():
    """What only its CUDA build needs stands in a file of its own."""
    common, cuda = names(pins(LOCK)), names(pins(ROOT / "envs/cuda.txt"))
    needed = names(text for text in requires("torch") if "extra ==" not in text)
    assert needed <= common | cuda
    assert not common & cuda and not [name for name in common if name.startswith(("cuda-", "nvidia-cu", "triton"))]


MAKEFILE = (ROOT / "Makefile").read_text()
LINT = re.findall(r"^\t\$\(BIN\)/(.+)$", re.search(r"^lint:.*\n((\t.*\n)+)", MAKEFILE, re.MULTILINE)[1], re.MULTILINE)
MARKS = {"snakemake --lint": pytest.mark.workflow, "mypy": pytest.mark.slow}


@pytest.mark.parametrize("command", [pytest.param(command, marks=MARKS.get(command, ())) for command in LINT])
def test_style_is_clean(command):
    program, *arguments = command.split()
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_commit_is_checked_as_by_make_lint():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == [f".venv/bin/{command}" for command in LINT]


def test_links_of_the_documents_resolve():
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/**/*.md"), *ROOT.glob("plugins/*/*.md")]
    for document in documents:
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document}: {target}"


def test_every_rule_has_its_script():
    text = "".join(path.read_text() for path in ROOT.glob("rules/*.smk"))
    rules = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):", text, re.MULTILINE))
    assert rules == {path.stem for path in ROOT.glob("scripts/*.py")}


def test_scripts_translate_and_do_not_compute():
    for script in ROOT.glob("scripts/*.py"):
        assert len(script.read_text().splitlines()) <= 35, script


def test_the_picture_of_the_architecture_is_that_of_the_code():
    sys.path.insert(0, str(ROOT / "docs"))
    import draw_architecture

    assert draw_architecture.text() == draw_architecture.PAGE.read_text(), "run: python docs/draw_architecture.py"
    edges = {rule.name: set(rule.reads) for rule in draw_architecture.rules()}
    assert edges["select"] >= {"trials/*/seed-*/epochs-*/metrics.json", "baselines/metrics.json"}
    assert [name for name, reads in edges.items() if "dataset/test.h5" in reads] == ["test_model", "publish"]
    assert [name for name, reads in edges.items() if "dataset/also/*.h5" in reads] == ["test_model"]


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads(PROJECTS[0].read_text())["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    assert citation["cff-version"] == "1.2.0" and citation["title"] and citation["message"] and citation["authors"]


def test_the_workflow_catalogue_finds_what_it_looks_for():
    """Its criteria: https://snakemake.github.io/snakemake-workflow-catalog (adding workflows)."""
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
    assert (ROOT / "Snakefile").is_file() and list((ROOT / "rules").glob("*.smk"))
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment"}
    assert set(usage["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda", "report"}

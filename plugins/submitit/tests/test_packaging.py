"""What is published: a wheel and a source distribution that stand alone, with licence, changelog and tests that run."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import from_sdist
import pytest
from slurm_sandbox import clean

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text()


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> clean.Built:
    return clean.build(PROJECT, tmp_path_factory.mktemp("dist"))


def test_the_wheel_holds_the_package_its_licence_and_nothing_else(built):
    names = zipfile.ZipFile(built.wheel).namelist()
    package = {str(path.relative_to(PROJECT / "src")) for path in source_files()}
    assert package <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"snakemake_executor_plugin_submitit"}
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


def source_files() -> list[Path]:
    return sorted((PROJECT / "src" / "snakemake_executor_plugin_submitit").rglob("*.py"))


def test_the_metadata_say_what_a_user_looks_for(built):
    with zipfile.ZipFile(built.wheel) as content:
        name = next(name for name in content.namelist() if name.endswith("METADATA"))
        metadata = importlib.metadata.PathDistribution(zipfile.Path(content, name.removesuffix("METADATA"))).metadata
        assert metadata["License-Expression"] == "MIT" and metadata["License-File"] == "LICENSE"
        assert metadata["Description-Content-Type"] == "text/markdown"
        assert "Programming Language :: Python :: 3.13" in metadata.get_all("Classifier")
        assert metadata.get_all("Project-URL") and metadata["Author"] and metadata["Keywords"]
        required = {
            re.match(r"[\w-]+", text)[0]: text for text in metadata.get_all("Requires-Dist") if "extra" not in text
        }
    assert set(required) == {
        "pyyaml", "snakemake", "snakemake-interface-common", "snakemake-interface-executor-plugins", "submitit"
    }  # fmt: skip
    assert all(re.search(r"<\d+", text) and ">=" in text for text in required.values()), required


def test_what_the_package_imports_is_required(built):
    """And nothing else of the environment that it happens to be developed in."""
    imported = {name.split(".")[0] for path in source_files() for name in imports(path)} - sys.stdlib_module_names
    distributions = importlib.metadata.packages_distributions()
    needed = {clean.normal(name) for module in imported for name in distributions[module]}
    required = {clean.normal(text) for text in clean.required_by(built.wheel)}
    assert needed - {"snakemake-executor-plugin-submitit"} == required


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def test_the_source_distribution_holds_tests_licence_and_changelog(built):
    with tarfile.open(built.sdist) as content:
        names = {name.partition("/")[2] for name in content.getnames()}
    assert {"LICENSE", "CHANGELOG.md", "README.md", "pyproject.toml", "tests/conftest.py"} <= names
    tracked = {
        str(path.relative_to(PROJECT)) for path in (PROJECT / "tests").rglob("*") if path.suffix in (".py", ".sh")
    }
    assert tracked <= names
    assert not [name for name in names if name.endswith(".pyc")]


def test_tests_run_from_the_source_distribution_in_a_clean_environment(built, tmp_path):
    """The quick ones here; `from_sdist.py` runs all."""
    python = clean.environment(built.wheel, tmp_path, extra="test")
    quick = ["test_resources.py", "test_states.py", "node/test_verdict.py", "test_settings.py", "test_commandline.py"]
    command = [python, "-m", "pytest", "-q", *from_sdist.OWN_OPTIONS, *(f"tests/{name}" for name in quick)]
    done = subprocess.run(command, cwd=built.unpack(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d\d+ passed", done.stdout)


EVERY_MODULE = """
import importlib, pkgutil, sys
import snakemake_executor_plugin_submitit as package
names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
for name in [*names, *sys.argv[1:]]:
    importlib.import_module(name)
print(package.__file__, *names)
"""


@pytest.mark.nightly
def test_the_wheel_alone_imports_every_module(built, tmp_path):
    """What a user types, `python -m venv` and `pip install`: it fetches what the metadata name, and nothing else.

    What functions import is imported as well.
    """
    clean.run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    clean.run(python, "-m", "pip", "--quiet", "install", built.wheel)
    later = {name for path in source_files() for name in imports(path)}
    done = subprocess.run([python, "-I", "-c", EVERY_MODULE, *later], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    file, *names = done.stdout.split()
    assert Path(file).is_relative_to(tmp_path / "venv")
    expected = {".".join(path.relative_to(PROJECT / "src").with_suffix("").parts) for path in source_files()}
    assert set(names) == {name.removesuffix(".__init__") for name in expected} - {"snakemake_executor_plugin_submitit"}


def test_the_readme_stands_alone():
    """It is the page of the published package too: no path of the repository that it lies in."""
    assert "plugins/submitit" not in README and "../" not in README
    assert not re.findall(r"\]\((?!https://|#)", README)


def test_the_licence_is_the_project_s():
    whole = PROJECT.parent.parent / "LICENSE"
    if not whole.exists():
        pytest.skip("the plugin is tested without its workflow")
    assert (PROJECT / "LICENSE").read_text() == whole.read_text()

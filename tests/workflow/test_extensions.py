"""Another package adds a source and a family (docs/extending.md): installed for real, and used as a user would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import workflows
import yaml

from cascada.core.files import read_json

pytestmark = pytest.mark.workflow
EXAMPLE = Path(__file__).parents[1] / "example_package"
EXPERIMENT = {
    "experiment": "toy",
    "data": {"classes": {"iron": 5626, "proton": 14}, "sources": {"mine": {"kind": "toy_npz", "files": ["raw/*.npz"]}}},
    "search": {"models": {"toy_linear": {"batch_size": 16}}},
    "training": {"epochs": 1},
    "predictions": {"folder": "raw", "source": "toy_npz", "model": "model"},
}
METRICS = "results/toy/trials/{}/seed-1/epochs-1/metrics.json"


def install(source: Path, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(source)], check=True)


def archive(path: Path, seed: int) -> None:
    generator, number = np.random.default_rng(seed), 40
    primary = np.where(np.arange(number) % 2, 14, 5626)
    images = generator.gamma(1, 1, (number, 80, 80)) * np.where(primary == 14, 1, 2)[:, None, None]
    np.savez(path, images=images, primary=primary, energy=generator.uniform(3e3, 6e4, number))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A copy of the workflow with raw archives, an experiment that uses them, and the package in `site`."""
    folder = workflows.copy(tmp_path_factory.mktemp("toy"))
    shutil.copytree(EXAMPLE, folder / "package")
    install(folder / "package", folder / "site")
    (folder / "raw").mkdir()
    for seed in (1, 2):
        archive(folder / f"raw/{seed}.npz", seed)
    (folder / "toy.yaml").write_text(yaml.safe_dump(EXPERIMENT, sort_keys=False))
    return folder


def run(folder, *command, sites=("site",)):
    paths = [str(folder / name) for name in ("src", *sites)]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def snakemake(folder, *arguments, **options):
    return run(folder, "snakemake", "--configfile", "toy.yaml", "--cores", "2", *arguments, **options)


def rules(said: str) -> list[str]:
    return re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE)


def test_a_foreign_source_and_family_run(folder):
    status, said = snakemake(folder, "-n")
    assert status == 0 and rules(said).count("convert") == 2 and rules(said).count("train") == 1, said
    (name,) = set(re.findall(r"toy_linear-[0-9a-f]{8}", said))
    status, said = snakemake(folder, METRICS.format(name))
    assert status == 0, said
    assert read_json(folder / METRICS.format(name))["status"] == "completed"
    status, said = snakemake(folder, "-n", METRICS.format(name))
    assert status == 0 and "Nothing to be done" in said


@pytest.mark.parametrize(
    ("file", "old", "new", "rerun"),
    [
        ("archives.py", "options.scale)", "options.scale * 1)", {"convert"}),
        ("layout.py", '"energy")', '"energy", "more")[:3]', {"convert"}),  # imported by it, relative to it
        ("linear.py", "self.flatten(images)", "self.flatten(images * 1)", {"train"}),
        ("archives.py", "factor on all energies", "what energies are multiplied by", set()),
        ("layout.py", "What stands", "The names", set()),
    ],
)
def test_an_edit_of_the_package_reruns_what_it_must(folder, file, old, new, rerun):
    test_metrics = next((folder / "results/toy/trials").glob("*/seed-1/epochs-1/metrics.json")).relative_to(folder)
    path = folder / "site/toyshowers" / file
    before = path.read_text()
    assert old in before
    path.write_text(before.replace(old, new))
    try:
        status, said = snakemake(folder, "-n", str(test_metrics))
        assert status == 0, said
        changed = set(re.findall(r"rule (\w+):\n(?:    .*\n)*?    reason: Params have changed", said))
        assert changed == rerun, said
    finally:
        path.write_text(before)


def test_the_commands_know_the_source(folder):
    status, said = run(folder, "cascada", "convert", "--help")
    assert status == 0 and "toy_npz          NumPy archives of ready images." in said
    status, said = run(folder, "cascada", "convert", "--source", "toy_npz", "--help")
    assert "--scale SCALE" in said and "factor on all energies (default: 1.0)" in said
    status, said = run(folder, "cascada", "convert", "raw/1.npz", "one.h5", "--scale", "2")
    assert status == 0 and "one.h5: 40 showers" in said
    status, said = run(folder, "cascada", "convert", "raw/1.npz", "two.h5", "--scale", "0")
    assert (status, said.strip()) == (1, "cascada convert: scale 0.0 given, expected more than 0.")


def changed(folder, name: str, edit) -> str:
    """Another package, made from the example by a function of its folder; returns where it is installed."""
    package = folder / f"{name}-package"
    shutil.copytree(EXAMPLE, package)
    edit(package)
    install(package, folder / name)
    return name


def rename(package):
    text = (package / "pyproject.toml").read_text()
    (package / "pyproject.toml").write_text(text.replace('name = "toyshowers"', 'name = "other"'))


def break_import(package):
    path = package / "src/toyshowers/archives.py"
    path.write_text(path.read_text().replace("import numpy", "import nowhere_to_be_found\nimport numpy"))


def lose_module(package):
    (package / "src/toyshowers/linear.py").unlink()


def test_what_is_wrong_with_a_package_is_one_sentence(folder):
    sites = ("site", changed(folder, "twice", rename))
    status, said = snakemake(folder, "-n", sites=sites)
    assert status == 1 and "Traceback" not in said
    assert re.search(r"cascada\.\w+: the name 'toy_\w+' is given by the package '\w+' and by the package '\w+'", said)

    sites = (changed(folder, "broken", break_import),)
    status, said = run(folder, "cascada", "convert", "--source", "toy_npz", "raw/1.npz", "b.h5", sites=sites)
    assert status == 1 and "Traceback" not in said
    assert "'toy_npz' of the package 'toyshowers' cannot be imported (ModuleNotFoundError: No module named 'now" in said

    sites = (changed(folder, "lost", lose_module),)
    status, said = snakemake(folder, "-n", sites=sites)
    assert status == 1 and "Traceback" not in said
    assert "the package 'toyshowers' names the module 'toyshowers.linear' for 'toy_linear', which is not there" in said


def test_without_the_package_the_known_ones_are_listed(folder):
    status, said = snakemake(folder, "-n", sites=())
    assert status == 1 and re.search(r"'toy_npz' given.*, allowed are \['', 'corsika7'", said), said

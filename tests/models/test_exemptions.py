"""A family may be exempt from a test for a reason that its file states: tried with a family of another package."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cascada.core.options import constants
from cascada.experiment.families import extension, families

ROOT = Path(__file__).parents[2]
LAZY = """
from dataclasses import dataclass
import torch
from torch import nn
from cascada.models.base import IMAGE_SIZE, Base, check_widths, classification_head

{exempt}

@dataclass(kw_only=True, slots=True, frozen=True)
class Config:
    widths: tuple[int, ...] = (4,)

class Model(Base):
    def __init__(self, config, channels, classes):
        super().__init__()
        self.config = config
        self.unused = nn.Linear(1, 1)
        self.head = classification_head(channels * IMAGE_SIZE**2, config.widths, classes)

    def forward(self, images):
        return self.head(images.flatten(1))
"""


def run(folder: Path, exempt: str, test: str) -> str:
    """What pytest says of one test of a family that leaves parameters unused."""
    about = folder / "lazy-0.1.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lazy\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[cascada.models]\nlazy = lazy_family\n")
    (folder / "lazy_family.py").write_text(LAZY.format(exempt=exempt))
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests/models/test_families.py"]
    done = subprocess.run(
        [*command, "-k", f"{test} and lazy"], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_family_is_exempt_from_what_it_names_and_from_nothing_else(tmp_path):
    gradient, reason = "every_parameter_receives_a_gradient", "trained later"
    assert "1 failed" in run(tmp_path, "", gradient)
    said = run(tmp_path, f"EXEMPT = {{{gradient!r}: {reason!r}}}", gradient)
    assert re.search("1 skipped", said) and f"lazy is exempt: {reason}" in said
    assert "1 failed" in run(tmp_path, f"EXEMPT = {{'output': {reason!r}}}", gradient)


@pytest.mark.parametrize("family", families())
def test_exemptions_name_tests_and_reasons(family):
    exemptions = constants(extension(family).path, "EXEMPT").get("EXEMPT", {})
    tests = set(re.findall(r"^def test_(\w+)", Path(__file__).with_name("test_families.py").read_text(), re.MULTILINE))
    assert exemptions.keys() <= tests
    assert all(reason.strip() for reason in exemptions.values())


def test_the_readme_lists_every_test():
    tests = re.findall(r"^def test_(\w+)", Path(__file__).with_name("test_families.py").read_text(), re.MULTILINE)
    readme = (ROOT / "src/cascada/models/README.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", readme.partition("## What is tested")[2], re.MULTILINE)[: len(tests)] == tests

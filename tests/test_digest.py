"""The digest follows code and imports, and nothing else."""

import pytest

from cascada import digest as module


@pytest.fixture
def library(tmp_path, monkeypatch):
    package = tmp_path / "cascada"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(
        '"""Docs."""\nfrom cascada import two\n\n\ndef f():\n    """Docs."""\n    return two.g()\n'
    )
    (package / "two.py").write_text("import math\n\n\ndef g():\n    return math.pi\n")
    (package / "three.py").write_text("x = 1\n")
    monkeypatch.setattr(module, "SOURCE", tmp_path)

    def compute():
        for cached in (module.digest, module._imports, module._tree, module._code, module._path):
            cached.cache_clear()
        return module.digest("cascada.one")

    yield package, compute
    for cached in (module.digest, module._imports, module._tree, module._code, module._path):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("one.py", "Docs.", "Other words.", False),
        ("one.py", "return two.g()", "return two.g()  # why", False),
        ("one.py", "return two.g()", "return  two.g( )", False),
        ("one.py", "two.g()", "two.g() + 1", True),
        ("two.py", "math.pi", "math.e", True),
        ("three.py", "1", "2", False),
    ],
)
def test_what_changes_the_digest(library, name, old, new, changes):
    package, compute = library
    before = compute()
    (package / name).write_text((package / name).read_text().replace(old, new))
    assert (compute() != before) == changes


def test_training_depends_on_every_model_and_not_on_plots():
    found = module._closure(("cascada.training",))
    assert {"cascada.models.lenet", "cascada.models.cae", "cascada.data.loading"} < found
    assert "cascada.plots" not in found and "cascada.testing" not in found

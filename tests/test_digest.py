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


def test_a_rule_depends_on_what_it_uses_and_not_on_its_neighbours():
    training = module._closure(("cascada.training", "cascada.models.lenet"))
    assert {"cascada.models.lenet", "cascada.models.base", "cascada.data.loading", "cascada.resume"} < training
    assert not training & {"cascada.models.cae", "cascada.plots", "cascada.testing", "cascada.data.merging"}
    conversion = module._closure(("cascada.data.sources", "cascada.data.sources.surrogate"))
    assert {"cascada.data.cascade", "cascada.data.atmosphere", "cascada.data.format"} < conversion
    assert not conversion & {"cascada.plotting", "cascada.data.card", "cascada.data.sources.corsika7"}
    assert "cascada.plotting" not in module._closure(("cascada.data.merging",))


def test_a_star_stands_for_every_module_of_a_package():
    found = module._closure(("cascada.models.*",))
    assert {"cascada.models", "cascada.models.lenet", "cascada.models.cae", "cascada.models.vae"} < found

"""The digest follows code and imports, and nothing else."""

import pytest

from cascada.core import digest as module
from cascada.core.options import tree

CACHED = (module.digest, module._imports, module._is_marked, tree, module._code, module._path)


@pytest.fixture
def library(tmp_path, monkeypatch):
    package = tmp_path / "cascada"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text(
        '"""Docs."""\nfrom cascada import two, four\n\n\ndef f():\n    """Docs."""\n    return two.g()\n'
    )
    (package / "two.py").write_text("import math\n\n\ndef g():\n    return math.pi\n")
    (package / "three.py").write_text("x = 1\n")
    (package / "four.py").write_text("x = 1\nDETERMINES_NO_RESULT = True\n")
    monkeypatch.setattr(module, "SOURCE", tmp_path)

    def compute():
        for cached in CACHED:
            cached.cache_clear()
        return module.digest("cascada.one")

    yield package, compute
    for cached in CACHED:
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("one.py", "Docs.", "Other words.", False),
        ("one.py", "return two.g()", "return two.g()  # why", False),
        ("one.py", "return two.g()", "return  two.g( )", False),
        ("one.py", "two.g()", "two.g() + 1", True),
        ("two.py", "math.pi", "math.e", True),
        ("two.py", "import math\n", "import math\nimport json\n", False),
        ("two.py", "import math\n", "import cmath as math\n", True),
        ("three.py", "1", "2", False),
        ("four.py", "1", "2", False),
    ],
)
def test_what_changes_the_digest(library, name, old, new, changes):
    package, compute = library
    before = compute()
    (package / name).write_text((package / name).read_text().replace(old, new))
    assert (compute() != before) == changes


def test_moving_a_module_or_a_function_changes_no_digest(library):
    package, compute = library
    before = compute()
    (package / "room").mkdir()
    (package / "room" / "__init__.py").write_text('"""A room."""\n')
    (package / "two.py").rename(package / "room" / "second.py")
    (package / "one.py").write_text(
        (package / "one.py").read_text().replace("import two", "import four\nfrom cascada.room import second")
    )
    (package / "one.py").write_text((package / "one.py").read_text().replace("two.g", "second.g"))
    assert compute() == before
    (package / "one.py").write_text(
        "from cascada.room import second\n\n\ndef f():\n    return second.g()\n\n\ndef h():\n    return 1\n"
    )
    together = compute()
    (package / "one.py").write_text(
        "from cascada import other\nfrom cascada.room import second\n\n\ndef f():\n    return second.g()\n"
    )
    (package / "other.py").write_text("def h():\n    return 1\n")
    assert compute() == together


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("page.j2", "words", "other words", True),
        ("base.j2", "frame", "other frame", True),
        ("macros.j2", "cell", "other cell", True),
        ("page.j2", "{# why #}", "{# for another reason #}", False),
        ("other.j2", "x", "y", False),
    ],
)
def test_templates_count_as_the_code_of_the_module_that_names_them(library, name, old, new, changes):
    package, compute = library
    (package / "three.py").write_text('PAGE = "page.j2"\n')
    (package / "one.py").write_text("from cascada import three\n")
    (package / "templates").mkdir()
    templates = {
        "page.j2": "{# why #}\n{% extends \"base.j2\" %}\n{% from 'macros.j2' import cell %}\nwords\n",
        "base.j2": "frame\n",
        "macros.j2": "cell\n",
        "other.j2": "x\n",
    }
    for template, text in templates.items():
        (package / "templates" / template).write_text(text)
    before = compute()
    (package / "templates" / name).write_text(templates[name].replace(old, new))
    assert (compute() != before) == changes


def test_a_page_s_rule_covers_its_template_and_the_frame_of_all_pages():
    texts = "".join(module._code("cascada.report.sealed.page", frozenset({"cascada"})))
    assert "Openings of these sealed data" in texts and "<!doctype html>" in texts and "macro table" in texts
    assert "What it cost" not in texts


def test_a_marked_module_counts_where_it_is_named(library):
    _, compute = library
    compute()
    without = module.digest("cascada.one")
    assert module.digest("cascada.one", "cascada.four") != without


def test_prose_and_curves_retrain_and_retest_nothing():
    behaviour = ("cascada.behaviour.*", "cascada.behaviour.probes.*")
    for rule in (("cascada.training.trial", "cascada.models.lenet"), ("cascada.testing",), behaviour):
        assert not module._closure(rule) & {
            "cascada.training.tensorboard",
            "cascada.export.card",
            "cascada.core.provenance",
        }
    assert "cascada.export.card" in module._closure(("cascada.export.write", "cascada.export.card"))


def test_a_rule_depends_on_what_it_uses_and_not_on_its_neighbours():
    training = module._closure(("cascada.training.trial", "cascada.models.lenet"))
    assert {"cascada.models.lenet", "cascada.models.base", "cascada.data.loading", "cascada.training.resume"} < training
    assert not training & {
        "cascada.models.cae",
        "cascada.report.search.pictures",
        "cascada.testing",
        "cascada.data.merging",
    }
    conversion = module._closure(("cascada.data.sources", "cascada.data.sources.surrogate"))
    assert {"cascada.data.cascade", "cascada.data.atmosphere", "cascada.data.format"} < conversion
    assert not conversion & {"cascada.report.style", "cascada.report.data_card", "cascada.data.sources.corsika7"}
    assert "cascada.report.style" not in module._closure(("cascada.data.merging",))


def test_a_star_stands_for_every_module_of_a_package():
    found = module._closure(("cascada.models.*",))
    assert {"cascada.models", "cascada.models.lenet", "cascada.models.cae", "cascada.models.vae"} < found

"""A digest of the library code that a rule's result depends on: Snakemake itself does not track src/.

Code only: comments, docstrings, layout, names of modules and the lines that import them do not count, nor in which module a
function stands, so that moving a file reruns nothing; nor does the help of an `option`. Imports of `cascada` modules are followed,
but for those that say `DETERMINES_NO_RESULT = True`: what watches a training or writes prose. Of a module of another package
(a source or a family that it adds) the imports within that package are followed, too. A string that ends in `.j2` names a
template in the folder `templates` beside the module or in the room above: its text counts as the module's code, and so do the
templates that it names. Standard library only.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from cascada.core import extensions
from cascada.core.options import tree

SOURCE = Path(__file__).parents[2]
LIBRARY = "cascada"
OPTION = "option"  # of cascada.core.options: its help, the second argument, is prose
MARK = "DETERMINES_NO_RESULT"
TEMPLATE = ".j2"
NAMED_BY_TEMPLATE = re.compile(r"""["']([^"'{}]+\.j2)["']""")
COMMENT_OF_TEMPLATE = re.compile(r"\{#.*?#\}\s*", re.DOTALL)


@functools.cache
def digest(*modules: str, follow: bool = True) -> str:
    """Return 16 hexadecimal digits for modules (`cascada.training.trial`) and all that they import of this library.

    `cascada.models.*` stands for every module of a package. What is imported by a name known only at run time (a model
    family, a source) has to be named by the caller, and so has a module that is marked and yet counts here. With `follow`
    False the named modules count alone.
    """
    state = hashlib.sha256()
    followed = _followed(modules)
    counted = _closure(modules) if follow else modules
    for code in sorted(code for module in counted for code in _code(module, followed)):
        state.update(code.encode() + b"\0")
    return state.hexdigest()[:16]


def _followed(modules: tuple[str, ...]) -> frozenset[str]:
    """Return the top packages whose code is part of the digest: this library and those of the named modules."""
    return frozenset({LIBRARY, *(module.partition(".")[0] for module in modules)})


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    followed = _followed(modules)
    named = [name for module in modules for name in _named(module)]
    waiting = list(named)
    while waiting:
        module = waiting.pop()
        if module not in found and (module in named or not _is_marked(_path(module))):
            found.add(module)
            waiting += _imports(module, followed)
    return found


def _named(module: str) -> list[str]:
    package = module.removesuffix(".*")
    if package == module:
        return [module]
    return [
        package,
        *(f"{package}.{path.stem}" for path in _path(package).parent.glob("*.py") if path.stem != "__init__"),
    ]


@functools.cache
def _is_marked(path: Path) -> bool:
    return any(
        isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == MARK
        for node in tree(path).body
    )


@functools.cache
def _imports(module: str, followed: frozenset[str]) -> list[str]:
    """Return the modules of the followed packages that a module imports, at its top or inside functions."""
    names = []
    for node in _statements(tree(_path(module))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (base := _base(module, node)):
            names += [f"{base}.{alias.name}" for alias in node.names] + [base]
    return [name for name in names if "." in name and name.partition(".")[0] in followed and _exists(name)]


def _base(module: str, node: ast.ImportFrom) -> str:
    """The absolute name of what stands between `from` and `import` in a module."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    if _path(module).name != "__init__.py":
        parts.pop()
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield all statements below a node; expressions, most of a tree, hold none."""
    for name in ("body", "orelse", "handlers", "finalbody", "cases"):
        parts = getattr(node, name, ())
        for part in parts if isinstance(parts, list) else ():  # the body of a lambda is an expression
            yield part
            yield from _statements(part)


def _exists(module: str) -> bool:
    return _path(module).exists()


@functools.cache
def _path(module: str) -> Path:
    top, *rest = module.split(".")
    base = SOURCE.joinpath(top, *rest)
    if top != LIBRARY:
        return extensions.locate(top, *rest) or base
    package = base / "__init__.py"
    return package if package.exists() else base.with_suffix(".py")


@functools.cache
def _code(module: str, followed: frozenset[str]) -> tuple[str, ...]:
    """Return the statements at a file's top as texts, without docstrings and imports.

    A name that is imported from elsewhere than this library stands with where it comes from, since another library's
    function of the same name is other code; a module of this library has no name. Reading a file's tree is what costs:
    it is read once.
    """
    syntax = tree(_path(module))
    ours, others = _bound(module, followed)
    used: set[str] = set()
    templates: set[str] = set()

    def write(value: object, parts: list[str]) -> list[str]:
        """Append the parts of a node: what ast.dump would give, at half its price."""
        if isinstance(value, ast.Name):
            if value.id in others:
                used.add(f"{value.id} is {others[value.id]}")
            parts.append("" if value.id in ours else value.id)
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == OPTION:
            keywords = [keyword for keyword in value.keywords if keyword.arg != "help"]
            write([value.func, *value.args[:1], *keywords], parts)
        elif isinstance(value, ast.AST):
            parts.append(type(value).__name__)
            for name in value._fields:
                write(getattr(value, name, None), parts)
        elif isinstance(value, list):
            parts.append("[")
            for one in _spoken(value):
                write(one, parts)
            parts.append("]")
        else:
            if isinstance(value, str) and value.endswith(TEMPLATE):
                templates.add(value)
            parts.append(repr(value))
        return parts

    statements = [" ".join(write(part, [])) for part in _spoken(syntax.body)]
    return (*statements, *used, *_texts(_path(module), templates))


def _texts(module: Path, names: set[str]) -> list[str]:
    """Return the texts of a module's templates and of those that they extend, include or import, without comments."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        places = (folder / "templates" / name for folder in module.parents[:2])
        if name not in found and (path := next((place for place in places if place.is_file()), None)):
            found[name] = COMMENT_OF_TEMPLATE.sub("", path.read_text(encoding="utf-8"))
            waiting += NAMED_BY_TEMPLATE.findall(found[name])
    return list(found.values())


def _spoken(block: list) -> list:
    """Return what is left of a block, or of another list, without its docstring and its imports."""
    return [one for index, one in enumerate(block) if not (isinstance(one, ast.stmt) and _is_silent(one, index == 0))]


def _bound(module: str, followed: frozenset[str]) -> tuple[set[str], dict[str, str]]:
    """Return the names of followed modules in a module, and of what it imports from elsewhere: name → origin."""
    ours, others = set(), {}
    for node in _statements(tree(_path(module))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = _base(module, node) if isinstance(node, ast.ImportFrom) else None
            for alias in node.names:
                full = f"{base}.{alias.name}" if base else alias.name
                name = alias.asname or (full if base is None else alias.name).split(".")[0]
                if full.split(".")[0] not in followed:
                    others[name] = full
                elif _exists(full):
                    ours.add(name)
    return ours, others


def _is_silent(statement: ast.stmt, first: bool) -> bool:
    """Whether a statement is an import or, as the first of its block, a docstring."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    return (
        first
        and isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )

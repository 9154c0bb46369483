"""A digest of the library code that a rule's result depends on: Snakemake itself does not track src/.

Code only: comments, docstrings, layout, names of modules and the lines that import them do not count, nor in which module a
function stands, so that moving a file reruns nothing. Imports of `cascada` modules are followed, but for those that say
`DETERMINES_NO_RESULT = True`: what watches a training or writes prose. Standard library only.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2]
MARK = "DETERMINES_NO_RESULT"


@functools.cache
def digest(*modules: str) -> str:
    """Return 16 hexadecimal digits for modules (`cascada.training.trial`) and all that they import of this library.

    `cascada.models.*` stands for every module of a package. What is imported by a name known only at run time (a model
    family, a source) has to be named by the caller, and so has a module that is marked and yet counts here.
    """
    state = hashlib.sha256()
    for code in sorted(code for module in _closure(modules) for code in _code(_path(module))):
        state.update(code.encode() + b"\0")
    return state.hexdigest()[:16]


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    named = [name for module in modules for name in _named(module)]
    waiting = list(named)
    while waiting:
        module = waiting.pop()
        if module not in found and (module in named or not _is_marked(_path(module))):
            found.add(module)
            waiting += _imports(_path(module))
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
        for node in _tree(path).body
    )


@functools.cache
def _imports(path: Path) -> list[str]:
    """Return the modules of this library that a file imports, at its top or inside functions."""
    names = []
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
    return [name for name in names if name.startswith("cascada.") and _exists(name)]


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
    base = SOURCE.joinpath(*module.split("."))
    package = base / "__init__.py"
    return package if package.exists() else base.with_suffix(".py")


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _code(path: Path) -> tuple[str, ...]:
    """Return the statements at a file's top as texts, without docstrings and imports.

    A name that is imported from elsewhere than this library stands with where it comes from, since another library's
    function of the same name is other code; a module of this library has no name. Reading a file's tree is what costs:
    it is read once.
    """
    tree = _tree(path)
    ours, others = _bound(tree)
    used: set[str] = set()

    def write(value: object, parts: list[str]) -> list[str]:
        """Append the parts of a node: what ast.dump would give, at half its price."""
        if isinstance(value, ast.Name):
            if value.id in others:
                used.add(f"{value.id} is {others[value.id]}")
            parts.append("" if value.id in ours else value.id)
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
            parts.append(repr(value))
        return parts

    return (*(" ".join(write(part, [])) for part in _spoken(tree.body)), *used)


def _spoken(block: list) -> list:
    """Return what is left of a block, or of another list, without its docstring and its imports."""
    return [one for index, one in enumerate(block) if not (isinstance(one, ast.stmt) and _is_silent(one, index == 0))]


def _bound(tree: ast.Module) -> tuple[set[str], dict[str, str]]:
    """Return the names of this library's modules in a file, and of what it imports from elsewhere: name → origin."""
    ours, others = set(), {}
    for node in _statements(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            for alias in node.names:
                full = f"{module}.{alias.name}" if module else alias.name
                name = alias.asname or (full if module is None else alias.name).split(".")[0]
                if full.split(".")[0] != "cascada":
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

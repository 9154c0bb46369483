"""A digest of the library code that a rule's result depends on: Snakemake itself does not track src/.

Code only: comments, docstrings and layout do not count. Imports of `cascada` modules are followed. Standard library only.
"""

import ast
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1]


@functools.cache
def digest(*modules: str) -> str:
    """Return 16 hexadecimal digits for modules (`cascada.training`) and all that they import of this library.

    `cascada.models.*` stands for every module of a package. What is imported by a name known only at run time (a model
    family, a source) has to be named by the caller.
    """
    state = hashlib.sha256()
    for module in sorted(_closure(modules)):
        state.update(module.encode() + b"\0" + _code(_path(module)).encode() + b"\0")
    return state.hexdigest()[:16]


def _closure(modules: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = [name for module in modules for name in _named(module)]
    while waiting:
        module = waiting.pop()
        if module not in found:
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
def _code(path: Path) -> str:
    """Return a file's code as text, docstrings left out. Reading a file's tree is what costs: it is read once."""
    tree = _tree(path)
    for node in (tree, *_statements(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body[0] = ast.copy_location(ast.Pass(), first)
    return ast.dump(tree)

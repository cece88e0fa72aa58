"""Which tables each module of kernels reads and writes, and in what units, from its code: ``python -m
tests.kernels.tables_told`` writes that at the end of its docstring, and ``test_tables_told.py`` compares the two.

Counted is what a module's own functions do, and what others do to arrays that they get from these under names of their
own (``heap.push(f.heap_keys, ...)``). What a function does to a bundle, or to a table or row that it calls by its name
(``settle_pool(pools, ...)``), is told by its own module.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections import defaultdict
from functools import cache
from pathlib import Path

from gpusim.kernels.packing.state import Packing
from gpusim.kernels.serving.state import Engines
from gpusim.kernels.serving.traffic import Traffic
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.serving import Serving

KERNELS = Path(__file__).parents[2] / "gpusim" / "kernels"
COMPILED = {"kernel", "inner", "part"}
BUNDLES = {"f", "s", "t", "v"}  # what functions call the fleet, a cluster or engines, traffic, services
TABLES = {name for bundle in (Fleet, Serving, Packing, Engines, Traffic) for name in bundle.ARRAYS}
# What functions call a row that they are given, or a table.
ROWS = {
    "job": "jobs", "pool": "pools", "site": "sites", "lane": "lanes", "segment": "segments", "shape": "shapes",
    "request": "requests", "replica": "engines", "e": "entries",
    **{name: name for name in ("jobs", "pools", "sites", "lanes", "classes", "numbers")},
}  # fmt: skip
# How names end, or what stands in them, and the unit.
UNITS = {
    r"_s$": "s", r"_w$|_w_per_gpu$": "W", r"_j$": "J", r"microwatts|^power$": "µW", r"_usd$|^usd_|_usd_per_": "USD",
    r"_g$|_g_per_": "g", r"bytes": "bytes", r"_mib$": "MiB", r"milli": "GPU/1000", r"gpus": "GPUs",
    r"tokens": "tokens", r"blocks": "blocks",
}  # fmt: skip
LABELS = ("Writes", "Reads", "Units")
WIDTH = 120


@cache
def modules() -> dict[str, ast.Module]:
    """Those with compiled functions, by name."""
    found = {}
    for path in sorted(KERNELS.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if compiled(tree):
            found[".".join(("gpusim", "kernels", *path.relative_to(KERNELS).with_suffix("").parts))] = tree
    return found


def compiled(tree: ast.Module) -> list[ast.FunctionDef]:
    """Its compiled functions."""
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and decorators(node) & COMPILED]


def decorators(function: ast.FunctionDef) -> set[str]:
    return {one.id for one in function.decorator_list if isinstance(one, ast.Name)}


class Function:
    """What one function reads and writes: tables by name, and arguments by position."""

    def __init__(self, module: str, node: ast.FunctionDef):
        self.module, self.node = module, node
        self.arguments = [one.arg for one in node.args.args]
        self.aliases: dict[str, set] = defaultdict(set)
        for k, name in enumerate(self.arguments):
            if name not in BUNDLES:
                self.aliases[name].add(ROWS.get(name, k))
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.writes_arguments: set[int] = set()
        for _ in range(2):  # an alias of an alias
            for one in ast.walk(node):
                if isinstance(one, ast.Assign):
                    for target in one.targets:
                        self._bind(target, one.value)
        for one in ast.walk(node):
            self._look(one)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for one, other in zip(target.elts, value.elts, strict=True):
                self._bind(one, other)
        elif isinstance(target, ast.Name) and not isinstance(value, ast.Call):
            self.aliases[target.id] |= self.origins(value)

    def origins(self, node: ast.expr) -> set:
        """Tables, and positions of arguments, that an expression is a part of."""
        if isinstance(node, ast.IfExp):
            return self.origins(node.body) | self.origins(node.orelse)
        while isinstance(node, ast.Subscript | ast.Attribute):
            if table := self._table(node):
                return {table}
            node = node.value
        return set(self.aliases.get(node.id, ())) if isinstance(node, ast.Name) else set()

    def _table(self, node: ast.expr) -> str | None:
        of_bundle = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in BUNDLES
        return node.attr if of_bundle and node.attr in TABLES else None

    def _look(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute | ast.Subscript):
            if table := self._table(node):
                self.reads.add(table)
            elif isinstance(node.value, ast.Name):
                self.reads |= {one for one in self.aliases.get(node.value.id, ()) if isinstance(one, str)}
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            self.write(self.origins(node))

    def write(self, origins: set) -> bool:
        """Whether that is new."""
        before = len(self.writes) + len(self.writes_arguments)
        self.writes |= {one for one in origins if isinstance(one, str)}
        self.writes_arguments |= {one for one in origins if isinstance(one, int)}
        return len(self.writes) + len(self.writes_arguments) > before

    def calls(self, names: dict[str, str]):
        """(module and name of what it calls, arguments); ``names`` as the module imports them."""
        for one in ast.walk(self.node):
            if isinstance(one, ast.Call):
                at = one.func
                if isinstance(at, ast.Name):
                    yield names.get(at.id, f"{self.module}.{at.id}"), one.args
                elif isinstance(at, ast.Attribute) and isinstance(at.value, ast.Name):
                    yield f"{names.get(at.value.id, '')}.{at.attr}", one.args


@cache
def imported(module: str) -> dict[str, str]:
    """What names of a module are those of another."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in modules()[module].body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@cache
def functions() -> dict[str, Function]:
    """All of them by module and name, with what the functions that they call do to what they pass."""
    found = {}
    for module, tree in modules().items():
        for node in compiled(tree):
            found[f"{module}.{node.name}"] = Function(module, node)
    changed = True
    while changed:
        changed = False
        for one in found.values():
            for name, arguments in one.calls(imported(one.module)):
                for k in found[name].writes_arguments if name in found else ():
                    if k < len(arguments):
                        changed |= one.write(one.origins(arguments[k]))
    return found


def writes_at_all(one: Function, seen: tuple[Function, ...] = ()) -> bool:
    """Whether a function or what it calls writes anything."""
    if one.writes or one.writes_arguments:
        return True
    called = [functions()[name] for name, _arguments in one.calls(imported(one.module)) if name in functions()]
    return any(writes_at_all(other, (*seen, one)) for other in called if other not in seen)


def units(tree: ast.Module) -> list[str]:
    """Those that names of its functions end in."""
    names = set()
    for function in compiled(tree):
        for node in ast.walk(function):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                    names.add(name)
    return [unit for pattern, unit in UNITS.items() if any(re.search(pattern, name) for name in names)]


def told(module: str) -> str:
    """The end of its docstring."""
    mine = [one for one in functions().values() if one.module == module]
    given = {one.arguments[k] for one in mine for k in one.writes_arguments}
    writes = {table for one in mine for table in one.writes}
    reads = {table for one in mine for table in one.reads} - writes
    parts = (sorted(writes) + sorted(f"`{name}`" for name in given), sorted(reads), units(modules()[module]))
    lines = [f"{label}: {', '.join(part) or 'nothing'}." for label, part in zip(LABELS, parts, strict=True) if part]
    if not writes | given:
        lines.insert(0, f"Writes: {'by what it calls' if any(map(writes_at_all, mine)) else 'nothing'}.")
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in lines)


def without(docstring: str) -> str:
    """A docstring without that end."""
    return re.split(r"\n\n(?=Writes: )", docstring)[0]


def write(module: str) -> None:
    """Put it at the end of the module's docstring."""
    path = KERNELS.joinpath(*module.split(".")[2:]).with_suffix(".py")
    source, tree = path.read_text(encoding="utf-8"), modules()[module]
    docstring = ast.get_docstring(tree, clean=False)
    lines = source.splitlines(keepends=True)
    end = tree.body[0].end_lineno
    new = f'"""{without(docstring).rstrip()}\n\n{told(module)}\n"""\n'
    path.write_text(new + "".join(lines[end:]), encoding="utf-8")


if __name__ == "__main__":
    for name in modules():
        write(name)

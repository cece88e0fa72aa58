"""What a kernel is made of: the code of its module and of all that this imports of gpusim.

A cache on disk must not outlive a change of any of it, and need not be given up for a change of anything else: not for
another kernel, nor for a comment or docstring, nor for the words or the colour of a cause.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import CodeType

ALWAYS = ("gpusim.kernels.bundle_type", "gpusim.kernels._jit")  # how kernels see the fleet, and are compiled
# Made from tables that hold much else: of these their numbers make a difference.
BY_VALUE = ("gpusim.kernels.state.codes",)
_HAS_DOCSTRING = 0x4000000  # flag of a function's code since Python 3.13; before, its first constant is it or None


@cache
def digest(module: str) -> str:
    """Of the code of a module and of all that it imports of gpusim, however far away."""
    parts, wanted = {}, [module, *ALWAYS]
    while wanted:
        name = wanted.pop()
        if name not in parts:
            parts[name], imports = _part(name)
            wanted.extend(imports)
    return sha256(b"".join(name.encode() + parts[name] for name in sorted(parts))).hexdigest()


def code_of(module: str) -> CodeType:
    """Code of a module, as Python keeps it on disk."""
    spec = importlib.util.find_spec(module)
    if hasattr(spec.loader, "get_code"):
        return spec.loader.get_code(module)
    return compile(Path(spec.origin).read_text(encoding="utf-8"), spec.origin, "exec")  # a loader of somebody's own


@cache
def _part(module: str) -> tuple[bytes, tuple[str, ...]]:
    """Digest of a module's own code, and the modules of gpusim that it imports."""
    if module in BY_VALUE:
        return sha256(_values(module)).digest(), ()
    code = code_of(module)
    return sha256(_bytes(code)).digest(), tuple(_imports(code))


def _values(module: str) -> bytes:
    """Numbers that a module holds, with their names: members of enumerations, and of tuples."""
    found = vars(importlib.import_module(module)).items()
    numbers = [(name, value) for name, value in found if isinstance(value, int | tuple)]
    kinds = [one for _name, one in found if isinstance(one, type) and issubclass(one, IntEnum) and one is not IntEnum]
    return repr(numbers + [(kind.__name__, [(one.name, int(one)) for one in kind]) for kind in kinds]).encode()


def _imports(code: CodeType) -> Iterator[str]:
    """What a module imports at its top, as all do: its names with a point in them, and what it takes from packages."""
    taken = {name for names in code.co_consts if isinstance(names, tuple) for name in names if isinstance(name, str)}
    for name in code.co_names:
        if name.partition(".")[0] == "gpusim":
            package = importlib.util.find_spec(name)
            if package.submodule_search_locations is None:
                yield name
            else:
                yield from (f"{name}.{one}" for one in sorted(taken) if f"{name}.{one}" in _modules(name))


@cache
def _modules(package: str) -> set[str]:
    """Those right inside a package."""
    found = importlib.import_module(package).__path__
    return {f"{package}.{module.name}" for module in pkgutil.iter_modules(found) if not module.ispkg}


def _bytes(code: CodeType) -> bytes:
    """What of a code object makes a difference: neither lines nor docstrings."""
    constants = code.co_consts
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)
    may_be_told = not is_function or sys.version_info < (3, 13) or bool(code.co_flags & _HAS_DOCSTRING)
    if may_be_told and constants and isinstance(constants[0], str):
        constants = constants[1:]
    if "__firstlineno__" in code.co_names:  # of a class, since Python 3.13
        constants = tuple(one for one in constants if one != code.co_firstlineno)
    parts = [code.co_code, repr((code.co_names, code.co_varnames, code.co_freevars)).encode()]
    parts += [_bytes(one) if isinstance(one, CodeType) else repr(one).encode() for one in constants]
    return b"|".join(parts)

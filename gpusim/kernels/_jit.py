"""The one place that chooses how kernels are compiled.

Kept on disk: a second start compiles nothing, and after an edit only what depends on it (``sources``). No fastmath:
sums must be the same on every run. No threads inside a run: runs are parallel. ``error_model="numpy"``: no branch for
division by zero in the hot loops. ``_nrt=False``: kernels allocate nothing, so no array needs reference counting
(which otherwise takes most of the time).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from numba import njit
from numba.core import caching
from numba.core.compiler import CompileResult

import gpusim.kernels.bundle_type  # noqa: F401  (teaches numba the type of what every kernel takes first)
from gpusim.kernels import sources
from gpusim.kernels.linking import KernelCompiler

# Called from Python. Who does not say whether to inline it does as its caller.
_all = {"error_model": "numpy", "_nrt": False, "pipeline_class": KernelCompiler}
outer = njit(forceinline=False, **_all)
# Called from kernels only: no way in from Python, which for a fleet of 24 arrays is longer than the code itself.
_inside = {**_all, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = njit(forceinline=False, **_inside)
# Of every event, with one caller or two: compiled into these, which saves a fifth of the time.
part = njit(forceinline=True, **_inside)


def _by_sources(locator: type) -> type:
    """A locator of caches by what a kernel is made of, in place of its file's time and its line.

    The digest stands in the file's name: what was written for other sources, maybe with types that are no more, is not
    even read.
    """

    class BySources(locator):
        def __init__(self, function: Callable, file: str):
            super().__init__(function, file)
            self._digest = sources.digest(function.__module__)[:16]

        def get_source_stamp(self) -> str:
            return self._digest

        def get_disambiguator(self) -> str:
            return self._digest

    return BySources


class _Contents(caching.CompileResultCacheImpl):
    _locator_classes = [
        _by_sources(locator)
        for locator in (caching.UserProvidedCacheLocator, caching.InTreeCacheLocator, caching.UserWideCacheLocator)
    ]


class _Cache(caching.FunctionCache):
    _impl_class = _Contents

    def load_overload(self, sig, target_context) -> CompileResult | None:
        """A kernel from disk; numba first learns all that it can compile, which takes as long as reading it."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)

    def save_overload(self, sig, data) -> None:
        """Keep a compiled kernel, and what was kept of it for other sources no longer."""
        super().save_overload(sig, data)
        head, _digest, tail = self._impl.filename_base.rpartition(self._impl.locator.get_disambiguator())
        _name, _dot, version = tail.rpartition(".")
        for file in Path(self.cache_path).glob(f"{head}*.{version}.*"):
            if not file.name.startswith(f"{self._impl.filename_base}."):
                file.unlink(missing_ok=True)


def kernel(function: Callable) -> Callable:
    """Called from Python: compiled once, then read from disk."""
    compiled = outer(function)
    if compiled is not function:  # with the JIT switched off it is
        compiled._cache = _Cache(function)  # as njit(cache=True) does, with numba's own kind of cache
    return compiled

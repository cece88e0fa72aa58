"""The one place that chooses how kernels are compiled.

Kept on disk: a second start compiles nothing, and after an edit only what depends on it (``sources``). No fastmath:
sums must be the same on every run. No threads inside a run: runs are parallel. ``error_model="numpy"``: no branch for
division by zero in the hot loops. ``_nrt=False``: kernels allocate nothing, so no array needs reference counting
(which otherwise takes most of the time).
"""

from __future__ import annotations

from collections.abc import Callable

from numba import njit
from numba.core import caching

import gpusim.kernels.bundle_type  # noqa: F401  (teaches numba the type of what every kernel takes first)
from gpusim.kernels import sources

# Called from kernels only: no way in from Python, which for a fleet of 24 arrays is longer than the code itself.
inner = njit(error_model="numpy", _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
_outer = njit(error_model="numpy", _nrt=False)


def _stamped(locator: type) -> type:
    """A locator of caches that tells by the sources, not by file, time and line, whether a kernel is still the same."""

    class Stamped(locator):
        def __init__(self, function: Callable, file: str):
            super().__init__(function, file)
            self._module = function.__module__

        def get_source_stamp(self) -> str:
            return sources.digest(self._module)

        def get_disambiguator(self) -> str:
            return "kernel"

    return Stamped


class _Contents(caching.CompileResultCacheImpl):
    _locator_classes = [
        _stamped(locator)
        for locator in (caching.UserProvidedCacheLocator, caching.InTreeCacheLocator, caching.UserWideCacheLocator)
    ]


class _Cache(caching.FunctionCache):
    _impl_class = _Contents


def kernel(function: Callable) -> Callable:
    """Called from Python: compiled once, then read from disk."""
    compiled = _outer(function)
    if compiled is not function:  # with the JIT switched off it is
        compiled._cache = _Cache(function)  # as njit(cache=True) does, with numba's own kind of cache
    return compiled

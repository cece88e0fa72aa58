"""The one place that chooses how kernels are compiled.

``cache``: a second start compiles nothing. No fastmath: sums must be the same on every run. No threads inside a
run: runs are parallel. ``error_model="numpy"``: no branch for division by zero in the hot loops. ``_nrt=False``:
kernels allocate nothing, so no array needs reference counting (which otherwise takes most of the time).
"""

from __future__ import annotations

from numba import njit

import gpusim.kernels.fleet_type  # noqa: F401  (teaches numba the type of the argument of every kernel)

# Called from Python: compiled once, then read from disk. (Who does not say whether to inline it does as its caller.)
kernel = njit(cache=True, error_model="numpy", _nrt=False, forceinline=False)
# Called from kernels only: no way in from Python, which for a fleet of 24 arrays is longer than the code itself.
_inside = {"error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = njit(forceinline=False, **_inside)
# Of every event, with one caller or two: compiled into these, which saves a fifth of the time.
part = njit(forceinline=True, **_inside)

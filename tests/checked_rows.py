"""Rows of bundles that refuse an index below 0 or beyond the end, for kernels that are run as plain Python.

Compiled, they look at no index (``kernels/bundle_type.py``): a wrong one would read or write somewhere else.
"""

from __future__ import annotations

import numpy as np

from gpusim.kernels.state.bundle import Bundle


class _Checked:
    def __getitem__(self, i):
        self._check(i)
        return super().__getitem__(i)

    def __setitem__(self, i, value):
        self._check(i)
        super().__setitem__(i, value)

    def _check(self, i):
        if self.ndim == 1 and isinstance(i, (int, np.integer)) and not 0 <= i < len(self):
            raise IndexError(f"index {i} of {len(self)} rows")


class _Records(_Checked, np.recarray):
    pass


class _Numbers(_Checked, np.ndarray):
    pass


def checked(array: np.ndarray) -> np.ndarray:
    """The same rows, each access looked at."""
    return array.view(_Records if array.dtype.names else _Numbers)


def check_bundles() -> None:
    """Have every bundle of this process check its rows."""
    put = Bundle.put

    def put_checked(bundle: Bundle, name: str, array: np.ndarray) -> None:
        put(bundle, name, array)
        object.__setattr__(bundle, name, checked(array))

    Bundle.put = put_checked

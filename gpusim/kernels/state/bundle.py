"""Arrays that kernels see together, as one argument."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

import numpy as np

_LINE = 64  # bytes


class Bundle:
    """State that kernels read and write: arrays as attributes, by the names of ``ARRAYS``.

    ``table`` holds address, rows and columns of each array: compiled kernels get this one pointer, ``address``, instead
    of two dozen arrays, which makes them several times faster, to compile and to call.

    Attributes
    ----------
    ARRAYS : dict of str to (dtype, int)
        Type and dimensions of each array. A subclass gives them, and names them with ``table`` in its ``__slots__``.
    """

    __slots__ = ("address",)
    ARRAYS: ClassVar[dict[str, tuple[np.dtype, int]]]

    def __init__(self, **arrays: np.ndarray):
        object.__setattr__(self, "table", np.zeros((len(self.ARRAYS), 3), dtype=np.int64))
        object.__setattr__(self, "address", self.table.ctypes.data)
        for name in self.ARRAYS:
            self.put(name, arrays[name])

    def __setattr__(self, name: str, _value: object) -> None:
        raise AttributeError(
            f"{type(self).__name__.lower()} array '{name}' cannot be assigned: kernels would go on with the old one;"
            " use put"
        )

    def put(self, name: str, array: np.ndarray) -> None:
        """Set one array: dtype, dimensions and layout as in ``ARRAYS``, and at least as many rows as before."""
        dtype, ndim = self.ARRAYS[name]
        what = f"{type(self).__name__.lower()} array '{name}'"
        if array.ndim != ndim or _plain(array.dtype) != dtype or not array.flags.c_contiguous:
            raise TypeError(f"{what} must be a C-contiguous {ndim}-d array of {dtype}")
        row = list(self.ARRAYS).index(name)
        if len(array) < self.table[row, 1]:
            raise TypeError(f"{what} has {self.table[row, 1]} rows, found {len(array)}; it may only grow")
        object.__setattr__(self, name, array)
        self.table[row] = (array.ctypes.data, array.shape[0], array.shape[1] if ndim == 2 else 1)


@lru_cache(maxsize=128)
def _plain(dtype: np.dtype) -> np.dtype:
    """A type of records without what lets their fields be read as attributes."""
    return np.dtype(dtype.fields, align=dtype.isalignedstruct) if dtype.fields else dtype


def record(fields: list[tuple]) -> np.dtype:
    """A kind of record whose fields lie as in C, none across the border of a word."""
    return np.dtype(fields, align=True)


def records(dtype: np.dtype, n: int) -> np.recarray:
    """``n`` zeroed records whose fields read as attributes, in kernels and outside, from a cache line's border on."""
    room = np.zeros(n * dtype.itemsize + _LINE, dtype=np.uint8)
    first = -room.ctypes.data % _LINE
    return room[first : first + n * dtype.itemsize].view(dtype).view(np.recarray)

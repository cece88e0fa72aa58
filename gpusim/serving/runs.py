"""Measured runs under closed loops, as arrays: what predictions are held against and fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TypeVar

import numpy as np

from gpusim.serving.closed_loop import Load, token_time_s
from gpusim.serving.coefficients import Coefficients
from gpusim.serving.kv_cache import running
from gpusim.serving.replica import Replica

T = TypeVar("T")


@dataclass(frozen=True)
class Runs:
    """Runs, one a row.

    Attributes
    ----------
    replica, load : Replica, Load
        Of arrays: on what each ran, and what was asked.
    token_s : ndarray, shape (n,)
        [s] from token to token, mean.
    power_w : ndarray, shape (n,)
        [W] of one GPU, mean; NaN where it was not measured.
    """

    replica: Replica
    load: Load
    token_s: np.ndarray
    power_w: np.ndarray

    def predicted_s(self, c: Coefficients) -> np.ndarray:
        """[s] from token to token by a roofline."""
        return token_time_s(self.replica, c, self.load, running(self.replica, self.load))

    def only(self, rows: np.ndarray) -> Runs:
        """Some of the runs."""
        return picked(self, rows)


def stacked(items: Sequence[T]) -> T:
    """One dataclass of arrays from many of numbers; dataclasses within it likewise, texts as arrays of texts."""
    first = items[0]
    if is_dataclass(first):
        names = [field.name for field in fields(first)]
        return _unchecked(first, {name: stacked([getattr(item, name) for item in items]) for name in names})
    return np.array(items, dtype=None if isinstance(first, str | bool) else float)


def picked(item: T, rows: np.ndarray | int) -> T:
    """Some rows, or one, of a dataclass of arrays; numbers stay."""
    if is_dataclass(item):
        return _unchecked(item, {field.name: picked(getattr(item, field.name), rows) for field in fields(item)})
    return item[rows] if isinstance(item, np.ndarray) and item.ndim else item


def _unchecked(like: T, values: dict) -> T:
    """A dataclass with other values: its checks are of numbers."""
    made = object.__new__(type(like))
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made

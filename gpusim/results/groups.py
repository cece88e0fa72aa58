"""Rows of a table in groups: sums and quantiles of columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd


class Groups:
    """Rows by the value of a key; rows without a key are in no group.

    Parameters
    ----------
    keys : Series, shape (n_rows,)
        Groups are in the order of its values, or of its categories; only those that have rows.
    """

    def __init__(self, keys: pd.Series):
        column = keys.astype("category")
        codes = column.cat.codes.to_numpy()
        self._rows = None if (codes >= 0).all() else np.flatnonzero(codes >= 0)
        codes = self._of(codes)
        used = np.flatnonzero(np.bincount(codes))
        place = np.zeros(len(column.cat.categories), dtype=int)
        place[used] = np.arange(len(used))
        self._codes = place[codes]
        self.labels = column.cat.categories[used]
        if isinstance(keys.dtype, pd.CategoricalDtype):
            self.labels = pd.Categorical.from_codes(used, dtype=keys.dtype)

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Rows of each group, shape (n_groups,)."""
        return np.bincount(self._codes, minlength=len(self))

    def counts(self, mask: np.ndarray) -> np.ndarray:
        """Rows of each group where ``mask`` holds, shape (n_groups,)."""
        return np.bincount(self._codes[self._of(mask)], minlength=len(self))

    def sums(self, **columns: np.ndarray) -> dict[str, np.ndarray]:
        """Sums of columns by group, NaN left out; shape (n_groups,) each."""
        table = pd.DataFrame({name: self._of(np.asarray(values, dtype=float)) for name, values in columns.items()})
        found = table.groupby(self._codes).sum()
        return {name: found[name].to_numpy() for name in found}

    def quantiles(self, values: np.ndarray, shares: Sequence[float]) -> np.ndarray:
        """Quantiles of each group, NaN left out, linear between neighbours; shape (n_groups, n_shares).

        Between a finite and an infinite neighbour they are infinite; of a group without values NaN.
        """
        found = np.full((len(self), len(shares)), np.nan)
        for i, mine in enumerate(np.split(self._of(values)[self._order], np.cumsum(self.sizes)[:-1])):
            mine = mine[~np.isnan(mine)]
            if len(mine):
                found[i] = _quantiles(mine, np.array(shares))
        return found

    @cached_property
    def _order(self) -> np.ndarray:
        """Rows, those of one group behind those of another."""
        few = len(self) <= np.iinfo("u2").max
        return np.argsort(self._codes.astype("u2") if few else self._codes, kind="stable")  # two bytes sort by counting

    def _of(self, values: np.ndarray) -> np.ndarray:
        return values if self._rows is None else values[self._rows]


def _quantiles(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    at = shares * (len(values) - 1)
    row, part = at.astype(int), at % 1.0
    following = np.where(part > 0.0, row + 1, row)
    values = np.partition(values, np.union1d(row, following))
    low, high = values[row], values[following]
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.where(np.isinf(low) | (part == 0.0), low, low + (high - low) * part)

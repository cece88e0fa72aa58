"""Courses over time, thinned so that a figure shows every step and draws fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.analysis.causes import SLACK
from gpusim.record.result import Result

MOST_STEPS = 300


@dataclass(frozen=True)
class Series:
    """A result's tables as means over common time steps of whole record intervals.

    Attributes
    ----------
    edges_s : ndarray, shape (steps + 1,)
        [s] Bounds of the steps; at most ``MOST_STEPS`` steps.
    """

    result: Result
    edges_s: np.ndarray

    @classmethod
    def of(cls, result: Result, most: int = MOST_STEPS) -> Series:
        """Series of a result in at most ``most`` steps."""
        spans = result.power if len(result.power) else result.pools
        edges_s = np.union1d(spans["start_s"], spans["end_s"])
        stride = -(-(len(edges_s) - 1) // most)
        return cls(result, np.append(edges_s[:-1:stride], edges_s[-1]))

    @property
    def spans_s(self) -> np.ndarray:
        """[s] Lengths of the steps, shape (steps,)."""
        return np.diff(self.edges_s)

    def integral(self, table: pd.DataFrame, value: np.ndarray, by: str) -> pd.DataFrame:
        """Sum of ``value`` per step (rows) and value of the column ``by`` (columns)."""
        step = np.searchsorted(self.edges_s, table["start_s"].to_numpy(), side="right") - 1
        codes, names = pd.factorize(table[by].astype(str))
        n, k = len(self.spans_s), max(len(names), 1)
        sums = np.bincount(step * k + codes, weights=value, minlength=n * k).reshape(n, k)
        return pd.DataFrame(sums[:, : len(names)], columns=names)

    def gpus(self, site: str) -> pd.DataFrame:
        """Mean GPUs of a site by cause of the ledger."""
        table = self.result.ledger[self.result.ledger["site"] == site]
        return self.integral(table, table["gpu_s"].to_numpy(), "cause").div(self.spans_s, axis=0)

    def mean(self, table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        """Means over time of columns, summed over the table's rows of one instant."""
        span_s = (table["end_s"] - table["start_s"]).to_numpy()
        one = table.assign(all="all")
        return pd.DataFrame(
            {c: self.integral(one, table[c].to_numpy() * span_s, "all")["all"] / self.spans_s for c in columns}
        )

    def binding(self, entries: pd.DataFrame) -> pd.DataFrame:
        """What held back most in each step.

        Parameters
        ----------
        entries : DataFrame
            Rows of ``gpusim.analysis.bottlenecks.books``, say of one site.

        Returns
        -------
        DataFrame
            cause ("" where nothing held back) and gpus (mean GPUs that it held back).
        """
        entries = entries[~entries["cause"].isin(SLACK) & (entries["held_s"] > 0.0)]
        held = self.integral(entries, entries["held_s"].to_numpy(), "cause").div(self.spans_s, axis=0)
        if held.empty:
            return pd.DataFrame({"cause": "", "gpus": 0.0}, index=range(len(self.spans_s)))
        most = held.max(axis=1)
        return pd.DataFrame({"cause": held.idxmax(axis=1).where(most > 0.0, ""), "gpus": most})

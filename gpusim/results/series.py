"""Courses over time, thinned so that a figure shows every step and draws fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gpusim.causes import SLACK, STALLED
from gpusim.results.tables.record import Record

MOST_STEPS = 300


@dataclass(frozen=True)
class Series:
    """A result's tables as means over common time steps of whole record intervals.

    Attributes
    ----------
    edges_s : ndarray, shape (steps + 1,)
        [s] Bounds of the steps; at most ``MOST_STEPS`` steps.
    """

    result: Record
    edges_s: np.ndarray

    @classmethod
    def of(cls, result: Record, most: int = MOST_STEPS) -> Series:
        """Series of a result in at most ``most`` steps."""
        spans = result.power if len(result.power) else result.pools
        edges_s = np.union1d(spans["start_s"], spans["end_s"])
        stride = -(-(len(edges_s) - 1) // most)
        return cls(result, np.append(edges_s[:-1:stride], edges_s[-1]))

    @property
    def spans_s(self) -> np.ndarray:
        """[s] Lengths of the steps, shape (steps,)."""
        return np.diff(self.edges_s)

    def _step_of(self, start_s: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.edges_s, start_s, side="right") - 1

    def integral(self, table: pd.DataFrame, value: np.ndarray, by: str) -> pd.DataFrame:
        """Sum of ``value`` per step (rows) and value of the column ``by`` (columns)."""
        step = self._step_of(table["start_s"].to_numpy())
        codes, names = pd.factorize(table[by].astype(str))
        n, k = len(self.spans_s), max(len(names), 1)
        sums = np.bincount(step * k + codes, weights=value, minlength=n * k).reshape(n, k)
        return pd.DataFrame(sums[:, : len(names)], columns=names)

    def gpus(self, sites: list[str]) -> pd.DataFrame:
        """Mean GPUs of sites by cause of the ledger."""
        table = self.result.ledger[self.result.ledger["site"].isin(sites)]
        return self.integral(table, table["gpu_s"].to_numpy(), "cause").div(self.spans_s, axis=0)

    def power_w(self, sites: list[str]) -> pd.DataFrame:
        """Power [W] of sites in all: means of it_w and facility_w, least limit_w."""
        table = self.result.power[self.result.power["site"].isin(sites)].assign(all="all")
        span_s = (table["end_s"] - table["start_s"]).to_numpy()
        power = pd.DataFrame(
            {
                name: self.integral(table, table[name].to_numpy() * span_s, "all")["all"] / self.spans_s
                for name in ("it_w", "facility_w")
            }
        )
        limit_w = table.groupby("start_s")["limit_w"].sum()
        least_w = np.full(len(power), np.inf)
        np.minimum.at(least_w, self._step_of(limit_w.index.to_numpy()), limit_w.to_numpy())
        return power.assign(limit_w=least_w)

    def held_back(self, entries: pd.DataFrame) -> pd.DataFrame:
        """Mean GPUs held back by cause, of rows of ``gpusim.results.ledger.both_sides``; slack left out."""
        entries = entries[~entries["cause"].isin(SLACK) & (entries["held_s"] > 0.0)]
        return self.integral(entries, entries["held_s"].to_numpy(), "cause").div(self.spans_s, axis=0)

    def asked(self, entries: pd.DataFrame) -> pd.DataFrame:
        """Mean GPUs that waiting jobs and missing replicas asked for by cause, of rows of ``both_sides``."""
        entries = entries[~entries["cause"].isin(STALLED) & (entries["asked_s"] > 0.0)]
        return self.integral(entries, entries["asked_s"].to_numpy(), "cause").div(self.spans_s, axis=0)

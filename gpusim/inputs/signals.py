"""Signals: step functions of time, with exact integrals."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import numpy as np


class Signal:
    """Step function: ``values[i]`` holds from ``times_s[i]`` to ``times_s[i + 1]``.

    The first value also holds before the first time, the last one for ever after.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        [s], strictly increasing.
    values : ndarray, shape (n,)
        Finite.

    Raises
    ------
    ValueError
        If times and values do not fit together, or times do not increase, or a number is not finite.
    """

    def __init__(self, times_s: np.ndarray, values: np.ndarray):
        self.times_s = np.asarray(times_s, dtype=float)
        self.values = np.asarray(values, dtype=float)
        if self.times_s.shape != self.values.shape or self.times_s.ndim != 1 or len(self.times_s) == 0:
            raise ValueError(f"need equally long times and values, got {self.times_s.shape} and {self.values.shape}")
        if not (np.isfinite(self.times_s).all() and np.isfinite(self.values).all()):
            raise ValueError("times and values must be finite")
        if np.any(np.diff(self.times_s) <= 0.0):
            raise ValueError("times must increase strictly")
        self._sums = np.concatenate([[0.0], np.cumsum(self.values[:-1] * np.diff(self.times_s))])

    @cached_property
    def _moments(self) -> list[float]:
        """The times as a list: of a single moment, that is asked in a tenth of the time."""
        return self.times_s.tolist()

    @classmethod
    def constant(cls, value: float) -> Signal:
        """Signal that never changes."""
        return cls(np.array([0.0]), np.array([value]))

    def scaled(self, factor: float) -> Signal:
        """Signal with all values times ``factor``."""
        return Signal(self.times_s, self.values * factor)

    def times(self, factor: Signal) -> Signal:
        """Product with another signal."""
        if len(factor.values) == 1:
            return self.scaled(float(factor.values[0]))
        times_s = np.union1d(self.times_s, factor.times_s)
        return Signal(times_s, self.at_all(times_s) * factor.at_all(times_s))

    def _row(self, t_s: float) -> int:
        return max(bisect_right(self._moments, t_s) - 1, 0)

    def at(self, t_s: float) -> float:
        """Value at a moment [s]."""
        return float(self.values[self._row(t_s)])

    def at_all(self, times_s: np.ndarray) -> np.ndarray:
        """Values at many moments [s], shape as ``times_s``."""
        return self.values[np.maximum(np.searchsorted(self.times_s, times_s, side="right") - 1, 0)]

    def next_change(self, t_s: float) -> float:
        """First time [s] after ``t_s`` at which the next value begins; inf if there is none."""
        row = bisect_right(self._moments, t_s)
        return self._moments[row] if row < len(self._moments) else float("inf")

    def integral(self, a_s: float, b_s: float) -> float:
        """Integral from ``a_s`` to ``b_s`` [value x s]; the negative of the way back if ``b_s < a_s``.

        The ends are summed apart from the whole steps between: a second late in a long year is as exact as the first.
        """
        if b_s < a_s:
            return -self.integral(b_s, a_s)
        first, last = self._row(a_s), self._row(b_s)
        if first == last:
            return float(self.values[first]) * (b_s - a_s)
        head = self.values[first] * (self.times_s[first + 1] - a_s)
        tail = self.values[last] * (b_s - self.times_s[last])
        return float(head + (self._sums[last] - self._sums[first + 1]) + tail)

    def mean(self, a_s: float, b_s: float) -> float:
        """Mean over [a_s, b_s); the value at ``a_s`` if the span is empty."""
        return self.integral(a_s, b_s) / (b_s - a_s) if b_s > a_s else self.at(a_s)

    def means(self, edges_s: np.ndarray) -> np.ndarray:
        """Means between neighbours of ``edges_s`` [s], increasing, shape (n_edges - 1,); each as ``mean`` gives it."""
        a_s, b_s = edges_s[:-1], edges_s[1:]
        row = np.maximum(np.searchsorted(self.times_s, edges_s, side="right") - 1, 0)
        first, last = row[:-1], row[1:]
        after = np.minimum(first + 1, len(self.values) - 1)
        head = self.values[first] * (self.times_s[after] - a_s)
        tail = self.values[last] * (b_s - self.times_s[last])
        whole = head + (self._sums[last] - self._sums[after]) + tail
        return np.where(first == last, self.values[first] * (b_s - a_s), whole) / (b_s - a_s)

    def coarse(self, interval_s: float, end_s: float) -> Signal:
        """Signal of its means over intervals from 0 to ``end_s`` [s], the last of which may be shorter.

        It has the same integral over each. One that never changes is itself.
        """
        if len(self.values) == 1:
            return self
        edges_s = np.append(np.arange(0.0, end_s, interval_s), end_s)
        return Signal(edges_s[:-1], self.means(edges_s))

    def max(self, a_s: float, b_s: float) -> float:
        """Greatest value on [a_s, b_s]."""
        return float(self.values[self._row(a_s) : self._row(b_s) + 1].max())

"""Signals: step functions of time, with exact integrals."""

from __future__ import annotations

import numpy as np


class Signal:
    """Step function: ``values[i]`` holds from ``times_s[i]`` to ``times_s[i + 1]``.

    The first value also holds before the first time, the last one for ever after.

    Parameters
    ----------
    times_s : ndarray, shape (n,)
        [s], strictly increasing.
    values : ndarray, shape (n,)
    """

    def __init__(self, times_s: np.ndarray, values: np.ndarray):
        self.times_s = np.asarray(times_s, dtype=float)
        self.values = np.asarray(values, dtype=float)
        if self.times_s.shape != self.values.shape or self.times_s.ndim != 1 or len(self.times_s) == 0:
            raise ValueError(f"need equally long times and values, got {self.times_s.shape} and {self.values.shape}")
        if np.any(np.diff(self.times_s) <= 0.0):
            raise ValueError("times must increase strictly")
        self._sums = np.concatenate([[0.0], np.cumsum(self.values[:-1] * np.diff(self.times_s))])

    @classmethod
    def constant(cls, value: float) -> Signal:
        """Signal that never changes."""
        return cls(np.array([0.0]), np.array([value]))

    def _row(self, t_s: float) -> int:
        return max(int(np.searchsorted(self.times_s, t_s, side="right")) - 1, 0)

    def at(self, t_s: float) -> float:
        """Value at a moment [s]."""
        return float(self.values[self._row(t_s)])

    def next_change(self, t_s: float) -> float:
        """First time [s] after ``t_s`` at which the next value begins; inf if there is none."""
        row = int(np.searchsorted(self.times_s, t_s, side="right"))
        return float(self.times_s[row]) if row < len(self.times_s) else float("inf")

    def _antiderivative(self, t_s: float) -> float:
        row = self._row(t_s)
        return float(self._sums[row] + self.values[row] * (t_s - self.times_s[row]))

    def integral(self, a_s: float, b_s: float) -> float:
        """Integral from ``a_s`` to ``b_s`` [value x s]."""
        return self._antiderivative(b_s) - self._antiderivative(a_s)

    def mean(self, a_s: float, b_s: float) -> float:
        """Mean over [a_s, b_s); the value at ``a_s`` if the span is empty."""
        return self.integral(a_s, b_s) / (b_s - a_s) if b_s > a_s else self.at(a_s)

    def max(self, a_s: float, b_s: float) -> float:
        """Greatest value on [a_s, b_s]."""
        return float(self.values[self._row(a_s) : self._row(b_s) + 1].max())

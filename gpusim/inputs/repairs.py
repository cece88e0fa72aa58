"""How long what failed is away, what a repair has not put right, and when something is out of order by chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gpusim.scenario.failures import FailureCause, Failures
from gpusim.units import HOUR_S

# How long what failed is away, and what a repair has not put right.


class Repairs:
    """Repairs of the failures of one cause, from random streams by name.

    Everything is drawn for every failure, needed or not, so that the repairs of the first failures are the same however
    many follow.
    """

    def __init__(self, failures: Failures, cause: FailureCause, stream: Callable[..., np.random.Generator]):
        self._kinds = [failures.repairs[name] for name in cause.repair]
        self._shares = np.cumsum(list(cause.repair.values()))
        self._check_s, self._finds = failures.check_h * HOUR_S, failures.check_finds
        self._again_s, self._stream = failures.again_h * HOUR_S, stream

    def rounds(self, time_s: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(rows, when [s] they fail, how long [s] they are then away): first all, then those whose fault shows again,
        until none is left."""
        rows, k = np.arange(len(time_s)), 0
        while len(rows):
            away_s, lasts = self._away(len(time_s), k)
            yield rows, time_s[rows], away_s[rows]
            if all(kind.success == 1.0 for kind in self._kinds):
                return
            time_s = time_s + away_s + self._again_s * self._stream("again", k).exponential(size=len(time_s))
            rows, k = rows[~lasts[rows]], k + 1

    def _away(self, n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """[s] Until they are back, the ``k``-th time, and whether their fault is gone then, as far as checks tell."""
        names = (k,) if k else ()
        away_s, lasts = self._repaired(n, *names)
        away_s += self._check_s
        again, attempt = ~lasts & self._is_found(n, k, 0), 1
        while again.any():
            more_s, fixed = self._repaired(n, k, attempt)
            away_s[again] += more_s[again] + self._check_s
            lasts |= again & fixed
            again &= ~fixed & self._is_found(n, k, attempt)
            attempt += 1
        return away_s, lasts

    def _is_found(self, n: int, *names: int) -> np.ndarray:
        """Whether a check finds a fault that is still there."""
        if self._finds == 0.0:
            return np.zeros(n, dtype=bool)
        return self._stream("checks", *names).random(n) < self._finds

    def _repaired(self, n: int, *names: int) -> tuple[np.ndarray, np.ndarray]:
        """[s] Repairs of a kind by the cause's weights, lognormal around its mean; whether they put the fault right."""
        kind = np.searchsorted(self._shares, self._stream("repairs", *names).random(n) * self._shares[-1], side="right")
        mean_h, sigma, success = (
            np.array([(one.mean_h, one.sigma, one.success) for one in self._kinds])[kind].T if n else np.zeros((3, 0))
        )
        away_s = HOUR_S * mean_h * np.exp(sigma * self._stream("work", *names).standard_normal(n) - sigma**2 / 2.0)
        if (success == 1.0).all():
            return away_s, np.ones(n, dtype=bool)
        return away_s, self._stream("success", *names).random(n) < success


# When something is out of order for a share of the time.


def outages(random: np.random.Generator, share: float, mean_s: float, duration_s: float) -> list[tuple[float, float]]:
    """(from, to) [s] when it is out of order, in order, from the start of a run to its end.

    Times in order and out of order alternate, exponential, the latter with mean ``mean_s`` and both such that it is out
    of order for ``share`` of the time: with that probability at the start already.
    """
    found: list[tuple[float, float]] = []
    if share == 0.0:
        return found
    is_out, time_s = bool(random.random() < share), 0.0
    while time_s < duration_s:
        until_s = time_s + float(random.exponential(mean_s if is_out else mean_s * (1.0 - share) / share))
        if is_out:
            found.append((time_s, min(until_s, duration_s)))
        is_out, time_s = not is_out, until_s
    return found

"""What the runs so far say of the candidates: figures, margins, and which of them are known to be no plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gpusim.studies.planning.goal import Goal
from gpusim.studies.planning.space import Candidate, Space
from gpusim.studies.statistics.intervals import CONFIDENCE, Moments, differences


class Evidence:
    """Figures of candidates under the same seeds.

    Attributes
    ----------
    space, goal
        What may be bought, and what for.
    replications : int
        Runs of a candidate that is complete.
    figures : dict of Candidate to ndarray, shape (runs, conditions)
        Figures of the conditions, in order of the candidates' first run; run r of each has seed r.
    """

    def __init__(self, space: Space, goal: Goal, replications: int):
        self.space, self.goal, self.replications = space, goal, replications
        self.figures: dict[Candidate, np.ndarray] = {}
        self._shortfalls: dict[tuple[Candidate, int], float] = {}
        self._cheapest: Candidate | None = None

    def add(self, figures: Mapping[tuple[Candidate, int], np.ndarray]) -> None:
        """Add figures of runs (candidate, replication), those of a candidate in order."""
        for (candidate, _replication), values in figures.items():
            before = self.figures.get(candidate, np.empty((0, len(self.goal.conditions))))
            self.figures[candidate] = np.vstack([before, values])
        for candidate in dict.fromkeys(candidate for candidate, _replication in figures):
            if self.runs(candidate) == self.replications and self.shortfall(candidate) == 0.0:
                known = [candidate] if self._cheapest is None else [self._cheapest, candidate]
                self._cheapest = min(known, key=self.space.cost_usd)

    def runs(self, candidate: Candidate) -> int:
        """How often a candidate was run."""
        return len(self.figures.get(candidate, ()))

    def complete(self) -> list[Candidate]:
        """Candidates with all replications."""
        return [candidate for candidate in self.figures if self.runs(candidate) == self.replications]

    def means(self, candidate: Candidate, runs: int | None = None) -> np.ndarray:
        """Mean figures of (the first) runs, shape (conditions,).

        NaN where a run lacks the figure: such a condition cannot be met. Runs that ask for nothing are left out; if all
        do, it is ``Condition.unasked``.
        """
        figures = self.figures[candidate][:runs]
        unasked = np.array([one.unasked for one in self.goal.conditions])
        asked = figures != unasked
        sums = np.where(asked, figures, 0.0).sum(axis=0)
        return np.where(asked.any(axis=0), sums / np.maximum(asked.sum(axis=0), 1), unasked)

    def shortfall(self, candidate: Candidate, runs: int | None = None) -> float:
        """Sum of the relative violations of the mean figures of (the first) runs; 0: the goal is met on average."""
        key = candidate, self.runs(candidate) if runs is None else runs
        if key not in self._shortfalls:
            self._shortfalls[key] = float(self.goal.shortfall(self.means(*key)))
        return self._shortfalls[key]

    def is_sure(self, candidate: Candidate) -> bool:
        """Whether the 95% intervals of all figures lie within the goal."""
        low, _high = _limits(self.goal.margins(self.figures[candidate]))
        return bool((low >= 0.0).all())

    def cheapest(self) -> Candidate | None:
        """The cheapest complete candidate that meets the goal on average."""
        return self._cheapest

    def front(self) -> list[Candidate]:
        """Complete candidates to which no other is cheaper and as near to the goal; by cost."""
        ordered = sorted(self.complete(), key=lambda one: (self.space.cost_usd(one), self.shortfall(one)))
        front: list[Candidate] = []
        for candidate in ordered:
            if not front or self.shortfall(candidate) < self.shortfall(front[-1]):
                front.append(candidate)
        return front

    def is_behind(self, candidate: Candidate, rivals: Iterable[Candidate]) -> bool:
        """Whether one of some rivals costs no more and is as near to the goal, by the runs that both have."""
        cost = self.space.cost_usd(candidate)
        for rival in rivals:
            their_cost, n = self.space.cost_usd(rival), min(self.runs(candidate), self.runs(rival))
            if rival != candidate and n and their_cost <= cost:
                ours, theirs = self.shortfall(candidate, n), self.shortfall(rival, n)
                if theirs < ours or (theirs == ours and their_cost < cost):
                    return True
        return False

    def is_hopeless(self, candidate: Candidate, front: Iterable[Candidate]) -> bool:
        """Whether the runs so far say that a candidate is behind one of the front, which costs no more.

        Paired by seed, that one has to be as near in every condition; and if it does not cost less, nearer in one that
        the candidate misses: each by the 95% interval. What is equal in every run is equal.
        """
        figures = self.figures.get(candidate)
        if figures is None or len(figures) < 2:
            return False
        cost, margins = self.space.cost_usd(candidate), self.goal.margins(figures)
        _low, high = _limits(margins)
        for other in front:
            their_cost = self.space.cost_usd(other)
            if other != candidate and their_cost <= cost:
                theirs = self.goal.margins(self.figures[other][: len(figures)])
                low, _high = _limits(differences(margins, theirs))
                if (low >= 0.0).all() and (their_cost < cost or ((high < 0.0) & (low > 0.0)).any()):
                    return True
        return False


def _limits(margins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of the means of margins, shape (runs, conditions), each shape (conditions,); NaN if one is."""
    low, high = Moments.of(margins.T).limits(CONFIDENCE)
    known = ~np.isnan(margins).any(axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)

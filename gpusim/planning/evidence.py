"""What the runs so far say of the candidates: figures, margins, and which of them are known to be no plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gpusim.analysis.statistics import CONFIDENCE, Moments, differences
from gpusim.model.goal import Goal
from gpusim.planning.space import Candidate, Space


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
        self._shortfalls: dict[Candidate, float] = {}

    def add(self, figures: Mapping[tuple[Candidate, int], np.ndarray]) -> None:
        """Add figures of runs (candidate, replication), those of a candidate in order."""
        for (candidate, _replication), values in figures.items():
            before = self.figures.get(candidate, np.empty((0, len(self.goal.conditions))))
            self.figures[candidate] = np.vstack([before, values])
        for candidate in dict.fromkeys(candidate for candidate, _replication in figures):
            self._shortfalls[candidate] = float(self.goal.shortfall(self.means(candidate)))

    def runs(self, candidate: Candidate) -> int:
        """How often a candidate was run."""
        return len(self.figures.get(candidate, ()))

    def complete(self) -> list[Candidate]:
        """Candidates with all replications."""
        return [candidate for candidate in self.figures if self.runs(candidate) == self.replications]

    def means(self, candidate: Candidate) -> np.ndarray:
        """Mean figures, shape (conditions,); NaN where a run lacks one: such a condition cannot be met."""
        return self.figures[candidate].mean(axis=0)

    def shortfall(self, candidate: Candidate) -> float:
        """Sum of the relative violations of the mean figures; 0: the goal is met on average."""
        return self._shortfalls[candidate]

    def is_sure(self, candidate: Candidate) -> bool:
        """Whether the 95% intervals of all figures lie within the goal."""
        low, _high = _margins(self.goal, self.figures[candidate])
        return bool((low >= 0.0).all())

    def cheapest(self) -> Candidate | None:
        """The cheapest complete candidate that meets the goal on average."""
        met = [candidate for candidate in self.complete() if self.shortfall(candidate) == 0.0]
        return min(met, key=self.space.cost_usd, default=None)

    def front(self) -> list[Candidate]:
        """Complete candidates to which no other is cheaper and as near to the goal; by cost."""
        ordered = sorted(self.complete(), key=lambda one: (self.space.cost_usd(one), self.shortfall(one)))
        front: list[Candidate] = []
        for candidate in ordered:
            if not front or self.shortfall(candidate) < self.shortfall(front[-1]):
                front.append(candidate)
        return front

    def is_hopeless(self, candidate: Candidate, front: Iterable[Candidate]) -> bool:
        """Whether runs so far say that a candidate misses the goal and is behind one that costs no more.

        It is if some candidate of the front, paired by seed, is nearer in a condition that this one misses, and not
        further off in any other; each by the 95% interval.
        """
        figures = self.figures.get(candidate)
        if figures is None or len(figures) < 2:
            return False
        _low, high = _margins(self.goal, figures)
        misses, cost = high < 0.0, self.space.cost_usd(candidate)
        if not misses.any():
            return False
        margins = self.goal.margins(figures)
        for other in front:
            if other != candidate and self.space.cost_usd(other) <= cost:
                theirs = self.goal.margins(self.figures[other][: len(figures)])
                low, _high = Moments.of(differences(margins, theirs).T).limits(CONFIDENCE)
                if (low >= 0.0).all() and (misses & (low > 0.0)).any():
                    return True
        return False


def _margins(goal: Goal, figures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of the mean margins, each shape (conditions,); NaN where a run lacks the figure."""
    margins = goal.margins(figures)
    low, high = Moments.of(margins.T).limits(CONFIDENCE)
    known = ~np.isnan(margins).any(axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)

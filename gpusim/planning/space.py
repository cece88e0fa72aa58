"""What may be bought together: every combination of the levels of some options."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from gpusim.errors import GpusimError
from gpusim.model.plan import Option

Candidate = tuple[int, ...]  # the level of each option, 0: nothing bought
MOST_LISTED = 100_000  # candidates up to which all of them are looked at


class Space:
    """The candidates of a plan.

    Attributes
    ----------
    options : dict of str to Option
    levels : list of list
        What may be bought of each option: amounts or choices.
    """

    def __init__(self, options: Mapping[str, Option]):
        if not options:
            raise GpusimError(
                "the scenario says nothing that may be bought; docs/planning.md shows [plan.options.NAME]"
            )
        self.options = dict(options)
        self.levels = [option.levels() for option in self.options.values()]
        self._usd = [
            np.array([option.cost_usd(level) for level in range(len(levels))])
            for option, levels in zip(self.options.values(), self.levels)
        ]

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return math.prod(map(len, self.levels))

    @property
    def is_listed(self) -> bool:
        """Whether they are few enough to look at each."""
        return self.size <= MOST_LISTED

    @property
    def nothing(self) -> Candidate:
        """The scenario as it is."""
        return (0,) * len(self.levels)

    @property
    def everything(self) -> Candidate:
        """The most of every option; the last choice of those that have choices."""
        return tuple(len(levels) - 1 for levels in self.levels)

    def alone(self) -> list[Candidate]:
        """Each option alone: the most of it, or each of its choices."""
        return [
            self._with(self.nothing, place, level)
            for place, option in enumerate(self.options.values())
            for level in range(1 if option.choices else len(self.levels[place]) - 1, len(self.levels[place]))
        ]

    def smaller(self, candidate: Candidate) -> list[Candidate]:
        """One option less: a step, half of it, or none of it; or another choice."""
        found = []
        for place, option in enumerate(self.options.values()):
            level = candidate[place]
            others = range(len(self.levels[place])) if option.choices else (level - 1, level // 2, 0)
            found += [self._with(candidate, place, other) for other in others if other != level and level]
        return list(dict.fromkeys(found))

    def cost_usd(self, candidate: Candidate) -> float:
        """[USD] What a candidate costs."""
        return math.fsum(usd[level] for usd, level in zip(self._usd, candidate))

    def dearest_first(self) -> Iterator[Candidate]:
        """All candidates by falling cost; none if they are not listed."""
        if not self.is_listed:
            return
        costs = sum(np.ix_(*self._usd)).ravel()
        every = list(itertools.product(*(range(len(levels)) for levels in self.levels)))
        yield from (every[place] for place in np.argsort(-costs, kind="stable"))

    def bought(self, candidate: Candidate) -> dict[str, object]:
        """Amount or choice of each option."""
        return {name: levels[level] for name, levels, level in zip(self.options, self.levels, candidate)}

    @staticmethod
    def _with(candidate: Candidate, place: int, level: int) -> Candidate:
        return (*candidate[:place], level, *candidate[place + 1 :])

"""What may be bought together: every combination of the levels of some options."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gpusim.errors import GpusimError
from gpusim.scenario.option import Option

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
                "the scenario has nothing to buy; add [plan.options.NAME] tables, as `gpusim plan --help` shows"
            )
        self.options = dict(options)
        self.levels = [option.levels() for option in self.options.values()]
        self._usd = [[option.cost_usd(level) for level in range(len(levels))] for option, levels in self._pairs()]

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

    def everything(self) -> list[Candidate]:
        """The most of every amount: with the first of all choices, and with each other one."""
        most = tuple(0 if option.choices else len(levels) - 1 for option, levels in self._pairs())
        others = [
            self._with(most, place, level)
            for place, (option, levels) in enumerate(self._pairs())
            for level in (range(1, len(levels)) if option.choices else ())
        ]
        return [most, *others]

    def alone(self) -> list[Candidate]:
        """Each option alone: the most of it, or each of its choices."""
        return [
            self._with(self.nothing, place, level)
            for place, (option, levels) in enumerate(self._pairs())
            for level in range(1 if option.choices else len(levels) - 1, len(levels))
        ]

    def smaller(self, candidate: Candidate) -> list[Candidate]:
        """One option less: a step, half of it, or none of it; or another choice."""
        return self._neighbours(candidate, lambda level, _most: (level - 1, level // 2, 0))

    def larger(self, candidate: Candidate) -> list[Candidate]:
        """One option more: a step, half way to the most, or the most; or another choice."""
        return self._neighbours(candidate, lambda level, most: (level + 1, (level + most + 1) // 2, most))

    def _neighbours(self, candidate: Candidate, others: Callable[[int, int], tuple[int, ...]]) -> list[Candidate]:
        found = []
        for place, (option, levels) in enumerate(self._pairs()):
            new = range(len(levels)) if option.choices else others(candidate[place], len(levels) - 1)
            found += [self._with(candidate, place, level) for level in new if 0 <= level < len(levels)]
        return [one for one in dict.fromkeys(found) if one != candidate]

    @property
    def most_usd(self) -> float:
        """[USD] What the costliest candidate costs."""
        return math.fsum(map(max, self._usd))

    def cost_usd(self, candidate: Candidate) -> float:
        """[USD] What a candidate costs."""
        return math.fsum(usd[level] for usd, level in zip(self._usd, candidate))

    def costliest_first(self) -> Iterator[Candidate]:
        """All candidates by falling cost; none if they are not listed."""
        if not self.is_listed:
            return
        costs = sum(np.ix_(*map(np.array, self._usd))).ravel()
        every = list(itertools.product(*(range(len(levels)) for levels in self.levels)))
        yield from (every[place] for place in np.argsort(-costs, kind="stable"))

    def bought(self, candidate: Candidate) -> dict[str, object]:
        """Amount or choice of each option."""
        return {name: levels[level] for name, levels, level in zip(self.options, self.levels, candidate)}

    def _pairs(self) -> Iterator[tuple[Option, list[object]]]:
        return zip(self.options.values(), self.levels)

    @staticmethod
    def _with(candidate: Candidate, place: int, level: int) -> Candidate:
        return (*candidate[:place], level, *candidate[place + 1 :])

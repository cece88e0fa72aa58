"""From a candidate to the scenario in which it is bought, and whether all options make sense there."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.errors import ScenarioError
from gpusim.results.measure import FLEET
from gpusim.scenario.faults import dotted
from gpusim.scenario.option import Offers, Option
from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned
from gpusim.studies.planning.space import Candidate, Space

# Columns of the tables of a plan that an option may not have the name of; the figures of the fleet are others.
RESERVED = ("run", "point", "replication", "seed", "cost_usd", "shortfall", "n", "met", "sure", "status")
MOST_CHECKED = 16  # levels of an option that are looked at before the search, besides the last


class Shop:
    """A scenario and what may be bought for it.

    Raises
    ------
    ScenarioError
        With the faults of all options that do not work in the scenario.
    """

    def __init__(self, scenario: Scenario):
        self.space = Space(scenario.plan.options)
        self.base = scenario.model_copy(update={"plan": Offers()})  # of what is bought, nothing is left to buy
        faults = [fault for name in self.space.options for fault in self._faults(name)]
        if faults:
            raise ScenarioError(scenario.name, faults)

    def scenario(self, candidate: Candidate) -> Scenario:
        """The scenario with what a candidate buys; ``ScenarioError`` if that cannot be."""
        bought = self.space.bought(candidate)
        turns = [
            (_lever(option), bought[name])
            for (name, option), level in zip(self.space.options.items(), candidate)
            if level or option.how == "set"
        ]
        try:
            return turned(self.base, turns)
        except ScenarioError as error:
            said = ", ".join(f"{name} = {value}" for name, value in bought.items())
            raise ScenarioError(self.base.name, [f"{said}: {fault}" for fault in error.faults]) from None

    def _faults(self, name: str) -> Iterator[str]:
        """Faults of an option: its name, levels that make no scenario, or the same one as another."""
        place, option = dotted(("plan", "options", name)), self.space.options[name]
        if name in RESERVED or name in FLEET:
            yield f"{place}: tables of a plan have a column of this name already; give the option another name"
        levels = option.levels()
        seen = {} if option.how == "set" else {self.base.content_hash(): levels[0]}
        if option.lead_time_days >= self.base.run.days:
            yield (
                f"{place}.lead_time_days: found {option.lead_time_days:g}, the run ends on day {self.base.run.days:g};"
                " give a longer run"
            )
        for level in dict.fromkeys([*range(len(levels))[: MOST_CHECKED + 1], len(levels) - 1]):
            if not level and option.how != "set":
                continue
            try:
                key = turned(self.base, [(_lever(option), levels[level])]).content_hash()
            except ScenarioError as error:
                yield from (f"{place}, {levels[level]}: {fault}" for fault in error.faults)
                return
            if not level and key != self.base.content_hash():
                yield f"{place}: begins with {levels[0]!r}; give first what the scenario has, bought for nothing"
                return
            if key in seen:
                yield (
                    f"{place}: {levels[level]!r} makes the same scenario as {seen[key]!r}; GPUs come in whole nodes,"
                    " other whole numbers in ones, and only steps after the start move: give other amounts"
                )
                return
            seen[key] = levels[level]


def _lever(option: Option) -> Lever:
    return Lever(keys=option.all_keys(), how=option.how, from_day=option.lead_time_days)

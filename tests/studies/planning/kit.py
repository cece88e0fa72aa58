"""Plans without simulation: goals on made-up figures of candidates, and what enumeration finds of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd

from gpusim.results.measure import Measure
from gpusim.scenario.option import Option
from gpusim.scenario.scenario import Scenario
from gpusim.studies.planning.goal import Condition, Goal
from gpusim.studies.planning.proposal import Proposal
from gpusim.studies.planning.search import Trial
from gpusim.studies.planning.space import Candidate, Space

GOAL = Goal(
    "wait < 100 s and slo >= 0.9",
    (
        Condition("wait", Measure("fleet", "", "", "wait_p95_s"), "<", 100.0, "100 s"),
        Condition("slo", Measure("fleet", "", "", "service_tokens_served_share"), ">=", 0.9, "0.9"),
    ),
)


def proposal(options: Sequence[str]) -> Proposal:
    """A plan of large numbers that buys all of the options, without a search."""
    figures = {f"{one.text}{end}": 12_345.0 for one in GOAL.conditions for end in ("", " low", " high")}
    row = {"point": 0, **dict.fromkeys(options, 1e6), "cost_usd": 1e12, **figures, "shortfall": 0.0}
    front = row | {"met": True, "sure": False, "n": 1, "status": "complete"}
    bought = {"what": "sites.*.pools.H100.gpus", "how": "add", "amount": 1e6, "usd_per_unit": 1e8, "cost_usd": 2e11}
    purchases = pd.DataFrame([{"option": name, **bought, "unit": "", "from_day": 100.5} for name in options])
    front = pd.DataFrame([front])
    store = SimpleNamespace(about={"replications": 1, "seed": 0, "gpusim_version": "0"})
    found = {"chosen": front.iloc[0], "purchases": purchases, "front": front, "candidates": front, "units": {}}
    return Proposal(
        GOAL, scenario=Scenario.from_toml("small"), runs=2, budget=2, ended="all", unasked=(), failed=0, store=store,
        **found,
    )  # fmt: skip


def space(rng: np.random.Generator, most: int = 30) -> Space:
    """Two or three options, of amounts and of choices, with up to ``most`` candidates."""
    while True:
        options = {}
        for name in "abc"[: rng.integers(2, 4)]:
            levels = int(rng.integers(2, 7))
            if rng.random() < 0.3:
                usd = [0.0, *rng.integers(0, 50, levels - 1).astype(float).tolist()]
                options[name] = Option(key=name, choices=list(range(levels)), usd=usd)
            else:
                price = float(rng.integers(1, 30))
                options[name] = Option(key=name, how="add", range=[0, levels - 1], step=1, usd_per_unit=price)
        found = Space(options)
        if found.size <= most:
            return found


class World:
    """Figures of every candidate: more of an amount helps, with diminishing returns; a choice may do anything.

    Attributes
    ----------
    runs : list of Trial
        What was asked for, in order.
    """

    def __init__(self, space: Space, rng: np.random.Generator, noise: float = 0.0, start_s: float = 400.0):
        self.space, self.noise, self.start_s, self.runs = space, noise, start_s, []
        self.seed = int(rng.integers(2**31))
        shape = [len(levels) for levels in space.levels]
        self.effects = [
            np.append(0.0, rng.normal(0.2, 0.8, n - 1))
            if option.choices
            else rng.uniform(0.0, 3.0) * (1.0 - 0.6 ** np.arange(n))
            for option, n in zip(space.options.values(), shape)
        ]
        self.unserved = rng.uniform(0.05, 0.3)
        self.serves = [effect * rng.uniform(0.0, 0.5) for effect in self.effects]

    def figures(self, candidate: Candidate, replication: int) -> np.ndarray:
        """Wait [s] and share served of a run; replications share most of their noise."""
        total = sum(effect[level] for effect, level in zip(self.effects, candidate))
        serves = sum(effect[level] for effect, level in zip(self.serves, candidate))
        shared = np.random.default_rng([self.seed, replication]).normal(0.0, self.noise, 2)
        own = np.random.default_rng([self.seed, replication, *candidate]).normal(0.0, self.noise / 4.0, 2)
        wait_s = self.start_s * np.exp(-total + shared[0] + own[0])
        return np.array([wait_s, 1.0 - self.unserved * np.exp(-4.0 * serves + shared[1] + own[1])])

    def evaluate(self, places: Sequence[Trial]) -> list[np.ndarray]:
        """The figures of runs; none may be asked for twice."""
        assert not set(places) & set(self.runs)
        self.runs += places
        return [self.figures(*place) for place in places]

    def means(self, replications: int) -> dict[Candidate, np.ndarray]:
        """Mean figures of all candidates."""
        every = itertools.product(*(range(len(levels)) for levels in self.space.levels))
        return {one: np.mean([self.figures(one, r) for r in range(replications)], axis=0) for one in every}


def enumerated(world: World, goal: Goal, replications: int) -> tuple[float | None, list[tuple[float, float]]]:
    """Cost of the cheapest candidate that meets a goal (None: none does), and the front (cost, shortfall), naively."""
    points = [
        (world.space.cost_usd(one), float(goal.shortfall(means))) for one, means in world.means(replications).items()
    ]
    cheapest = min((cost for cost, shortfall in points if shortfall == 0.0), default=None)
    front = {
        (cost, shortfall)
        for cost, shortfall in points
        if not any((c <= cost and s < shortfall) or (c < cost and s <= shortfall) for c, s in points)
    }
    return cheapest, sorted(front)

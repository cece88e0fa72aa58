"""``gpusim.assumptions``: on which assumptions the answer of a build-out hangs most, and what would turn it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan, sqrt

import numpy as np
import pandas as pd

from gpusim.buildout.criticality import Tally
from gpusim.buildout.schedule import replay
from gpusim.engine.build import check_regions
from gpusim.engine.surroundings import peak_overheads
from gpusim.errors import ScenarioError
from gpusim.regulation.building import limited
from gpusim.results.lateness import AHEAD, held_back, said
from gpusim.results.tables.studies import Assumptions
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.doubts import TIMES, Doubt, doubts_of

REPLICATIONS = 8
HALVINGS = 4  # of the interval in which another cause becomes the first
COLUMNS = [
    "assumption", "how", "base", "low", "high", "low_gpu_hours", "high_gpu_hours", "low_se_gpu_hours",
    "high_se_gpu_hours", "turns_at", "turns_to",
]  # fmt: skip

Losses = dict[str, np.ndarray]  # GPU-hours by cause in words, shape (replications,)


def assumptions(
    scenario: Scenario,
    replications: int = REPLICATIONS,
    seed: int = 0,
    *,
    losses: pd.DataFrame | None = None,
    progress: Callable[[float], None] | None = None,
) -> Assumptions:
    """Move each assumption of a build-out to both ends of its interval, all else equal, with the same seeds.

    If another cause of delay ranks first at an end, the value from which it does is found by bisection, with the same
    seeds. Each assumption takes 2 to 10 times ``replications`` build-outs.

    Parameters
    ----------
    scenario : Scenario
        With projects.
    replications : int
        Of each variant.
    seed : int
        Of the first replication; the others have those that follow.
    losses : DataFrame, optional
        Table of ``gpusim.deliveries``, with more replications: the first cause, and the one that would be, are then
        taken from its means plus the mean differences of these replications.
    progress : callable, optional
        Called with the share that is done.

    Raises
    ------
    ScenarioError
        If the scenario has no projects, or an interval for an assumption it does not have.

    Examples
    --------
    >>> gpusim.assumptions(scenario).assumptions.head()
    """
    if not scenario.projects:
        raise ScenarioError(scenario.name, ["projects: found none; give one"])
    check_regions(scenario)
    ruled, overheads = limited(scenario), peak_overheads(scenario, seed)
    doubts, seeds = doubts_of(ruled), range(seed, seed + replications)
    base = _played(doubts[0], doubts[0].base, seeds, overheads)
    causes = _Causes(base, losses)
    rows = []
    for i, doubt in enumerate(doubts):
        rows.append(_row(doubt, base, causes, seeds, overheads))
        if progress is not None:
            progress((i + 1) / len(doubts))
    table = pd.DataFrame(rows, columns=COLUMNS)
    effect = table[["low_gpu_hours", "high_gpu_hours"]].abs().max(axis=1)
    table = table.loc[effect.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
    lost = float(_total(base).mean())
    about = {
        "scenario": scenario.to_toml_dict(), "seed": seed, "replications": replications, "gpu_hours": lost,
        "first": causes.first,
    }  # fmt: skip
    return Assumptions(about, table)


def _played(doubt: Doubt, value: float, seeds: range, overheads: Mapping[str, float]) -> Losses:
    """What is planned but not live, by cause and seed, at a value of an assumption."""
    losses: Losses = {}
    for i, seed in enumerate(seeds):
        scenario, network, draws = doubt.future(value, seed)
        lost = Tally(scenario, network, overheads).look(replay(network, scenario, draws)).lost
        for (_project, cause, held_by), (hours, _usd) in lost.items():
            if cause != AHEAD:
                losses.setdefault(said(cause, held_by), np.zeros(len(seeds)))[i] += hours
    return losses


def _total(losses: Losses) -> np.ndarray:
    return np.sum(list(losses.values()), axis=0) if losses else np.zeros(1)


class _Causes:
    """Which cause of delay is the first: of the most GPU-hours, as far as is known from more replications.

    Attributes
    ----------
    first : str
        With the assumptions as they are; "" if nothing is late.
    """

    def __init__(self, base: Losses, losses: pd.DataFrame | None):
        known = {} if losses is None else held_back(losses).groupby("what")["gpu_hours"].sum().to_dict()
        self._further = {what: known.get(what, 0.0) - _mean(base, what) for what in {*base, *known} if known}
        self.first = self.first_of(base)

    def first_of(self, losses: Losses) -> str:
        """With an assumption moved."""
        means = {what: _mean(losses, what) + self._further.get(what, 0.0) for what in sorted({*losses, *self._further})}
        return max((what for what in means if means[what] > 0.0), key=means.__getitem__, default="")


def _mean(losses: Losses, what: str) -> float:
    return float(losses[what].mean()) if what in losses else 0.0


def _row(doubt: Doubt, base: Losses, causes: _Causes, seeds: range, overheads: Mapping[str, float]) -> tuple:
    effects, turns = [], (nan, "")
    for end in (doubt.low, doubt.high):
        found = _played(doubt, end, seeds, overheads)
        more = _total(found) - _total(base)
        effects.append((float(more.mean()), float(more.std(ddof=1)) / sqrt(len(more)) if len(more) > 1 else nan))
        if (other := causes.first_of(found)) != causes.first and not turns[1]:
            turns = _turning(doubt, end, causes, other, seeds, overheads)
    (low, low_se), (high, high_se) = effects
    return (doubt.name, doubt.how, doubt.base, doubt.low, doubt.high, low, high, low_se, high_se, *turns)


def _turning(
    doubt: Doubt, end: float, causes: _Causes, other: str, seeds: range, overheads: Mapping[str, float]
) -> tuple[float, str]:
    """(value at which another cause is the first, by halving; that cause)."""
    same, turned = doubt.base, end
    for _ in range(HALVINGS):
        middle = sqrt(same * turned) if doubt.how == TIMES else (same + turned) / 2.0
        found = causes.first_of(_played(doubt, middle, seeds, overheads))
        if found == causes.first:
            same = middle
        else:
            turned, other = middle, found
    return turned, other

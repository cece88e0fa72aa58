"""``gpusim.assumptions``: on which assumptions the answer of a build-out hangs most, and what would turn it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan, sqrt

import numpy as np
import pandas as pd

from gpusim.analysis.lateness import AHEAD, said
from gpusim.buildout.criticality import Tally
from gpusim.buildout.schedule import replay
from gpusim.engine.build import check_regions
from gpusim.engine.surroundings import peak_overheads
from gpusim.errors import ScenarioError
from gpusim.regulation.building import limited
from gpusim.scenario.scenario import Scenario
from gpusim.studies.deliveries.doubts import TIMES, Doubt, doubts_of
from gpusim.tables.assumptions import Assumptions

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
    progress: Callable[[float], None] | None = None,
) -> Assumptions:
    """Move each assumption of a build-out to both ends of its interval, all else as it is, under the same seeds.

    Where another cause of delay is the first at an end, the value from which on it is so is sought by halving, under
    the same seeds. For each assumption 2 to 10 times ``replications`` build-outs are played.

    Parameters
    ----------
    scenario : Scenario
        With projects.
    replications : int
        Of each variant.
    seed : int
        Of the first replication; the others have those that follow.
    progress : callable, optional
        Called with the share that is done.

    Raises
    ------
    ScenarioError
        If the scenario has no projects, or an interval for an assumption that it has not.

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
    first = _first(base)
    rows = []
    for i, doubt in enumerate(doubts):
        rows.append(_row(doubt, base, first, seeds, overheads))
        if progress is not None:
            progress((i + 1) / len(doubts))
    table = pd.DataFrame(rows, columns=COLUMNS)
    effect = table[["low_gpu_hours", "high_gpu_hours"]].abs().max(axis=1)
    table = table.loc[effect.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
    lost = float(_total(base).mean())
    about = {
        "scenario": scenario.to_toml_dict(), "seed": seed, "replications": replications, "gpu_hours": lost,
        "first": first, "first_share": float(base[first].mean()) / lost if first else 0.0,
    }  # fmt: skip
    return Assumptions(about, table)


def _played(doubt: Doubt, value: float, seeds: range, overheads: Mapping[str, float]) -> Losses:
    """What is planned but not live, by cause and seed, at a value of an assumption."""
    losses: Losses = {}
    for i, seed in enumerate(seeds):
        scenario, network, draws = doubt.world(value, seed)
        lost = Tally(scenario, network, overheads).look(replay(network, scenario, draws)).lost
        for (_project, cause, held_by), (hours, _usd) in lost.items():
            if cause != AHEAD:
                losses.setdefault(said(cause, held_by), np.zeros(len(seeds)))[i] += hours
    return losses


def _total(losses: Losses) -> np.ndarray:
    return np.sum(list(losses.values()), axis=0) if losses else np.zeros(1)


def _first(losses: Losses) -> str:
    """The cause of the most GPU-hours; none if nothing is late."""
    means = {what: hours.mean() for what, hours in losses.items() if hours.mean() > 0.0}
    return max(means, key=means.get, default="")


def _row(doubt: Doubt, base: Losses, first: str, seeds: range, overheads: Mapping[str, float]) -> tuple:
    effects, turns = [], (nan, "")
    for end in (doubt.low, doubt.high):
        found = _played(doubt, end, seeds, overheads)
        more = _total(found) - _total(base)
        effects.append((float(more.mean()), float(more.std(ddof=1)) / sqrt(len(more)) if len(more) > 1 else nan))
        if (other := _first(found)) != first and not turns[1]:
            turns = _turning(doubt, end, first, other, seeds, overheads)
    (low, low_se), (high, high_se) = effects
    return (doubt.name, doubt.how, doubt.base, doubt.low, doubt.high, low, high, low_se, high_se, *turns)


def _turning(
    doubt: Doubt, end: float, first: str, other: str, seeds: range, overheads: Mapping[str, float]
) -> tuple[float, str]:
    """(value at which another cause is the first, by halving; that cause)."""
    same, turned = doubt.base, end
    for _ in range(HALVINGS):
        middle = sqrt(same * turned) if doubt.how == TIMES else (same + turned) / 2.0
        found = _first(_played(doubt, middle, seeds, overheads))
        if found == first:
            same = middle
        else:
            turned, other = middle, found
    return turned, other

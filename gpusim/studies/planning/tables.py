"""Candidates of a plan as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gpusim.results.measure import bounds
from gpusim.studies.planning.evidence import Evidence
from gpusim.studies.planning.space import Candidate, Space
from gpusim.studies.statistics.intervals import CONFIDENCE, Moments


def candidates_table(evidence: Evidence, candidates: Sequence[Candidate]) -> pd.DataFrame:
    """One row per candidate.

    Returns
    -------
    DataFrame
        point (in order of the first run); each option (amount or choice); cost_usd; shortfall; for each condition of
        the goal its figure: mean, and ``FIGURE low`` and ``FIGURE high``, its 95% interval (NaN: no run has it, as
        where there is no demand); n (runs); met (on average); sure (the intervals lie within the goal too); status:
        "complete", or "stopped" before it was.
    """
    points = {candidate: point for point, candidate in enumerate(evidence.figures)}
    options = {
        name: [evidence.space.bought(candidate)[name] for candidate in candidates] for name in evidence.space.options
    }
    table = pd.DataFrame({"point": [points[candidate] for candidate in candidates], **options})
    table["cost_usd"] = [evidence.space.cost_usd(candidate) for candidate in candidates]
    table["shortfall"] = [evidence.shortfall(candidate) for candidate in candidates]
    for i, condition in enumerate(evidence.goal.conditions):
        columns = [evidence.figures[candidate][:, i] for candidate in candidates]
        moments = [Moments.of(np.where(column == condition.unasked, np.nan, column)) for column in columns]
        limits = [one.limits(CONFIDENCE, *bounds(condition.measure.text)) for one in moments]
        means = np.array([evidence.means(candidate)[i] for candidate in candidates])
        table[condition.text] = np.where(means == condition.unasked, np.nan, means)
        for end, values in zip(("low", "high"), zip(*limits)):
            table[f"{condition.text} {end}"] = np.where(table[condition.text].isna(), np.nan, values)
    table["n"] = [evidence.runs(candidate) for candidate in candidates]
    complete = table["n"] == evidence.replications
    table["met"] = complete & (table["shortfall"] == 0.0)
    table["sure"] = table["met"] & np.array([evidence.is_sure(candidate) for candidate in candidates], dtype=bool)
    table["status"] = np.where(complete, "complete", "stopped")
    return table


def purchases_table(space: Space, candidate: Candidate) -> pd.DataFrame:
    """What a candidate buys.

    Returns
    -------
    DataFrame
        option; what (keys); how; amount (or choice) and its unit; usd_per_unit (NaN for a choice); cost_usd; from_day:
        when it takes effect [d of the run].
    """
    rows = [
        {
            "option": name,
            "what": ", ".join(option.all_keys()),
            "how": option.how,
            "amount": levels[level],
            "unit": option.unit,
            "usd_per_unit": np.nan if option.choices else option.usd_per_unit,
            "cost_usd": option.cost_usd(level),
            "from_day": option.lead_time_days,
        }
        for (name, option), levels, level in zip(space.options.items(), space.levels, candidate)
        if level
    ]
    columns = ["option", "what", "how", "amount", "unit", "usd_per_unit", "cost_usd", "from_day"]
    return pd.DataFrame(rows, columns=columns)

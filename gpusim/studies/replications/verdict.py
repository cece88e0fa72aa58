"""What replications say together, in sentences."""

from __future__ import annotations

import pandas as pd

from gpusim.causes import WORDS
from gpusim.results.bottlenecks import Balance
from gpusim.results.wording import gpu_hours, percent, share, worth
from gpusim.studies.statistics.proportions import Proportion
from gpusim.units import number_of

MOST = 3  # causes that are named beside the first


def verdict(causes: pd.DataFrame, balance: Balance, by_demand: Proportion, basis: str) -> str:
    """Whether supply or demand binds and in how many runs; which cause ranks first, how often, where and how much.

    Parameters
    ----------
    causes : DataFrame
        Of ``gpusim.studies.replications.ranks.causes``.
    balance : Balance
        Means over runs.
    by_demand : Proportion
        Runs in which demand binds before supply.
    basis : str
        Prices of GPU-hours, in words.
    """
    n = by_demand.n
    times = by_demand.times if balance.by_demand else n - by_demand.times
    low, high = by_demand.low, by_demand.high
    if not balance.by_demand:
        low, high = 1.0 - high, 1.0 - low
    first = balance.sentence(f" in {times} of {number_of(n, 'run')} (95% interval {share(low)} to {share(high)})")
    if causes.empty:
        return f"{first} No work was held back in any of {number_of(n, 'run')}.".strip()
    row = causes.iloc[0]
    of_that = " of that" if balance.is_built else ""
    text = (
        f"The largest cause{of_that} is '{WORDS[row['cause']].short}', first in {int(row['first'])} of"
        f" {number_of(n, 'run')} ({share(row['first_low'])} to {share(row['first_high'])}): {gpu_hours(row['mean'])} on"
        f" average{worth(row['usd'], basis)}, {_most(row['place_share'])} of it {_at(row['place'])}."
    )
    others = causes.iloc[1:]
    others = others[others["first"] > 0].head(MOST)
    if len(others):
        named = ", ".join(f"'{WORDS[one.cause].short}' in {one.first}" for one in others.itertuples())
        text += f" First in other runs: {named}."
    return f"{first} {text}".strip()


def met(attainment: pd.DataFrame, n: int) -> str:
    """For how many of their requests services met their objectives over runs; "" if there are none, or one run.

    Parameters
    ----------
    attainment : DataFrame
        Of ``gpusim.studies.replications.Replications.attainment``.
    n : int
        Runs.
    """
    if n < 2 or attainment.empty:
        return ""
    each = [
        f"{one.service} {percent(one.mean)} ({percent(one.least)} to {percent(one.most)})"
        for one in attainment.itertuples()
    ]
    return f"Requests that met their objectives, mean and range of {number_of(n, 'run')}: {', '.join(each)}."


def _most(part: float) -> str:
    return "all" if part == 1.0 else share(part)


def _at(place: str) -> str:
    """A pool as ``"GB200 at abilene"``; what rejected jobs asked for as it is."""
    site, slash, kind = place.partition("/")
    return f"{kind} at {site}" if slash else f"for jobs that accept {place}"

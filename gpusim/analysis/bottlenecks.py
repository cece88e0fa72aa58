"""Which resource held the fleet back, where, when, and what it cost."""

from __future__ import annotations

from datetime import datetime
from itertools import product

import numpy as np
import pandas as pd

from gpusim.analysis.books import books
from gpusim.analysis.causes import ABSENT, BUSY, SLACK, WORDS
from gpusim.analysis.lateness import is_built, lateness
from gpusim.analysis.wording import period, quantity, share
from gpusim.record.result import Result
from gpusim.units import HOUR_S

POOL = ["site", "gpu_type"]
COLUMNS = [
    "rank", "site", "gpu_type", "period_start_s", "period_end_s", "cause", "gpu_hours_lost", "share_of_planned",
    "job_hours_waited", "gpu_hours_asked", "gpu_hours_held_back", "usd", "sentence",
]  # fmt: skip


def bottlenecks(result: Result, entries: pd.DataFrame | None = None) -> pd.DataFrame:
    """What held the fleet back: by site, GPU type and cause, both sides of the ledger, the largest first.

    Supply: GPU-hours that were planned and not useful. Demand: time that jobs waited. They meet in one row where they
    have one cause; the waits of all rows add up to all waiting, the losses to all that was planned and not useful.

    Ranked by ``gpu_hours_held_back``, summed over record intervals: the loss; of absent GPUs (not delivered, not
    housed, not energised, down) only what waiting jobs and short services asked for at that time; of GPUs that were
    all at work (cause ``busy``), which lose nothing, what was asked for beyond them, at most the pool's planned GPUs.
    Slack, which no resource is to blame for, comes last.

    Parameters
    ----------
    entries : DataFrame, optional
        ``books(result)``, where it is at hand.

    Returns
    -------
    DataFrame
        rank, site, gpu_type, period_start_s and period_end_s [s] (the middle 90% of what was held back), cause,
        gpu_hours_lost, share_of_planned (of the pool), job_hours_waited, gpu_hours_asked (by waiting jobs and for
        missing replicas), gpu_hours_held_back, usd (gpu_hours_held_back at the type's list price), sentence.
    """
    start = datetime.fromisoformat(result.manifest["start"])
    table = losses(result, books(result) if entries is None else entries)
    table["sentence"] = [_sentence(row, start) for row in table.to_dict("records")]
    slack = table["cause"].isin(SLACK)
    by = [-table[column].to_numpy(float) for column in ("gpu_hours_lost", "gpu_hours_held_back")]
    order = np.lexsort((*by, slack.to_numpy()))
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table


def losses(result: Result, entries: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``bottlenecks`` in the order of ``entries = books(result)``, without rank and sentence."""
    planned_s = _planned_s(result)
    codes, labels = zip(*(pd.factorize(entries[name]) for name in (*POOL, "cause")), strict=True)
    shape = [len(names) for names in labels]
    group, found = pd.factorize(np.ravel_multi_index(codes, shape) if len(entries) else codes[0])
    parts = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group, minlength=len(found)))[:-1])
    start_s, end_s, *values = (
        entries[name].to_numpy() for name in ("start_s", "end_s", "lost_s", "waited_s", "asked_s", "held_s")
    )
    rows = []
    for part, key in zip(parts, found, strict=False):  # there is one empty part where there is no group
        site, kind, cause = (names[i] for names, i in zip(labels, np.unravel_index(key, shape), strict=True))
        lost_s, waited_s, asked_s, held_s = (float(value[part].sum()) for value in values)
        weight = next((values[i] for i, sum_s in ((3, held_s), (0, lost_s), (1, waited_s)) if sum_s > 0.0), None)
        if weight is None:
            continue
        first_s, last_s = _middle(start_s[part], end_s[part], weight[part])
        rows.append(
            {
                "site": site, "gpu_type": kind, "period_start_s": first_s, "period_end_s": last_s, "cause": cause,
                "gpu_hours_lost": lost_s / HOUR_S, "share_of_planned": lost_s / planned_s[site, kind],
                "job_hours_waited": waited_s / HOUR_S, "gpu_hours_asked": asked_s / HOUR_S,
                "gpu_hours_held_back": held_s / HOUR_S,
                "usd": held_s / HOUR_S * result.manifest["gpus"][kind]["usd_per_gpu_hour"],
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS[1:-1])


def _planned_s(result: Result) -> dict[tuple[str, str], float]:
    """[GPU-s] planned, by pool."""
    (site, sites), (kind, kinds) = (pd.factorize(result.ledger[name]) for name in POOL)
    sums_s = np.bincount(site * len(kinds) + kind, result.ledger["gpu_s"], minlength=len(sites) * len(kinds))
    return dict(zip(product(sites, kinds), sums_s, strict=True))


def headline(result: Result, table: pd.DataFrame | None = None) -> str:
    """What made a build-out late, if there is one; what cost most; what jobs waited for longest if that is another."""
    late = f"{lateness(result)} " if is_built(result) else ""
    if late and not len(result.jobs) and not len(result.services):
        return late.strip()
    return late + greatest(result, table)


def greatest(result: Result, table: pd.DataFrame | None = None) -> str:
    """One or two sentences: what cost most, and what jobs waited for longest if that is something else."""
    table = bottlenecks(result) if table is None else table
    real = table[~table["cause"].isin(SLACK) & (table["gpu_hours_held_back"] > 0.0)]
    if real.empty:
        return "Nothing held the fleet back: every GPU that anybody asked for was there and at work."
    first, longest = real.iloc[0], real.loc[real["job_hours_waited"].idxmax()]
    held = quantity(first["gpu_hours_held_back"])
    text = f"What held the fleet back most is {_name(first)}: {held} GPU-hours{_worth(first['usd'])}."
    total = float(table["job_hours_waited"].sum())
    if total < 1.0:
        return text + " Hardly any job waited."
    part = f"{share(longest['job_hours_waited'] / total)} of the {quantity(total)} hours that jobs waited"
    if longest["rank"] == first["rank"]:
        return text + f" It also caused {part}."
    return text + f" Jobs waited longest for {_name(longest)}: {part}."


def _worth(usd: float) -> str:
    """What GPU-hours are worth, where their type has a price: ``", worth 2,000 USD at list price"``."""
    return f", worth {quantity(usd)} USD at list price" if usd >= 0.5 else ""


def _name(row: pd.Series) -> str:
    return f"'{WORDS[row['cause']].short}' ({row['gpu_type']} at {row['site']})"


def _middle(start_s: np.ndarray, end_s: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Span [s] of the middle 90% of ``weight``, in whole record intervals."""
    order = np.argsort(start_s, kind="stable")
    done = np.cumsum(weight[order]) / weight.sum()
    first = int(np.searchsorted(done, 0.05))
    last = min(int(np.searchsorted(done, 0.95 - 1e-12)), len(order) - 1)
    return float(start_s[order[first]]), float(end_s[order[last]])


def _sentence(row: dict, start: datetime) -> str:
    cause, words = row["cause"], WORDS[row["cause"]]
    lost, held = (quantity(row[key]) for key in ("gpu_hours_lost", "gpu_hours_held_back"))
    when = period(start, row["period_start_s"], row["period_end_s"])
    worth, of_planned = _worth(row["usd"]), f"({share(row['share_of_planned'])} of those planned)"
    parts = [f"At {row['site']}, {row['gpu_type']} {words.clause}, mostly from {when}."]
    if cause == BUSY:
        parts.append(f"Waiting work asked for {held} GPU-hours more than there were{worth}.")
    elif cause in ABSENT and row["gpu_hours_held_back"] > 0.0:
        parts.append(f"Of the {lost} GPU-hours missing {of_planned} waiting work asked for {held}{worth}.")
    elif cause in ABSENT:
        parts.append(f"The missing {lost} GPU-hours {of_planned} held nothing back: no work asked for them.")
    elif row["gpu_hours_lost"] > 0.0:
        parts.append(f"This cost {lost} GPU-hours {of_planned}{worth}.")
    if row["job_hours_waited"] >= 0.5:
        hours = quantity(row["job_hours_waited"])
        parts.append(f"Jobs waited {hours} hour{'s' * (hours != '1')} for it.")
    if row["gpu_hours_held_back"] > 0.0:
        parts.append(f"What would relieve it: {words.relief}.")
    return " ".join(parts)

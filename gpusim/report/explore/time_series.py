"""Courses of a run over common steps as long tables, its periods, and waiting by tenant."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.causes import LOSS_OF_WAIT, STACK, WORDS
from gpusim.results.series import Series
from gpusim.results.tables.record import Record
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH, WATT_PER_MW

# Causes as charts write and colour them.


def short(cause: str) -> str:
    """A cause as tables and legends write it."""
    return WORDS[cause].short


def colours(causes: pd.Series) -> dict[str, list[str]]:
    """Domain and range of a colour scale: the causes that occur, as ``short`` writes them, in the order of stacks."""
    occur = set(causes.unique())
    rows = [row for row in STACK if row.short in occur]
    return {"domain": [row.short for row in rows], "range": [row.colour for row in rows]}


# Periods of a run to choose from: days, weeks, months, quarters or years of the calendar, by how long it is.

# The longest run [days] that is cut so, where a period begins, and how it is called.
CUTS = ((10, "D", "{0.day} {0:%b}"), (75, "W-MON", "week of {0.day} {0:%b}"), (800, "MS", "{0:%b %Y}"),
        (3_000, "QS", "Q{0.quarter} {0.year}"), (float("inf"), "YS", "{0.year}"))  # fmt: skip


def periods(start: datetime, days: float) -> list[dict]:
    """Label and first and last day of the run of each; first the whole run, without days."""
    first = pd.Timestamp(start)
    last = first + pd.Timedelta(days=days)
    every, called = next((every, called) for most, every, called in CUTS if days <= most)
    inside = [at for at in pd.date_range(first.normalize(), last, freq=every) if first < at < last]
    bounds = [first, *inside, last]
    found = [
        {"label": called.format(begin), "days": [_day(begin, first), _day(end, first)]}
        for begin, end in zip(bounds, bounds[1:])
    ]
    return [{"label": "whole run", "days": None}, *(found if len(found) > 1 else [])]


def _day(moment: pd.Timestamp, first: pd.Timestamp) -> float:
    return (moment - first).total_seconds() / DAY_S


# Waiting by tenant where tenants share a queue: the result then has it by job and by interval, but not by both.

ROUNDS = 30  # of scaling rows and columns by turns
LEAST = 1e-6  # of a tenant's share: any step may have some of it, so that both sums can be met


def split(result: Record, waits: pd.DataFrame, edges_s: np.ndarray) -> pd.DataFrame:
    """Rows of ``waits``, those without a tenant split by tenant.

    By site and cause, a tenant's waiting adds up to that of its jobs, and that of all tenants in a step to what is
    recorded. In between, each job is taken to wait evenly, scaled until both hold (iterative proportional fitting).
    """
    shared = waits["tenant"] == ""
    if not shared.any() or not len(result.job_waits):
        return waits
    jobs = result.job_waits.merge(result.jobs[["job_id", "site", "tenant", "submit_s"]], on="job_id")
    jobs = jobs.assign(end_s=jobs["submit_s"] + jobs.groupby("job_id")["wait_s"].transform("sum")).astype(
        {"cause": str}
    )
    of_jobs = dict(list(jobs.groupby(["site", "cause"], observed=True)))
    parts = [waits[~shared]]
    for key, rows in waits[shared].astype({"cause": str}).groupby(["site", "cause"], observed=True):
        parts.append(_split(rows, of_jobs.get(key, jobs), edges_s))
    return pd.concat(parts, ignore_index=True)


def _split(rows: pd.DataFrame, jobs: pd.DataFrame, edges_s: np.ndarray) -> pd.DataFrame:
    """Rows of one site and cause, one for each tenant."""
    step = np.searchsorted(edges_s, rows["start_s"].to_numpy(), side="right") - 1
    recorded_s = np.bincount(step, weights=rows["job_s"], minlength=len(edges_s) - 1)
    by_tenant = dict(list(jobs.groupby("tenant", observed=True)))
    totals_s = np.array([one["wait_s"].sum() for one in by_tenant.values()])
    waited_s = np.array([_evenly(one, edges_s) for one in by_tenant.values()]) + LEAST * np.outer(
        totals_s, recorded_s > 0.0
    )
    for _round in range(ROUNDS if len(by_tenant) > 1 else 1):
        waited_s *= (totals_s / waited_s.sum(axis=1))[:, None]
        waited_s *= recorded_s / np.maximum(waited_s.sum(axis=0), np.finfo(float).tiny)
    shares = waited_s / np.maximum(waited_s.sum(axis=0), np.finfo(float).tiny)
    return pd.concat(
        [rows.assign(tenant=name, job_s=rows["job_s"] * share[step], gpu_s=rows["gpu_s"] * share[step])
         for name, share in zip(by_tenant, shares)]
    )  # fmt: skip


def _evenly(jobs: pd.DataFrame, edges_s: np.ndarray) -> np.ndarray:
    """[s] waited in each step, if every job's wait were spread evenly from its submission on."""
    start_s, end_s, wait_s = (jobs[name].to_numpy(float) for name in ("submit_s", "end_s", "wait_s"))
    rate = wait_s / (end_s - start_s)
    at_s = np.concatenate([start_s, end_s])
    order = np.argsort(at_s, kind="stable")
    at_s, rates = at_s[order], np.cumsum(np.concatenate([rate, -rate])[order])
    total_s = np.concatenate([[0.0], np.cumsum(rates[:-1] * np.diff(at_s))])
    return np.diff(np.interp(edges_s, at_s, total_s)).clip(min=0.0)


# Courses of a run over common steps as long tables: a row per step, site and what it is told apart by.

MOST_DAYS = 60  # rows of each kind of jobs
POWER = {"facility_w": "facility", "it_w": "IT", "limit_w": "limit"}


def held_back(series: Series, entries: pd.DataFrame) -> pd.DataFrame:
    """from, to [days], site, cause, hours of GPUs held back, of rows of ``gpusim.results.ledger.both_sides``."""
    rows = entries[(entries["held_s"] > 0.0) & (entries["site"] != "")]
    table = _summed(series, rows, ["site", "cause"], rows["held_s"].to_numpy() / HOUR_S, "hours")
    return table.assign(cause=table["cause"].map(short))


def waits(series: Series) -> pd.DataFrame:
    """from, to [days], site, tenant, cause, hours that jobs waited."""
    rows = split(series.result, series.result.waits, series.edges_s)
    table = _summed(series, rows, ["site", "tenant", "cause"], rows["job_s"].to_numpy() / HOUR_S, "hours")
    return table.assign(cause=table["cause"].map(LOSS_OF_WAIT).map(short)).replace({"site": {"": "any site"}})


def ledger(series: Series) -> pd.DataFrame:
    """from, to [days], site, cause, mean gpus."""
    rows = series.result.ledger
    table = _summed(series, rows, ["site", "cause"], rows["gpu_s"].to_numpy() / DAY_S, "gpus")
    return table.assign(cause=table["cause"].map(short), gpus=table["gpus"] / (table["to"] - table["from"]))


def running(series: Series) -> pd.DataFrame:
    """from [days], site, mean number of jobs that run."""
    pools = series.result.pools
    span_s = (pools["end_s"] - pools["start_s"]).to_numpy()
    counts = series.integral(pools, pools["running_jobs"].to_numpy() * span_s, "site").div(series.spans_s, axis=0)
    return _long(series, counts, "site", "jobs").drop(columns="to")


def power(series: Series, sites: list[str]) -> pd.DataFrame:
    """from [days], site, what, mw; limits that there are not left out."""
    parts = [
        _long(series, series.power_w([site]).rename(columns=POWER) / WATT_PER_MW, "what", "mw").assign(site=site)
        for site in sites
        if len(series.result.power)
    ]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["from", "what", "mw", "site"])
    return table[np.isfinite(table["mw"].astype(float))].drop(columns="to", errors="ignore")


def energy(series: Series) -> pd.DataFrame:
    """from, to [days], site, energy at the meter [MWh], its bill [USD] and CO2e [t]."""
    rows = series.result.power
    values = {
        "mwh": rows["facility_w"] * (rows["end_s"] - rows["start_s"]) / JOULE_PER_MWH,
        "usd": rows["cost_usd"], "t": rows["carbon_kg"] / 1000.0,
    }  # fmt: skip
    tables = [
        _long(series, series.integral(rows, one.to_numpy(), "site"), "site", name) for name, one in values.items()
    ]
    return tables[0].assign(**{name: one[name] for name, one in zip(values, tables)})


def submitted(result: Record) -> pd.DataFrame:
    """from, to [days], site, tenant, class, jobs submitted, of them never started, and the hours that they waited.

    Rows are of days, or longer where a run has more than ``MOST_DAYS``.
    """
    days = float(result.manifest["duration_s"]) / DAY_S
    width = days / min(max(round(days), 1), MOST_DAYS)
    jobs = result.jobs
    first = (jobs["submit_s"] / DAY_S // width) * width
    rows = pd.DataFrame({
        "from": first, "site": jobs["site"].astype(str).replace("", "any site"), "tenant": jobs["tenant"],
        "class": jobs["job_class"], "jobs": 1, "never": jobs["start_s"].isna().astype(int),
        "waited": jobs["wait_s"] / HOUR_S,
    })  # fmt: skip
    sums = rows.groupby(["from", "site", "tenant", "class"], observed=True, as_index=False).sum()
    return sums.assign(to=np.minimum(sums["from"] + width, days))


def _summed(series: Series, rows: pd.DataFrame, by: list[str], value: np.ndarray, name: str) -> pd.DataFrame:
    """Sums of ``value`` per step and ``by``; steps without any left out."""
    groups = rows.groupby(by, observed=True, sort=False)
    keys = groups.ngroup()
    names = pd.DataFrame(list(groups.groups), columns=by) if len(by) > 1 else None
    sums = series.integral(rows.assign(key=keys), value, "key")
    table = _long(series, sums, "key", name)
    table = table[table[name] > 0.0]
    return table.drop(columns="key").assign(**{c: names[c].to_numpy()[table["key"].astype(int)] for c in by})


def _long(series: Series, table: pd.DataFrame, names: str, values: str) -> pd.DataFrame:
    """A table of a row per step and a column per name as rows of from, to [days], name and value."""
    bounds = pd.DataFrame({"from": series.edges_s[:-1] / DAY_S, "to": series.edges_s[1:] / DAY_S})
    return pd.concat([bounds, table], axis=1).melt(["from", "to"], var_name=names, value_name=values)

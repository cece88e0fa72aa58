"""Courses of a run over common steps as long tables: a row per step, site and what it is told apart by."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.analysis.series import Series
from gpusim.causes import LOSS_OF_WAIT
from gpusim.report.explore import tenants
from gpusim.report.explore.words import short
from gpusim.tables.record import Record
from gpusim.units import DAY_S, HOUR_S, JOULE_PER_MWH, WATT_PER_MW

MOST_DAYS = 60  # rows of each kind of jobs
POWER = {"facility_w": "facility", "it_w": "IT", "limit_w": "limit"}


def held(series: Series, entries: pd.DataFrame) -> pd.DataFrame:
    """from, to [days], site, cause, hours of GPUs held back, of rows of ``gpusim.analysis.ledger.both_sides``."""
    rows = entries[(entries["held_s"] > 0.0) & (entries["site"] != "")]
    table = _summed(series, rows, ["site", "cause"], rows["held_s"].to_numpy() / HOUR_S, "hours")
    return table.assign(cause=table["cause"].map(short))


def waits(series: Series) -> pd.DataFrame:
    """from, to [days], site, tenant, cause, hours that jobs waited."""
    rows = tenants.split(series.result, series.result.waits, series.edges_s)
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

"""The part of a result that came after a warm-up."""

from __future__ import annotations

import pandas as pd

from gpusim.errors import ResultError
from gpusim.results.tables.record import Record

SERIES = (
    "ledger",
    "waits",
    "unmet",
    "rejections",
    "pools",
    "power",
    "services",
)  # one row per record interval and something
OF_REQUESTS = ("service_demand", "service_latency", "service_outcomes", "service_replicas")  # the same


def after(result: Record, warm_up_s: float) -> Record:
    """What came after ``warm_up_s`` [s]: record intervals that begin, and jobs submitted, at that time or later.

    Times still count from the run's start. Energy, costs and carbon are those of the intervals; a site's peak is the
    highest mean of an interval; a pool's share of its site's bill and carbon is that of the whole run. Jobs submitted
    earlier still hold GPUs and stand in queues, so that laws which compare the jobs with the pools no longer hold.
    Requests count in the interval in which they ended; ``service_sketch`` stays that of the whole run.

    Raises
    ------
    ResultError
        If no record interval is left.
    """
    last_s = float(result.power["start_s"].max())
    if not 0.0 <= warm_up_s <= last_s:
        raise ResultError(
            f"warm_up_s = {warm_up_s:g}: must be from 0 to {last_s:g} s, where the run's last record interval begins"
        )
    if warm_up_s == 0.0:
        return result
    tables = dict(result.tables)
    for name in (*SERIES, *(name for name in OF_REQUESTS if name in tables)):
        tables[name] = _kept(tables[name], tables[name]["start_s"] >= warm_up_s)
    if "service_requests" in tables:
        rows = tables["service_requests"]
        tables["service_requests"] = _kept(rows, rows["arrival_s"] >= warm_up_s)
    tables["jobs"] = _kept(tables["jobs"], tables["jobs"]["submit_s"] >= warm_up_s)
    tables["job_waits"] = _kept(tables["job_waits"], tables["job_waits"]["job_id"].isin(tables["jobs"]["job_id"]))
    tables["events"] = _kept(tables["events"], tables["events"]["time_s"] >= warm_up_s)
    tables["sites"] = _sites(tables["sites"], tables["power"])
    tables["costs"] = _costs(result, tables)
    return Record(result.manifest, tables)


def _kept(table: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    return table[rows].reset_index(drop=True)


def _sites(sites: pd.DataFrame, power: pd.DataFrame) -> pd.DataFrame:
    phases = [name for name in power if name.endswith("_j")]
    used = pd.DataFrame(
        {
            "energy_it_j": power[phases].sum(axis=1),
            "energy_facility_j": power["facility_w"] * (power["end_s"] - power["start_s"]),
            "cost_usd": power["cost_usd"],
            "carbon_kg": power["carbon_kg"],
            "water_l": power["water_l"],
            **{name: power[name] for name in ("marginal_carbon_kg",) if name in power},
            "peak_facility_w": power["facility_w"],
        }
    )
    groups = used.groupby(power["site"], observed=True)
    table = groups.sum(min_count=1).assign(peak_facility_w=groups["peak_facility_w"].max()).reindex(sites["site"])
    return sites.assign(**{name: table[name].to_numpy() for name in table})


def _costs(result: Record, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    costs = result.costs
    before, now = (table.set_index("site") for table in (result.sites, tables["sites"]))
    shares = {}
    for name, whole in (("energy_usd", "cost_usd"), ("carbon_kg", "carbon_kg")):
        ratio = (now[whole] / before[whole].where(before[whole] != 0.0)).fillna(0.0)
        shares[name] = costs[name] * ratio.reindex(costs["site"]).to_numpy()
    return costs.assign(**shares)

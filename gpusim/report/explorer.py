"""What the charts of a page show: their Vega-Lite specification, with the courses of the run in it as CSV."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.analysis.series import Series
from gpusim.causes import STACK, WORDS
from gpusim.report.findings import Findings
from gpusim.units import DAY_S, WATT_PER_MW

MOST_STEPS, LEAST_STEPS = 240, 24
MOST_ROWS = 1_500  # sites times steps


def specification(findings: Findings) -> dict:
    """The charts of a run: what held sites back, what GPUs did, power and jobs, of the sites that are clicked.

    Returns
    -------
    dict
        A Vega-Lite specification without widths, which the page sets to its own.
    """
    sites = list(findings.result.sites["site"])
    series = Series.of(findings.result, int(np.clip(MOST_ROWS // max(len(sites), 1), LEAST_STEPS, MOST_STEPS)))
    tables = {
        "held": _held(findings),
        "ledger": _ledger(series, sites),
        "power": _power(series, sites),
        "jobs": _jobs(series),
    }
    spec = json.loads((files("gpusim.report") / "explore.json").read_text(encoding="utf-8"))
    for view, name in zip(spec["vconcat"], ("held", "ledger"), strict=False):
        view["encoding"]["color"]["scale"] = _colours(tables[name]["cause"])
    for view in spec["vconcat"][1:]:
        view["encoding"]["x"]["scale"]["domain"] = [0.0, float(series.edges_s[-1]) / DAY_S]
    stacked = next(one for one in spec["params"] if one["name"] == "causes")
    stacked["value"] = _colours(tables["ledger"]["cause"])["domain"]
    spec["datasets"] = {name: table.to_csv(index=False, float_format="%.5g") for name, table in tables.items()}
    return spec


def _held(findings: Findings) -> pd.DataFrame:
    """site, cause, gpu_hours held back."""
    held = findings.losses.groupby(["site", "cause"], as_index=False, observed=True)["gpu_hours_held_back"].sum()
    held = held[(held["gpu_hours_held_back"] > 0.0) & (held["site"] != "")]
    return held.assign(cause=held["cause"].map(_short)).rename(columns={"gpu_hours_held_back": "gpu_hours"})


def _ledger(series: Series, sites: list[str]) -> pd.DataFrame:
    """from, to [days], site, cause, mean gpus; rows without GPUs left out."""
    parts = [_long(series, series.gpus([site]), "cause", "gpus").assign(site=site) for site in sites]
    table = pd.concat(parts)[lambda table: table["gpus"] > 0.0]
    return table.assign(cause=table["cause"].map(_short))


def _power(series: Series, sites: list[str]) -> pd.DataFrame:
    """from [days], site, what, mw; limits that there are not left out."""
    names = {"facility_w": "facility", "it_w": "IT", "limit_w": "limit"}
    parts = [
        _long(series, series.power_w([site]).rename(columns=names) / WATT_PER_MW, "what", "mw").assign(site=site)
        for site in sites
        if len(series.result.power)
    ]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["from", "what", "mw", "site"])
    return table[np.isfinite(table["mw"].astype(float))].drop(columns="to", errors="ignore")


def _jobs(series: Series) -> pd.DataFrame:
    """from [days], site, what, mean number of jobs."""
    pools = series.result.pools
    span_s = (pools["end_s"] - pools["start_s"]).to_numpy()
    parts = []
    for column, what in (("running_jobs", "run"), ("queued_jobs", "wait")):
        counts = series.integral(pools, pools[column].to_numpy() * span_s, "site").div(series.spans_s, axis=0)
        parts.append(_long(series, counts, "site", "jobs").assign(what=what))
    return pd.concat(parts).drop(columns="to")


def _long(series: Series, table: pd.DataFrame, names: str, values: str) -> pd.DataFrame:
    """A table of a row per step and a column per name as rows of from, to [days], name and value."""
    bounds = pd.DataFrame({"from": series.edges_s[:-1] / DAY_S, "to": series.edges_s[1:] / DAY_S})
    return pd.concat([bounds, table], axis=1).melt(["from", "to"], var_name=names, value_name=values)


def _short(cause: str) -> str:
    return WORDS[cause].short


def _colours(causes: pd.Series) -> dict[str, list[str]]:
    """Domain and range of the scale: the causes that occur, in the order in which they are stacked."""
    rows = [row for row in STACK if _short(row.name) in set(causes)]
    return {"domain": [_short(row.name) for row in rows], "range": [row.colour for row in rows]}

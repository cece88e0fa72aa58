"""The charts of a run: a map, what held sites back, tenants' waiting, courses that zoom together, jobs in lanes."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.report.explore import fleet_map, time_series
from gpusim.report.explore.lanes import lanes
from gpusim.report.explore.time_series import colours, periods
from gpusim.report.findings import Findings
from gpusim.results.series import Series
from gpusim.units import DAY_S

MOST_STEPS, LEAST_STEPS = 240, 24
MOST_ROWS = 1_500  # sites times steps
# Hours of a row, from a day to a day, that are in the period which is zoomed to.
PERIOD = {
    "calculate": "datum.hours * (isDefined(zoom.from) ? max(0, min(datum.to, zoom.from[1]) - max(datum.from,"
    " zoom.from[0])) / (datum.to - datum.from) : 1)",
    "as": "inside",
}
TIME_VIEWS = ("did", "lost", "power", "waiting", "running", "lanes")  # views along the days of the run
OF_JOBS = ("tenants", "waiting", "running")
COLOURED = {
    "sites": "held",
    "tenants": "waits",
    "use": "ledger",
    "did": "ledger",
    "lost": "held",
    "waiting": "waits",
}  # by cause


def specification(findings: Findings) -> dict:
    """The charts of a run, all of which show what is chosen in one of them as far as they can tell it apart.

    Returns
    -------
    dict
        A Vega-Lite specification without widths, which the page sets to its own; ``usermeta`` says how
        many radians wide and high a map is.
    """
    result = findings.result
    sites = list(result.sites["site"])
    series = Series.of(result, int(np.clip(MOST_ROWS // max(len(sites), 1), LEAST_STEPS, MOST_STEPS)))
    bars, pools = lanes(result)
    tables = {
        "held": time_series.held_back(series, findings.entries), "waits": time_series.waits(series),
        "ledger": time_series.ledger(series), "power": time_series.power(series, sites),
        "running": time_series.running(series),
        "lanes": bars, "places": fleet_map.places(result), "energy": time_series.energy(series),
        "submitted": time_series.submitted(result),
    }  # fmt: skip
    windows = [name for name in fleet_map.WINDOWS if name in set(tables["places"]["window"])]
    absent = {"map": not windows, "lanes": not pools, **dict.fromkeys(OF_JOBS, result.jobs.empty)}
    text = (files("gpusim.report") / "explore" / "run.json").read_text(encoding="utf-8")
    spec = json.loads(text.replace('"PERIOD"', json.dumps(PERIOD)))
    views = {view["name"]: view for view in spec["vconcat"] if not absent.get(view["name"])}
    days = float(series.edges_s[-1]) / DAY_S
    _scale(views, tables, days)
    if windows:
        views["map"]["hconcat"] = [_map(views["map"]["hconcat"][0], name) for name in windows]
    return spec | {
        "params": _params(spec["params"], views, pools, tables),
        "vconcat": list(views.values()),
        "datasets": {name: table.to_csv(index=False, float_format="%.5g") for name, table in tables.items()}
        | {"land": fleet_map.land(windows)},
        "usermeta": spec["usermeta"]
        | {
            "maps": {name: fleet_map.WINDOWS[name].extent for name in windows},
            "pools": dict(reversed(list(zip(bars["site"], bars["pool"])))),  # of each site that of the most GPU-hours
            "whole": [0.0, days],
            "periods": periods(findings.start, days),
        },
    }


def _scale(views: dict[str, dict], tables: dict[str, pd.DataFrame], days: float) -> None:
    """Give the views the colours of the causes that occur, and the days of the run."""
    for name in COLOURED.keys() & views.keys():
        views[name]["encoding"]["color"]["scale"] = colours(tables[COLOURED[name]]["cause"])
    for one in views["map"]["hconcat"] if "map" in views else []:
        one["layer"][2]["encoding"]["color"]["scale"] = colours(tables["held"]["cause"])
    for name in views.keys() & set(TIME_VIEWS):
        views[name]["encoding"]["x"]["scale"]["domain"] = [0.0, days]


def _map(view: dict, name: str) -> dict:
    """The view of a window on the world."""
    window = fleet_map.WINDOWS[name]
    text = json.dumps(view).replace("WINDOW", name).replace("TITLE", window.title)
    return json.loads(text) | {"projection": window.projection}


def _params(
    params: list[dict], views: dict[str, dict], pools: dict[str, str], tables: dict[str, pd.DataFrame]
) -> list[dict]:
    """What can be chosen, in the views that there are."""
    one = {param["name"]: param for param in params}
    one["causes"]["value"] = colours(pd.concat([tables[name]["cause"] for name in ("ledger", "held", "waits")]))[
        "domain"
    ]
    one["pool"]["value"] = next(iter(pools), "")
    one["pool"]["bind"] |= {"options": list(pools), "labels": list(pools.values())}
    if "map" in views:
        one["site"]["views"] += [layer["name"] for view in views["map"]["hconcat"] for layer in view["layer"][1:2]]
    one["zoom"]["views"] = [view for view in one["zoom"]["views"] if view.partition("_")[0] in views]
    needs = {"circles": "map", "tenant": "tenants", "pool": "lanes"}
    return [param for name, param in one.items() if needs.get(name, "sites") in views]

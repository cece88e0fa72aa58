"""The charts of two or more runs side by side: what held them back, their courses, their figures."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.causes import USEFUL
from gpusim.report.compared.findings import ComparedRuns
from gpusim.report.explore import time_series
from gpusim.report.explore.run import LEAST_STEPS, MOST_STEPS, PERIOD
from gpusim.report.explore.time_series import colours, short
from gpusim.report.figures.palette import SERIES
from gpusim.report.findings import Findings
from gpusim.results.series import Series
from gpusim.units import DAY_S, HOUR_S

MOST_ROWS = 2_400  # runs times sites times steps


def specification(compared: ComparedRuns) -> dict:
    """The charts of runs.

    Returns
    -------
    dict
        A Vega-Lite specification without widths, which the page sets to its own.
    """
    several = compared.runs
    rows = sum(len(one.result.sites) for one in several.values())
    steps = int(np.clip(MOST_ROWS // max(rows, 1), LEAST_STEPS, MOST_STEPS))
    parts = {name: Series.of(one.result, steps) for name, one in several.items()}
    held = _joined({name: time_series.held_back(parts[name], one.entries) for name, one in several.items()})
    course = _joined({name: _courses(parts[name], one) for name, one in several.items()})
    figures = compared.labelled.rename_axis("figure").reset_index().melt("figure", var_name="run").dropna()
    days = max(float(series.edges_s[-1]) / DAY_S for series in parts.values())
    told = {"PERIOD": PERIOD, "RUNS": list(several), "COLOURS": [SERIES[i % len(SERIES)] for i in range(len(several))]}
    text = (files("gpusim.report") / "explore" / "runs.json").read_text(encoding="utf-8")
    for key, value in told.items():
        text = text.replace(f'"{key}"', json.dumps(value))
    spec = json.loads(text)
    views = {view["name"]: view for view in spec["vconcat"]}
    views["held"]["encoding"]["color"]["scale"] = colours(held["cause"])
    views["course"]["encoding"]["x"]["scale"]["domain"] = [0.0, days]
    for param, names in zip(spec["params"], (course["what"], figures["figure"]), strict=False):
        param["bind"]["options"] = list(dict.fromkeys(names))
        param["value"] = param["bind"]["options"][0]
    tables = {"held": held, "courses": course, "figures": figures}
    spec["datasets"] = {name: table.to_csv(index=False, float_format="%.5g") for name, table in tables.items()}
    spec["usermeta"] |= {"whole": [0.0, days], "values": {"run": list(several)}}
    return spec


def _courses(series: Series, findings: Findings) -> pd.DataFrame:
    """what, from [day], site, value: GPUs, power and jobs."""
    ledger = time_series.ledger(series)
    useful = ledger[ledger["cause"].isin([short(cause) for cause in USEFUL])]
    power = time_series.power(series, list(findings.result.sites["site"]))
    waits = time_series.waits(series)
    waiting = waits.assign(value=waits["hours"] * HOUR_S / DAY_S / (waits["to"] - waits["from"]))
    parts = {
        "useful GPUs": _summed(useful, "gpus"), "planned GPUs": _summed(ledger, "gpus"),
        "power at the meter [MW]": _summed(power[power["what"] == "facility"], "mw"),
        "waiting jobs": _summed(waiting, "value"), "running jobs": _summed(time_series.running(series), "jobs"),
    }  # fmt: skip
    return pd.concat([part.assign(what=what) for what, part in parts.items()])


def _summed(table: pd.DataFrame, value: str) -> pd.DataFrame:
    return table.groupby(["from", "site"], as_index=False)[value].sum().rename(columns={value: "value"})


def _joined(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([table.assign(run=name) for name, table in tables.items()])

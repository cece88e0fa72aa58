"""The charts of a sweep or of policies: means, paired differences, each axis, one measure against another."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pandas as pd

from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import level
from gpusim.results.labels import label_of
from gpusim.studies.comparison import AXIS as POLICY

MOST_POINTS = 60
MOST_AXES = 6
NAMED = 8  # points that a scatter can name
BESIDE, CHARACTER, MOST_LABEL = 60, 6, 150  # px: ends of axes, a character of a label, the longest label (study.json)
TOOLTIP = (("label", ""), ("measure", ""), ("mean", ",.4~g"), ("low", ",.4~g"), ("high", ",.4~g"), ("n", "d"))


def specification(findings: SweepFindings) -> dict:
    """The charts of a study: those of its first points, if it has many.

    Returns
    -------
    dict
        A Vega-Lite specification without widths, which the page sets to its own.
    """
    axes = findings.spec.axes
    by = POLICY if POLICY in axes else "point"
    means = _long(findings.means, findings)
    changes = findings.differences
    changes = changes.rename(columns={"difference": "mean"}) if len(changes) else means.head(0)
    tables = {"means": means, "differences": _long(changes, findings) if len(changes) else changes}
    measures = list(dict.fromkeys(means["measure"]))
    text = (files("gpusim.report") / "explore" / "study.json").read_text(encoding="utf-8")
    tooltip = [{"field": name} | ({"format": form} if form else {}) for name, form in TOOLTIP]
    text = text.replace('"TOOLTIP"', json.dumps(tooltip)).replace("FILTER", by)
    spec = json.loads(text)
    views = {view["name"]: view for view in spec["vconcat"]}
    if means["point"].nunique() > NAMED:
        del views["trade"]["layer"][1]  # the names
    panels = [] if by == POLICY else [_along(views["along"]["hconcat"][0], i, findings) for i in range(len(axes))]
    views["along"]["hconcat"] = panels[:MOST_AXES]
    there = {"differences": len(changes) > 0, "along": bool(panels), "trade": len(measures) > 1}
    views = {name: view for name, view in views.items() if there.get(name, True)}
    room = _room(means["label"])
    for name in {"along", "trade"} & set(views):  # from where those with names of points begin
        views[name]["title"]["dx"] = int(0.8 * (BESIDE - room))
    shown, across, choice = spec["params"]
    shown["value"], across["value"] = measures[0], measures[min(1, len(measures) - 1)]
    shown["bind"]["options"] = across["bind"]["options"] = measures
    more = [f"{name}_dot" for name in ("differences", "trade") if name in views]
    choice["views"] += more + [f"{panel['name']}_dot" for panel in panels[:MOST_AXES]]
    return spec | {
        "params": [shown, *([across] if "trade" in views else []), choice],
        "vconcat": list(views.values()),
        "datasets": {name: table.to_csv(index=False, float_format="%.6g") for name, table in tables.items()},
        "usermeta": {"labels": room}
        | (
            {"all": "All policies.", "values": {POLICY: list(dict.fromkeys(means[POLICY]))}}
            if by == POLICY
            else {"all": "All points."}
        ),
    }


def _room(labels: pd.Series) -> int:
    """[px] Of a chart's width that its labels take, with what surrounds them."""
    longest = int(labels.str.len().max()) if len(labels) else 0
    return BESIDE + min(MOST_LABEL, longest * CHARACTER)


def _long(table: pd.DataFrame, findings: SweepFindings) -> pd.DataFrame:
    """Point, label, axes, measure, mean, low and high in its unit, n; an endless interval is none."""
    axes = list(findings.spec.axes)
    table = table[table["point"] < MOST_POINTS]
    factor = table["measure"].map({name: unit.factor for name, unit in findings.units.items()})
    ends = (table[["mean", "low", "high"]].mul(factor, axis=0)).replace([np.inf, -np.inf], np.nan)
    places = {f"axis{i}": table[axis] for i, axis in enumerate(axes)}
    return pd.DataFrame({
        "point": table["point"], **({POLICY: table[POLICY]} if POLICY in axes else {}), **places,
        "label": [_label(row, axes) for row in table.to_dict("records")],
        "measure": table["measure"].map({name: label_of(name, unit) for name, unit in findings.units.items()}),
        **ends, "n": table["n"],
    })  # fmt: skip


def _label(row: dict, axes: list[str]) -> str:
    """A point in the values of its axes, where there are few; of numbers also the axis."""
    if axes == [POLICY]:
        return str(row[POLICY])
    if not 1 <= len(axes) <= 3:
        return f"point {row['point']}"
    return ", ".join(level(row[axis]) if isinstance(row[axis], str) else f"{axis} {level(row[axis])}" for axis in axes)


def _along(view: dict, place: int, findings: SweepFindings) -> dict:
    """The panel of an axis."""
    name, axis = list(findings.spec.axes.items())[place]
    kind = "quantitative" if axis.is_numeric() else "nominal"
    told = {"AXIS": f"along{place}", "FIELD": f"axis{place}", "TYPE": kind}
    text = json.dumps(view)
    for key, value in told.items():
        text = text.replace(key, value)
    panel = json.loads(text)
    panel["encoding"]["x"]["title"] = name
    return panel

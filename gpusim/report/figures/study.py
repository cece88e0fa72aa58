"""The figures of a sweep, by what its design is good for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd

from gpusim.report.figures import curve, effects, heatmap, sensitivity, tornado
from gpusim.report.section import Drawings
from gpusim.results.tables.folder import folder_name
from gpusim.studies.sweeps.spec import SweepSpec


def drawings(spec: SweepSpec, summary: pd.DataFrame, sensitivities: Mapping[str, pd.DataFrame]) -> Drawings:
    """What draws the figures of every measure of a sweep, by name.

    One axis of numbers is a curve, with a few cases beside it a curve each; two axes a map; one at a time a tornado;
    lists, Latin hypercubes and other grids the means of their points. Which axis matters is drawn of all the others.

    Parameters
    ----------
    summary : DataFrame
        Of ``gpusim.studies.statistics.intervals.summary``, by point and axes.
    sensitivities : mapping
        Tables of ``gpusim.studies.statistics.sensitivity`` by measure; measures without one are drawn without.
    """
    found = {}
    for measure in dict.fromkeys(summary["measure"]):
        file = folder_name(measure.replace(" ", "_").replace("/", "_"))
        table = sensitivities.get(measure)
        if spec.design.kind == "one_at_a_time" and table is not None:
            found[f"tornado_{file}"] = partial(tornado.draw, table, measure)
            continue
        found |= {f"{name}_{file}": draw for name, draw in _means(spec, summary, measure).items()}
        if table is not None and len(spec.axes) > 1:
            found[f"sensitivity_{file}"] = partial(sensitivity.draw, table, measure)
    return found


def _means(spec: SweepSpec, summary: pd.DataFrame, measure: str) -> Drawings:
    names = list(spec.axes)
    numbers = [name for name in names if spec.axes[name].is_numeric()]
    grid = spec.design.kind == "grid"
    if len(names) == 1 and numbers and spec.design.kind in ("grid", "list"):
        return {"curve": partial(curve.draw, summary, names[0], measure)}
    if grid and len(names) == 2 and numbers:
        across = numbers[-1]
        (other,) = (name for name in names if name != across)
        found = {"map": partial(heatmap.draw, summary, other, across, measure)}
        if summary[other].nunique() <= curve.MOST:
            found = {"curve": partial(curve.draw, summary, across, measure, other), **found}
        return found
    if spec.design.kind in ("sobol", "morris"):  # whose points mean nothing by themselves
        return {}
    return {"points": partial(effects.draw, summary, names, measure)}

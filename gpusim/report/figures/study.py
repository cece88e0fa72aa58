"""The figures of a sweep, by what its design is good for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd
from matplotlib.figure import Figure

from gpusim.report.figures import curve, effects, heatmap, sensitivity, tornado
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.tables.target import folder_name


def study_figures(
    spec: SweepSpec, summary: pd.DataFrame, sensitivities: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[str, Figure]]:
    """The figures of every measure of a sweep, by name.

    One axis of numbers is a curve, with a few cases beside it a curve each; two axes a map; one at a time a tornado;
    lists, Latin hypercubes and other grids the means of their points. Which axis matters is drawn of all the others.

    Parameters
    ----------
    summary : DataFrame
        Of ``gpusim.studies.statistics.intervals.summary``, by point and axes.
    sensitivities : mapping
        Tables of ``gpusim.studies.statistics.sensitivity`` by measure; measures without one are drawn without.
    """
    for measure in dict.fromkeys(summary["measure"]):
        file = folder_name(measure.replace(" ", "_").replace("/", "_"))
        table = sensitivities.get(measure)
        if spec.design.kind == "one_at_a_time" and table is not None:
            yield f"tornado_{file}", tornado.draw(table, measure)
            continue
        yield from ((f"{name}_{file}", figure) for name, figure in _means(spec, summary, measure))
        if table is not None and len(spec.axes) > 1:
            yield f"sensitivity_{file}", sensitivity.draw(table, measure)


def _means(spec: SweepSpec, summary: pd.DataFrame, measure: str) -> Iterator[tuple[str, Figure]]:
    names = list(spec.axes)
    numbers = [name for name in names if spec.axes[name].is_numeric()]
    grid = spec.design.kind == "grid"
    if len(names) == 1 and numbers and spec.design.kind in ("grid", "list"):
        yield "curve", curve.draw(summary, names[0], measure)
    elif grid and len(names) == 2 and numbers:
        across = numbers[-1]
        (other,) = (name for name in names if name != across)
        if summary[other].nunique() <= curve.MOST:
            yield "curve", curve.draw(summary, across, measure, other)
        yield "map", heatmap.draw(summary, other, across, measure)
    elif spec.design.kind not in ("sobol", "morris"):  # whose points mean nothing by themselves
        yield "points", effects.draw(summary, names, measure)

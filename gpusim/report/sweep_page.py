"""The report of a sweep: one HTML page that needs nothing but itself."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from gpusim.analysis.labels import Unit, label_of, unit_of, words_of
from gpusim.analysis.measure import none_of
from gpusim.errors import StatisticsError
from gpusim.report import document
from gpusim.report.figures import save
from gpusim.report.figures.study import study_figures
from gpusim.report.scenario_text import to_toml
from gpusim.report.tables import Column, plus_minus, relative
from gpusim.studies.statistics.intervals import paired, summary
from gpusim.studies.statistics.sensitivity import sensitivity
from gpusim.studies.store import Store
from gpusim.studies.sweeps.spec import SweepSpec

MOST_POINTS = 30
MOST_VALUES = 12  # of an axis
MOST_FAILURES = 10  # kinds of them
SAMPLED = ("latin_hypercube", "sobol", "morris")  # designs whose first point is like any other


def write(spec: SweepSpec, store: Store, path: Path) -> Path:
    """Draw the figures of a sweep beside its report, and render that to ``path``.

    Parameters
    ----------
    spec : SweepSpec
        What was varied.
    store : Store
        Its runs, finished or not.
    """
    status, table, by = store.status(), store.table(), ["point", *spec.axes]
    measures = [measure for measure in spec.measured() if measure in table]
    means = summary(table, by, measures) if measures else pd.DataFrame(columns=[*by, "measure"])
    indices, unknown = _sensitivities(spec, table, measures)
    pictures = {
        measure: save(study_figures(spec, part, indices), path.parent / "figures")
        for measure, part in means.groupby("measure", sort=False)
    }
    units = {measure: _unit(measure, part["mean"]) for measure, part in means.groupby("measure", sort=False)}
    parts = {"axes": _axes(spec), "failures": _failures(status, store)}
    if measures:
        parts["means"] = _means(means, spec, units)
        parts["differences"] = _differences(table, by, spec, units)
    return document.write(
        path,
        "sweep.html",
        [picture for drawn in pictures.values() for picture in drawn],
        spec=spec,
        counts=status["status"].value_counts().to_dict(),
        runs=len(status),
        points=status["point"].nunique(),
        lead=[_extremes(measure, means, spec, units[measure]) for measure in measures],
        absent=[measure for measure in spec.measured() if measure not in table],
        unknown=unknown,
        tables={name: part for name, part in parts.items() if part},
        figures={words_of(measure): [picture.stem for picture in drawn] for measure, drawn in pictures.items()},
        left_out=max(status["point"].nunique() - MOST_POINTS, 0),
        sampled=spec.design.kind in SAMPLED,
        indices={index for table in indices.values() for index in table["index"]},
        version=store.about.get("gpusim_version", "unknown"),
        spec_text=to_toml(spec.model_dump(mode="json", exclude_defaults=True)),
    )


def _sensitivities(spec: SweepSpec, table: pd.DataFrame, measures: list[str]) -> tuple[dict, list[str]]:
    """Tables of ``sensitivity`` by measure, and why others have none."""
    found, unknown = {}, []
    for measure in measures if spec.axes else []:
        try:
            found[measure] = sensitivity(spec, table, measure)
        except StatisticsError as error:
            unknown.append(f"{measure}: {error}")
    return found, unknown


def _unit(measure: str, values: pd.Series) -> Unit:
    finite = values[values.abs() < float("inf")]
    return unit_of(measure, float(finite.abs().max()) if len(finite) else 0.0)


def _axes(spec: SweepSpec) -> dict[str, list]:
    """What was varied: an axis a row."""
    words = {"set": "set to", "scale": "times", "add": "plus", "delay_days": "later by days"}
    rows = []
    for name, axis in spec.axes.items():
        keys = dict.fromkeys(key for case in axis.cases.values() for key in case) if axis.cases else axis.lever().keys
        levels = [_entry(level) for level in axis.levels()[:MOST_VALUES]]
        values = ", ".join(levels) + (", ..." if len(axis.levels()) > MOST_VALUES else "")
        if axis.range:
            values = f"{axis.range[0]:g} to {axis.range[1]:g}{', even in ratios' if axis.log else ''}"
        rows.append((name, ", ".join(keys), "cases" if axis.cases else words[axis.how], values))
    headings = ("axis", "keys of the scenario", "turned by", "values")
    columns = tuple(Column(heading, heading, str, text=True) for heading in headings)
    return document.table(pd.DataFrame(rows, columns=list(headings)), columns) if rows else {}


def _means(means: pd.DataFrame, spec: SweepSpec, units: dict[str, Unit]) -> dict[str, list]:
    said = [_scaled(row.measure, units, row.mean, row.low, row.high) for row in means.itertuples()]
    return _points(means.assign(said=said), spec, units)


def _scaled(measure: str, units: dict[str, Unit], *values: float) -> str:
    """A mean and its interval in the unit of their measure."""
    return plus_minus(*(value * units[measure].factor for value in values), none_of(measure))


def _differences(table: pd.DataFrame, by: list[str], spec: SweepSpec, units: dict[str, Unit]) -> dict[str, list]:
    """Differences to the first point, paired; none of designs whose first point is no base, or has no run."""
    base = table.loc[table["point"] == 0, by]
    if spec.design.kind in SAMPLED or base.empty or table["point"].nunique() < 2:
        return {}
    found = paired(table, by, base.iloc[0].to_dict(), list(units))
    return _points(found.assign(said=[_change(row, units) for row in found.itertuples()]), spec, units)


def _change(row, units: dict[str, Unit]) -> str:
    sign = "+" if row.difference > 0.0 else ""
    share = "" if math.isnan(row.relative) else f" ({relative(row.relative)})"  # NaN of a base of 0
    return f"{sign}{_scaled(row.measure, units, row.difference, row.low, row.high)}{share}"


def _points(said: pd.DataFrame, spec: SweepSpec, units: dict[str, Unit]) -> dict[str, list]:
    """A row per point: its number, axes, replications, and what is said of each measure."""
    wide = said.pivot(index="point", columns="measure", values="said")
    first = said.drop_duplicates("point").set_index("point")
    most = said.groupby("point")["n"].max()
    rows = pd.concat([first[list(spec.axes)], most, wide], axis=1).sort_index().head(MOST_POINTS).reset_index()
    columns = [Column("point", "point", str)]
    columns += [Column(axis, axis, _entry, text=not spec.axes[axis].is_numeric()) for axis in spec.axes]
    columns.append(Column("n", "runs", str))
    columns += [Column(measure, label_of(measure, unit), str) for measure, unit in units.items()]
    return document.table(rows, tuple(columns))


def _entry(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _extremes(measure: str, means: pd.DataFrame, spec: SweepSpec, unit: Unit) -> str:
    """Where a measure is lowest and where highest."""
    part = means[(means["measure"] == measure) & (means["mean"].abs() < float("inf"))]
    words = words_of(measure)
    head = words[0].upper() + words[1:]
    if part.empty:
        none = means.loc[means["measure"] == measure, "mean"].isna().all()
        return f"{head}: {none_of(measure) if none else 'no finite figure'}."
    low, high = (part.loc[place] for place in (part["mean"].idxmin(), part["mean"].idxmax()))
    if low["mean"] == high["mean"]:
        return f"{head}: {unit.said(low['mean'])}{' at every point' if len(part) > 1 else ''}."
    ends = [f"{unit.said(row['mean'])} ({_named(row, spec)})" for row in (low, high)]
    return f"{head}: from {ends[0]} to {ends[1]}."


def _named(row: pd.Series, spec: SweepSpec) -> str:
    if len(spec.axes) > 4:
        return f"point {row['point']}"
    return ", ".join(f"{axis} = {_entry(row[axis])}" for axis in spec.axes)


def _failures(status: pd.DataFrame, store: Store) -> dict[str, list]:
    """Errors of runs that failed, each kind once."""
    failed, rows = status[status["status"] == "failed"].set_index("run"), {}
    for key, error in store.failures().items():
        if key in failed.index:
            rows.setdefault(f"{error['kind']}: {error['message']}", []).append(key)
    told = [
        (text, len(keys), str(failed.loc[[keys[0]], "point"].iloc[0]), f"failures/{keys[0]}.json")
        for text, keys in list(rows.items())[:MOST_FAILURES]
    ]
    columns = (
        Column("error", "error", str, text=True), Column("runs", "runs", str), Column("point", "first at point", str),
        Column("file", "more in", str, text=True),
    )  # fmt: skip
    return document.table(pd.DataFrame(told, columns=["error", "runs", "point", "file"]), columns) if told else {}

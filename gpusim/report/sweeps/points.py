"""Means of the points, where each measure is lowest and highest, and differences to the first point."""

from __future__ import annotations

import math

import pandas as pd

from gpusim.report import document
from gpusim.report.section import Head, Section
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.tables import Column, level, plus_minus, relative
from gpusim.results.labels import Unit, label_of, words_of
from gpusim.results.measure import none_of

# Means of the points, and where each measure is lowest and highest.

MOST_POINTS = 30


class PointsSection(Section[SweepFindings]):
    """Means over replications with their intervals."""

    name, title, template = "points", "Points", "sweeps/points.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether anything was measured."""
        return bool(findings.measures)

    def head(self, findings: SweepFindings) -> Head:
        """Where the first measure is lowest and highest; below it, where the others are."""
        first, *others = (extremes(findings, measure) for measure in findings.measures)
        return Head("sweep", "headline", first, (*others, *findings.absent))

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """A row per point."""
        rows = findings.means.itertuples()
        said = [scaled(row.measure, findings.units, row.mean, row.low, row.high) for row in rows]
        return {"means": points_table(findings.means.assign(said=said), findings)}

    def values(self, findings: SweepFindings) -> dict[str, object]:
        """How many points are not in the table."""
        return {"left_out": max(findings.points - MOST_POINTS, 0)}


def scaled(measure: str, units: dict[str, Unit], *values: float) -> str:
    """A mean and its interval in the unit of their measure."""
    return plus_minus(*(value * units[measure].factor for value in values), none_of(measure))


def points_table(said: pd.DataFrame, findings: SweepFindings) -> dict[str, list]:
    """A row per point: its number, axes, replications, and what is ``said`` of each measure."""
    axes, units = findings.spec.axes, findings.units
    wide = said.pivot(index="point", columns="measure", values="said")
    first = said.drop_duplicates("point").set_index("point")
    most = said.groupby("point")["n"].max()
    rows = pd.concat([first[list(axes)], most, wide], axis=1).sort_index().head(MOST_POINTS).reset_index()
    columns = [Column("point", "point", str)]
    columns += [Column(name, name, level, text=not axis.is_numeric()) for name, axis in axes.items()]
    columns.append(Column("n", "runs", str))
    columns += [Column(measure, label_of(measure, unit), str) for measure, unit in units.items()]
    return document.table(rows, tuple(columns))


def extremes(findings: SweepFindings, measure: str) -> str:
    """Where a measure is lowest and where highest."""
    means, unit = findings.parts[measure], findings.units[measure]
    part = means[means["mean"].abs() < float("inf")]
    words = words_of(measure)
    head = words[0].upper() + words[1:]
    if part.empty:
        return f"{head}: {none_of(measure) if means['mean'].isna().all() else 'no finite figure'}."
    low, high = (part.loc[place] for place in (part["mean"].idxmin(), part["mean"].idxmax()))
    if low["mean"] == high["mean"]:
        return f"{head}: {unit.said(low['mean'])}{' at every point' if len(part) > 1 else ''}."
    ends = [f"{unit.said(row['mean'])} ({_named(row, list(findings.spec.axes))})" for row in (low, high)]
    return f"{head}: from {ends[0]} to {ends[1]}."


def _named(row: pd.Series, axes: list[str]) -> str:
    if len(axes) > 4:
        return f"point {row['point']}"
    return ", ".join(f"{axis} = {level(row[axis])}" for axis in axes)


# Differences to the first point.


class AgainstSection(Section[SweepFindings]):
    """Each point less the first, replication by replication."""

    name, title, template = "against", "Against the first point", "sweeps/against.html"

    def applies(self, findings: SweepFindings) -> bool:
        """Whether the first point is a base, and has runs."""
        return not findings.differences.empty

    def tables(self, findings: SweepFindings) -> dict[str, dict[str, list]]:
        """A row per point."""
        said = [_change(row, findings.units) for row in findings.differences.itertuples()]
        return {"differences": points_table(findings.differences.assign(said=said), findings)}


def _change(row, units: dict[str, Unit]) -> str:
    sign = "+" if row.difference > 0.0 else ""
    share = "" if math.isnan(row.relative) else f" ({relative(row.relative)})"  # NaN of a base of 0
    return f"{sign}{scaled(row.measure, units, row.difference, row.low, row.high)}{share}"

"""Rules over the run: where each was in force, and when it bound."""

from __future__ import annotations

import textwrap
from datetime import datetime

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from gpusim.regulation.effects import in_force
from gpusim.report.figures.frame import EDGE_IN, blank, calendar_axis, key, legend_height_in, row_labels
from gpusim.report.figures.width import is_narrow, width_in, wrapped
from gpusim.results.tables.record import Record
from gpusim.results.tables.rules import LOSSES
from gpusim.scenario.rules import catalogue
from gpusim.units import DAY_S

ROW_IN = 0.17
HALF = 0.36  # of a row: height of a bar
LEAST = 0.002  # of the axis: what is shorter is drawn as long
LONGEST = 92  # characters of a title
IN_FORCE = "#E3E3E3"
# Of what a rule did, by what it costs.
LOST, PAID, DUTY = "#D55E00", "#0072B2", "#9ADBC5"
LABELS = {LOST: "costs GPU-hours", PAID: "costs money", DUTY: "a duty without a price"}
EVERYWHERE = "all sites"


def draw(result: Record) -> Figure:
    """A row per rule and site: light while in force, dark when it bound; what costs GPU-hours on top."""
    places, rules = in_force(result), result.rules[result.rules["binds"]]
    titles = {rule: _title(rule) for rule in dict.fromkeys(places["rule"])}
    rows = _rows(places, titles)
    names, left_in = row_labels([site or EVERYWHERE for _y, _rule, site in rows])
    top_in, bottom_in = legend_height_in(4, 4) + 0.1, 0.32
    last = rows[-1][0] + 1.0
    total_in = top_in + ROW_IN * last + bottom_in
    figure, across = blank(width_in(), total_in), 1.0 - (left_in + 0.12) / width_in()
    ax = figure.add_axes((left_in / width_in(), bottom_in / total_in, across, ROW_IN * last / total_in))
    ax.set_yticks([y for y, _rule, _site in rows], names)
    ax.set_ylim(last - 0.4, -0.4)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(not is_narrow())  # where titles cross it
    start, end_s = datetime.fromisoformat(result.manifest["start"]), float(result.manifest["duration_s"])
    calendar_axis(ax, start, 0.0, end_s)
    spans = places.set_index(["rule", "site"])
    for y, rule, site in rows:
        span = spans.loc[(rule, site)]
        _bar(ax, y, span["from_s"], span["to_s"], IN_FORCE, end_s)
        mine = rules[(rules["rule"] == rule) & (rules["site"] == site)]
        for colour in (DUTY, PAID, LOST):
            for entry in mine[_colours(mine) == colour].itertuples():
                _bar(ax, y, entry.start_s, entry.end_s, colour, end_s)
    begins = (EDGE_IN - left_in) / (across * width_in()) if is_narrow() else 0.0  # at the edge of a narrow sheet
    for rule, title in titles.items():
        first = min(y for y, name, _site in rows if name == rule)
        ax.text(begins, first - 0.55, title, fontsize=7.5, va="bottom", transform=ax.get_yaxis_transform())
    patches = [Patch(color=IN_FORCE, label="in force")]
    patches += [Patch(color=colour, label=label) for colour, label in LABELS.items()]
    key(figure, patches, 0.05, 4)
    return figure


def _title(rule: str) -> str:
    """What a rule is called, in lines that fit on the sheet."""
    title = textwrap.shorten(catalogue()[rule]["title"], LONGEST, placeholder=" \u2026")
    return wrapped(title, 2 * EDGE_IN, 7.5) if is_narrow() else title


def _rows(places: pd.DataFrame, titles: dict[str, str]) -> list[tuple[float, str, str]]:
    """(place on the axis, rule, site); between two rules there is room for a title."""
    rows, y = [], 0.0
    for rule, group in places.groupby("rule", sort=False):
        y += 1.1 + 0.75 * titles[rule].count("\n")
        for site in group["site"]:
            rows.append((y, rule, site))
            y += 1.0
    return rows


def _colours(rules: pd.DataFrame) -> pd.Series:
    paid = rules["usd"].gt(0.0).map({True: PAID, False: DUTY})
    return paid.mask(rules["what"].isin(LOSSES), LOST)


def _bar(ax: Axes, y: float, from_s: float, to_s: float, colour: str, end_s: float) -> None:
    from_s, to_s = max(from_s, 0.0), min(to_s, end_s)
    if from_s < end_s and to_s > 0.0:
        width = max(to_s - from_s, LEAST * end_s)
        ax.barh(y, width / DAY_S, left=min(from_s, end_s - width) / DAY_S, height=2 * HALF, color=colour, linewidth=0)

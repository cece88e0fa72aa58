"""Tables as people read them: which columns, their headings, and how a value is written."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import NamedTuple

import pandas as pd

from gpusim.analysis.metrics import METRICS
from gpusim.analysis.wording import duration, quantity, share
from gpusim.causes import LOSS_OF_WAIT, WORDS
from gpusim.units import DAY_S

NO_CHANGE = 5e-5  # relative: less is not told from none


class Column(NamedTuple):
    """One column: its name in the DataFrame, its heading, and its writing; ``text`` columns align left."""

    key: str
    heading: str
    write: Callable[[object], str]
    text: bool = False


def _number(digits: int = 0) -> Callable[[object], str]:
    return lambda value: f"{value:,.{digits}f}" if math.isfinite(value) else "no end" if value == value else "-"


def _text(key: str, heading: str) -> Column:
    return Column(key, heading, str, text=True)


def _days(row_s: float) -> str:
    return f"{row_s / DAY_S:.1f}"


def _wait(value: float) -> str:
    return "-" if value != value else duration(value)


BOTTLENECKS = (
    Column("rank", "#", str),
    Column("site", "site", lambda site: site or "-", text=True),
    _text("gpu_type", "GPU type"),
    Column("cause", "cause", lambda cause: WORDS[cause].short, text=True),
    Column("gpu_hours_held_back", "GPU-hours held back", _number()),
    Column("gpu_hours_asked", "GPU-hours asked for in vain", _number()),
    Column("gpu_hours_lost", "GPU-hours lost", _number()),
    Column("share_of_planned", "lost of the pool's plan", share),
    Column("job_hours_waited", "hours that jobs waited", _number()),
    Column("usd", "USD at list price", _number()),
    Column("period_start_s", "from day", _days),
    Column("period_end_s", "to day", _days),
)
ECONOMICS = (
    _text("site", "site"),
    Column("energy_mwh", "energy [MWh]", _number()),
    Column("peak_mw", "peak [MW]", _number(1)),
    Column("pue", "PUE", _number(3)),
    Column("price_usd_per_mwh", "price paid [USD/MWh]", _number(1)),
    Column("energy_usd", "energy [USD]", _number()),
    Column("carbon_g_per_kwh", "carbon [g/kWh]", _number()),
    Column("carbon_t", "CO2e [t]", _number(1)),
    Column("useful_gpu_hours", "useful GPU-hours", _number()),
    Column("usd_per_useful_gpu_hour", "USD per useful GPU-hour", _number(2)),
)
COUNTRIES = (
    _text("country", "country"),
    Column("energy_mwh", "energy [MWh]", _number()),
    Column("it_mw", "mean IT power [MW]", _number(1)),
    Column("energy_usd", "energy [USD]", _number()),
    Column("price_usd_per_mwh", "price paid [USD/MWh]", _number(1)),
    Column("carbon_t", "CO2e [t]", _number()),
    Column("carbon_g_per_kwh", "carbon [g/kWh]", _number()),
    Column("energy_usd_per_useful_gpu_hour", "energy [USD per useful GPU-hour]", _number(3)),
    Column("usd_per_useful_gpu_hour", "with GPUs [USD per useful GPU-hour]", _number(2)),
)
COUNTRY_YEARS = (
    _text("country", "country"),
    Column("year", "year", str),
    *COUNTRIES[1:7],
)
SERVICES = (
    _text("service", "service"),
    _text("site", "site"),
    _text("gpu_type", "GPU type"),
    Column("demand_tokens", "tokens asked for", quantity),
    Column("served_share", "served", lambda value: "-" if value != value else f"{value:.2%}"),
    Column("wanted_replicas", "replicas wanted", _number(1)),
    Column("replicas", "replicas running", _number(1)),
    Column("short_hours", "hours short", _number()),
    Column("cause", "mostly for", lambda cause: WORDS[LOSS_OF_WAIT[cause]].short if cause else "", text=True),
)
EVENTS = (
    Column("time_s", "day", lambda value: f"{value / DAY_S:.2f}"),
    Column("site", "site", lambda site: site or "-", text=True),
    _text("detail", "event"),
)
RELIEF_GROUPS = (
    _text("group", "what is short, where"),
    Column("relief_rank", "# by gain", lambda value: rank(value)),
    Column("gain", "gain of its best relief", lambda value: number(value)),
    Column("ledger_rank", "ledger #", lambda value: rank(value)),
    Column("ledger_gpu_hours", "ledger: GPU-hours held back", lambda value: quantity_or_none(value)),
)
BUILD_SITES = (
    _text("site", "site"),
    Column("gpu_hours", "GPU-hours, this run", quantity),
    Column("usd", "USD at list price", quantity),
    _text("what", "made late most by"),
    Column("share", "share of it", share),
)
SUPPLIES = (
    _text("project", "project"),
    _text("supply", "supply"),
    Column("index", "waited in", share),
    Column("waited_days", "days, mean", _number(1)),
)
MONEY = (
    _text("name", "figure"),
    Column("value", "value", lambda value: number(value)),
    _text("note", "note"),
)
METRICS_TABLE = (
    _text("name", "figure"),
    Column("value", "value", lambda value: number(value)),
    Column("name", "meaning", lambda name: METRICS[name], text=True),
)


def delays_columns(by: str, heading: str) -> tuple[Column, ...]:
    """Columns of ``gpusim.analysis.delays.delays`` by a column of that heading, with ``never``: jobs less started."""
    return (
        _text(by, heading),
        Column("jobs", "jobs", _number()),
        Column("never", "never started", _number()),
        Column("job_hours_waited", "hours waited in all", _number()),
        *(Column(f"wait_p{q}_s", f"wait, {q}%", _wait) for q in (50, 90, 99)),
        *(Column(f"slowdown_p{q}", f"slowdown, {q}%", _number(2)) for q in (50, 90, 99)),
    )


def cells(table: pd.DataFrame, columns: tuple[Column, ...]) -> list[list[str]]:
    """Rows of written values, in the order of ``columns``."""
    return [[column.write(value) for column, value in zip(columns, row)] for row in _rows(table, columns)]


def _rows(table: pd.DataFrame, columns: tuple[Column, ...]) -> list[tuple]:
    return list(zip(*(table[column.key].tolist() for column in columns))) if len(table) else []


def number(value: float) -> str:
    """A metric of any size: thousands grouped, four significant figures below ten."""
    if not math.isfinite(value):
        return "no end" if value == value else "-"
    if abs(value) >= 1000.0 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def amount(value: object) -> str:
    """What is bought of an option: a number to all its digits, 16.0 GPUs as 16, or the text of a choice."""
    return f"{value:,.12g}" if isinstance(value, Real) and not isinstance(value, bool) else str(value)


def rank(value: float) -> str:
    """A place in a ranking, which what is not ranked has none of."""
    return "-" if value != value else f"{value:.0f}"


def quantity_or_none(value: float) -> str:
    """A count to three figures, or a dash."""
    return "-" if value != value else quantity(value)


def plus_minus(mean: float, low: float, high: float) -> str:
    """A mean and half the width of its interval, to the digits that the width leaves: ``"5,262 \u00b1 320"``.

    The mean alone where the width is nothing, or everything.
    """
    half = (high - low) / 2.0
    if not (math.isfinite(mean) and math.isfinite(half)) or half <= 1e-9 * abs(mean):
        return number(mean)
    digits = max(1 - math.floor(math.log10(half)), 0)
    return f"{mean:,.{digits}f} \u00b1 {half:,.{digits}f}"


def relative(change: float) -> str:
    """A change as a share of what it was: ``"+13%"``, ``"-0.09%"``; infinite where that was 0."""
    if math.isnan(change):
        return "-"
    if math.isinf(change):
        return "from 0"
    if abs(change) < NO_CHANGE:
        return "0%" if change == 0.0 else "\u22480%"
    digits = 0 if abs(change) >= 0.0995 else 1 if abs(change) >= 0.00995 else 2
    return f"{100.0 * change:+,.{digits}f}%"

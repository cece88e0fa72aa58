"""Measures of a study in words and units, for tables and figures."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from gpusim.causes import WORDS
from gpusim.results.measure import OF_REQUESTS, SHARES, Measure, is_time
from gpusim.results.wording import no_number
from gpusim.units import DAY_S, HOUR_S, number_of

# End of a name -> unit.
_ENDS = {
    "_usd": "USD",
    "_mwh": "MWh",
    "_mw": "MW",
    "_t": "t CO2e",
    "_tokens": "tokens",
    "gpu_hours": "GPU-hours",
    "_days": "days",
    "_day": "days",
}
_TIMES = ((DAY_S, "days"), (HOUR_S, "h"), (60.0, "min"), (1.0, "s"))
_SHORT_TIMES = (*_TIMES, (1e-3, "ms"))  # of requests
_SIZES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_SAID = {
    "usd_per_useful_gpu_hour": "cost per useful GPU-hour",
    "energy_usd_per_useful_gpu_hour": "energy cost per useful GPU-hour",
    "carbon_kg_per_useful_gpu_hour": "carbon per useful GPU-hour",
    "pue": "PUE",
    "revenue_usd": "revenue",
    "ebitda_usd": "EBITDA",
    "capex_usd": "capital expenditure",
    "free_cash_usd": "free cash flow",
    "paid_in_usd": "owners' contributions",
    "delivered_share": "share of committed GPU time delivered",
    "late_days": "late",
    "delivered_day": "delivered, since the start",
    "billed_usd": "billed",
    "credits_usd": "credited",
    "terminated_usd": "value terminated",
    "usd": "cost",
    "useful_share_of_planned": "useful share of planned GPU time",
    "service_tokens_served_share": "share of tokens served",
    "served_share": "share of tokens served",
    "service_attainment": "share of requests on time",
    "attainment": "share of requests on time",
    "requests": "requests that arrived",
    "goodput_requests_per_s": "requests on time",
    "ttft_p99_s": "time to first token, 99th percentile",
    "token_time_p99_s": "time per output token, 99th percentile",
    "demand_tokens": "asked for",
    "served_tokens": "served",
    "energy_facility_mwh": "energy at the meter",
    "energy_it_mwh": "IT energy",
    "energy_usd": "energy cost",
    "peak_mw": "peak power",
    "carbon_t": "carbon",
    "owning_usd": "cost of owning the GPUs",
    "job_hours_waited": "waiting time of jobs",
    "wasted_gpu_hours": "GPU time wasted by jobs",
    "jobs_done": "finished jobs",
    "deadlines_met": "share of deadlines met",
    "waiting": "jobs still waiting",
    "gpu_hours_lost": "GPU time lost",
    "gpu_hours_held_back": "GPU time held back",
    "gpu_hours_asked": "GPU time asked for",
}


class Unit(NamedTuple):
    """A unit that suits the numbers: what is shown is the value times ``factor``, and then ``name`` ("": a count)."""

    factor: float
    name: str

    def number(self, value: float) -> str:
        """A value in this unit to three figures, without the unit: ``"12.3"``, ``"925,000"``."""
        shown = value * self.factor
        if not math.isfinite(shown):
            return no_number(shown)
        return f"{shown:z,.0f}" if abs(shown) >= 999.5 else f"{shown:.3g}"

    def said(self, value: float) -> str:
        """A value with its unit: ``"80%"``, ``"2.5 h"``."""
        return f"{self.number(value)}{'%' if self.name == '%' else f' {self.name}'.rstrip()}"


def words_of(text: str) -> str:
    """A measure in words: ``"research: wait until start, 95th percentile"``."""
    measure = Measure.parse(text)
    said = _SAID.get(measure.measure) or _plain(measure.measure)
    if measure.cause:
        said = f"{said}, {WORDS[measure.cause].short if measure.cause in WORDS else measure.cause}"
    name = f"jobs of {number_of(measure.name, 'GPU')}" if measure.kind == "size" else measure.name
    return f"{name}: {said}" if name else said


def unit_of(text: str, largest: float = 0.0) -> Unit:
    """The unit of a measure that suits numbers up to ``largest``, told in the measure's own unit ([s] of a time)."""
    name = Measure.parse(text).measure
    if is_time(name):
        times = _SHORT_TIMES if name in OF_REQUESTS else _TIMES
        size, word = next((time for time in times if largest >= 2.0 * time[0]), times[-1])
        return Unit(1.0 / size, word)
    if name in SHARES:
        return Unit(100.0, "%")
    unit = name_of_unit(name)
    size, word = next((size for size in _SIZES if largest >= 2.0 * size[0]), (1.0, ""))
    return Unit(1.0 / size, f"{word} {unit}".strip())


def change_of(text: str, change: float) -> str:
    """A change of a measure in words: ``"useful GPU time +5,260 GPU-hours"``."""
    return f"{words_of(text)} {'-' if change < 0.0 else '+'}{unit_of(text, abs(change)).said(abs(change))}"


def label_of(text: str, unit: Unit) -> str:
    """Words and unit for an axis: ``"goodput [%]"``."""
    return f"{words_of(text)} [{unit.name}]" if unit.name else words_of(text)


def _plain(name: str) -> str:
    """A name without its unit, its percentile in words."""
    said = re.sub(r"_s$", "", name)
    said = re.sub(r"_mean$", ", mean", said)
    said = re.sub(r"_p(\d\d)$", r", \1th percentile", said)
    said = (
        said.replace("jct", "completion time of jobs")
        .replace("wait,", "wait of started jobs,")
        .replace("waited,", "wait until start,")
    )
    return said.replace("_", " ").replace("gpu hours", "GPU time").replace("gpu", "GPU")


def name_of_unit(name: str) -> str:
    """The unit in which a figure is told, by its name: ``"GPU-hours"``; empty of ratios."""
    if is_time(name):
        return "s"
    if name.endswith("_requests_per_s"):
        return "requests/s"
    if name == "carbon_kg_per_useful_gpu_hour":
        return "kg CO2e"
    if name == "job_hours_waited":
        return "job-hours"
    if name.startswith("gpu_hours"):
        return "GPU-hours"
    if name == "usd" or "usd_per" in name:
        return "USD"
    return next((unit for end, unit in _ENDS.items() if name.endswith(end)), "")

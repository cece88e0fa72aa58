"""Goals: what a plan has to reach, as conditions on the figures of a run.

    goal       CONDITION [and CONDITION]...
    condition  FIGURE < LIMIT, or with <=, > or >=
    figure     p95 wait of NAME: from submission to the first start; also mean, p50, p90 and p99. A job that never
                   started waited to the end of the run. NAME is a job class or a tenant; where it could be both, or is
                   a size, its kind is told: ``tenant lab``, ``job_class research``, ``size 2-8``
               p95 wait: of that job class whose figure is the worst
               slo(NAME): share of the tokens asked of a service that it served
               slo: of all services together
               attainment(NAME): share of the requests of a service with a model that kept its objectives
               attainment: of all such services together
               goodput, site texas energy_usd, ...: any measure of ``gpusim.results.measure``
    limit      a number, or one with k or M; a unit: ms, s, min, h or days, %, MWh or GWh, MW, USD, t

It is no language of expressions: there is no "or", no arithmetic and no brackets.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from gpusim.errors import GoalError, did_you_mean, one_line
from gpusim.results.measure import QUANTILES, Measure, absent, is_time
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S

WORST = "*"  # name of a measure that stands for the worst of its kind
_OPERATOR = re.compile(r"(<=|>=|<|>)")
_WAIT = re.compile(r"(?P<figure>\S+) wait(?: of (?P<who>.+))?")
_OF_SERVICES = re.compile(r"(?P<figure>slo|attainment)(?:\s*\((?P<service>.*)\))?")
_SHARES = {  # of a service, and of all together
    "slo": ("served_share", "service_tokens_served_share"),
    "attainment": ("attainment", "service_attainment"),
}
_LIMIT = re.compile(r"(?P<number>[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(?P<unit>.*)")
_TIMES = {"s": 1.0, "min": 60.0, "h": HOUR_S, "day": DAY_S, "days": DAY_S, "ms": 1e-3}
# End of a measure's name -> units of its limits, each as a number of the measure's own.
_UNITS = {
    "_mwh": {"MWh": 1.0, "GWh": 1e3},
    "_mw": {"MW": 1.0},
    "_usd": {"USD": 1.0},
    "_t": {"t": 1.0},
}
_MULTIPLES = {"k": 1e3, "M": 1e6}
_FIGURES = {"mean": "waited_mean_s", **{f"p{q}": f"waited_p{q}_s" for q in QUANTILES}}
_FORM = 'give conditions joined by "and", each FIGURE < LIMIT or FIGURE >= LIMIT: "p95 wait of research < 2 h"'


@dataclass(frozen=True)
class Condition:
    """A figure of a run and the limit that it has to keep.

    Attributes
    ----------
    text : str
        The figure as the goal names it: ``p95 wait of research``.
    measure : Measure
        Where it stands in an outcome; of the name ``WORST`` the worst of its kind.
    operator : str
        ``<``, ``<=``, ``>`` or ``>=``.
    limit : float
        In the measure's own unit: seconds of a ``_s``.
    shown : str
        The limit as the goal tells it: ``2 h``.
    """

    text: str
    measure: Measure
    operator: str
    limit: float
    shown: str

    @property
    def at_most(self) -> bool:
        """Whether the figure has to stay below the limit."""
        return self.operator.startswith("<")

    @property
    def unasked(self) -> float:
        """The figure of a run that asks for nothing of it: no demand meets every limit."""
        return -math.inf if self.at_most else math.inf

    def margin(self, values: np.ndarray) -> np.ndarray:
        """By how much values keep the limit, as a share of it (of 1, if the limit is 0): 0 or more is met."""
        values = np.asarray(values, dtype=float)
        limit, sign = self.limit, 1.0 if self.at_most else -1.0
        if len(self.operator) == 1:  # the limit itself does not meet it: the nearest number does
            limit = math.nextafter(limit, -sign * math.inf)
        margins = sign * (limit - values) / (abs(self.limit) or 1.0)
        return np.where(values == self.unasked, 0.0, margins)


@dataclass(frozen=True)
class Goal:
    """Conditions that have to be met together.

    Attributes
    ----------
    text : str
        As it was given.
    conditions : tuple of Condition
    """

    text: str
    conditions: tuple[Condition, ...]

    def __repr__(self) -> str:
        return one_line(f"<Goal {self.text!r}>")

    @classmethod
    def parse(cls, text: str, scenario: Scenario) -> Goal:
        """The goal that a text says of a scenario.

        Raises
        ------
        GoalError
            With all faults of the text.
        """
        conditions, faults = [], []
        for figure, operator, limit in _split(text):
            try:
                name, measure = _figure(figure, scenario)
                conditions.append(Condition(name, measure, operator, *_limit(limit, measure, figure)))
            except ValueError as error:
                faults.append(f'"{figure} {operator} {limit}": {error}')
        texts = [condition.text for condition in conditions]
        faults += [f'"{name}": has two limits; give one' for name in dict.fromkeys(texts) if texts.count(name) > 1]
        if faults:
            raise GoalError("goal: " + "; ".join(faults))
        return cls(text, tuple(conditions))

    def margins(self, values: np.ndarray) -> np.ndarray:
        """Margins of figures, shape (..., conditions); NaN of a figure that is not known."""
        values = np.asarray(values, dtype=float)
        return np.stack([one.margin(values[..., i]) for i, one in enumerate(self.conditions)], axis=-1)

    def met(self, values: np.ndarray) -> np.ndarray:
        """Whether figures, shape (..., conditions), meet all conditions; what is not known does not."""
        return (self.margins(values) >= 0.0).all(axis=-1)

    def shortfall(self, values: np.ndarray) -> np.ndarray:
        """Sum of the relative violations of figures, shape (..., conditions): 0 if met, inf if one is not known."""
        margins = self.margins(values)
        return np.where(np.isnan(margins), np.inf, np.maximum(-margins, 0.0)).sum(axis=-1)


def _split(text: str) -> list[tuple[str, str, str]]:
    """(figure, operator, limit) of each condition: an "and" after a limit ends it, so names may hold one."""
    parts = [" ".join(part.split()) for part in _OPERATOR.split(text)]
    figure, conditions = parts[0], []
    for operator, rest in zip(parts[1::2], parts[2::2]):
        is_last = len(conditions) == len(parts) // 2 - 1
        limit, joined, following = (rest, "", "") if is_last else rest.partition(" and ")
        if not figure or not limit or not (joined or is_last):
            raise GoalError(f'goal: found "{text}"; {_FORM}')
        conditions.append((figure, operator, limit))
        figure = following
    if not conditions:
        raise GoalError(f'goal: found "{text}", which has no limit; {_FORM}')
    return conditions


def _figure(text: str, scenario: Scenario) -> tuple[str, Measure]:
    """Name and measure of a figure; ``ValueError`` with what is wrong."""
    if found := _WAIT.fullmatch(text):
        if found["figure"] not in _FIGURES:
            near = did_you_mean(found["figure"], _FIGURES)
            raise ValueError(f"unknown measure of waits {found['figure']!r}{near}; known: {', '.join(_FIGURES)}")
        measure = _FIGURES[found["figure"]]
        if found["who"] is None:
            return f"{text} of the worst job class", Measure("job_class", WORST, "", measure)
        return text, Measure(*_group(found["who"], text, scenario), "", measure)
    if found := _OF_SERVICES.fullmatch(text):
        if not scenario.services:
            raise ValueError("the scenario has no services")
        of_one, of_all = _SHARES[found["figure"]]
        named = found["service"]
        measure = Measure("fleet", "", "", of_all) if named is None else Measure("service", named.strip(), "", of_one)
    else:
        try:
            measure = Measure.parse(text)
        except ValueError as error:
            raise ValueError(
                f'{error}; or "p95 wait of NAME", "mean wait", "slo(SERVICE)", "attainment(SERVICE)"'
            ) from None
    if fault := absent(measure, scenario):
        raise ValueError(fault)
    return text, measure


def _group(who: str, text: str, scenario: Scenario) -> tuple[str, str]:
    """Kind and name of the jobs that are meant."""
    kind, _space, name = who.partition(" ")
    if kind in ("job_class", "tenant", "size") and name:
        if fault := absent(Measure(kind, name, "", "jobs"), scenario):
            raise ValueError(fault)
        return kind, name
    known = {"job_class": list(scenario.workload.classes), "tenant": list(scenario.tenants)}
    kinds = [kind for kind, names in known.items() if who in names]
    if len(kinds) == 1:
        return kinds[0], who
    start = text.removesuffix(who)
    if kinds or scenario.workload.trace:
        both = " or ".join(f'"{start}{kind} {who}"' for kind in known)
        why = "is a job class and a tenant" if kinds else "may be a job class or a tenant of the trace"
        raise ValueError(f"{who!r} {why}; give {both}")
    names = [name for names in known.values() for name in names]
    listed = "; ".join(f"{kind} {', '.join(found)}" for kind, found in known.items() if found)
    raise ValueError(f"no job class or tenant {who!r}{did_you_mean(who, names)}; known: {listed or 'none'}")


def _limit(text: str, measure: Measure, figure: str) -> tuple[float, str]:
    """A limit in the measure's own unit, and as told; ``ValueError`` with what is wrong."""
    name = measure.measure
    units = next((units for end, units in _UNITS.items() if name.endswith(end)), {"%": 0.01})
    units = _TIMES if is_time(name) else units
    allowed = f"a number, such as 10, 2.5, 40k or 1.2M, and the unit {', '.join(units)}"
    found = _LIMIT.fullmatch(text)
    if not found:
        raise ValueError(f"found limit {text!r}; give {allowed}")
    unit, multiple = found["unit"], 1.0
    if unit not in units and unit[:1] in _MULTIPLES and unit[1:].strip() in ("", *units):
        multiple, unit = _MULTIPLES[unit[0]], unit[1:].strip()
    if not unit and units is _TIMES and not figure.endswith(measure.measure):  # "wait" alone does not say in what
        raise ValueError(f"found limit {text!r} without a unit; give one of {', '.join(units)}")
    if unit and unit not in units:
        raise ValueError(f"found unit {unit!r}{did_you_mean(unit, units)}; give {allowed}")
    limit = float(found["number"]) * multiple * units.get(unit, 1.0)
    if not math.isfinite(limit):
        raise ValueError(f"found limit {text!r}; give {allowed}")
    return limit, text

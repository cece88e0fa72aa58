"""What may be asked of a run: the figures of its outcome, and how one of them is named.

``goodput`` is a figure of the fleet. Others are told with their kind and name: ``job_class research wait_p95_s``,
``site texas energy_usd``, ``pool texas/H100 idle_power gpu_hours_lost`` (with the cause before the figure).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from gpusim.errors import did_you_mean
from gpusim.scenario.placements import SCORED
from gpusim.scenario.rule import Connection
from gpusim.scenario.rules import RulesBase
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.service import Service

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = (50, 90, 95, 99)  # [%]
SIZES = (1, 8, 64, 512, 4096)  # GPUs: upper ends of the size classes; a node holds 8 or 4
SIZE_CLASSES = ("1", *(f"{low + 1}-{high}" for low, high in zip(SIZES[:-1], SIZES[1:])), f"over {SIZES[-1]}")

# Every metric of the fleet in words, for tables and reports.
FLEET = {
    "planned_gpu_hours": "planned GPUs x time",
    "online_gpu_hours": "planned GPU-hours delivered, housed and energised",
    "useful_gpu_hours": "online GPU-hours spent training or serving",
    "allocation": "held by jobs or replicas / online",
    "utilisation": "training or serving / held",
    "goodput": "useful / held by jobs (without loading, checkpoints, lost work)",
    "useful_share_of_planned": "training or serving / planned",
    "jobs": "submitted",
    "jobs_done": "finished",
    "jobs_waiting_at_end": "never started",
    "jobs_rejected": "turned away at submission",
    "evictions": "runs cut short by preemption or failure",
    "job_hours_waited": "all waiting, including that of evicted jobs to restart",
    "wait_mean_s": "submission to first start",
    **{f"wait_p{q}_s": "submission to first start" for q in QUANTILES},
    "bounded_slowdown_mean": "max(1, (wait + run) / max(run, 10 s))",
    **{f"bounded_slowdown_p{q}": "max(1, (wait + run) / max(run, 10 s))" for q in QUANTILES},
    "jct_mean_s": "submission to completion, of finished jobs",
    **{f"jct_p{q}_s": "submission to completion, of finished jobs" for q in QUANTILES},
    "makespan_s": "first submission to last end",
    "fairness": "Jain's index of the tenants' mean bounded slowdown: 1 if all are slowed equally",
    "deadlines_met": "jobs that ended by their deadline / jobs with one that ended or were due",
    "wasted_gpu_hours": "held by jobs and not useful: loading, checkpoints, lost work, slowed",
    "service_tokens_served_share": "tokens served / tokens asked for",
    "service_attainment": "requests on time / finished requests, of services with a model",
    "energy_facility_mwh": "at the meter",
    "energy_it_mwh": "IT equipment",
    "pue": "energy at the meter / energy of IT equipment",
    "carbon_t": "CO2e of the energy at the meter",
    "carbon_kg_per_useful_gpu_hour": "CO2e / useful GPU-hours",
    "energy_usd": "at hourly market prices",
    "owning_usd": "capital recovery of GPUs delivered and their halls, staff, networks",
    "usd_per_useful_gpu_hour": "(owning + energy) / useful GPU-hours",
    "energy_usd_per_useful_gpu_hour": "energy / useful GPU-hours",
}
_JOBS = (
    "jobs", "started", "jobs_done", "waiting", "job_hours_waited",
    "wait_mean_s", *(f"wait_p{q}_s" for q in QUANTILES),
    "waited_mean_s", *(f"waited_p{q}_s" for q in QUANTILES),
    "useful_gpu_hours", "deadlines_met",
)  # fmt: skip
# Of the requests of services with a model: how many; of finished requests, the share on time; these per second.
# Percentiles are of those that are served one by one.
PERCENTILES = ("ttft_p99_s", "token_time_p99_s")
OF_REQUESTS = ("requests", "attainment", "goodput_requests_per_s", *PERCENTILES)
# GPUs of projects that were planned but not live: by the kind of task that made them late, and by what held that up.
_BUILD = ("gpu_hours_lost", "usd")
# Figures of the fleet in a scenario with contracts, of the whole run.
MONEY = ("revenue_usd", "ebitda_usd", "capex_usd", "free_cash_usd", "paid_in_usd")
FRAGMENTS = "fragment_gpus"  # of the fleet, where scheduler.placement scores nodes: mean over time
SHARES = (
    "allocation", "utilisation", "goodput", "useful_share_of_planned", "service_tokens_served_share", "served_share",
    "delivered_share", "service_attainment", "attainment", "deadlines_met",
)  # fmt: skip
# Kind of thing -> its figures.
MEASURES = {
    "fleet": tuple(FLEET),
    "job_class": _JOBS,
    "tenant": _JOBS,
    "size": _JOBS,
    "service": ("demand_tokens", "served_tokens", "served_share", *OF_REQUESTS, "replicas", "wanted_replicas"),
    "site": (
        "energy_facility_mwh", "energy_usd", "carbon_t", "pue", "peak_mw", "useful_gpu_hours",
    ),
    "pool": ("planned_gpu_hours", "useful_gpu_hours"),
    "contract": ("delivered_share", "delivered_day", "late_days", "billed_usd", "credits_usd", "terminated_usd"),
    "project": ("delivered_day", "late_days"),
    "task_kind": _BUILD,
    "held_by": _BUILD,
}  # fmt: skip
BY_CAUSE = ("gpu_hours_lost", "gpu_hours_held_back", "job_hours_waited", "gpu_hours_asked", "usd")  # of a pool


class Measure(NamedTuple):
    """One figure of a run's outcome: where it stands there."""

    kind: str
    name: str
    cause: str
    measure: str

    @classmethod
    def parse(cls, text: str) -> Measure:
        """The figure that a text names.

        Raises
        ------
        ValueError
            If there is none, with what is allowed.
        """
        words = text.split()
        if len(words) == 2 and words[0] == "fleet":
            words = words[1:]
        if len(words) <= 1:
            name = "".join(words)
            if name in MEASURES and name != "fleet":
                raise ValueError(f'a name and a measure are missing; give say "{name} NAME {MEASURES[name][-1]}"')
            return cls("fleet", "", "", _known("figure", name, (*MEASURES["fleet"], *MONEY, FRAGMENTS)))
        kind, *parts, figure = words
        _known("kind", kind, tuple(MEASURES)[1:])
        by_cause = kind == "pool" and figure not in MEASURES["pool"]
        _known(f"figure of a {kind}", figure, MEASURES[kind] + (BY_CAUSE if kind == "pool" else ()))
        if len(parts) <= by_cause:
            wanted = "SITE/TYPE CAUSE" if by_cause else "SITE/TYPE" if kind == "pool" else "NAME"
            raise ValueError(f'a name is missing; give "{kind} {wanted} {figure}"')
        cause = parts.pop() if by_cause else ""
        return cls(kind, " ".join(parts), cause, figure)

    @property
    def text(self) -> str:
        """As a study names it, and as its tables call the column."""
        return " ".join(part for part in (self.kind.removeprefix("fleet"), *self[1:]) if part)


def absent(measure: Measure, scenario: Scenario) -> str:
    """What is wrong with the name in a measure of a scenario: ``""`` if nothing, or if only a run can tell."""
    workload = scenario.workload
    known = {
        "job_class": list(workload.classes),
        "tenant": list(scenario.tenants),
        "size": list(SIZE_CLASSES),
        "service": list(scenario.services),
        "site": list(scenario.sites),
        "pool": [f"{name}/{kind}" for name, site in scenario.sites.items() for kind in site.pools],
        "contract": list(scenario.contracts),
        "project": list(scenario.projects),
        "task_kind": _task_kinds(scenario),
        "held_by": holders(scenario.supplies, scenario.shocks, scenario.rules),
    }
    if measure.measure == "service_attainment" and not any(one.model for one in scenario.services.values()):
        return "service_attainment is a figure of scenarios with services that have a model; this one has none"
    if measure.measure == "deadlines_met" and not may_have_deadlines(scenario):
        return "deadlines_met is a figure of scenarios whose jobs have deadlines; give a stream deadline_slack"
    if measure.measure in MONEY and not scenario.contracts:
        return f"{measure.measure} is a figure of scenarios with contracts; this one has none"
    if measure.measure == FRAGMENTS and scenario.scheduler.placement not in SCORED:
        return (
            f"{FRAGMENTS} is a figure of placements that score nodes ({', '.join(SCORED)}); this one is"
            f" {scenario.scheduler.placement}"
        )
    if measure.kind == "fleet" or (workload.trace and measure.kind in ("job_class", "tenant")):
        return ""
    names = known[measure.kind]
    if measure.name in names:
        return _lacking(measure, scenario.services[measure.name]) if measure.kind == "service" else ""
    return f"no {measure.kind} {measure.name!r}{did_you_mean(measure.name, names)}; known: {', '.join(names) or 'none'}"


def may_have_deadlines(scenario: Scenario) -> bool:
    """Whether jobs have deadlines; of a trace only a run can tell."""
    return bool(scenario.workload.trace) or any(one.has_deadlines for one in scenario.workload.streams.values())


def _lacking(measure: Measure, service: Service) -> str:
    """What a service lacks for a figure of its requests."""
    if measure.measure in OF_REQUESTS and service.model is None:
        return f"{measure.measure} is a figure of services with a model; give {measure.name} one"
    if measure.measure in PERCENTILES and not service.by_request:
        return f'{measure.measure} is a figure of services by requests; give {measure.name} level = "requests"'
    return ""


def _task_kinds(scenario: Scenario) -> list[str]:
    """Kinds of the tasks of projects, and of those that rules add."""
    own = [task.kind or name for project in scenario.projects.values() for name, task in project.tasks.items()]
    added = [f"{rule.task.name} ({name})" for name, rule in scenario.rules.of_kind(Connection) if rule.task]
    return list(dict.fromkeys([*own, *added]))


def holders(supplies: Iterable[str], shocks: Iterable[str], rules: RulesBase) -> list[str]:
    """What may hold tasks up: supplies, shocks, and the stops and slowdowns of rules."""
    of_rules = []
    for name, rule in rules.of_kind(Connection):
        held = [*rule.stops, *rule.slows]
        of_rules += [name] if len(held) == 1 else [f"{name} {kind}" for kind in held]
    return [*supplies, *shocks, *of_rules]


def _known(what: str, name: str, allowed: tuple[str, ...]) -> str:
    if name not in allowed:
        raise ValueError(f"unknown {what} {name!r}{did_you_mean(name, allowed)}; known: {', '.join(allowed)}")
    return name


def with_measures(table: pd.DataFrame, measures: Iterable[str]) -> pd.DataFrame:
    """Figures of runs also with measures that no run has: a cause that never showed cost nothing."""
    lacking = {text: 0.0 if Measure.parse(text).cause else float("nan") for text in measures if text not in table}
    return table.assign(**lacking)


def none_of(text: str) -> str:
    """What there was none of where a figure has no value: ``"no demand"``, ``"no jobs started"``.

    Parameters
    ----------
    text : str
        A measure, or a column of a table of figures.
    """
    *kind, figure = text.split()
    other = "no jobs" if kind and MEASURES.get(kind[0]) is _JOBS else "no figure"
    return next((words for start, words in _NONE.items() if figure.startswith(start)), other)


# How a figure begins -> what it divides by, or is the mean of, where there is none of that.
_NONE = {
    "allocation": "no GPUs online",
    "utilisation": "no GPUs held",
    "goodput_requests_per_s": "no requests",
    "goodput": "no jobs ran",
    "useful_share": "no GPUs planned",
    "wait_": "no jobs started",
    "waited_": "no jobs accepted",
    "bounded_slowdown": "no jobs finished",
    "jct_": "no jobs finished",
    "makespan": "no jobs finished",
    "fairness": "no jobs finished",
    "deadlines_met": "no deadlines",
    "slowdown": "no jobs finished",
    "service_tokens_served_share": "no demand",
    "served_share": "no demand",
    "service_attainment": "no requests",
    "attainment": "no requests",
    "requests": "no requests",
    "ttft": "no finished requests",
    "token_time": "no answers of two tokens or more",
    "pue": "no power drawn",
    "price_usd_per_mwh": "no power drawn",
    "carbon_g_per_kwh": "no power drawn",
    "carbon_kg_per_useful": "no useful work",
    "usd_per_useful": "no useful work",
    "energy_usd_per_useful": "no useful work",
    "delivered_share": "no GPUs due",
    "delivered_day": "no milestones",
    "late_days": "no milestones due",
}  # fmt: skip


def is_time(figure: str) -> bool:
    """Whether a figure is told in seconds: ``wait_p95_s``, but not what is counted per second."""
    return figure.endswith("_s") and not figure.endswith("_per_s")


def bounds(text: str) -> tuple[float, float]:
    """The least and the most that a measure can be: of what is no measure, everything."""
    try:
        measure = Measure.parse(text)
    except ValueError:
        return -math.inf, math.inf
    if measure.measure in SHARES or measure.measure == "fairness":
        return 0.0, 1.0
    if "usd" in measure.measure or measure.measure == "late_days" or measure.kind in ("task_kind", "held_by"):
        return -math.inf, math.inf  # prices may be below 0, and so may money; what comes ahead of its plan is
    return 1.0 if measure.measure.startswith("bounded_slowdown") else 0.0, math.inf


def sign_of(figure: str) -> float:
    """1.0 for a figure of which more is better, -1.0 for one of which less is: costs, waits, losses, emissions."""
    return -1.0 if any(part in figure for part in _LESS_IS_BETTER) and figure not in _MORE_IS_BETTER else 1.0


_MORE_IS_BETTER = ("revenue_usd", "ebitda_usd", "free_cash_usd", "billed_usd")
_LESS_IS_BETTER = (
    "wait", "slowdown", "rejected", "evictions", "energy", "pue", "carbon", "usd", "lost", "held_back", "asked", "peak",
    "late_days", "delivered_day", "ttft", "token_time", "jct_", "makespan", "wasted", "fragment",
)  # fmt: skip

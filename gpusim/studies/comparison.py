"""Scheduling policies side by side: the same workload and seeds under each, as a sweep of one axis."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpusim import plugins
from gpusim.errors import GpusimError, ScenarioError
from gpusim.inputs.traces import read_trace
from gpusim.policies.loading import has_key
from gpusim.scenario.orders import ORDERS, How, meant
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.scheduler import IMPORT_PATH
from gpusim.studies.sweeps.spec import SweepSpec

AXIS = "policy"
BACKFILLS = ("none", "easy", "conservative")
SHORT = {"easy": "fifo+easy", "conservative": "fifo+conservative"}
WAYS = (*BACKFILLS, "preempt")
MEASURES = (
    "jct_mean_s", "jct_p50_s", "jct_p99_s", "wait_mean_s", "bounded_slowdown_mean", "makespan_s", "allocation",
    "goodput", "fairness", "evictions", "wasted_gpu_hours", "energy_facility_mwh", "jobs_done",
)  # fmt: skip


def comparison(scenario: str, policies: Sequence[str], *, measures: Sequence[str] | None = None, **more) -> SweepSpec:
    """The sweep that compares policies; ``more`` are other keys of a sweep, such as ``replications``.

    Parameters
    ----------
    scenario : str
        File; its queue, backfill and preemption are replaced.
    measures : sequence of str, optional
        Absent: ``MEASURES``, and what is in time of jobs with deadlines and of services that have objectives.
    policies : sequence of str
        Each a policy of ``gpusim policies``, alone or with a way to go on behind a blocked head, ``sjf+easy``, or to
        take GPUs from who runs, ``priority+preempt``; ``easy`` and ``conservative`` are FIFO with these; or the import
        path of one of your own. The first is what the others are held against.

    Raises
    ------
    GpusimError
        Naming all policies that there are not.
    """
    found = {name: _keys(name) for name in dict.fromkeys(policies)}
    unknown = [f"{name!r}{said}" for name, (said, keys) in found.items() if keys is None]
    if unknown:
        raise GpusimError(
            f"no policy {', '.join(unknown)}; known: {', '.join((*ORDERS, *SHORT))}; an order of the queue also takes"
            f" +{', +'.join(WAYS)}; or give an import path, module:Class"
        )
    if len(found) < 2:
        raise GpusimError(f"--policies: found {', '.join(found) or 'none'}; give two or more, as in fifo,easy,las")
    cases = {name: keys for name, (_said, keys) in found.items()}
    if measures is None:
        base = Scenario.from_toml(scenario)
        in_time = {
            "deadlines_met": _have_deadlines(base),
            "service_attainment": any(one.model for one in base.services.values()),
        }
        measures = [*MEASURES, *(name for name, there in in_time.items() if there)]
    return SweepSpec.from_dict(
        {"scenario": scenario, "measures": list(measures), "axes": {AXIS: {"cases": cases}}, **more}, scenario
    )


def _have_deadlines(scenario: Scenario) -> bool:
    """Whether jobs of the trace or of a stream have deadlines."""
    workload = scenario.workload
    if any(one.has_deadlines for one in workload.streams.values()):
        return True
    return bool(workload.trace) and bool(read_trace(workload.trace, workload.trace_columns)["deadline_s"].any())


def refuse_misfits(spec: SweepSpec) -> None:
    """Check that the scenario of a comparison goes with each of its policies.

    Raises
    ------
    ScenarioError
        With a fault for each that it does not go with, which names the policies of the same order that it goes with.
    """
    base, cases = Scenario.from_toml(spec.scenario), spec.axes[AXIS].cases
    faults = {name: _misfit(base, keys) for name, keys in cases.items()}
    if any(faults.values()):
        told = [f"{name}: {fault}; {_instead(base, name)}" for name, fault in faults.items() if fault]
        raise ScenarioError(f"--policies, {spec.scenario}", told)


def _misfit(base: Scenario, keys: dict[str, object]) -> str:
    """Why a scenario does not go with a policy, without the keys and values that stand for it; "" if it does."""
    try:
        base.with_(keys)
    except ScenarioError as error:
        misfit = r"scheduler(?:\.\w+: found \S+ with ([^;]+)|: \w+ = \S+ with (placement = [^;]+));"
        found = [(re.match(misfit, fault), fault) for fault in error.faults]
        whole = [match[1] or match[2] for match, _fault in found if match]
        others = [fault for match, fault in found if not match]
        return "; ".join([f"does not go with {' and '.join(dict.fromkeys(whole))}"][: len(whole)] + others)
    return ""


def _instead(base: Scenario, name: str) -> str:
    """Policies of the same order that a scenario goes with; if there are none, orders."""
    order = SHORT.get(name, name).split("+")[0]
    for names in ([order, *(f"{order}+{way}" for way in WAYS[1:])], ORDERS):
        fit = [one for one in names if (keys := _keys(one)[1]) is not None and not _misfit(base, keys)]
        if fit:
            break
    return f"give {', '.join(fit)}"


def is_comparison(spec: SweepSpec) -> bool:
    """Whether a sweep is one that ``comparison`` makes: of policies alone."""
    if list(spec.axes) != [AXIS]:
        return False
    cases, keys = spec.axes[AXIS].cases, set(_values("fifo", ORDERS["fifo"].how, "none"))
    return bool(cases) and all(set(case) == keys for case in cases.values())


def _keys(name: str) -> tuple[str, dict[str, object] | None]:
    """The values of the scenario that make the policy of a name; None if there is none, and what to say of it."""
    order, *ways = SHORT.get(name, name).split("+")
    how = _how(order)
    if how is None:
        return meant(name, (*ORDERS, *SHORT)), None
    if len(ways) > 1 or any(way not in WAYS for way in ways):
        return f" (what follows + is one of {', '.join(WAYS)})", None
    way = ways[0] if ways else "none"
    if ways and how is How.GREEDY or (way == "preempt" and (how is How.ROUNDS or order == "fair_share")):
        return f" ({order} goes without +{way})", None
    return "", _values(order, how, way)


def _how(order: str) -> How | None:
    """How a policy decides; None if there is none of this name."""
    if order in ORDERS:
        return ORDERS[order].how
    registered = plugins.found(plugins.POLICIES)
    if not IMPORT_PATH.fullmatch(order) and order not in registered:
        return None
    return How.QUEUE if has_key(registered[order].value if order in registered else order) else How.ROUNDS


def _values(order: str, how: How, way: str) -> dict[str, object]:
    return {
        "scheduler.order": order,
        "scheduler.options": {},
        "scheduler.backfill": way if way in BACKFILLS else "none",
        "scheduler.preemption": "order" if way == "preempt" else "none",
        "scheduler.mode": "cycle" if how is How.ROUNDS else "event",
    }

"""Scheduling policies side by side: the same workload and seeds under each, as a sweep of one axis."""

from __future__ import annotations

from collections.abc import Sequence

from gpusim import plugins
from gpusim.errors import GpusimError, did_you_mean
from gpusim.policies.loading import has_key
from gpusim.scenario.orders import ORDERS, How
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


def comparison(scenario: str, policies: Sequence[str], *, measures: Sequence[str] = MEASURES, **more) -> SweepSpec:
    """The sweep that compares policies; ``more`` are other keys of a sweep, such as ``replications``.

    Parameters
    ----------
    scenario : str
        File; its queue, backfill and preemption are replaced.
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
    return SweepSpec.from_dict(
        {"scenario": scenario, "measures": list(measures), "axes": {AXIS: {"cases": cases}}, **more}, scenario
    )


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
        return did_you_mean(name, (*ORDERS, *SHORT)), None
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

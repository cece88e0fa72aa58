"""The constraints of a scenario, and how each is loosened: one function per constraint, one list of all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from gpusim.causes import IDLE_FOR_POWER, NOT_ENERGISED, POWER_PLAN, RESERVED, relieved_by
from gpusim.regulation.scope import complete_gpus, complete_mw
from gpusim.scenario.costs import gpus_usd, site_mw_usd
from gpusim.scenario.faults import dotted
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.steps import Steps
from gpusim.studies.lever import Lever
from gpusim.studies.relief import admission, build_out, equipment
from gpusim.studies.relief.counterfactual import Counterfactual, Held, booked, counted, pools_at, pools_of
from gpusim.studies.relief.services import service_reliefs
from gpusim.units import DAY_S, number_of

ATTAINMENT = "service_attainment"
ANY_WEATHER_C = 60.0  # hotter than air was ever measured
BINDS = 0.001  # of all that the ledger says was held back: less is not worth a run


def counterfactuals(
    scenario: Scenario, held: Held, step: float, days: float, measure: str, rooms: Iterable[Counterfactual] = ()
) -> list[Counterfactual]:
    """All constraints of a scenario that bind, each loosened by one step.

    A constraint that the ledger sees binds if what it held back is more than ``BINDS`` of all. Those that it cannot see
    (preemption, residency where it sent work elsewhere) are there whenever the scenario has them; prices where they can
    change the measure: a cost, or any where the dispatch or a policy in Python looks at prices; what services by
    requests could have more of, if requests in time are the measure.

    Parameters
    ----------
    held : mapping of (pool, cause) to float
        GPU-hours held back, of the ledger of the scenario's own runs.
    step : float
        Share by which quantities grow: 0.1 is a tenth more.
    days : float
        [d] By how much dates move forward.
    measure : str
        What reliefs are ranked by.
    rooms : iterable of Counterfactual
        Room for jobs that no pool can hold (``room_for``).
    """
    total, scheduler = sum(held.values()), scenario.scheduler
    priced = (
        "usd" in measure
        or scheduler.dispatch == "cheapest"
        or scheduler.decides_in_rounds
        or len(scheduler.own_policies) > 0
    )
    found = [one for constraint in CONSTRAINTS for one in constraint(scenario, step, days)]
    found += admission.types_of_trace(scenario, {place for one in found for place in one.causes}, held)
    found += service_reliefs(scenario, step) if measure == ATTAINMENT else ()
    return [
        one
        for one in [*found, *rooms]
        if not one.booked(held) <= BINDS * total  # what it cannot see may bind
        and (priced or one.resource != "price")
    ]


def _last_stage_days(steps: Steps, scenario: Scenario) -> float:
    """[d] after the start at which the last stage comes that comes within the run, not one that goes; 0: none."""
    stages = steps.steps(scenario.run.start)
    days = [time_s / DAY_S for (_before, level), (time_s, more) in pairwise(stages) if more > level]
    return max((day for day in days if day < scenario.run.days), default=0.0)


def _gpus(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    for site, kind, pool in pools_of(scenario):
        node = scenario.gpus[kind].gpus_per_node
        nodes = max(math.floor(step * complete_gpus(scenario, site, kind) / node + 0.5), 1)
        yield Counterfactual(
            "GPUs", pool, "gpus", f"{nodes * node:,} more {kind} at {site}",
            Lever(keys=[dotted(("sites", site, "pools", kind, "gpus"))], how="add"), float(nodes * node),
            "GPU", booked([pool], *relieved_by("GPUs")), gpus_usd(scenario, kind, nodes * node), node,
        )  # fmt: skip


def _grid(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    for site in scenario.sites:
        mw = float(f"{step * complete_mw(scenario, site):.3g}")
        if mw > 0.0:
            yield Counterfactual(
                "power", site, "grid_mw", f"{mw:g} MW more grid connection at {site}",
                Lever(keys=[dotted(("sites", site, "grid_mw"))], how="add"), mw, "MW",
                booked(pools_at(scenario, [site]), *relieved_by("power")), site_mw_usd(scenario, mw),
            )  # fmt: skip


def _energisation(scenario: Scenario, _step: float, days: float) -> Iterator[Counterfactual]:
    for site, spec in scenario.sites.items():
        last = _last_stage_days(spec.grid_mw, scenario)
        if last > 0.0:
            step = min(days, last)
            yield Counterfactual(
                "power", site, "energisation", f"grid stages at {site} {counted(step, 'day')} earlier",
                Lever(keys=[dotted(("sites", site, "grid_mw"))], how="delay_days", rises=True), -step, "day",
                booked(pools_at(scenario, [site]), *relieved_by("power")), most=last / step,
            )  # fmt: skip


def _oversubscription(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    for site in scenario.sites:
        yield Counterfactual(
            "power", site, "oversubscription", f"grid connection at {site} oversubscribed by {step:.0%} more",
            Lever(keys=[dotted(("sites", site, "oversubscription"))], how="scale"), 1.0 + step, "%",
            booked(pools_at(scenario, [site]), NOT_ENERGISED, POWER_PLAN), 0.0,
        )  # fmt: skip


def _power_plan(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    """What a node is reckoned with, the caps that answer for it, and less of both where they throttle."""
    for site, spec in scenario.sites.items():
        pools = pools_at(scenario, [site])
        if spec.power_plan == "nameplate":
            yield Counterfactual(
                "power", site, "power_plan", f"planning nodes at {site} at peak draw",
                Lever(keys=[dotted(("sites", site, "power_plan"))]), "peak", "rule",
                booked(pools, NOT_ENERGISED, POWER_PLAN), 0.0,
            )  # fmt: skip
        if spec.capping in ("admission", "preempt"):
            yield Counterfactual(
                "power", site, "capping", f"power caps at {site}, equal for all jobs, instead of jobs that wait",
                Lever(keys=[dotted(("sites", site, "capping"))]), "uniform", "rule",
                booked(pools, *IDLE_FOR_POWER), 0.0,
            )  # fmt: skip
        else:
            yield Counterfactual(
                "power", site, "throttling", f"{step:.0%} less planned power on the grid connection at {site}",
                Lever(keys=[dotted(("sites", site, "oversubscription"))], how="scale"), 1.0 - step, "%",
                booked(pools, "throttled"), 0.0,
            )  # fmt: skip


def _feeders(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    """Higher limits below the site, all of a pool's together."""
    for site, kind, pool in pools_of(scenario):
        feeders = scenario.sites[site].pools[kind].feeders
        if feeders is None or not feeders.keys:
            continue
        keys = [dotted(("sites", site, "pools", kind, "feeders", *key)) for key in feeders.keys]
        yield Counterfactual(
            "power", pool, "feeders", f"{step:.0%} higher limits on power below the site for {kind} at {site}",
            Lever(keys=keys, how="scale"), 1.0 + step, "%", booked([pool], "throttled_feeder"),
        )  # fmt: skip


def _cooling(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    """A plant that no weather limits, and a larger one where the scenario says how large it is."""
    for site, spec in scenario.sites.items():
        if spec.cooling.design_c is None:
            continue
        causes = booked(pools_at(scenario, [site]), *relieved_by("cooling"))
        yield Counterfactual(
            "cooling", site, "design_c", f"cooling at {site} that no weather limits",
            Lever(keys=[dotted(("sites", site, "cooling", "design_c"))]), ANY_WEATHER_C, "rule", causes,
        )  # fmt: skip
        mw = float(f"{step * (spec.cooling.design_mw or 0.0):.3g}")
        if mw > 0.0:
            yield Counterfactual(
                "cooling", site, "design_mw", f"{mw:g} MW more of cooling at {site}",
                Lever(keys=[dotted(("sites", site, "cooling", "design_mw"))], how="add"), mw, "MW", causes,
            )  # fmt: skip


def _non_firm(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    """All of a connection firm."""
    for site, spec in scenario.sites.items():
        if spec.non_firm is not None:
            yield Counterfactual(
                "power", site, "non_firm", f"a grid connection at {site} that is all firm",
                Lever(keys=[dotted(("sites", site, "non_firm", "hours_per_year"))]), 0.0, "rule",
                booked(pools_at(scenario, [site]), "idle_curtailed", "slowed_curtailed"),
            )  # fmt: skip


def _halls(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    for site, spec in scenario.sites.items():
        if spec.hall_mw is None:
            continue
        added_mw = sum(project.adds.hall_mw or 0.0 for project in scenario.projects_at(site).values())
        mw = float(f"{step * (spec.hall_mw.peak() + added_mw):.3g}")
        if mw > 0.0:
            yield Counterfactual(
                "halls", site, "hall_mw", f"{mw:g} MW more of halls at {site}",
                Lever(keys=[dotted(("sites", site, "hall_mw"))], how="add"), mw, "MW",
                booked(pools_at(scenario, [site]), *relieved_by("halls")), site_mw_usd(scenario, mw),
            )  # fmt: skip


def _shells(scenario: Scenario, _step: float, days: float) -> Iterator[Counterfactual]:
    for site, spec in scenario.sites.items():
        last = _last_stage_days(spec.hall_mw, scenario) if spec.hall_mw is not None else 0.0
        if last > 0.0:
            step = min(days, last)
            yield Counterfactual(
                "halls", site, "shells", f"halls at {site} {counted(step, 'day')} earlier",
                Lever(keys=[dotted(("sites", site, "hall_mw"))], how="delay_days", rises=True), -step, "day",
                booked(pools_at(scenario, [site]), *relieved_by("halls")), most=last / step,
            )  # fmt: skip


def _delivery(scenario: Scenario, _step: float, days: float) -> Iterator[Counterfactual]:
    for site, kind, pool in pools_of(scenario):
        last = _last_stage_days(scenario.sites[site].pools[kind].gpus, scenario)
        if last > 0.0:
            step = min(days, last)
            yield Counterfactual(
                "delivery", pool, "delivery", f"deliveries of {kind} at {site} {counted(step, 'day')} earlier",
                Lever(keys=[dotted(("sites", site, "pools", kind, "gpus"))], how="delay_days", rises=True), -step,
                "day", booked([pool], *relieved_by("delivery")), most=last / step,
            )  # fmt: skip


def _links(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    crossed = any(service.crosses_links for service in scenario.services.values())
    for name in scenario.links:
        yield Counterfactual(
            "WAN", name, "gbps", f"twice the bandwidth of the link {name}",
            Lever(keys=[dotted(("links", name, "gbps"))], how="scale"), 2.0, "%",
            booked(pools_at(scenario, scenario.sites), *relieved_by("WAN")), unseen=crossed,
        )  # fmt: skip


def _price(scenario: Scenario, step: float, _days: float) -> Iterator[Counterfactual]:
    for site in scenario.sites:
        yield Counterfactual(
            "price", site, "price", f"electricity at {site} {step:.0%} cheaper",
            Lever(keys=[dotted(("sites", site, "price_factor"))], how="scale"), 1.0 - step, "%", frozenset(),
        )  # fmt: skip


def _backfill(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    if scenario.scheduler.backfill == "none" and not scenario.scheduler.is_greedy:
        yield Counterfactual(
            "queue rules", "", "backfill", "jobs may pass a blocked head that they do not delay (EASY)",
            Lever(keys=["scheduler.backfill"]), "easy", "rule",
            booked(pools_at(scenario, scenario.sites), RESERVED), 0.0,
        )  # fmt: skip


def _cycle(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    if scenario.scheduler.mode == "cycle":
        half = scenario.scheduler.cycle_s / 2.0
        yield Counterfactual(
            "cycle", "", "cycle_s", f"a scheduling cycle of {half:g} s, half as long",
            Lever(keys=["scheduler.cycle_s"], how="scale"), 0.5, "%",
            booked(pools_at(scenario, scenario.sites), *relieved_by("cycle")), 0.0,
        )  # fmt: skip


def _preemption(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    streams = scenario.workload.streams.values()
    priorities = {stream.priority for stream in streams}
    if scenario.scheduler.preemption == "none" and len(priorities) > 1 and any(s.preemptible for s in streams):
        yield Counterfactual(
            "queue rules", "", "preemption", "urgent jobs may evict preemptible ones",
            Lever(keys=["scheduler.preemption"]), "priority", "rule", frozenset(), 0.0,
        )  # fmt: skip


def _queue_limit(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    if scenario.scheduler.queue_limit is not None:
        limit = max(scenario.scheduler.queue_limit, 1)
        yield Counterfactual(
            "queue rules", "", "queue_limit", f"{number_of(limit, 'more job')} may wait in a pool",
            Lever(keys=["scheduler.queue_limit"], how="add"), limit, "job",
            booked(pools_at(scenario, scenario.sites), "rejected_queue"), 0.0, 1,
        )  # fmt: skip


def _storage(scenario: Scenario, _step: float, _days: float) -> Iterator[Counterfactual]:
    everywhere = pools_at(scenario, scenario.sites)
    for name, spec in scenario.workload.classes.items():
        for field, causes, what in (
            ("checkpoint_write_s", booked(everywhere, "checkpointing"), "checkpoint writes"),
            ("load_s", booked(everywhere, "loading", "restarting"), "loading"),
        ):
            if getattr(spec, field) > 0.0:
                yield Counterfactual(
                    "storage", name, field, f"{what} of {name} twice as fast",
                    Lever(keys=[dotted(("workload", "classes", name, field))], how="scale"), 0.5, "%", causes,
                )  # fmt: skip
        if spec.checkpoint_interval_s != "young_daly" and 0.0 < spec.checkpoint_interval_s < math.inf:
            yield Counterfactual(
                "storage", name, "checkpoint_interval_s", f"twice as many checkpoints of {name}",
                Lever(keys=[dotted(("workload", "classes", name, "checkpoint_interval_s"))], how="scale"), 0.5,
                "%", booked(everywhere, "lost_work"), 0.0,
            )  # fmt: skip


CONSTRAINTS: tuple[Callable[[Scenario, float, float], Iterator[Counterfactual]], ...] = (
    _gpus, equipment.cpus_and_memory, _grid, _energisation, _oversubscription, _power_plan, _feeders, _cooling,
    _non_firm, equipment.generators, _halls, _shells, _delivery, _links, admission.quotas, admission.residency,
    admission.types, admission.data, _backfill, _cycle, _preemption, _queue_limit, _storage, build_out.supplies,
    build_out.starts, build_out.shocks, build_out.rivals, admission.exemptions, _price,
)  # fmt: skip

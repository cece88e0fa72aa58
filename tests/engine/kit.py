"""Small fleets without scenarios: jobs in, start times out."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout import PoolSpec, Rules, Work, allocate
from gpusim.engine.links import Link, move_data
from gpusim.engine.power import SitePower
from gpusim.state import NONE, Backfill, Fleet, Status
from tests.reference.case import Case, Change, Outcome


def play(jobs, n_nodes, size, rules: Rules, *, domains=1, quota=None, **more) -> Fleet:
    """Play (submit, gpus, runtime, estimate[, priority]) jobs on one pool to the end."""
    columns = np.array([tuple(job[:4]) for job in jobs], dtype=float).reshape(-1, 4)
    work = Work(
        submit_s=columns[:, 0],
        gpus=columns[:, 1].astype(int),
        runtime_s=columns[:, 2],
        estimate_s=columns[:, 3],
        route=np.zeros(len(jobs), int),
        routes=[([0], 0)],
        **more,
    )
    fleet = allocate([PoolSpec(0, 0, n_nodes, size, domains)], 1, work, rules, quota=quota)
    fleet.pools[0].delivered = n_nodes * size
    env = FleetEnvironment(fleet)
    env.set_nodes_on(0, n_nodes)
    env.run(until=env.finished)
    env.settle()
    return fleet


def starts(fleet: Fleet) -> list[float]:
    """First start of every job."""
    return fleet.jobs["first_start_s"].tolist()


def play_case(case: Case, until_s: float) -> list[Outcome]:
    """Outcomes of all jobs of a case in [0, ``until_s``), by the engine."""
    env = FleetEnvironment(_fleet(case))
    links = [Link(env, row) for row in range(case.n_links)]
    env.links = dict(enumerate(links))
    env.move = lambda job, row: env.process(move_data(env, links[row], job))
    powers = [SitePower(env, s, case.oversubscription) for s in range(case.n_sites)]
    for change in case.changes:
        env.process(_change(env, powers, change))
    env.run(until=env.at(until_s))
    return outcomes(env.fleet)


def outcomes(fleet: Fleet) -> list[Outcome]:
    """What became of every job."""

    def time_s(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return [
        Outcome(
            Status(job.status).name, None if job.pool == NONE else int(job.pool),
            time_s(job.first_start_s), time_s(job.start_s),
            time_s(job.end_s) if job.status != Status.QUEUED else None, int(job.evictions),
            time_s(job.promised_s) if fleet.clock[0].backfill == Backfill.CONSERVATIVE else None,
        )
        for job in fleet.jobs
    ]  # fmt: skip


def _fleet(case: Case) -> Fleet:
    columns = {name: np.array([getattr(job, name) for job in case.jobs]) for name in case.jobs[0].__dataclass_fields__}
    work = Work(routes=case.routes, route_links=case.route_links, **columns)
    quota = None if case.quota is None else np.array(case.quota, "i8")
    fleet = allocate(
        case.pools, case.n_sites, work, case.rules,
        classes=case.classes, shares=case.shares, quota=quota, n_links=case.n_links,
    )  # fmt: skip
    fleet.sites["overhead"] = fleet.sites["peak_overhead"] = case.overhead
    return fleet


def _change(env: FleetEnvironment, powers: list[SitePower], change: Change) -> Generator:
    yield env.at(change.time_s)
    site_or_pool, value = change.on, change.value
    match change.what:
        case "nodes":
            env.set_nodes_on(site_or_pool, int(value))
        case "fail":
            env.fail_node(change.on)
        case "repair":
            env.repair_node(change.on)
        case "deliver":
            powers[int(env.fleet.pools[site_or_pool].site)].deliver(site_or_pool, int(value))
        case "hall":
            powers[site_or_pool].set_halls(value)
        case "grid":
            powers[site_or_pool].set_grid(value)
        case "cap":
            powers[site_or_pool].set_cap(value)
        case "link":
            env.links[change.on].set_rate(value)
        case "price":
            env.fleet.sites[site_or_pool].price_usd_per_j = value
        case "carbon":
            env.fleet.sites[site_or_pool].carbon_g_per_j = value

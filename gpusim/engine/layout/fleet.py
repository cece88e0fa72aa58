"""From plain descriptions of pools, sites, jobs and scheduling to the record arrays that kernels work on."""

from __future__ import annotations

import numpy as np

from gpusim.engine.capping import cap_tables, phase_groups
from gpusim.engine.description import ClassSpec, PoolSpec, Replicas, Scheduling, SiteCaps, Work
from gpusim.engine.layout.capacity import PoolArrays, cpu_memory_of, heaps, lay_out_feeders, lay_out_pools, sites_of
from gpusim.engine.layout.jobs import classes_of, jobs_of, keys_of, most_guests, queues_of, rosters_of, routes_of
from gpusim.engine.layout.scored_nodes import scored_nodes_of
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import HOLDING
from gpusim.kernels.state.codes import NONE, Backfill, Order, Topology
from gpusim.kernels.state.fleet import CLOCK, SCHEDULING, Fleet
from gpusim.kernels.state.jobs import LINK, PACE, SEGMENT, TRANSFER
from gpusim.kernels.state.plans import CHUNK, LINE, PLAN, SEAT
from gpusim.kernels.state.queues import LONG_QUEUE
from gpusim.kernels.state.serving import REPLICA, Serving

# The clock and the options of the scheduler, as kernels read them.


def clock_of(n_jobs: int, seats_kept: int) -> np.recarray:
    clock = records(CLOCK, 1)
    clock["unfinished"] = n_jobs
    clock["seats_kept"] = seats_kept
    for name in ("spare_holding", "spare_chunk", "spare_seat", "first_noted"):
        clock[name] = NONE
    return clock


def scheduling_of(scheduling: Scheduling, quotas: bool, cpu_memory: bool) -> np.recarray:
    table = records(SCHEDULING, 1)
    for name in ("order", "backfill", "placement", "dispatch", "topology", "topology_wait_s", "greedy", "cycle_s"):
        table[name] = getattr(scheduling, name)
    table["preempts"] = scheduling.preempts or scheduling.greedy
    table["by_gpus"], table["promote"] = scheduling.levels.by_gpus, scheduling.levels.promote
    table["quotas"], table["cpu_memory"] = quotas, cpu_memory
    # What a policy in Python says of one queue says nothing of the same jobs in another pool.
    table["redispatch"] = scheduling.redispatch and scheduling.order != Order.CUSTOM
    table["queue_limit"] = -1 if scheduling.queue_limit is None else scheduling.queue_limit
    table["long_queue"] = LONG_QUEUE
    return table


# What conservative backfill plans with, and what falls due of jobs.


def timelines(
    nodes: np.recarray,
    seats_kept: int,
    n_sites: int,
    n_quotas: int,
    jobs: np.recarray,
    serving: Serving,
    conservative: bool,
) -> dict[str, np.ndarray]:
    """What conservative backfill plans with; rows of its own for nobody else."""
    tenants = np.concatenate([jobs.tenant, serving.replicas.tenant]) if conservative else np.zeros(1, "i8")
    n_lines, n_jobs = (len(nodes) + n_sites + n_quotas, len(jobs)) if conservative else (1, 1)
    lines, plans = records(LINE, n_lines), records(PLAN, len(tenants))
    plans["tenant"] = tenants
    lines["first_chunk"] = lines["near_chunk"] = NONE
    plans["begin_s"] = np.nan
    plans["window_s"] = np.inf  # replicas stay until they are stopped
    plans["first_seat"] = plans["next_due"] = plans["holding"] = NONE
    return {
        "lines": lines,
        "plans": plans,
        "chunks": records(CHUNK, 4 * n_lines + 128),
        "seats": records(SEAT, 2 * seats_kept + 64),
    }


def dues(n_jobs: int, used: bool) -> dict[str, np.ndarray]:
    """The heap of what falls due of jobs."""
    room = n_jobs if used else 1
    return {
        "due_keys": np.zeros(room, "f8"),
        "due_ids": np.zeros(room, "i8"),
        "due_pos": np.full(room, -1, "i8"),
    }


# Replicas of services.


def lay_out(replicas: Replicas) -> Serving:
    """Serving with no replica running."""
    table = records(REPLICA, len(replicas.gpus))
    for name in ("gpus", "tenant", "priority", "most_w", "capped_w", "cap_exponent"):
        table[name] = getattr(replicas, name)
    table["holding"] = NONE
    return Serving(replicas=table)


def allocate(
    pools: list[PoolSpec],
    n_sites: int,
    work: Work,
    scheduling: Scheduling,
    *,
    classes: list[ClassSpec] | None = None,
    shares: list[float] | None = None,
    quota: np.ndarray | None = None,
    serving: Serving | None = None,
    n_links: int = 0,
    caps: list[SiteCaps] | None = None,
) -> Fleet:
    """A fleet with all nodes off, no power limit, links that carry nothing yet, and all jobs pending.

    Parameters
    ----------
    quota : ndarray of int, shape (tenants, gpu types), optional
        GPUs that a tenant may hold of a type; absent means no quotas.
    serving : Serving, optional
        Replicas that there must be room for beside the jobs.
    caps : list of SiteCaps, optional
        Of each site; absent means that none caps what runs.
    """
    serving = serving or lay_out(Replicas())
    shares = shares or [1.0]
    classes, caps = classes or [ClassSpec()], caps or [SiteCaps()] * n_sites
    jobs = jobs_of(work, scheduling)
    caps_of_runs = cap_tables(
        classes, jobs.priority, caps, serving.replicas, {pool.site for pool in pools if pool.is_fed}
    )
    class_groups, serving.replicas["cap_group"] = phase_groups(classes, serving.replicas)
    n_gpus = sum(pool.n_nodes * pool.gpus_per_node for pool in pools)
    guests = most_guests(jobs, n_gpus)
    holders = _holders(n_gpus, len(jobs) + len(serving.replicas), guests)
    n_holdings = len(holders["holdings"])
    layout = lay_out_pools(pools, n_holdings, guests)
    sites = sites_of(pools, caps)
    feeders = lay_out_feeders(pools, layout, sites, caps)
    return Fleet(
        jobs=jobs,
        **holders,
        **scored_nodes_of(pools, work, scheduling, n_holdings),
        nodes=layout.nodes,
        **cpu_memory_of(pools, layout, work.asks, len(jobs)),
        pools=layout.pools,
        sites=sites,
        **feeders,
        **_scheduled(pools, layout, n_sites, work, jobs, scheduling, shares, quota, serving),
        **routes_of(work),
        links=records(LINK, max(n_links, 1)),
        classes=classes_of(classes, class_groups),
        speeds=np.array([[spec.speed_in(pool) for pool in pools] for spec in classes]),
        **_runs(len(jobs), bool(scheduling.preempts or scheduling.greedy or len(serving.replicas))),
        **caps_of_runs,
        domain_idle=np.zeros((layout.n_domains, 2), "i8"),
        **heaps(layout, pools, n_holdings, guests),
        **_beside_jobs(jobs, work, scheduling, any(spec.told for spec in classes), n_links > 0),
    )


def _scheduled(
    pools: list[PoolSpec],
    layout: PoolArrays,
    n_sites: int,
    work: Work,
    jobs: np.recarray,
    scheduling: Scheduling,
    shares: list[float],
    quota: np.ndarray | None,
    serving: Serving,
) -> dict[str, np.ndarray]:
    """What the rules of scheduling need: queues, quotas, and what plans and rosters keep."""
    keys, n_types = keys_of(work, scheduling), max(pool.gpu_type for pool in pools) + 1
    by_tenant = quota is not None or scheduling.order == Order.FAIR_SHARE
    conservative = scheduling.backfill == Backfill.CONSERVATIVE
    seats_kept = int(layout.pools["planned"].sum()) if conservative else 0
    return {
        "scheduling": scheduling_of(scheduling, quota is not None, any(max(pool.cpu_memory) > 0 for pool in pools)),
        "clock": clock_of(len(jobs), seats_kept),
        **queues_of(layout, jobs, keys, scheduling, shares, by_tenant=by_tenant),
        **timelines(layout.nodes, seats_kept, n_sites, len(shares) * n_types, jobs, serving, conservative),
        **dues(len(jobs), conservative or scheduling.greedy or scheduling.topology_wait_s > 0.0),
        **rosters_of(layout.pools, keys, scheduling),
        **_quotas_of(quota, len(shares), n_types),
    }


def _holders(n_gpus: int, n_owners: int, guests: int) -> dict[str, np.ndarray]:
    """Room for all who may hold GPUs at the same time, and for the GPUs that jobs share."""
    n_holdings = min(n_gpus, n_owners) + guests + 1
    return {"holdings": records(HOLDING, n_holdings), "hosts": np.zeros(n_gpus if guests else 1, "i8")}


def _runs(n_jobs: int, cut_short: bool) -> dict[str, np.ndarray]:
    """Room for runs at rates of their own, and for some parts of runs, more of them if runs are cut short."""
    return {"segments": records(SEGMENT, 4096 if cut_short else 64), "paces": records(PACE, n_jobs)}


def _beside_jobs(
    jobs: np.recarray, work: Work, scheduling: Scheduling, told: bool, linked: bool
) -> dict[str, np.ndarray]:
    """What is known of each job beside its record, and lists that may have to take all; of one row if nobody asks."""
    n_jobs = len(jobs)
    prefers = scheduling.topology == Topology.PREFERRED
    return {
        "deadlines": np.full(n_jobs, work.deadline_s, "f8"),
        "roams_s": jobs.submit_s + scheduling.topology_wait_s if prefers else np.zeros(1),
        "ordered": np.zeros(n_jobs if scheduling.order == Order.CUSTOM else 1, "i8"),
        "turns": np.zeros(n_jobs if told else 1, "i8"),
        "departing": records(TRANSFER, n_jobs if linked else 1),
    }


def _quotas_of(quota: np.ndarray | None, n_tenants: int, n_types: int) -> dict[str, np.ndarray]:
    """GPUs of each type that tenants may hold, without quotas more than there are, and GPUs that they hold: none."""
    most = np.full((n_tenants, n_types), np.iinfo("i8").max // 2, "i8") if quota is None else quota
    return {"quota": most, "held": np.zeros((n_tenants, n_types), "i8")}

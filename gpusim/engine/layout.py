"""From plain descriptions of pools, sites, jobs and rules to the record arrays that kernels work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpusim.bundle import records
from gpusim.engine.capping import STEPS, cap_groups, cap_tables, steps_of
from gpusim.engine.description import ClassSpec, PoolSpec, Replicas, Rules, SiteCaps, Work
from gpusim.kernels import bitset
from gpusim.state.capacity import HOLDING, NODE, POOL, SITE
from gpusim.state.codes import NONE, Backfill, Order, Status, Wait
from gpusim.state.fleet import CLOCK, RULES, Fleet
from gpusim.state.jobs import CLASS, JOB, LINK, PACE, ROUTE, SEGMENT, TRANSFER
from gpusim.state.plans import CHUNK, LINE, PLAN, SEAT
from gpusim.state.queues import LANE, LONG_QUEUE, SIZES
from gpusim.state.rosters import ENTRY, NO_LEAST, ROSTER
from gpusim.state.serving import REPLICA, Serving


def allocate(
    pools: list[PoolSpec],
    n_sites: int,
    work: Work,
    rules: Rules,
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
    jobs = _jobs(work, rules)
    n_jobs, n_nodes = len(jobs), sum(pool.n_nodes for pool in pools)
    n_holdings = min(sum(pool.n_nodes * pool.gpus_per_node for pool in pools), n_jobs + len(serving.replicas)) + 1
    n_types = max(pool.gpu_type for pool in pools) + 1
    by_tenant = quota is not None or rules.order == Order.FAIR_SHARE
    groups = [np.flatnonzero(jobs.tenant == t) for t in range(len(shares))] if by_tenant else [np.arange(n_jobs)]
    by_place = _rank(jobs, groups, _keys(jobs, rules))
    layout = _pools(pools, n_holdings)
    conservative = rules.backfill == Backfill.CONSERVATIVE
    seats_kept = int(layout.pools["planned"].sum()) if conservative else 0
    lanes, n_words = _lanes(layout.pools, groups, shares, layout.n_words, conservative)
    heap_size = layout.heap_size
    n_rows = n_words if rules.backfill == Backfill.EASY and rules.order != Order.CUSTOM else 1
    routes, candidates = _routes(work.routes)
    candidate_links = np.full(len(candidates), NONE, "i8")
    if work.route_links is not None:
        links = [link for row in work.route_links for link in row]
        candidate_links[: len(links)] = links
    segments = 4096 if rules.preempts or rules.greedy or len(serving.replicas) else 64
    total = max(n_holdings, n_nodes) + 8
    return Fleet(
        rules=_rules(rules, quota is not None),
        clock=_clock(n_jobs, seats_kept),
        jobs=jobs,
        holdings=records(HOLDING, n_holdings),
        nodes=layout.nodes,
        pools=layout.pools,
        sites=_sites(pools, caps),
        lanes=lanes,
        routes=routes,
        links=records(LINK, max(n_links, 1)),
        classes=_classes(classes),
        speeds=np.array([[spec.speed_in(pool) for pool in pools] for spec in classes]),
        segments=records(SEGMENT, segments),
        paces=records(PACE, n_jobs),
        **cap_tables(classes, jobs.priority, caps),
        ordered=np.zeros(n_jobs if rules.order == Order.CUSTOM else 1, "i8"),
        **_timelines(layout.nodes, seats_kept, n_sites, len(shares) * n_types, jobs, serving, conservative),
        **_dues(n_jobs, conservative or rules.greedy),
        **_rosters(layout.pools, jobs, rules),
        candidates=candidates,
        candidate_links=candidate_links,
        by_place=by_place,
        words=np.zeros(n_words + 1, "i8"),
        least_wall_s=np.zeros((n_rows, SIZES), "f8"),
        least_draw_w=np.zeros((n_rows, SIZES), "f8"),
        domain_idle=np.zeros((layout.n_domains, 2), "i8"),
        quota=quota if quota is not None else np.full((len(shares), n_types), np.iinfo("i8").max // 2, "i8"),
        held=np.zeros((len(shares), n_types), "i8"),
        heap_keys=np.zeros(heap_size, "f8"),
        heap_ids=np.zeros(heap_size, "i8"),
        end_pos=np.full(n_holdings, -1, "i8"),
        release_pos=np.full(n_holdings, -1, "i8"),
        idle_pos=np.full(n_nodes, -1, "i8"),
        scratch_keys=np.zeros(_scratch_size(pools), "f8"),
        scratch_ids=np.zeros(_scratch_size(pools), "i8"),
        scratch_pos=np.full(total, -1, "i8"),
        picked=np.zeros(n_nodes + 1, "i8"),
        woken=np.zeros(max(n_nodes * max(p.gpus_per_node for p in pools), 1), "i8"),
        departing=records(TRANSFER, n_jobs if n_links else 1),
    )


def lay_out(replicas: Replicas) -> Serving:
    """Serving with no replica running."""
    table = records(REPLICA, len(replicas.gpus))
    for name in ("gpus", "tenant", "priority", "most_w"):
        table[name] = getattr(replicas, name)
    table["holding"] = NONE
    return Serving(replicas=table)


def _timelines(
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


def _dues(n_jobs: int, used: bool) -> dict[str, np.ndarray]:
    """The heap of what falls due of jobs."""
    room = n_jobs if used else 1
    return {
        "due_keys": np.zeros(room, "f8"),
        "due_ids": np.zeros(room, "i8"),
        "due_pos": np.full(room, -1, "i8"),
    }


def _rosters(pools: np.recarray, jobs: np.recarray, rules: Rules) -> dict[str, np.ndarray]:
    """Lists of who waits and runs in each pool; what is not used of them takes no memory."""
    entries = records(ENTRY, len(jobs) if rules.greedy else 1)
    rosters = records(ROSTER, len(pools))
    room = 1
    if rules.greedy:
        entries["first_key"] = _keys(jobs, rules)
        ends = np.cumsum(len(jobs) + pools["planned"])
        rosters["first_running"] = ends - pools["planned"]
        rosters["first_waiting"] = rosters["first_running"] - len(jobs)
        rosters["least_gpus"] = NO_LEAST
        room = int(ends[-1]) + 1
    return {
        "entries": entries,
        "rosters": rosters,
        "roster_keys": np.zeros(room, "f8"),
        "roster_jobs": np.zeros(room, "i8"),
        "roster_gpus": np.zeros(room, "i8"),
        "limits": np.array(rules.levels.limits, "f8"),
        "level_keys": np.array(rules.levels.keys, "f8"),
    }


def _scratch_size(pools: list[PoolSpec]) -> int:
    """Room for all that can run at one site, and once more."""
    at = [0] * (max(pool.site for pool in pools) + 1)
    for pool in pools:
        at[pool.site] += pool.n_nodes * pool.gpus_per_node
    return max(at) * 2 + 64


def _jobs(work: Work, rules: Rules) -> np.recarray:
    jobs = records(JOB, len(work.submit_s))
    for name in (
        "submit_s", "gpus", "runtime_s", "estimate_s", "route", "priority", "tenant", "job_class", "preemptible",
        "data_bytes",
    ):  # fmt: skip
        jobs[name] = getattr(work, name)
    jobs["outruns"] = (jobs["runtime_s"] > jobs["estimate_s"]) & rules.kill_at_estimate
    for name in ("first_start_s", "start_s", "end_s", "expected_end_s", "promised_s"):
        jobs[name] = np.nan
    jobs["pool"] = jobs["holding"] = NONE
    jobs["status"] = Status.PENDING
    return jobs


def _keys(jobs: np.recarray, rules: Rules) -> np.ndarray:
    """By what jobs are ordered as they are submitted, shape (n_jobs,): less goes first."""
    keys = {
        Order.SJF: jobs.estimate_s,
        Order.PRIORITY: -jobs.priority,
        Order.LARGEST: -jobs.gpus,
        Order.SMALLEST: jobs.gpus,
        Order.GPU_TIME: jobs.estimate_s * jobs.gpus,
        Order.DEADLINE: jobs.submit_s + rules.slack * jobs.estimate_s,
    }
    return keys.get(rules.order, np.zeros(len(jobs)))


def _rank(jobs: np.recarray, groups: list[np.ndarray], keys: np.ndarray) -> np.ndarray:
    """Fill ``rank`` and ``lane_pos``; the jobs of each group in their order, one group behind the other."""
    first = np.argsort(keys, kind="stable")
    jobs["rank"][first] = np.arange(len(jobs))
    by_place = np.empty(len(jobs), "i8")
    base = 0
    for group in groups:
        places = group[np.argsort(jobs["rank"][group], kind="stable")]
        by_place[base : base + len(group)] = places
        jobs["lane_pos"][places] = np.arange(len(group))
        base += len(group)
    return by_place


@dataclass
class _Layout:
    pools: np.recarray
    nodes: np.recarray
    n_domains: int
    n_words: int
    heap_size: int


def _pools(specs: list[PoolSpec], n_holdings: int) -> _Layout:
    pools = records(POOL, len(specs))
    n_nodes = sum(spec.n_nodes for spec in specs)
    nodes = records(NODE, n_nodes)
    node = domain = words = 0
    place = n_holdings + 1  # behind the heap of ends
    for p, (pool, spec) in enumerate(zip(pools, specs, strict=True)):
        for name in spec.__dataclass_fields__:
            if name in POOL.names:
                pool[name] = getattr(spec, name)
        n_domains = -(-spec.n_nodes // spec.nodes_per_domain)
        pool.first_node, pool.first_domain, pool.n_domains = node, domain, n_domains
        pool.planned = spec.n_nodes * spec.gpus_per_node
        pool.node_words, pool.domain_words = bitset.n_words(spec.n_nodes), bitset.n_words(n_domains)
        pool.node_sets = words
        words += 2 * (spec.gpus_per_node + 1) * pool.node_words
        pool.domain_sets = words
        words += 2 * (spec.nodes_per_domain + 1) * pool.domain_words
        pool.release_base = place
        place += min(spec.n_nodes * spec.gpus_per_node, n_holdings) + 1
        pool.idle_base = place
        place += spec.n_nodes
        mine = nodes[node : node + spec.n_nodes]
        mine["pool"] = p
        mine["domain"] = np.arange(spec.n_nodes) // spec.nodes_per_domain
        mine["spare"] = spec.gpus_per_node
        node += spec.n_nodes
        domain += n_domains
    for name in ("first_holding", "next_held", "next_reserved"):
        nodes[name] = NONE
    nodes["idle_s"] = -1.0
    for name in ("reserved_job", "first_reserved", "arrived", "first_hole", "first_due", "last_due"):
        pools[name] = NONE
    for name in ("rate", "draw", "own_rate", "own_draw"):
        pools[name] = 1.0
    pools["spared_s"] = np.inf
    pools["shadow_s"] = np.inf
    return _Layout(pools, nodes, domain, words, place)


def _lanes(
    pools: np.recarray, groups: list[np.ndarray], shares: list[float], n_words: int, conservative: bool
) -> tuple[np.recarray, int]:
    lanes = records(LANE, len(pools) * len(groups))
    i = 0
    for pool in pools:
        pool.first_lane, pool.n_lanes = i, len(groups)
        base = 0
        for tenant, group in enumerate(groups):
            lane = lanes[i]
            lane.tenant, lane.share = tenant, shares[tenant]
            lane.set, lane.n_places, lane.order_base = n_words, len(group), base
            n_words += bitset.n_words(max(len(group), 1))
            lane.fresh_set = n_words
            n_words += bitset.n_words(max(len(group), 1)) if conservative else 0
            base += len(group)
            i += 1
    return lanes, n_words


def _sites(specs: list[PoolSpec], caps: list[SiteCaps]) -> np.recarray:
    sites = records(SITE, len(caps))
    sites["limit_w"] = np.inf
    sites["grid_w"] = np.inf
    sites["cap_wait"] = Wait.RULE
    for name in ("overhead", "peak_overhead", "rate", "draw"):
        sites[name] = 1.0
    sites["capping"] = [one.capping for one in caps]
    sites["cap_steps"] = [steps_of(one) for one in caps]
    sites["floor"] = 1.0 - sites["cap_steps"] / STEPS
    of_site = np.array([spec.site for spec in specs])
    for s in range(len(caps)):
        mine = np.flatnonzero(of_site == s)
        sites[s].first_pool, sites[s].n_pools = (mine[0], len(mine)) if len(mine) else (0, 0)
    return sites


def _routes(routes: list[tuple[list[int], int]]) -> tuple[np.recarray, np.ndarray]:
    table = records(ROUTE, max(len(routes), 1))
    flat: list[int] = []
    for row, (pools, n_home) in zip(table, routes, strict=False):
        row.start, row.n_home, row.count = len(flat), n_home, len(pools)
        flat.extend(pools)
    return table, np.array(flat or [NONE], "i8")


def _classes(specs: list[ClassSpec]) -> np.recarray:
    table = records(CLASS, len(specs))
    for row, spec in zip(table, specs, strict=True):
        for name in ("communication_share", "checkpoint_interval_s", "checkpoint_write_s", "checkpoint_background_s",
                     "load_s"):  # fmt: skip
            row[name] = getattr(spec, name)
    table["cap_group"] = cap_groups(specs)
    return table


def _clock(n_jobs: int, seats_kept: int) -> np.recarray:
    clock = records(CLOCK, 1)
    clock["unfinished"] = n_jobs
    clock["seats_kept"] = seats_kept
    for name in ("spare_holding", "spare_chunk", "spare_seat", "first_noted"):
        clock[name] = NONE
    return clock


def _rules(rules: Rules, quotas: bool) -> np.recarray:
    table = records(RULES, 1)
    for name in ("order", "backfill", "placement", "dispatch", "greedy", "cycle_s"):
        table[name] = getattr(rules, name)
    table["preempts"] = rules.preempts or rules.greedy
    table["by_gpus"], table["promote"] = rules.levels.by_gpus, rules.levels.promote
    table["quotas"] = quotas
    # Jobs that a policy leaves out are to wait where they are, and those with a reservation have it there.
    keeps = rules.order == Order.CUSTOM or rules.backfill == Backfill.CONSERVATIVE
    table["redispatch"] = rules.redispatch and not keeps
    table["queue_limit"] = -1 if rules.queue_limit is None else rules.queue_limit
    table["long_queue"] = LONG_QUEUE
    return table

"""Jobs, the queues in which they wait, and where they may go."""

from __future__ import annotations

import numpy as np

from gpusim.engine.description import ClassSpec, Scheduling, Work
from gpusim.engine.layout.capacity import PoolArrays
from gpusim.gangs import MILLI
from gpusim.kernels import bitset
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import NONE, Backfill, Order, Status
from gpusim.kernels.state.jobs import CLASS, JOB, ROUTE
from gpusim.kernels.state.queues import LANE, SIZES, SUBMITTED
from gpusim.kernels.state.rosters import ENTRY, NO_LEAST, ROSTER

# Jobs, the order in which they wait, and where they may go.


def jobs_of(work: Work, scheduling: Scheduling) -> np.recarray:
    jobs = records(JOB, len(work.submit_s))
    for name in (
        "submit_s", "gpus", "runtime_s", "estimate_s", "route", "priority", "tenant", "job_class", "preemptible",
        "data_bytes", "milli",
    ):  # fmt: skip
        jobs[name] = getattr(work, name)
    jobs["outruns"] = (jobs["runtime_s"] > jobs["estimate_s"]) & scheduling.kill_at_estimate
    for name in ("first_start_s", "start_s", "end_s", "expected_end_s", "promised_s"):
        jobs[name] = np.nan
    jobs["pool"] = jobs["holding"] = NONE
    jobs["status"] = Status.PENDING
    return jobs


def most_guests(jobs: np.recarray, n_gpus: int) -> int:
    """Jobs that may share ``n_gpus`` GPUs at once, at the most."""
    parts = jobs["milli"][jobs["milli"] > 0]
    return min(len(parts), n_gpus * (MILLI // int(parts.min()))) if len(parts) else 0


def submitted(work: Work) -> np.recarray:
    """Jobs as a policy sees them that gives them keys."""
    jobs = records(SUBMITTED, len(work.submit_s))
    jobs["job"] = np.arange(len(jobs))
    for name in (
        "submit_s", "runtime_s", "estimate_s", "deadline_s", "priority", "tenant", "job_class", "preemptible"
    ):  # fmt: skip
        jobs[name] = getattr(work, name)
    milli = np.asarray(work.milli)
    jobs["gpus"] = np.where(milli > 0, milli / MILLI, work.gpus)
    return jobs


def keys_of(work: Work, scheduling: Scheduling) -> np.ndarray:
    """By what jobs are ordered as they are submitted, shape (n_jobs,): less goes first."""
    return np.zeros(len(work.submit_s)) if scheduling.key is None else scheduling.key(submitted(work))


def classes_of(specs: list[ClassSpec], cap_groups: np.ndarray) -> np.recarray:
    table = records(CLASS, len(specs))
    for row, spec in zip(table, specs, strict=True):
        for name in ("communication_share", "checkpoint_interval_s", "checkpoint_write_s", "checkpoint_background_s",
                     "load_s"):  # fmt: skip
            row[name] = getattr(spec, name)
    table["stored"] = [spec.stored for spec in specs]
    table["told"] = [spec.told for spec in specs]
    table["cap_group"] = cap_groups
    return table


def routes_of(work: Work) -> dict[str, np.ndarray]:
    """Where jobs may go, and over which links their data come there."""
    table = records(ROUTE, max(len(work.routes), 1))
    candidates: list[int] = []
    for row, (pools, n_home) in zip(table, work.routes, strict=False):
        row.start, row.n_home, row.count = len(candidates), n_home, len(pools)
        candidates.extend(pools)
    links = [link for row in work.route_links or [] for link in row]
    links += [NONE] * (max(len(candidates), 1) - len(links))
    return {
        "routes": table,
        "candidates": np.array(candidates or [NONE], "i8"),
        "candidate_links": np.array(links, "i8"),
    }


# Queues: the places of jobs, lanes of tenants, and the lists of a greedy order.


def queues_of(
    layout: PoolArrays,
    jobs: np.recarray,
    keys: np.ndarray,
    scheduling: Scheduling,
    shares: list[float],
    *,
    by_tenant: bool,
) -> dict[str, np.ndarray]:
    """Lanes of each pool, one for each tenant or one for all, the sets of who waits in them, and their rows by size."""
    groups = [np.flatnonzero(jobs.tenant == t) for t in range(len(shares))] if by_tenant else [np.arange(len(jobs))]
    by_position = _rank(jobs, groups, keys)
    planned = scheduling.backfill == Backfill.CONSERVATIVE
    lanes, n_words = _lanes(layout.pools, groups, shares, layout.n_words, planned)
    n_rows = n_words if scheduling.backfill == Backfill.EASY and scheduling.order != Order.CUSTOM else 1
    return {
        "lanes": lanes,
        "by_position": by_position,
        "words": np.zeros(n_words + 1, "i8"),
        "least_wall_s": np.zeros((n_rows, SIZES), "f8"),
        "least_draw_w": np.zeros((n_rows, SIZES), "f8"),
    }


def _rank(jobs: np.recarray, groups: list[np.ndarray], keys: np.ndarray) -> np.ndarray:
    """Fill ``rank`` and ``lane_position``; the jobs of each group in their order, one group behind the other."""
    first = np.argsort(keys, kind="stable")
    jobs["rank"][first] = np.arange(len(jobs))
    by_position = np.empty(len(jobs), "i8")
    base = 0
    for group in groups:
        places = group[np.argsort(jobs["rank"][group], kind="stable")]
        by_position[base : base + len(group)] = places
        jobs["lane_position"][places] = np.arange(len(group))
        base += len(group)
    return by_position


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
            lane.set, lane.n_positions, lane.order_base = n_words, len(group), base
            n_words += bitset.n_words(max(len(group), 1))
            lane.fresh_set = n_words
            n_words += bitset.n_words(max(len(group), 1)) if conservative else 0
            base += len(group)
            i += 1
    return lanes, n_words


def rosters_of(pools: np.recarray, keys: np.ndarray, scheduling: Scheduling) -> dict[str, np.ndarray]:
    """Lists of who waits and runs in each pool; what is not used of them takes no memory."""
    n_jobs = len(keys)
    entries = records(ENTRY, n_jobs if scheduling.greedy else 1)
    rosters = records(ROSTER, len(pools))
    room = 1
    if scheduling.greedy:
        entries["first_key"] = keys
        ends = np.cumsum(n_jobs + pools["planned"])
        rosters["first_running"] = ends - pools["planned"]
        rosters["first_waiting"] = rosters["first_running"] - n_jobs
        rosters["least_gpus"] = NO_LEAST
        room = int(ends[-1]) + 1
    return {
        "entries": entries,
        "rosters": rosters,
        "roster_keys": np.zeros(room, "f8"),
        "roster_jobs": np.zeros(room, "i8"),
        "roster_gpus": np.zeros(room, "i8"),
        "limits": np.array(scheduling.levels.limits, "f8"),
        "level_keys": np.array(scheduling.levels.keys, "f8"),
    }

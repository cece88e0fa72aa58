"""Queues: the places of jobs, lanes of tenants, and the lists of a greedy order."""

from __future__ import annotations

import numpy as np

from gpusim.engine.description import Scheduling
from gpusim.engine.layout.capacity import Layout
from gpusim.kernels import bitset
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.codes import Backfill, Order
from gpusim.kernels.state.queues import LANE, SIZES
from gpusim.kernels.state.rosters import ENTRY, NO_LEAST, ROSTER


def queues_of(
    layout: Layout,
    jobs: np.recarray,
    keys: np.ndarray,
    scheduling: Scheduling,
    shares: list[float],
    *,
    by_tenant: bool,
) -> dict[str, np.ndarray]:
    """Lanes of each pool, one for each tenant or one for all, the sets of who waits in them, and their rows by size."""
    groups = [np.flatnonzero(jobs.tenant == t) for t in range(len(shares))] if by_tenant else [np.arange(len(jobs))]
    by_place = _rank(jobs, groups, keys)
    planned = scheduling.backfill == Backfill.CONSERVATIVE
    lanes, n_words = _lanes(layout.pools, groups, shares, layout.n_words, planned)
    n_rows = n_words if scheduling.backfill == Backfill.EASY and scheduling.order != Order.CUSTOM else 1
    return {
        "lanes": lanes,
        "by_place": by_place,
        "words": np.zeros(n_words + 1, "i8"),
        "least_wall_s": np.zeros((n_rows, SIZES), "f8"),
        "least_draw_w": np.zeros((n_rows, SIZES), "f8"),
    }


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

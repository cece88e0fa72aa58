"""Sites, pools, nodes, the room of their sets and heaps, and what feeds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpusim.engine.capping import STEPS, draws_of, gpu_step, steps_down, steps_of
from gpusim.engine.description import PoolSpec, SiteCaps
from gpusim.kernels import bitset
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import NODE, POOL, SITE
from gpusim.kernels.state.codes import NONE, Cause, Wait
from gpusim.kernels.state.feeders import FEEDER

# Sites, pools, nodes and the room of their sets and heaps.


@dataclass
class PoolArrays:
    pools: np.recarray
    nodes: np.recarray
    n_domains: int
    n_words: int
    heap_size: int


def lay_out_pools(specs: list[PoolSpec], n_holdings: int, guests: int) -> PoolArrays:
    pools = records(POOL, len(specs))
    n_nodes = sum(spec.n_nodes for spec in specs)
    nodes = records(NODE, n_nodes)
    node = domain = words = host = 0
    place = n_holdings + 1  # behind the heap of ends
    for p, (pool, spec) in enumerate(zip(pools, specs, strict=True)):
        for name in spec.__dataclass_fields__:
            if name in POOL.names and name != "domains_per_pod":
                pool[name] = getattr(spec, name)
        n_domains = -(-spec.n_nodes // spec.nodes_per_domain)
        pool.first_node, pool.first_domain, pool.n_domains = node, domain, n_domains
        pool.domains_per_pod = spec.domains_per_pod or max(n_domains, 1)
        pool.n_pods = -(-n_domains // pool.domains_per_pod)
        pool.planned = pool.ordered = spec.n_nodes * spec.gpus_per_node
        pool.absent[Cause.NOT_ENERGISED] = pool.planned
        pool.node_words, pool.domain_words = bitset.n_words(spec.n_nodes), bitset.n_words(n_domains)
        pool.node_sets = words
        words += 2 * (spec.gpus_per_node + 1) * pool.node_words
        pool.domain_sets = words
        words += 2 * (spec.nodes_per_domain + 1) * pool.domain_words
        pool.release_base = place
        place += min(spec.n_nodes * spec.gpus_per_node + guests, n_holdings) + 1
        pool.idle_base = place
        place += spec.n_nodes
        mine = nodes[node : node + spec.n_nodes]
        mine["pool"] = p
        mine["domain"] = np.arange(spec.n_nodes) // spec.nodes_per_domain
        mine["spare"] = spec.gpus_per_node
        pool.first_host = host
        host += spec.n_nodes * spec.gpus_per_node
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
    return PoolArrays(pools, nodes, domain, words, place)


def cpu_memory_of(
    specs: list[PoolSpec], layout: PoolArrays, asks: np.ndarray | None, n_jobs: int
) -> dict[str, np.ndarray]:
    """CPUs and memory that jobs ask for and that nodes have; rows of none where no node's are limited."""
    if not any(max(spec.cpu_memory) > 0 for spec in specs):
        return {name: np.zeros((1, 2), "i8") for name in ("asks", "cpu_memory_left", "cpu_memory_then")}
    layout.pools["share"] = [[total // spec.gpus_per_node for total in spec.cpu_memory] for spec in specs]
    left = np.array([spec.cpu_memory for spec in specs], "i8")[layout.nodes["pool"]]
    asks = np.full((n_jobs, 2), -1, "i8") if asks is None else asks
    return {"asks": asks, "cpu_memory_left": left, "cpu_memory_then": np.zeros_like(left)}


def sites_of(specs: list[PoolSpec], caps: list[SiteCaps]) -> np.recarray:
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


def heaps(layout: PoolArrays, pools: list[PoolSpec], n_holdings: int, guests: int) -> dict[str, np.ndarray]:
    """Heaps of ends and of idle nodes, a heap to search in, and lists of what one instant touches."""
    n_nodes, most_jobs = len(layout.nodes), max(pool.gpus_per_node for pool in pools)
    scratch = _scratch_size(pools) + 2 * guests
    return {
        "heap_keys": np.zeros(layout.heap_size, "f8"),
        "heap_ids": np.zeros(layout.heap_size, "i8"),
        "end_pos": np.full(n_holdings, -1, "i8"),
        "release_pos": np.full(n_holdings, -1, "i8"),
        "idle_pos": np.full(n_nodes, -1, "i8"),
        "scratch_keys": np.zeros(scratch, "f8"),
        "scratch_ids": np.zeros(scratch, "i8"),
        "scratch_pos": np.full(max(n_holdings, n_nodes) + 8, -1, "i8"),
        "picked": np.zeros(n_nodes + 1, "i8"),
        "woken": np.zeros(max(n_nodes * most_jobs + guests, 1), "i8"),
    }


def _scratch_size(pools: list[PoolSpec]) -> int:
    """Room for all that can run at one site, and once more."""
    at = [0] * (max(pool.site for pool in pools) + 1)
    for pool in pools:
        at[pool.site] += pool.n_nodes * pool.gpus_per_node
    return max(at) * 2 + 64


# Nodes, racks, busways and halls of pools with limits, side by side, and the sums of what they draw.


def lay_out_feeders(
    specs: list[PoolSpec], layout: PoolArrays, sites: np.recarray, caps: list[SiteCaps]
) -> dict[str, np.ndarray]:
    """Arrays of the feeders of all pools; pools and sites learn of them."""
    found = []
    for p, (pool, spec) in enumerate(zip(layout.pools, specs, strict=True)):
        for tier, (nodes, limit_w) in sorted(spec.feeders.items()):
            pool.feeder_nodes[tier], pool.first_feeder[tier] = nodes, len(found)
            for first in range(0, spec.n_nodes, nodes):
                size = min(nodes, spec.n_nodes - first)
                found.append((p, tier, pool.first_node + first, size, limit_w, steps_down(caps[spec.site])))
        if spec.is_fed:
            pool.fed = sites[spec.site].fed = 1
            pool.gpu_step = gpu_step(spec, draws_of(steps_down(caps[spec.site])))
    feeders = records(FEEDER, max(len(found), 1))
    for name, column in zip(FEEDER.names, zip(*found, strict=True), strict=False):
        feeders[name] = column
    return {
        "feeders": feeders,
        "feeder_w": np.zeros((len(feeders), 2)),
        "node_w": np.zeros((len(layout.nodes) if sites["fed"].any() else 1, 2)),
        "stirred": np.zeros(len(feeders), "i8"),
    }

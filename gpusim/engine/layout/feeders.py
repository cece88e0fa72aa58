"""Nodes, racks, busways and halls of pools with limits, side by side, and the sums of what they draw."""

from __future__ import annotations

import numpy as np

from gpusim.engine.capping import draws_of, gpu_step, steps_down
from gpusim.engine.description import PoolSpec, SiteCaps
from gpusim.engine.layout.capacity import Layout
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.feeders import FEEDER


def lay_out_feeders(
    specs: list[PoolSpec], layout: Layout, sites: np.recarray, caps: list[SiteCaps]
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

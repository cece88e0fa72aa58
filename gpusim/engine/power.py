"""A site's power: from IT watts to facility watts, and how many nodes halls can house and the grid can carry."""

from __future__ import annotations

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels import control
from gpusim.model.site import Cooling
from gpusim.state import Fleet


def overhead(cooling: Cooling, dry_bulb_c: float, wet_bulb_c: float) -> float:
    """Facility watts per IT watt at an outside temperature [C], without the fixed part.

    Free cooling as long as outside air plus approach stays below the supply temperature; above, ``overhead_per_k``
    more of the IT power per kelvin (form after ASHRAE TC9.9 practice).
    """
    outside_c = wet_bulb_c if cooling.medium == "air" else dry_bulb_c
    excess_k = max(0.0, outside_c + cooling.approach_k - cooling.supply_c)
    return 1.0 + cooling.conversion_loss + cooling.base_overhead + cooling.overhead_per_k * excess_k


def nodes_within(fleet: Fleet, site: int, there: np.ndarray, room_w: float) -> np.ndarray:
    """Nodes of each pool of a site whose rated power has room: pools in order, each as far as it fits.

    Parameters
    ----------
    there : ndarray of int, shape (pools of the site,)
        Nodes that ask for room.
    room_w : float
        [W] IT power that there is room for.
    """
    first_pool = fleet.sites[site].first_pool
    within = np.zeros(len(there), dtype=int)
    for i, count in enumerate(there):
        pool = fleet.pools[first_pool + i]
        node_w = pool.rated_w_per_gpu * pool.gpus_per_node
        # The least excess over a whole number of nodes is rounding, not a missing watt.
        fits = count if node_w <= 0.0 or np.isinf(room_w) else int(np.floor(max(room_w, 0.0) / node_w + 1e-9))
        within[i] = min(count, fits)
        room_w -= within[i] * node_w
    return within


class SitePower:
    """Delivered nodes, halls and power limits of one site, and the nodes that are on because of them.

    Attributes
    ----------
    hall_w : float
        [W] Rated IT power that the halls house and cool. It decides which delivered nodes have a place.
    grid_w : float
        [W] Facility power that the grid connection gives. It decides which of these are on.
    cap_w : float
        [W] A limit below it, while one is called (curtailment): the lowest of those called. Nodes stay on; jobs must
        make do.
    """

    def __init__(self, env: FleetEnvironment, site: int, oversubscription: float):
        self.env, self.site, self.oversubscription = env, site, oversubscription
        self.hall_w, self.grid_w, self.cap_w = np.inf, np.inf, np.inf
        self._caps: dict[str, float] = {}
        row = env.fleet.sites[site]
        self.first_pool, self.n_pools = int(row.first_pool), int(row.n_pools)
        self.delivered = np.zeros(self.n_pools, dtype=int)

    def deliver(self, pool: int, nodes: int) -> None:
        """Nodes of a pool (index in the fleet) delivered so far."""
        env = self.env
        env.settle()
        self.delivered[pool - self.first_pool] = nodes
        env.fleet.pools[pool].delivered = nodes * env.fleet.pools[pool].gpus_per_node
        self._switch()

    def set_halls(self, hall_w: float) -> None:
        """The halls that are ready house and cool ``hall_w`` [W] of rated IT power from now on."""
        self.env.settle()
        self.hall_w = hall_w
        self._switch()

    def set_grid(self, grid_w: float) -> None:
        """The grid connection gives ``grid_w`` [W] from now on."""
        self.grid_w = grid_w
        self._switch()
        self._limit()

    def set_cap(self, cap_w: float, by: str = "") -> None:
        """The site may draw no more than ``cap_w`` [W] from now on, infinity to lift the cap.

        Who calls, ``by``, has one cap at a time; those of others hold beside it.
        """
        self._caps[by] = cap_w
        self.cap_w = min(self._caps.values())
        self._limit()

    def _limit(self) -> None:
        control.set_limit(self.env.fleet, self.site, min(self.grid_w, self.cap_w), self.env.now)

    def _switch(self) -> None:
        fleet = self.env.fleet
        row = fleet.sites[self.site]
        housed = nodes_within(fleet, self.site, self.delivered, self.hall_w)
        room_w = (self.grid_w * self.oversubscription - row.fixed_w) / row.peak_overhead
        carried = nodes_within(fleet, self.site, housed, room_w)
        for i, nodes in enumerate(carried):
            pool = fleet.pools[self.first_pool + i]
            pool.unhoused = (self.delivered[i] - housed[i]) * pool.gpus_per_node
            self.env.set_nodes_on(self.first_pool + i, int(nodes))

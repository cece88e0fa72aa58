"""A site's power: from IT watts to facility watts, and the nodes that its halls and its grid connection let be on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from gpusim.buildout.inventory import nodes_within
from gpusim.engine import border
from gpusim.engine.environment import FleetEnvironment
from gpusim.kernels.state.codes import CAPS, SLOWED_FOR, Cause, Wait


class OnSitePower(Protocol):
    """Power that is made and stored on site: what it adds to the grid's now [W]."""

    promised_w: float  # by generators, with none short of its units
    generators_w: float
    sun_w: float
    battery_w: float

    def close(self) -> None:
        """Carry what the site has drawn so far."""

    def call(self) -> None:
        """Have those generators start that are wanted now."""

    def own(self) -> tuple[float, float, float]:
        """Of that, what did not come from the grid [J]; what it cost [USD] and emitted [g]."""

    def note(self) -> None:
        """Begin a row of its table."""


class SitePower:
    """Delivered nodes, halls and power limits of one site, and the nodes that are on because of them.

    ``planned_w``, shape (pools,): IT power [W] that a node of each pool is reckoned with for each of its GPUs when
    it is switched on; absent: its rated power.

    Attributes
    ----------
    fixed_w : float
        [W] Drawn at any load while there is a grid connection.
    hall_w : float
        [W] Rated IT power that the halls house and cool. It decides which delivered nodes have a place.
    grid_w : float
        [W] Facility power that the grid connection gives.
    firm_w : float
        [W] The same with the site's own generators, all in order. It decides which of these are on.
    from_grid_w : float
        [W] What the grid gives now: its connection, or a cap below it.
    could_draw_w : float
        [W] What all nodes that are on draw at most.
    expected_w : float
        [W] What the grid has announced that it will give soon; infinity while it has announced nothing.
    plant : OnSitePower or None
        Generators, sun and battery of the site.
    cap_w : float
        [W] A limit below the connection, while one is called (curtailment): the lowest of those called. Nodes stay on;
        jobs must make do.
    cooled_w : float
        [W] IT power that the cooling plant manages in today's weather. Jobs must make do with it likewise.
    binds_s : dict of Wait to list of (float, float)
        [s] From when to when a limit below the connection was the lowest, by who waits for it, of those that have a
        cause of their own for the runs that they slow; open ones end at infinity.
    """

    def __init__(
        self, env: FleetEnvironment, site: int, oversubscription: float, planned_w: Sequence[float] | None = None
    ):
        self.env, self.site, self.oversubscription = env, site, oversubscription
        self._hall_w, self._grid_w, self._cap_w, self._cooled_w = np.inf, np.inf, np.inf, np.inf
        self._cap_wait = Wait.RULE  # of whoever has called for the lowest cap, the first of equals
        self.binds_s: dict[Wait, list[tuple[float, float]]] = {wait: [] for wait in SLOWED_FOR}
        self._caps: dict[str, tuple[float, Wait]] = {}
        self.plant: OnSitePower | None = None
        self.could_draw_w, self.expected_w = 0.0, np.inf
        self._under_w, self._uncapped_w = np.inf, np.inf  # what it may draw now, and would without caps
        row = env.fleet.sites[site]
        self.fixed_w = float(row.fixed_w)
        self.first_pool, self.n_pools = int(row.first_pool), int(row.n_pools)
        mine = env.fleet.pools[self.first_pool : self.first_pool + self.n_pools]
        self.node_w = (mine["rated_w_per_gpu"] * mine["gpus_per_node"]).tolist()
        self.planned_w = self.node_w if planned_w is None else (planned_w * mine["gpus_per_node"]).tolist()
        self.delivered, self._unhoused = np.zeros((2, self.n_pools), dtype=int)
        absent = mine["absent"]
        absent[:, Cause.NOT_DELIVERED] += absent[:, Cause.NOT_ENERGISED]
        absent[:, Cause.NOT_ENERGISED] = 0

    hall_w = property(lambda self: self._hall_w)
    grid_w = property(lambda self: self._grid_w)
    cap_w = property(lambda self: self._cap_w)
    cooled_w = property(lambda self: self._cooled_w)
    from_grid_w = property(lambda self: min(self._cap_w, self._grid_w))
    firm_w = property(lambda self: self._grid_w + (0.0 if self.plant is None else self.plant.promised_w))

    def deliver(self, pool: int, nodes: int, most: int | None = None) -> None:
        """Nodes of a pool (index in the fleet) delivered so far.

        ``most``: nodes that it will have at most from now on, all others having been taken out for good; absent: as
        before.
        """
        env = self.env
        pool = border.whole(env, "deliver: pool", pool, self.first_pool + self.n_pools, self.first_pool)
        end = int(env.fleet.pools[pool].n_nodes) + 1
        nodes = border.whole(env, "deliver: nodes", nodes, end)
        most = most if most is None else border.whole(env, "deliver: most", most, end, nodes)
        env.settle()
        row, i = env.fleet.pools[pool], pool - self.first_pool
        more = (nodes - self.delivered[i]) * row.gpus_per_node
        ordered = max(row.ordered, nodes * row.gpus_per_node) if most is None else most * row.gpus_per_node
        row.absent[Cause.NOT_DELIVERED] += ordered - row.ordered - more
        row.absent[Cause.NOT_ENERGISED] += more
        row.ordered, self.delivered[i] = ordered, nodes
        self._switch()

    def connect(self, plant: OnSitePower) -> None:
        """Have power that is made on site add to what the grid gives."""
        self.plant = plant

    def close(self) -> None:
        """Have the site's own plant carry what the site has drawn so far."""
        if self.plant is not None:
            self.plant.close()

    def expect(self, grid_w: float) -> None:
        """The grid announces that it will give no more than ``grid_w`` [W] soon; infinity: nothing more of the kind."""
        self.expected_w = border.number(self.env, "expect: grid_w", grid_w, 0.0, "W", may_be_infinite=True)
        self._call()

    def own_changed(self) -> None:
        """Generators, sun or a battery have come or gone."""
        self._fix()
        self._switch()
        self._limit()

    def own_varies(self) -> None:
        """What sun, battery or generators can give has changed."""
        if self.under(self._cap_w) != self._under_w or self._uncapped() != self._uncapped_w:
            self._limit()

    def from_grid_j(self) -> float:
        """[J] Drawn from the grid up to now; what is not settled yet is read, not booked."""
        own_j = 0.0 if self.plant is None else self.plant.own()[0]
        return self.env.metered(self.site)[0] - own_j

    def under(self, cap_w: float) -> float:
        """[W] That the site may draw while the grid gives ``cap_w`` [W] or its connection, if that is less.

        Its own plant adds to it; the battery carries no more than what the grid has taken back.
        """
        cap_w = border.number(self.env, "under: cap_w", cap_w, 0.0, "W", may_be_infinite=True)
        given_w = min(cap_w, self._grid_w)
        if self.plant is None:
            return given_w
        return given_w + self.plant.generators_w + self.plant.sun_w + min(self.plant.battery_w, self._grid_w - given_w)

    def _uncapped(self) -> float:
        return self._grid_w if self.plant is None else self._grid_w + self.plant.generators_w + self.plant.sun_w

    def set_halls(self, hall_w: float) -> None:
        """The halls that are ready house and cool ``hall_w`` [W] of rated IT power from now on."""
        hall_w = border.number(self.env, "set_halls: hall_w", hall_w, 0.0, "W", may_be_infinite=True)
        self.env.settle()
        self._hall_w = hall_w
        self._switch()

    def set_grid(self, grid_w: float) -> None:
        """The grid connection gives ``grid_w`` [W] from now on; without one, a site draws nothing at all."""
        grid_w = border.number(self.env, "set_grid: grid_w", grid_w, 0.0, "W", may_be_infinite=True)
        self.close()
        self._grid_w = grid_w
        self._fix()
        self._switch()
        self._limit()

    def set_cap(self, cap_w: float, by: str = "", wait: Wait = Wait.RULE) -> None:
        """The site may draw no more than ``cap_w`` [W] from now on, infinity to lift the cap.

        Who calls, ``by``, has one cap at a time; those of others hold beside it. Who waits because of it waits for
        ``wait``, one of ``codes.CAPS``: a rule, or what the grid has curtailed.
        """
        cap_w = border.number(self.env, "set_cap: cap_w", cap_w, 0.0, "W", may_be_infinite=True)
        if wait not in CAPS:
            allowed = " or ".join(cap.name for cap in CAPS)
            raise border.refuse(self.env, f"set_cap: wait: found {border.shown(wait)}; give Wait.{allowed}")
        self.close()
        self._caps[border.text(self.env, "set_cap: by", by)] = (cap_w, wait)
        self._cap_w, self._cap_wait = min(self._caps.values(), key=lambda cap: cap[0])
        self._call()
        self._limit()

    def set_cooling(self, cooled_w: float) -> None:
        """The cooling plant manages ``cooled_w`` [W] of IT power from now on, infinity if it limits nothing."""
        self._cooled_w = border.number(self.env, "set_cooling: cooled_w", cooled_w, 0.0, "W", may_be_infinite=True)
        self._limit()

    def _fix(self) -> None:
        """What is drawn at any load is drawn where there is a connection, or generators."""
        row, fixed_w = self.env.fleet.sites[self.site], self.fixed_w if self.firm_w > 0.0 else 0.0
        if fixed_w != row.fixed_w:
            self.env.settle()
            row.fixed_w = fixed_w

    def _limit(self) -> None:
        """The lowest limit holds, and who waits for power waits for what it is of."""
        env, row = self.env, self.env.fleet.sites[self.site]
        # As the limit is counted: what IT power would draw at the hottest hour.
        cooling_w = self._cooled_w * row.peak_overhead + self.fixed_w
        capped_w = self._under_w = self.under(self._cap_w)
        self._uncapped_w = self._uncapped()
        lowest_w = min(capped_w, cooling_w)
        row.cap_wait = Wait.COOLING if cooling_w < capped_w else self._cap_wait
        for wait, spans_s in self.binds_s.items():
            _mark(spans_s, wait == row.cap_wait and lowest_w < self._uncapped_w, env.now)
        env.set_limit(self.site, self._uncapped_w, lowest_w)

    def _switch(self) -> None:
        fleet = self.env.fleet
        row = fleet.sites[self.site]
        housed = nodes_within(self.delivered.tolist(), self.node_w, self.hall_w)
        headroom_w = (self.firm_w * self.oversubscription - row.fixed_w) / row.peak_overhead
        carried = nodes_within(housed, self.planned_w, headroom_w)
        for i, nodes in enumerate(carried):
            pool, unhoused = fleet.pools[self.first_pool + i], self.delivered[i] - housed[i]
            more = (unhoused - self._unhoused[i]) * pool.gpus_per_node
            pool.absent[Cause.NOT_HOUSED] += more
            pool.absent[Cause.NOT_ENERGISED] -= more
            self._unhoused[i] = unhoused
            self.env.set_nodes_on(self.first_pool + i, nodes)
        rated_w = sum(nodes * node_w for nodes, node_w in zip(carried, self.node_w, strict=True))
        self.could_draw_w = row.fixed_w + row.peak_overhead * rated_w
        self._call()

    def _call(self) -> None:
        if self.plant is not None:
            self.plant.call()


def _mark(spans_s: list[tuple[float, float]], binds: bool, now_s: float) -> None:
    """Begin a span in which a limit is the lowest, or end the one that is open."""
    was = bool(spans_s) and spans_s[-1][1] == np.inf
    if binds and not was:
        spans_s.append((now_s, np.inf))
    elif was and not binds:
        spans_s[-1] = (spans_s[-1][0], now_s)

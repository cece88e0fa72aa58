"""The rule by which a site's load is carried by its own sun, generators and battery, and by the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt

from gpusim.scenario.on_site import Battery, Generator
from gpusim.units import JOULE_PER_MWH, WATT_PER_MW

JOULE_PER_MMBTU = 1.05505585262e9
CLOSE = 1e-9  # of a power: sums of the same watts in another order may differ


@dataclass(frozen=True)
class Machines:
    """Generators of one kind that are there: ``units`` without the spare ones, of ``unit_w`` [W] each.

    Gas of a unit at the share x of its power, over its power: ``none + more * x`` (a line of Willans).
    """

    units: int
    unit_w: float
    none: float
    more: float
    least: float
    usd_per_fuel_j: float
    usd_per_j: float
    kg_per_fuel_j: float
    nox_kg_per_fuel_j: float

    @classmethod
    def of(cls, spec: Generator) -> Machines:
        """As a scenario describes them."""
        more = 2.0 * (1.0 / spec.efficiency - 0.5 / spec.half_load_efficiency)
        return cls(
            spec.needed_units, spec.mw * WATT_PER_MW, 1.0 / spec.efficiency - more, more, spec.least_load,
            spec.fuel_usd_per_mmbtu / JOULE_PER_MMBTU, spec.om_usd_per_mwh / JOULE_PER_MWH,
            spec.carbon_kg_per_mmbtu / JOULE_PER_MMBTU, spec.nox_kg_per_mmbtu / JOULE_PER_MMBTU,
        )  # fmt: skip

    @property
    def all_w(self) -> float:
        """[W] What all units give."""
        return self.units * self.unit_w

    @property
    def least_w(self) -> float:
        """[W] Below which not even one of them runs."""
        return self.least * self.unit_w

    @property
    def usd_per_mwh(self) -> float:
        """[USD/MWh] Gas and maintenance at full load."""
        return ((self.none + self.more) * self.usd_per_fuel_j + self.usd_per_j) * JOULE_PER_MWH

    def running(self, made_w: float) -> int:
        """Units that run: as few as can give so much."""
        return ceil(made_w / self.unit_w - CLOSE)

    def fuel_w(self, made_w: float) -> float:
        """[W] Of gas, by its higher heating value; units that run share the load evenly."""
        return self.running(made_w) * self.unit_w * self.none + made_w * self.more


@dataclass
class BatteryState:
    """A battery that is there, with what it holds [J]."""

    spec: Battery
    stored_j: float = 0.0

    @property
    def way(self) -> float:
        """Energy that is left of one on each way."""
        return sqrt(self.spec.efficiency)

    def gives_w(self, span_s: float) -> float:
        """[W] That it can give for so long."""
        return min(self.spec.mw * WATT_PER_MW, self.stored_j * self.way / span_s)

    def takes_w(self, span_s: float) -> float:
        """[W] That it can take for so long."""
        headroom_j = self.spec.mwh * JOULE_PER_MWH - self.stored_j
        return min(self.spec.mw * WATT_PER_MW, max(0.0, headroom_j) / self.way / span_s)


@dataclass
class Carried:
    """Who carried a load for a span, means in W: ``grid + made - dumped + sun + discharged - charged`` is the load.

    ``made`` and ``dumped`` by machines; ``sun`` is what was used, ``dark`` what was not.
    """

    grid_w: float = 0.0
    sun_w: float = 0.0
    dark_w: float = 0.0
    charged_w: float = 0.0
    discharged_w: float = 0.0
    made_w: list[float] = field(default_factory=list)
    dumped_w: list[float] = field(default_factory=list)


def carry(
    load_w: float,
    span_s: float,
    *,
    grid_w: float,
    connection_w: float,
    price_usd_per_mwh: float,
    machines: Sequence[Machines] = (),
    sun_w: float = 0.0,
    store: BatteryState | None = None,
) -> Carried:
    """Carry a load [W] for a span [s]: sun, then machines, grid, and the battery last; ``store`` holds what is left.

    ``grid_w``: what the grid gives now, of its connection. What nobody can carry comes from the grid all the same: idle
    nodes cannot be switched off. Machines run, cheapest first, for what the grid does not give, and for all that is
    left while they cost less than its price.
    """
    found = Carried(sun_w=min(sun_w, load_w), made_w=[0.0] * len(machines), dumped_w=[0.0] * len(machines))
    found.dark_w = sun_w - found.sun_w
    left_w = load_w - found.sun_w
    for i in sorted(range(len(machines)), key=lambda i: machines[i].usd_per_mwh):
        cheap = machines[i].usd_per_mwh < price_usd_per_mwh
        left_w = _run(found, i, machines[i], left_w, lacking(left_w, grid_w), cheap)
    if store is not None:
        left_w = _discharge(found, store, left_w, lacking(left_w, grid_w), span_s, price_usd_per_mwh)
    found.grid_w = left_w
    if store is not None:
        if found.discharged_w == 0.0:
            _charge(found, store, span_s, grid_w if grid_w >= connection_w else 0.0, price_usd_per_mwh)
        store.stored_j += (found.charged_w * store.way - found.discharged_w / store.way) * span_s
        store.stored_j = min(max(store.stored_j, 0.0), store.spec.mwh * JOULE_PER_MWH)
    return found


def lacking(left_w: float, grid_w: float) -> float:
    """[W] Of what is left, what the grid does not give."""
    return left_w - grid_w if left_w > grid_w * (1.0 + CLOSE) else 0.0


def _run(found: Carried, i: int, machine: Machines, left_w: float, lacking_w: float, cheap: bool) -> float:
    """Have machines run; what is left for others [W]."""
    made_w = min(left_w if cheap else lacking_w, machine.all_w)
    if made_w <= 0.0 or (lacking_w == 0.0 and made_w < machine.least_w):
        return left_w
    made_w = max(made_w, machine.running(made_w) * machine.least_w)
    found.made_w[i] = made_w
    found.dumped_w[i] = max(0.0, made_w - left_w)
    return max(0.0, left_w - made_w)


def _discharge(
    found: Carried, store: BatteryState, left_w: float, lacking_w: float, span_s: float, price: float
) -> float:
    above = store.spec.discharge_above_usd_per_mwh
    wanted_w = left_w if above is not None and price > above else lacking_w
    found.discharged_w = min(wanted_w, store.gives_w(span_s))
    return left_w - found.discharged_w


def _charge(found: Carried, store: BatteryState, span_s: float, connection_w: float, price: float) -> None:
    """From what would be lost first, then from what the connection has to spare."""
    headroom_w = store.takes_w(span_s)
    for i, dumped_w in enumerate(found.dumped_w):
        taken_w = min(dumped_w, headroom_w - found.charged_w)
        found.dumped_w[i] -= taken_w
        found.charged_w += taken_w
    taken_w = min(found.dark_w, headroom_w - found.charged_w)
    found.dark_w -= taken_w
    found.sun_w += taken_w
    found.charged_w += taken_w
    above = store.spec.discharge_above_usd_per_mwh
    if above is None or price <= store.spec.efficiency * above:
        taken_w = max(0.0, min(connection_w - found.grid_w, headroom_w - found.charged_w))
        found.grid_w += taken_w
        found.charged_w += taken_w

"""A site's own power plant: follows the site's load by its rule, and books energy, money and carbon by source."""

from __future__ import annotations

from collections.abc import Generator as Process
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.on_site.generators import Permit, Starting, new_years, units_in_order
from gpusim.engine.on_site.merit import BatteryState, Carried, Machines, carry, lacking
from gpusim.engine.power import SitePower
from gpusim.engine.processes import Log
from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.weather import Sun
from gpusim.results.tables.names import GRID, ON_SITE_COLUMNS
from gpusim.scenario.on_site import Generator
from gpusim.scenario.site import Site
from gpusim.units import HOUR_S, JOULE_PER_MWH, WATT_PER_MW, YEAR_S, months, number_of

KW_PER_MW, KWH_PER_MWH, G_PER_KG = 1e3, 1e3, 1e3
N_BOOKED = 9
GIVEN, TAKEN, LOST, BEYOND, USD, FIXED, GRAMS, UNIT_S, NOX_KG = range(N_BOOKED)  # what is booked of each source
USED_UP = "its permit is used up until the next year"

Ready = list[tuple[int, Machines]]


class OnSitePlant:
    """Generators, sun and battery of one site.

    The load of a span is what the site's meter reads; it is closed at every interval, at every change of what the grid
    gives, and whenever somebody reads. Money and carbon of the site, which the fleet books at those of the grid, are
    set right then.

    ``duration_s``: of the run, whose months are edges of its table.
    """

    def __init__(
        self, env: FleetEnvironment, power: SitePower, site: str, spec: Site, signals: SiteSignals,
        start: datetime, duration_s: float, seed: int, log: Log,
    ):  # fmt: skip
        assert spec.on_site is not None
        self.env, self.power, self.site, self.spec = env, power, site, spec.on_site
        self._signals, self._start, self._duration_s, self._log = signals, start, duration_s, log
        self._parts = self.spec.parts()
        self._rows = {name: row for row, name in enumerate(self._parts, 1)}  # of what is booked
        self._machines = {name: Machines.of(one) for name, one in self.spec.generators.items()}
        self._units = {
            name: units_in_order(one, seed, site, name, duration_s) for name, one in self.spec.generators.items()
        }
        self._in_order = {name: steps[0][1] for name, steps in self._units.items()}
        self._permits = {name: Permit(one, self._machines[name]) for name, one in self.spec.generators.items()}
        self._permitted = {name: permit.units(self.spec.interval_s) for name, permit in self._permits.items()}
        self._starting = Starting(env, self.spec.generators, self.close, power.own_varies)
        self._price = 0.0  # [USD/MWh] mean of this interval
        solar = self.spec.solar
        self._sun = None if solar is None else Sun(spec.latitude, spec.longitude, start, solar.capacity_factor)
        self.store = None if self.spec.battery is None else BatteryState(self.spec.battery)
        self._there: set[str] = set()
        self._edge_s, self._closed_s, self._read = 0.0, 0.0, (0.0, 0.0, 0.0)
        self._booked = np.zeros((len(self._parts) + 1, N_BOOKED))  # the grid's row first
        self._notes: list[tuple[float, np.ndarray, float]] = [(0.0, self._booked.copy(), 0.0)]
        power.connect(self)
        for process in (self._come_and_go, self._follow, self._note_months):
            env.process(process())
        for name, steps in self._units.items():
            env.process(self._break_down(name, steps))
        if any(permit.is_limited for permit in self._permits.values()):
            env.process(self._renew_permits())

    # What the site may draw ----------------------------------------------------------------------------------------

    @property
    def promised_w(self) -> float:
        """[W] Of generators that are there and whose permit is not used up, but for the spare ones, were all in
        order."""
        return sum(
            self._machines[name].all_w for name in self._machines
            if name in self._there and self._permitted[name] > 0
        )  # fmt: skip

    @property
    def generators_w(self) -> float:
        """[W] Of those in order and permitted that deliver or can at once."""
        return sum(machine.all_w for _row, machine in self._ready())

    @property
    def sun_w(self) -> float:
        """[W] Of the sun, all through this interval: what it gives in the middle of it."""
        if self._sun is None or "solar" not in self._there:
            return 0.0
        return self.spec.solar.mw * WATT_PER_MW * self._sun.share(self._edge_s - self.spec.interval_s / 2.0)

    @property
    def battery_w(self) -> float:
        """[W] That the battery can give until the interval ends."""
        left_s = self._edge_s - self.env.now
        if self.store is None or "battery" not in self._there or left_s <= 0.0:
            return 0.0
        return self.store.gives_w(left_s)

    def call(self) -> None:
        """Have those generators start that are wanted: for what the grid does not give, or soon will not, of what all
        nodes that are on could draw; or because they cost less than it."""
        power = self.power
        lacks = lacking(power.could_draw_w, min(power.from_grid_w, power.expected_w)) > 0.0
        self._starting.want({
            name for name, machine in self._machines.items()
            if name in self._there and self._permitted[name] > 0 and (lacks or machine.usd_per_mwh < self._price)
        })  # fmt: skip

    # What was carried ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Carry what the site has drawn since the last time."""
        now, since_s, power = self.env.now, self._closed_s, self.power
        if now == since_s:
            return
        span_s = now - since_s
        read = self.env.metered(power.site)
        load_j, market_usd, market_g = (after - before for after, before in zip(read, self._read, strict=True))
        price = self._signals.price_usd_per_mwh.mean(since_s, now)
        carbon = self._signals.carbon_g_per_kwh.mean(since_s, now)
        ready = self._ready()
        found = carry(
            load_j / span_s, span_s, grid_w=power.from_grid_w, connection_w=power.grid_w, price_usd_per_mwh=price,
            machines=[machine for _row, machine in ready], sun_w=self.sun_w,
            store=self.store if "battery" in self._there else None,
        )  # fmt: skip
        more_mwh = (found.grid_w * span_s - load_j) / JOULE_PER_MWH
        booked = np.zeros_like(self._booked)
        booked[0, [USD, GRAMS]] = market_usd + more_mwh * price, market_g + more_mwh * KWH_PER_MWH * carbon
        self._book(booked, found, ready, span_s)
        row = self.env.fleet.sites[power.site]
        row.cost_usd += booked[:, USD].sum() - market_usd
        row.carbon_g += booked[:, GRAMS].sum() - market_g
        self._booked += booked
        for name, permit in self._permits.items():
            permit.use(*booked[self._rows[name], [UNIT_S, NOX_KG]].tolist())
        self._closed_s, self._read = now, self.env.metered(power.site)

    def own(self) -> tuple[float, float, float]:
        """Of what the site has drawn up to now, what did not come from the grid [J]; what that cost [USD] and emitted
        [g]. What the grid charged the battery with counts against it."""
        self.close()
        net_j = float((self._booked[1:, GIVEN] - self._booked[1:, TAKEN]).sum())
        return net_j, float(self._booked[1:, USD].sum()), float(self._booked[1:, GRAMS].sum())

    def note(self) -> None:
        """Begin a row of the table here."""
        self.close()
        if self.env.now > self._notes[-1][0]:
            self._notes.append((self.env.now, self._booked.copy(), 0.0 if self.store is None else self.store.stored_j))

    def table(self) -> pd.DataFrame:
        """Rows of each source up to now: ``gpusim.results.tables.names``."""
        self.note()
        times_s = np.array([note[0] for note in self._notes])
        booked = np.diff([note[1] for note in self._notes], axis=0)
        stored_j = np.array([note[2] for note in self._notes[1:]])
        kinds = {name: part.kind if isinstance(part, Generator) else name for name, part in self._parts.items()}
        rows = []
        for i, (name, kind) in enumerate({GRID: GRID, **kinds}.items()):
            mine = booked[:, i]
            rows.append(
                pd.DataFrame(
                    {
                        "site": self.site, "start_s": times_s[:-1], "end_s": times_s[1:], "source": name, "kind": kind,
                        "given_j": mine[:, GIVEN], "taken_j": mine[:, TAKEN], "lost_j": mine[:, LOST],
                        "beyond_j": mine[:, BEYOND], "stored_j": stored_j if kind == "battery" else 0.0,
                        "usd": mine[:, USD], "fixed_usd": mine[:, FIXED], "carbon_kg": mine[:, GRAMS] / G_PER_KG,
                        "unit_hours": mine[:, UNIT_S] / HOUR_S, "nox_kg": mine[:, NOX_KG],
                    }
                )
            )  # fmt: skip
        return pd.concat(rows, ignore_index=True).astype(ON_SITE_COLUMNS)

    def _book(self, booked: np.ndarray, found: Carried, ready: Ready, span_s: float) -> None:
        booked[0, GIVEN] = found.grid_w * span_s
        booked[0, BEYOND] = lacking(found.grid_w, self.power.from_grid_w) * span_s
        for (row, machine), made_w, dumped_w in zip(ready, found.made_w, found.dumped_w, strict=True):
            fuel_j = machine.fuel_w(made_w) * span_s
            booked[row, [GIVEN, LOST]] = (made_w - dumped_w) * span_s, dumped_w * span_s
            booked[row, USD] = fuel_j * machine.usd_per_fuel_j + made_w * span_s * machine.usd_per_j
            booked[row, GRAMS] = fuel_j * machine.kg_per_fuel_j * G_PER_KG
            booked[row, [UNIT_S, NOX_KG]] = machine.running(made_w) * span_s, fuel_j * machine.nox_kg_per_fuel_j
        for name, part in self._parts.items():
            row = self._rows[name]
            if name == "solar":
                booked[row, [GIVEN, LOST]] = found.sun_w * span_s, found.dark_w * span_s
            elif name == "battery":
                booked[row, [GIVEN, TAKEN]] = found.discharged_w * span_s, found.charged_w * span_s
                way = self.store.way
                lost_w = found.charged_w * (1.0 - way) + found.discharged_w * (1.0 / way - 1.0)
                booked[row, LOST] = lost_w * span_s
            if name in self._there:
                booked[row, FIXED] = part.usd_per_kw_year * part.total_mw * KW_PER_MW * span_s / YEAR_S

    def _ready(self) -> Ready:
        """Generators that are there and have started, with as many units as are in order and may run, and the rows in
        which they are booked."""
        return [
            (self._rows[name], replace(machine, units=min(machine.units, self._in_order[name], self._permitted[name])))
            for name, machine in self._machines.items()
            if name in self._there and self._starting.delivers(name)
        ]

    # Control processes ---------------------------------------------------------------------------------------------

    def _come_and_go(self) -> Process:
        """What was ordered comes, and may leave again."""
        changes = [
            (at_s, name, comes) for name, part in self._parts.items() for at_s, comes in part.changes(self._start)
        ]
        for at_s, name, comes in sorted(changes, key=lambda change: change[0]):
            if at_s > self._duration_s:
                return
            yield self.env.at(at_s, EventPriority.GRID)
            self.close()
            (self._there.add if comes else self._there.remove)(name)
            self.power.own_changed()
            part = self._parts[name]
            mw = part.firm_mw if isinstance(part, Generator) else part.total_mw
            self._log(at_s, self.site, "on_site", f"{name}: {mw:,.4g} MW{'' if comes else ' less'}", mw, "MW")

    def _break_down(self, name: str, steps: list[tuple[float, int]]) -> Process:
        """Units go out of order and come back; told where others do not make up for it."""
        needed, spec = self._machines[name].units, self.spec.generators[name]
        for at_s, units in steps[1:]:
            yield self.env.at(at_s, EventPriority.GRID)
            self.close()
            before, self._in_order[name] = self._in_order[name], units
            self.power.own_varies()
            if name in self._there and min(before, needed) != min(units, needed):
                short = f"{number_of(units, 'unit')} in order, {needed} needed"
                mw = min(units, needed) * spec.mw
                self._log(at_s, self.site, "on_site", f"{name}: {short}", mw, "MW")

    def _follow(self) -> Process:
        """Intervals end; what sun and battery can give changes."""
        k = 0
        while True:
            yield self.env.at(k * self.spec.interval_s, EventPriority.GRID)
            self.close()
            k += 1
            self._edge_s = k * self.spec.interval_s
            self._price = self._signals.price_usd_per_mwh.mean(self.env.now, self._edge_s)
            self._permit()
            self.call()
            self.power.own_varies()

    def _renew_permits(self) -> Process:
        """A calendar year begins, be it within an interval."""
        for at_s in new_years(self._start, self._duration_s):
            yield self.env.at(at_s, EventPriority.GRID)
            self.close()
            for permit in self._permits.values():
                permit.renew()
            if at_s < self._edge_s:
                self._permit()
                self.power.own_varies()

    def _permit(self) -> None:
        """So many units may run until the interval ends; told where these are fewer than are needed, or were."""
        for name, permit in self._permits.items():
            before, units = self._permitted[name], permit.units(self._edge_s - self.env.now)
            self._permitted[name] = units
            if (before > 0) != (units > 0):
                self.power.own_changed()
            if name in self._there and before != units:
                needed, mw = self._machines[name].units, units * self.spec.generators[name].mw
                lets = f"its permit lets {number_of(units, 'unit')} run, {needed} needed" if units else USED_UP
                self._log(self.env.now, self.site, "on_site", f"{name}: {lets}", mw, "MW")

    def _note_months(self) -> Process:
        for _month, from_s, _to_s in months(self._start, self._duration_s):
            yield self.env.at(from_s)
            self.note()

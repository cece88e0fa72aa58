"""The meter of a site: what it took from the grid, what that cost and emitted, also at the margin."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import pandas as pd

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.power import SitePower
from gpusim.engine.surroundings import day_ahead_price
from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.signals import Signal
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, JOULE_PER_KWH, months

# The meter of a site: what it took from the grid, what that cost at the market and emitted, by interval.


class Meter:
    """Readings of one site at the edges of intervals of ``meter_s`` [s] and of calendar months.

    It reads integrals of the fleet without settling them, so that a run with it is the same as one without. ``price``:
    what the site pays for energy [USD/MWh]; ``day_ahead``: what power bought the day before costs, where some is.
    """

    def __init__(
        self, env: FleetEnvironment, site: str, edges_s: np.ndarray, price: Signal, day_ahead: Signal | None = None
    ):
        self.env, self.site, self._edges_s, self._price, self._day_ahead = env, site, edges_s, price, day_ahead
        self._read: list[tuple[float, float, float, float, float]] = []

    def read(self) -> Generator:
        """SimPy process: read at every edge."""
        for edge_s in self._edges_s.tolist():
            yield self.env.at(edge_s)
            self._note()

    def table(self) -> pd.DataFrame:
        """One row per interval up to now.

        Returns
        -------
        DataFrame
            site, start_s, end_s, energy_j, market_usd (at the site's price, moment by moment), price_usd_per_mwh
            (mean), carbon_kg, grid_mw (its connection at the end); day_ahead_usd_per_mwh (mean) of a site that buys
            the day before.
        """
        if not self._read or self.env.now > self._read[-1][0]:
            self._note()
        rows = np.array(self._read)
        found = {
            "site": pd.array([self.site] * (len(rows) - 1), dtype="str"), "start_s": rows[:-1, 0], "end_s": rows[1:, 0],
            "energy_j": np.diff(rows[:, 1]), "market_usd": np.diff(rows[:, 2]),
            "price_usd_per_mwh": self._price.means(rows[:, 0]), "carbon_kg": np.diff(rows[:, 3]) / 1e3,
            "grid_mw": rows[1:, 4],
        }  # fmt: skip
        if self._day_ahead is not None:
            found["day_ahead_usd_per_mwh"] = self._day_ahead.means(rows[:, 0])
        return pd.DataFrame(found)

    def _note(self) -> None:
        env, power = self.env, self.env.sites[self.site]
        own = (0.0, 0.0, 0.0) if power.plant is None else power.plant.own()  # before the meter is read
        joule, usd, grams = (all_of_it - mine for all_of_it, mine in zip(env.metered(power.site), own, strict=True))
        grid_mw = power.grid_w / 1e6 if np.isfinite(power.grid_w) else 0.0  # before the connection is there
        self._read.append((env.now, joule, usd, grams, grid_mw))


def open_meters(env: FleetEnvironment, scenario: Scenario, signals: Sequence[SiteSignals]) -> list[Meter]:
    """The meters of sites with a tariff, reading; ``signals``: of every site."""
    duration_s = scenario.run.days * DAY_S
    turns_s = [from_s for _month, from_s, _to_s in months(scenario.run.start, duration_s)]
    found = []
    for (site, spec), known in zip(scenario.sites.items(), signals, strict=True):
        if spec.tariff is not None:
            edges_s = np.union1d(np.arange(0.0, duration_s, spec.tariff.meter_s), turns_s)
            day_ahead = None if spec.tariff.day_ahead is None else day_ahead_price(scenario, site, duration_s)
            found.append(Meter(env, site, edges_s, known.price_usd_per_mwh, day_ahead))
            env.process(found[-1].read())
    return found


# What a site's energy emits at the marginal carbon intensity of its grid, booked beside the average.


class MarginalCarbon:
    """Exact integral of a site's power from the grid times the grid's marginal intensity, and what its own generators
    emit.

    ``is_followed``: whether dispatch and policies go by it.

    Attributes
    ----------
    signal : Signal
        [g/kWh] Marginal intensity.
    grams : float
        [g] Emitted so far, up to the last ``settle``.
    """

    def __init__(self, env: FleetEnvironment, power: SitePower, signal: Signal, is_followed: bool):
        self.env, self.power, self.signal, self.grams = env, power, signal, 0.0
        self._is_followed = is_followed
        self._rate = signal.at(0.0) / JOULE_PER_KWH
        self._grid_j, self._own_g = 0.0, 0.0

    def settle(self) -> None:
        """Count the energy since then, right behind ``env.settle()``."""
        own_j, _usd, own_g = (0.0, 0.0, 0.0) if self.power.plant is None else self.power.plant.own()
        grid_j = float(self.env.fleet.sites[self.power.site].facility_j) - own_j
        self.grams += (grid_j - self._grid_j) * self._rate + own_g - self._own_g
        self._grid_j, self._own_g = grid_j, own_g

    def follow(self) -> None:
        """Take the intensity of now, right behind ``env.settle()``."""
        self.settle()
        self._rate = self.signal.at(self.env.now) / JOULE_PER_KWH
        if self._is_followed:
            self.env.fleet.sites[self.power.site].followed_g_per_j = self._rate

"""A site's cooling plant, and its halls, in their weather: overhead, the IT power that they manage, water."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.power import SitePower
from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.signals import Signal
from gpusim.inputs.weather import evaporated_l_per_kwh
from gpusim.kernels.state.codes import Tier
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.feeders import Hall
from gpusim.units import JOULE_PER_KWH, WATT_PER_KW, WATT_PER_MW

# A site's cooling plant in its weather: overhead, the IT power that it manages, and the water that it takes.

LEAST_APPROACH_K = 1.0  # of towers: air leaves above the wet bulb
HOTTEST_C = 60.0  # at which air leaves towers, whatever supply temperature a scenario names


def outside_c(cooling: Cooling, dry_bulb_c: float, wet_bulb_c: float) -> float:
    """[C] Temperature that heat is rejected against."""
    return wet_bulb_c if cooling.rejection == "evaporative" else dry_bulb_c


def overhead(cooling: Cooling, dry_bulb_c: float, wet_bulb_c: float) -> float:
    """Facility watts per IT watt at an outside temperature [C], without the fixed part.

    Free cooling as long as outside air plus approach stays below the supply temperature; above, ``overhead_per_k``
    more of the IT power per kelvin (form after ASHRAE TC9.9 practice).
    """
    excess_k = max(0.0, outside_c(cooling, dry_bulb_c, wet_bulb_c) + cooling.approach_k - cooling.supply_c)
    return 1.0 + cooling.losses.linear + cooling.base_overhead + cooling.overhead_per_k * excess_k


def cooled_share(cooling: Cooling, dry_bulb_c: float, wet_bulb_c: float) -> float:
    """Share of ``design_mw`` that the plant manages at an outside temperature [C]: 1 up to ``design_c``."""
    if cooling.design_c is None:
        return 1.0
    excess_k = max(0.0, outside_c(cooling, dry_bulb_c, wet_bulb_c) - cooling.design_c)
    return max(0.0, 1.0 - cooling.derate_per_k * excess_k)


def water_l_per_j(cooling: Cooling, signals: SiteSignals) -> Signal:
    """Water that the towers take [l] for each joule at the meter, all of which becomes heat that they carry away.

    What evaporates is by the air, that leaves saturated at the temperature to which it cools the water: ``supply_c``,
    or the wet bulb plus ``approach_k`` where that is more. Of ``cycles`` parts taken, one is drained with its salts.
    """
    if cooling.rejection == "dry":
        return Signal.constant(0.0)
    times_s = np.union1d(signals.dry_bulb_c.times_s, signals.wet_bulb_c.times_s)
    dry = signals.dry_bulb_c.at_all(times_s)
    wet = np.minimum(signals.wet_bulb_c.at_all(times_s), dry)
    leaving = np.minimum(np.maximum(cooling.supply_c, wet + cooling.approach_k), HOTTEST_C)
    leaving = np.maximum(leaving, wet + LEAST_APPROACH_K)
    taken = cooling.cycles / (cooling.cycles - 1.0)
    return Signal(times_s, evaporated_l_per_kwh(dry, wet, leaving) * taken / JOULE_PER_KWH)


class CoolingPlant:
    """The cooling of one site as its weather changes.

    ``rated_w``: rated IT power [W] of the complete site, what the plant cools unless the scenario says. ``log`` hears
    when weather begins and ceases to limit it.

    Attributes
    ----------
    water_l : float
        [l] Taken so far, up to the last ``settle``.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        power: SitePower,
        cooling: Cooling,
        signals: SiteSignals,
        rated_w: float,
        log: Callable[[float, str, str, str, float, str], None],
        site: str,
    ):
        self.env, self.power, self.cooling, self.signals = env, power, cooling, signals
        self.design_w = rated_w if cooling.design_mw is None else cooling.design_mw * WATT_PER_MW
        self.water_l = 0.0
        self._log, self._site = log, site
        self._water, self._rate, self._metered_j = water_l_per_j(cooling, signals), 0.0, 0.0
        row = np.asarray(env.fleet.sites)[power.site : power.site + 1]  # read often, for which a record is slow
        self._facility_j, self._overhead = row["facility_j"], row["overhead"]
        self._share = 1.0

    def settle(self) -> None:
        """Count the water of the energy since then, right behind ``env.settle()``."""
        facility_j = float(self._facility_j[0])
        self.water_l += (facility_j - self._metered_j) * self._rate
        self._metered_j = facility_j

    def follow(self) -> None:
        """Take the weather of now, right behind ``env.settle()``."""
        now, cooling = self.env.now, self.cooling
        self.settle()
        self._rate = self._water.at(now)
        dry, wet = self.signals.dry_bulb_c.at(now), self.signals.wet_bulb_c.at(now)
        self._overhead[0] = overhead(cooling, dry, wet)
        if cooling.design_c is not None:
            self._derate(cooled_share(cooling, dry, wet), outside_c(cooling, dry, wet))

    def _derate(self, share: float, outside: float) -> None:
        began, ended = self._share == 1.0 > share, self._share < 1.0 == share
        if share != self._share or self.power.cooled_w == np.inf:
            self._share = share
            self.power.set_cooling(self.design_w * share)
        if began or ended:
            mw = self.design_w * share / WATT_PER_MW
            what = "too hot to cool more than" if began else "cool enough again for"
            self._log(self.env.now, self._site, "cooling", f"{what} {mw:,.4g} MW of IT: {outside:.1f} C", mw, "MW")


# Halls that cool less on hot days: their limits follow the weather, as that of the site's plant does.


class HallCooling:
    """The halls of one pool as the weather changes.

    ``cooling``: of their site, which says by which bulb heat leaves. ``log`` hears when weather begins and ceases to
    limit them.

    Attributes
    ----------
    pool : int
        Row of the pool.
    limit_w, least_w : float
        [W] IT power that each hall carries up to ``design_c``, and the least that it carried so far.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        pool: int,
        hall: Hall,
        cooling: Cooling,
        signals: SiteSignals,
        log: Callable[[float, str, str, str, float, str], None],
        site: str,
        gpu_type: str,
    ):
        self.env, self.pool = env, pool
        self._hall, self._cooling, self._signals = hall, cooling, signals
        self._log, self._where = log, (site, gpu_type)
        self.limit_w = self.least_w = self._now_w = hall.kw * WATT_PER_KW

    def follow(self) -> None:
        """Take the weather of now."""
        now = self.env.now
        outside = outside_c(self._cooling, self._signals.dry_bulb_c.at(now), self._signals.wet_bulb_c.at(now))
        now_w = self.limit_w * self._hall.cooled_share(outside, self._cooling.derate_per_k)
        if now_w == self._now_w:
            return
        began, ended = self._now_w == self.limit_w, now_w == self.limit_w
        self._now_w, self.least_w = now_w, min(self.least_w, now_w)
        self.env.set_feeder_limit(self.pool, Tier.HALL, now_w)
        if began or ended:
            site, kind = self._where
            kw = now_w / WATT_PER_KW
            what = "too hot to cool more than" if began else "cool enough again for"
            self._log(
                now, site, "cooling", f"halls of {kind}: {what} {kw:,.4g} kW of IT each: {outside:.1f} C", kw, "kW"
            )

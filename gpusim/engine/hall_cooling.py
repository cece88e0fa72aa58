"""Halls that cool less on hot days: their limits follow the weather, as that of the site's plant does."""

from __future__ import annotations

from collections.abc import Callable

from gpusim.engine.cooling import outside_c
from gpusim.engine.environment import FleetEnvironment
from gpusim.inputs.climatology import SiteSignals
from gpusim.kernels.state.codes import Tier
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.feeders import Hall
from gpusim.units import WATT_PER_KW


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

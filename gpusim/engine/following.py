"""Sites follow their surroundings: prices, carbon and weather change exactly when signals do."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol

import numpy as np

from gpusim.engine.clock import EventPriority
from gpusim.engine.environment import FleetEnvironment
from gpusim.inputs.climatology import SiteSignals
from gpusim.inputs.signals import Signal
from gpusim.units import JOULE_PER_KWH, JOULE_PER_MWH


class Follower(Protocol):
    """What goes by a site's surroundings."""

    def follow(self) -> None:
        """Take those of now, right behind ``env.settle()``."""


class FollowedSite:
    """A site at whose meter price and carbon change, and whoever else follows its signals, ``more`` among them.

    Attributes
    ----------
    due_s : float
        [s] The next change; inf if there is none.
    """

    def __init__(
        self,
        env: FleetEnvironment,
        site: int,
        signals: SiteSignals,
        followers: Sequence[Follower],
        more: Sequence[Signal] = (),
    ):
        row = np.asarray(env.fleet.sites)[site : site + 1]  # written to often, for which a record is slow
        self._price, self._carbon, self._followed = (
            row[name] for name in ("price_usd_per_j", "carbon_g_per_j", "followed_g_per_j")
        )
        times_s = np.unique(np.concatenate([[0.0], *(signal.times_s for signal in (*signals, *more))]))
        times_s = times_s[times_s >= 0.0]
        self._prices = (signals.price_usd_per_mwh.at_all(times_s) / JOULE_PER_MWH).tolist()
        self._carbons = (signals.carbon_g_per_kwh.at_all(times_s) / JOULE_PER_KWH).tolist()
        self._times_s, self._followers, self._next = [*times_s.tolist(), float("inf")], followers, 0
        self.due_s = 0.0

    def follow(self) -> None:
        """Take the signals of now, right behind ``env.settle()``."""
        row = self._next
        self._price[0] = self._prices[row]
        self._carbon[0] = self._followed[0] = self._carbons[row]
        for follower in self._followers:
            follower.follow()
        self._next, self.due_s = row + 1, self._times_s[row + 1]


def follow_signals(env: FleetEnvironment, sites: Sequence[FollowedSite]) -> Generator:
    """All sites, in order; those that change at one instant do so together."""
    while True:
        env.settle()
        for site in sites:
            if site.due_s <= env.now:
                site.follow()
        following = min(site.due_s for site in sites)
        if following == float("inf"):
            return
        yield env.at(following, EventPriority.SIGNALS)

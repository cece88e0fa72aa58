"""What a site's energy emits at the marginal carbon intensity of its grid, booked beside the average."""

from __future__ import annotations

from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.power import SitePower
from gpusim.inputs.signals import Signal
from gpusim.units import JOULE_PER_KWH


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

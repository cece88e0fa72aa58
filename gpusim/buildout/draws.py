"""All that is random in one replication of the build-out."""

from __future__ import annotations

from dataclasses import dataclass

from gpusim.buildout.network import Network
from gpusim.buildout.rivals import PurchaseOrder, ordered
from gpusim.buildout.shocks import Window, drawn
from gpusim.scenario.scenario import Scenario


@dataclass(frozen=True)
class Draws:
    """What is drawn before anything happens, each from a stream of its own.

    Attributes
    ----------
    work_s : list of float
        [s] Work in each task.
    windows : list of Window
        The shocks that come.
    orders : list of PurchaseOrder
        What rivals order, in order of time.
    """

    work_s: list[float]
    windows: list[Window]
    orders: list[PurchaseOrder]

    @classmethod
    def of(cls, network: Network, scenario: Scenario, seed: int) -> Draws:
        """The draws of a seed."""
        return cls(network.durations.work_s(seed), drawn(scenario, seed), ordered(scenario, seed))

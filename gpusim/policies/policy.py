"""The shape of a custom policy: one class with one method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class PoolView:
    """What a policy may know of the pool whose queue it orders, besides the queue.

    Attributes
    ----------
    site, gpu_type : str
    nodes : recarray, shape (n_nodes,)
        Read-only view of the pool's nodes: ``free`` GPUs, ``state`` (0 off, 1 on, 2 down), ``domain``, ...
    free_gpus, energised_gpus : int
    price_usd_per_mwh, carbon_g_per_kwh : float
        Now, at the site.
    limit_w, facility_w : float
        [W] The site's power limit and what it draws now.
    """

    site: str
    gpu_type: str
    nodes: np.recarray
    free_gpus: int
    energised_gpus: int
    price_usd_per_mwh: float
    carbon_g_per_kwh: float
    limit_w: float
    facility_w: float


class Policy(Protocol):
    """Orders the queue of one pool at every cycle; named in a scenario by its import path, ``"module:Class"``.

    Attributes
    ----------
    pool : PoolView
        Set by the engine before every call.
    """

    pool: PoolView

    def order(self, queue: np.recarray, now_s: float) -> np.ndarray:
        """Positions in ``queue``, best first.

        Parameters
        ----------
        queue : recarray, shape (n_waiting,)
            Read-only. The jobs that wait in the pool, in order of submission; fields: ``gpusim.state.QUEUE``.
        now_s : float
            [s] since the scenario's start.

        Returns
        -------
        ndarray of int
            Each position at most once. Jobs left out do not start in this cycle.
        """

"""Energy and money: power as it is between two events, times the time between them."""

from __future__ import annotations

import numpy as np

from tests.reference.case import Case
from tests.reference.power import drawn_w
from tests.reference.simulator import Simulator


class Meter:
    """Reads all that is drawn before time passes.

    Attributes
    ----------
    job_j : ndarray, shape (jobs,)
        [J] Of the GPUs that each job holds.
    site_j, facility_j, cost_usd, carbon_g : ndarray, shape (sites,)
        IT energy, that at the meter, and what it costs.
    """

    def __init__(self, simulator: Simulator):
        self.simulator = simulator
        n_sites = simulator.case.n_sites
        self.job_j = np.zeros(len(simulator.jobs))
        self.site_j, self.facility_j, self.cost_usd, self.carbon_g = np.zeros((4, n_sites))
        simulator.env.passing = [self._pass]

    def _pass(self, seconds: float) -> None:
        """Time passes in which nothing changes."""
        if seconds <= 0.0:
            return
        simulator = self.simulator
        for s, site in enumerate(simulator.sites):
            it_w = site.nodes_w() + self._serving_w(s)
            for pool in site.pools:
                for job in pool.running:
                    w = drawn_w(job)
                    it_w += w
                    self.job_j[job.row] += (w + pool.spec.idle_w * job.own_gpus(pool.size)) * seconds
            self.site_j[s] += it_w * seconds
            facility_j = it_w * (site.overhead + simulator.case.square_per_w * it_w) * seconds
            self.facility_j[s] += facility_j
            self.cost_usd[s] += facility_j * simulator.price[s]
            self.carbon_g[s] += facility_j * simulator.carbon[s]

    def _serving_w(self, site: int) -> float:
        """Of replicas, as far as they serve."""
        deployments = [(service, d) for service in self.simulator.services for d in service.deployments]
        total_w = 0.0
        for service, d in deployments:
            if d.pool.spec.site == site and d.history:
                busy_gpus = d.history[-1][2] / service.rate(d) * service.spec.gpus
                total_w += busy_gpus * d.pool.spec.serving_w * service.draw(d)
        return total_w


def metered(case: Case, until_s: float) -> Meter:
    """The meter of a case after [0, ``until_s``)."""
    simulator = Simulator(case)
    meter = Meter(simulator)
    simulator.play(until_s)
    return meter

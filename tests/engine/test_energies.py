"""Energy and money of random cases, against power read between any two events of the reference simulator."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from gpusim.engine.clock import EventPriority
from gpusim.kernels.reading import energies_of
from gpusim.kernels.state.codes import Status
from tests.engine.case_kinds import KINDS, SERVED
from tests.engine.kit import world
from tests.reference.links import Inexact
from tests.reference.meter import metered

EXAMPLES = int(os.environ.get("GPUSIM_EXAMPLES", "30"))
METERED = {
    name: {**KINDS, **SERVED}[name]
    for name in (
        "power", "power of several pools", "data", "preemption", "cycles", "rates of other kinds",
        "rates under power limits", "caps", "caps of several pools", "feeders of several pools",
        "sizes under power limits", "rounds", "services under power limits", "services under caps",
    )
}  # fmt: skip


@pytest.mark.parametrize("kind", list(METERED))
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_joules_and_dollars(kind, data):
    """Of every job, and of every site: IT energy, energy at the meter, its cost and its CO2e."""
    case = data.draw(METERED[kind])
    try:
        expected = metered(case, 40.0)
    except Inexact:
        reject()
    for name, found in _metered(case, 40.0).items():
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-9, atol=1e-6, err_msg=name)


def _metered(case, until_s):
    """What the engine says, as arrays by the names of the reference's meter."""
    env, _services = world(case)
    env.run(until=env.at(until_s, EventPriority.OVER))
    env.settle()
    fleet, sites = env.fleet, env.fleet.sites
    jobs = fleet.jobs[: len(case.jobs)]
    running = np.flatnonzero(jobs["status"] == Status.RUNNING)
    so_far_j = np.empty(len(running))
    energies_of(fleet, running, until_s, so_far_j)
    job_j = jobs["energy_j"].copy()
    job_j[running] += so_far_j
    costs = {name: sites[name] for name in ("facility_j", "cost_usd", "carbon_g")}
    return {"job_j": job_j, "site_j": sites["energy_j"].sum(axis=1), **costs}

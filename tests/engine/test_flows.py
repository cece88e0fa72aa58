"""Tokens of a fluid from regions to deployments: all are served or not, none where they may not be."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.engine.serving.roads import Flows


@pytest.mark.parametrize("seed", range(50))
def test_all_that_is_asked_for_is_served_or_not(seed):
    generator = np.random.default_rng(seed)
    regions, deployments = generator.integers(1, 5, 2)
    allowed = generator.random((regions, deployments)) < 0.7
    allowed[np.arange(regions), generator.integers(0, deployments, regions)] = True
    flows = Flows(allowed)
    flows.asked[:] = allowed.T * generator.random((deployments, regions)) * (generator.random(regions) < 0.8)
    room = generator.random(deployments) * regions * (generator.random(deployments) < 0.8)
    flows.share(room, generator.choice([0.5, 0.8, 1.0]))
    assert (flows.served >= 0.0).all()
    assert (flows.unserved >= 0.0).all()
    assert not flows.served[~allowed.T].any()
    assert (flows.served.sum(axis=1) <= room * (1.0 + 1e-12)).all()
    assert flows.served.sum(axis=0) + flows.unserved.sum(axis=0) == pytest.approx(flows.asked.sum(axis=0), abs=1e-12)
    left = flows.unserved.sum(axis=0) > 1e-12
    full = room - flows.served.sum(axis=1) < 1e-12
    assert full[allowed[left].any(axis=0)].all()  # nobody waits beside room that it may use
    flows.settle(10.0)
    served, unserved = flows.read()
    assert served == pytest.approx(10.0 * flows.served)
    assert unserved == pytest.approx(10.0 * flows.unserved)
    assert not flows.read()[0].any()


def test_what_one_cannot_serve_goes_where_there_is_room():
    """Room 10, 6 and 2; asked 14, 0 and 0: four are sent on, three to one."""
    flows = Flows(np.ones((1, 3), bool))
    flows.asked[:, 0] = 14.0, 0.0, 0.0
    flows.share(np.array([10.0, 6.0, 2.0]), 1.0)
    assert flows.served[:, 0] == pytest.approx([10.0, 3.0, 1.0])
    assert not flows.unserved.any()


def test_who_may_go_to_few_places_comes_first():
    """The first region could take all room of the second deployment, to which alone the other may go."""
    flows = Flows(np.array([[True, True, True], [False, True, False]]))
    flows.asked[:] = [[4.0, 0.0], [0.0, 3.0], [0.0, 0.0]]
    flows.share(np.array([0.0, 2.0, 2.0]), 1.0)
    assert flows.unserved.sum(axis=0) == pytest.approx([2.0, 1.0])


def test_nobody_is_loaded_beyond_the_target_while_there_is_room_below_it_elsewhere():
    """Rooms 10, 10 and 5, 80% of which are 8, 8 and 4; asked of the first two 11 and 5: three are sent on, to 5 and 4.

    Asked 14 and 8, two are left at 80%: all three take a share of them, two fifths of the room that they have.
    """
    flows = Flows(np.ones((1, 3), bool))
    flows.asked[:, 0] = 11.0, 5.0, 0.0
    flows.share(np.array([10.0, 10.0, 5.0]), 0.8)
    assert flows.served[:, 0] == pytest.approx([8.0, 5.0 + 3.0 * 3.0 / 7.0, 3.0 * 4.0 / 7.0])
    flows.asked[:, 0] = 14.0, 8.0, 0.0
    flows.share(np.array([10.0, 10.0, 5.0]), 0.8)
    assert flows.served[:, 0] == pytest.approx([8.8, 8.8, 4.4])
    assert not flows.unserved.any()

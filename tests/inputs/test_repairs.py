"""Repairs that do not put a fault right: how often it shows again, and how long nodes are away, against formulas."""

import numpy as np
import pytest

from gpusim.inputs.failures import NOT_AGAIN, FailureTable, draw_failures
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S
from gpusim.validation.failures import long_run

DAYS = 400.0


def scenario(days: float = DAYS, **more: object) -> Scenario:
    """20 of 1,000 nodes fail in a day; half of the repairs fail by 40%, half never."""
    cause = {"of": "node", "per_1000_days": 20.0, "repair": {"swap": 1.0, "reset": 1.0}}
    repairs = {"swap": {"mean_h": 6.0, "sigma": 0.5, "success": 0.6}, "reset": {"mean_h": 2.0, "sigma": 0.0}}
    return long_run(8000, days, {"causes": {"any": cause}, "repairs": repairs, "again_h": 3.0} | more)


def drawn(one: Scenario, seed: int = 1) -> FailureTable:
    return draw_failures(one, one.run.days * DAY_S, seed)


@pytest.mark.parametrize(("check_h", "finds"), [(0.0, 0.0), (1.5, 0.75), (1.5, 1.0)])
def test_how_often_a_fault_shows_and_how_long_nodes_are_away(check_h, finds):
    """A repair is wrong in 20%; g of them are found: a fault shows (1 - g) / 0.8 times, for (4 + check) / (1 - g) h."""
    one = scenario(check_h=check_h, check_finds=finds)
    found = drawn(one)
    seen = 0.2 * finds
    times = (1.0 - seen) / 0.8
    assert one.failures.failures_per_fault(one.failures.causes["any"]) == pytest.approx(times)
    assert len(found.time_s) == pytest.approx(20.0 * DAYS * times, rel=0.04)
    assert found.repair_s.mean() / HOUR_S == pytest.approx((4.0 + check_h) / (1.0 - seen), rel=0.03)


def test_the_first_failures_are_those_of_a_fleet_whose_repairs_succeed():
    """What shows again comes on top: on the same node, after its repair, 3 h later on average."""
    sure, unsure = scenario(), scenario()
    sure = sure.with_({"failures.repairs.swap.success": 1.0})
    theirs, ours = drawn(sure), drawn(unsure)
    key = {(t, n): r for t, n, r in zip(theirs.time_s, theirs.first_node, theirs.repair_s, strict=True)}
    again = [i for i, own in enumerate(zip(ours.time_s, ours.first_node, strict=True)) if own not in key]
    assert len(ours.time_s) == len(theirs.time_s) + len(again)
    gaps_s = []
    for i in again:
        before = (ours.first_node == ours.first_node[i]) & (ours.time_s < ours.time_s[i])
        gaps_s.append(np.min(ours.time_s[i] - (ours.time_s[before] + ours.repair_s[before]), initial=np.inf,
                             where=ours.time_s[before] + ours.repair_s[before] <= ours.time_s[i]))  # fmt: skip
    assert np.mean(gaps_s) / HOUR_S == pytest.approx(3.0, rel=0.1)


def test_a_longer_run_has_the_same_failures_first():
    short, long = drawn(scenario(60.0)), drawn(scenario(200.0))
    n = len(short.time_s)
    assert n > 1000
    for ours, theirs in zip(short[:-1], long[:-1], strict=True):
        assert np.array_equal(ours, theirs[:n])
    assert np.array_equal(short.again, np.where(long.again[:n] < n, long.again[:n], NOT_AGAIN))


def test_a_fault_is_followed_from_failure_to_failure():
    """Behind 20% of the failures it shows again, later, on the same node, once that is back."""
    found = drawn(scenario())
    first = np.flatnonzero(found.again != NOT_AGAIN)
    then = found.again[first]
    assert len(then) / len(found.time_s) == pytest.approx(0.2, abs=0.01)
    assert len(np.unique(then)) == len(then)
    assert np.array_equal(found.first_node[first], found.first_node[then])
    gaps_s = found.time_s[then] - found.time_s[first] - found.repair_s[first]
    assert gaps_s.min() > 0.0
    assert gaps_s.mean() / HOUR_S == pytest.approx(3.0, rel=0.06)


def test_checks_that_find_nothing_only_take_time():
    plain, checked = drawn(scenario()), drawn(scenario(check_h=2.0, check_finds=0.0))
    assert len(checked.time_s) == pytest.approx(len(plain.time_s), rel=0.02)
    assert checked.repair_s.min() == pytest.approx(plain.repair_s.min() + 2.0 * HOUR_S)

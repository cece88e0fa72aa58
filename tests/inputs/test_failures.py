"""Failures drawn before a run: how many, of whom, when, and what they do not depend on."""

import math

import numpy as np
import pytest

from gpusim.inputs.failures import WHOLE_SITE, draw_failures
from gpusim.scenario.scenario import Scenario
from gpusim.units import DAY_S, HOUR_S

RESET = {"repair": {"reset": 1.0}}


def fleet(failures: dict, gpus: object = 8000.0, days: float = 1000.0, kind: str = "H100") -> Scenario:
    """One pool."""
    site = {
        "region": "US-TEX-ERCO", "jurisdiction": "US", "grid_mw": 100.0, "price_usd_per_mwh": 50.0,
        "carbon_g_per_kwh": 400.0, "pools": {kind: {"gpus": gpus}},
    }  # fmt: skip
    run = {"start": "2026-01-01", "days": days}
    return Scenario.from_dict({"name": "one", "run": run, "sites": {"site": site}, "failures": failures})


def drawn(failures: dict, seed: int = 1, **more: object):
    """Failures of that fleet."""
    scenario = fleet(failures, **more)
    return draw_failures(scenario, scenario.run.days * DAY_S, seed)


@pytest.mark.parametrize(
    ("cause", "expected", "nodes"),
    [
        ({"of": "gpu", "per_1000_days": 0.5}, 4000.0, 1),
        ({"of": "node", "per_1000_days": 4.0}, 4000.0, 1),
        ({"of": "domain", "per_1000_days": 4.0}, 4000.0, 1),  # a node of eight H100 is its own domain
        ({"of": "block", "nodes": 25, "per_1000_days": 100.0}, 4000.0, 25),
    ],
)
def test_as_many_as_the_rates_say(cause, expected, nodes):
    found = drawn({"causes": {"one": cause | RESET}})
    assert len(found.time_s) == pytest.approx(expected, abs=4.0 * math.sqrt(expected))
    assert set(found.nodes) == {nodes}
    assert np.all(np.diff(found.time_s) >= 0.0)
    gaps = np.diff(found.time_s)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.1)  # exponential
    counts = np.bincount(found.first_node // nodes)
    assert found.first_node.max() + nodes == 1000
    assert counts.mean() == pytest.approx(counts.var(), rel=0.25)  # each unit is as likely


def test_racks_of_their_type():
    found = drawn({"causes": {"rack": {"of": "domain", "per_1000_days": 20.0} | RESET}}, gpus=7200.0, kind="GB200")
    assert set(found.nodes) == {18}
    assert set(found.first_node % 18) == {0}
    assert len(found.time_s) == pytest.approx(100 * 20.0, rel=0.1)


def test_a_site_fails_as_one():
    found = drawn({"causes": {"outage": {"of": "site", "per_1000_days": 50.0} | RESET}})
    assert set(found.pool) == {WHOLE_SITE}
    assert len(found.time_s) == pytest.approx(50, abs=25)


@pytest.mark.parametrize("shape", [0.6, 1.0, 2.5])
def test_weibull_ages(shape):
    """Of units that came new at the start, (age / life)^shape have failed by an age, whatever repairs did."""
    cause = {"of": "node", "per_1000_days": 2.0, "shape": shape} | RESET
    found = drawn({"causes": {"wear": cause}}, gpus=[{"at": 0.0, "value": 8000.0}], days=1500.0)
    life_s = 500.0 * DAY_S / math.gamma(1.0 + 1.0 / shape)
    for days in (100.0, 500.0, 1500.0):
        expected = 1000 * (days * DAY_S / life_s) ** shape
        assert np.sum(found.time_s <= days * DAY_S) == pytest.approx(expected, abs=5.0 * math.sqrt(expected))


def test_infant_mortality():
    """Twice the rate at first, dying off in 60 days; what is there without a date is past it."""
    cause = {"of": "node", "per_1000_days": 4.0, "infant_factor": 3.0} | RESET
    new = drawn({"causes": {"wear": cause}}, gpus=[{"at": 0.0, "value": 16000.0}], days=300.0)
    first = 2000 * 0.004 * (30.0 + 2.0 * 60.0 * (1.0 - math.exp(-0.5)))
    assert np.sum(new.time_s < 30.0 * DAY_S) == pytest.approx(first, abs=4.0 * math.sqrt(first))
    old = drawn({"causes": {"wear": cause}}, gpus=16000.0, days=300.0)
    assert len(old.time_s) == pytest.approx(2400.0, abs=200.0)
    assert len(new.time_s) - len(old.time_s) == pytest.approx(960.0, abs=280.0)


def test_ages_count_from_the_delivery():
    """Of two deliveries nobody fails before coming, and nodes that are taken away come back as themselves."""
    gpus = [
        {"at": -100.0, "value": 800.0}, {"at": 300.0, "value": 8000.0}, {"at": 400.0, "value": 80.0},
        {"at": 500.0, "value": 8000.0},
    ]  # fmt: skip
    found = drawn({"causes": {"wear": {"of": "node", "per_1000_days": 10.0} | RESET}}, gpus=gpus)
    late = found.first_node >= 100
    assert found.time_s[late].min() > 300.0 * DAY_S
    assert late.sum() == pytest.approx(900 * 7.0, rel=0.06)
    assert (~late).sum() == pytest.approx(1000.0, rel=0.15)


def test_lemons():
    """A fiftieth of the nodes has half of the failures; their rate in all stays."""
    cause = {"causes": {"wear": {"of": "gpu", "per_1000_days": 1.0} | RESET}}
    found = drawn(cause | {"lemon_share": 0.02, "lemon_factor": 49.0})
    counts = np.sort(np.bincount(found.first_node, minlength=1000))
    lemons = np.sum(counts > 100)
    assert lemons == pytest.approx(20, abs=14)
    weight = 49.0 * lemons / (49.0 * lemons + 1000 - lemons)
    assert counts[-lemons:].sum() / len(found.time_s) == pytest.approx(weight, abs=0.03)
    assert len(found.time_s) == len(drawn(cause).time_s)


def test_repairs_of_mixed_length():
    """Kinds by weight, lognormal around their means."""
    failures = {
        "causes": {"wear": {"of": "node", "per_1000_days": 40.0, "repair": {"reset": 3.0, "swap": 1.0}}},
        "repairs": {"reset": {"mean_h": 0.5, "sigma": 0.0}, "swap": {"sigma": 0.5}},
    }
    repair_h = drawn(failures).repair_s / HOUR_S
    assert np.mean(repair_h == 0.5) == pytest.approx(0.75, abs=0.01)
    swaps = repair_h[repair_h != 0.5]
    assert swaps.mean() == pytest.approx(48.0, rel=0.03)
    assert np.log(swaps).std() == pytest.approx(0.5, rel=0.05)


def test_the_same_failures_in_runs_that_differ_in_something_else():
    """Another cause, a longer run, a later delivery or other repairs change none of those that are there."""
    failures = {"causes": {"wear": {"of": "gpu", "per_1000_days": 0.3}}}
    base = drawn(failures, days=300.0)
    assert [column.tolist() for column in drawn(failures, days=300.0)] == [column.tolist() for column in base]
    longer = drawn(failures, days=600.0)
    n = len(base.time_s)
    assert [column[:n].tolist() for column in longer] == [column.tolist() for column in base]
    more = {"causes": failures["causes"] | {"outage": {"of": "site", "per_1000_days": 30.0}}}
    both = drawn(more, days=300.0)
    assert both.time_s[both.cause == 0].tolist() == base.time_s.tolist()
    assert drawn(failures, seed=2, days=300.0).time_s.tolist() != base.time_s.tolist()
    assert len(drawn({"factor": 0.0} | failures).time_s) == 0


def test_as_much_as_fails_not_as_many_as_there_are():
    """A year of five million GPUs by the published mix: as many draws as failures."""
    found = drawn({"mix": "llama3"}, gpus=5_000_000.0, days=365.0)
    expected = 419 / (54 * 16_384) * 365 * 5_000_000
    assert len(found.time_s) == pytest.approx(expected, rel=0.01)

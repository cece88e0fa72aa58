"""What is known at a date: the past as it was, the future by its law."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy.stats import kstest, norm

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.schedule import Draws, as_of, replay
from gpusim.buildout.shocks import drawn
from tests.buildout.kit import days, random_scenario, scenario

DAY_S = 86_400.0


def past(schedule, at_s: float) -> list:
    """All that has happened by a time."""
    times = [*schedule.start_s, *schedule.time_s, *(one.asked_s for one in schedule.requests)]
    got = [grant for grants in schedule.grants.values() for grant in grants if grant[0] <= at_s]
    return [[round(t, 3) if t <= at_s else None for t in times[: len(schedule.start_s) + len(schedule.time_s)]],
            [(round(t, 3), n) for t, n, _u in got]]  # fmt: skip


def changed(seeds: range) -> int:
    """Worlds of which the past is another when they are played again from what is known."""
    count = 0
    for seed in seeds:
        sc = random_scenario(seed, False, with_rivals=True)
        network = TaskNetwork(sc)
        draws = Draws.of(network, sc, seed)
        schedule = replay(network, sc, draws)
        for at_s in (-30 * DAY_S, 150 * DAY_S, 500 * DAY_S):
            again = replay(network, sc, as_of(network, sc, draws, schedule, at_s, 1000 + seed))
            count += past(again, at_s) != past(schedule, at_s)
    return count


def test_the_past_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of tasks, supplies and rivals, with shocks and hurried work; not so if work under way may be over."""
    assert changed(range(14)) == 0
    monkeypatch.setattr("gpusim.buildout.schedule.above", lambda z, _z0: z)
    assert changed(range(14)) > 0


def test_work_under_way_is_what_is_left_of_its_law() -> None:
    """Lognormal, given that it is more than the 60 days done: uniform at its own quantiles (KS, 1,000 draws)."""
    tasks = {"t": {"median_days": 100.0, "p90_days": 180.0, "gives": "gpus"}}
    sc = scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": tasks}})
    network = TaskNetwork(sc)
    draws = Draws([100 * DAY_S], [], [])
    schedule = replay(network, sc, draws)
    work = [as_of(network, sc, draws, schedule, 60 * DAY_S, seed).work_s[0] / DAY_S for seed in range(1000)]
    below = norm.cdf(np.log(np.array([60.0, *work]) / 100.0) / (log(1.8) / norm.ppf(0.9)))
    assert min(work) > 60.0
    assert kstest((below[1:] - below[0]) / (1.0 - below[0]), "uniform").pvalue > 0.01
    assert kstest(below[1:], "uniform").pvalue < 1e-6


def test_a_shock_that_has_not_come_may_still_come() -> None:
    """Of 0.6, with its median at the date asked about: 0.3 / 0.7 of what is left, and later than that date."""
    ban = {"at": "2025-06-01", "at_p90": "2025-09-01", "probability": 0.6, "days": 30.0, "effect": "stop", "kind": "t0"}
    sc = scenario({"p": {"adds": {"gpus": {"one": 1}}, "tasks": days(500.0)}}, shocks={"ban": ban})
    at_s = 151 * DAY_S
    found = [drawn(sc, seed, at_s) for seed in range(3000)]
    assert np.mean([len(windows) for windows in found]) == pytest.approx(0.3 / 0.7, abs=4 * np.sqrt(0.245 / 3000))
    assert min(window.from_s for windows in found for window in windows) >= at_s
    certain = sc.with_({"shocks.ban": {key: value for key, value in ban.items() if key != "at_p90"}})
    assert not any(drawn(certain, seed, at_s + 1.0) for seed in range(100))
    assert np.mean([len(drawn(certain, seed, at_s - 1.0)) for seed in range(1000)]) == pytest.approx(0.6, abs=0.07)

"""Results of work that is done ahead of its plan: taken on the planned date, a share earlier, or at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from gpusim.buildout.network import TaskNetwork
from gpusim.buildout.play import play
from gpusim.buildout.schedule import Draws, as_of, replay, simulate
from tests.buildout.kit import ALONE, days, scenario

DAY_S = 86_400.0


def project(tasks: dict) -> dict:
    """One project that adds a GPU."""
    return {"p": {"adds": {"gpus": {"one": 1}}, "tasks": tasks}}


@pytest.mark.parametrize(
    ("share", "ends"),
    [(0.0, [100.0, 170.0, 175.0]), (0.5, [80.0, 150.0, 162.5]), (1.0, [60.0, 130.0, 135.0])],
)
def test_a_chain_by_hand(share: float, ends: list[float]) -> None:
    """Planned to end on days 100, 150 and 170; work of 60, 70 and 5 days: the last makes up for what is late."""
    sc = scenario(project(days(100.0, 50.0, 20.0)), delays={**ALONE, "early_share": share})
    network = TaskNetwork(sc)
    played = replay(network, sc, Draws([60.0 * DAY_S, 70.0 * DAY_S, 5.0 * DAY_S], [], []))
    assert [time / DAY_S for time in played.time_s[:3]] == pytest.approx(ends)


def test_half_of_single_tasks_end_on_their_date_and_the_rest_follow_their_law() -> None:
    """The Parkinson distribution with a lognormal core: an atom of 1/2 on the plan, above it the lognormal (KS)."""
    spec = {"t": {"median_days": 100.0, "p90_days": 180.0, "gives": "gpus"}}
    ends = {}
    for share in (0.0, 1.0):
        sc = scenario(project(spec), delays={**ALONE, "early_share": share})
        network = TaskNetwork(sc)
        ends[share] = np.array([simulate(network, sc, seed).time_s[0] / DAY_S for seed in range(800)])
    held = ends[0.0]
    assert held.min() == pytest.approx(100.0)
    assert np.isclose(held, 100.0).mean() == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 800))
    late = held[~np.isclose(held, 100.0)]
    quantile = 2.0 * norm.cdf(np.log(late / 100.0) / np.log(1.8) * norm.ppf(0.9)) - 1.0
    assert kstest(quantile, "uniform").pvalue > 0.01
    assert ends[1.0].min() < 100.0
    assert held.tolist() == np.maximum(ends[1.0], 100.0).tolist()  # the same draws


def test_nothing_comes_ahead_of_plan_unless_it_is_taken() -> None:
    """A project of one component, over seeds: the ledger has GPU-hours ahead of plan only where early work counts."""
    spec = {"t": {"median_days": 100.0, "p90_days": 180.0, "gives": "gpus"}}
    site = {"grid_mw": 10.0, "hall_mw": 10.0}
    causes = {}
    for share in (0.0, 0.5):
        sc = scenario(project(spec), delays={**ALONE, "early_share": share})
        sc = sc.with_({f"sites.here.{key}": value for key, value in site.items()})
        causes[share] = {cause for seed in range(8) for cause in play(sc, seed).ledger["cause"]}
    assert causes == {0.0: {"t"}, 0.5: {"t", "ahead of plan"}}


def test_work_that_is_done_is_known_before_it_is_handed_over() -> None:
    """60 days of work of a planned 100: on day 50 it is unknown, on day 80 known, in every world that may follow."""
    spec = {"t": {"median_days": 100.0, "p90_days": 180.0, "gives": "gpus"}}
    sc = scenario(project(spec), delays={**ALONE, "early_share": 0.0})
    network, draws = TaskNetwork(sc), Draws([60.0 * DAY_S], [], [])
    played = replay(network, sc, draws)
    found = {
        at: {as_of(network, sc, draws, played, at * DAY_S, seed).work_s[0] / DAY_S for seed in range(20)}
        for at in (50.0, 80.0)
    }
    assert found[80.0] == {60.0}
    assert len(found[50.0]) == 20
    assert min(found[50.0]) > 50.0

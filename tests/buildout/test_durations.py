"""What durations have in common, their tails, and what is learned of them."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim import rng
from gpusim.buildout.activity import Durations
from gpusim.buildout.network import TaskNetwork
from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario
from tests.buildout.kit import scenario, tables

DAY_S = 86_400.0


def network_of(delays: dict, kinds: tuple[str, ...] = ("shell", "shell", "line")) -> TaskNetwork:
    """One task a project: two shells here, a line here, a shell elsewhere."""
    sites = ("here",) * len(kinds)
    names = [*zip(kinds, sites, strict=True), ("shell", "there")]
    task = {"median_days": 100.0, "p90_days": 200.0, "gives": "gpus"}
    projects = {
        f"p{i}": {"site": site, "adds": {"gpus": {"one": 1}}, "tasks": {"work": {**task, "kind": kind}}}
        for i, (kind, site) in enumerate(names)
    }
    given = tables(projects, delays=delays)
    given["sites"]["there"]["region"] = "FR"
    return TaskNetwork(Scenario.from_dict(given))


def draws(network: TaskNetwork, seeds: range) -> np.ndarray:
    """Standard normal draws of the tasks, one row per seed."""
    law = network.durations
    return np.array([[law.z_of(a, w) for a, w in zip(law.activities, law.work_s(s), strict=True)] for s in seeds])


def test_draws_correlate_as_stated() -> None:
    """Of one region and trade 0.5, of one region 0.2, of one trade 0.3, of neither 0; margins stay standard normal."""
    z = draws(network_of({"same_region": 0.2, "same_trade": 0.3}), range(4000))
    found, error = np.corrcoef(z.T), 4.0 / np.sqrt(4000)
    expected = [(0, 1, 0.5), (0, 2, 0.2), (0, 3, 0.3), (2, 3, 0.0)]
    assert [found[i, j] for i, j, _rho in expected] == pytest.approx([rho for *_ij, rho in expected], abs=error)
    assert z.mean(axis=0) == pytest.approx(np.zeros(4), abs=error)
    assert z.std(axis=0) == pytest.approx(np.ones(4), abs=error)


def test_the_tail_is_pareto_and_leaves_median_and_p90() -> None:
    """Share of durations beyond 1, 1.5, 2 and 3 times the p90, by one in ten times the power of it."""
    z = np.random.default_rng(0).standard_normal(50_000)
    network = network_of({"tail_index": 2.5})
    law, one = network.durations, network.activities[0]
    days = np.array([law.duration_s(one, value) for value in z]) / DAY_S
    for times in (1.0, 1.5, 2.0, 3.0):
        share = 0.1 * times**-2.5
        assert (days > 200.0 * times).mean() == pytest.approx(share, abs=4 * np.sqrt(share / len(z)))
    assert np.median(days) == pytest.approx(100.0, rel=0.02)
    assert [law.z_of(one, law.duration_s(one, value)) for value in z[:500]] == pytest.approx(z[:500].tolist())
    plain = network_of({"tail_index": 0.0}).durations
    assert np.mean([plain.duration_s(one, value) > 600.0 * DAY_S for value in z]) < 0.5 * 0.1 * 3.0**-2.5


def test_what_is_seen_of_some_tells_of_others() -> None:
    """Given a draw of 2, one with a correlation of 0.5 has mean 1 and variance 0.75 (bivariate normal)."""
    law = network_of({"same_region": 0.2, "same_trade": 0.3}).durations
    other = law.activities[1]

    def drawn(seen: dict[int, float]) -> np.ndarray:
        return np.array([
            law.shared(other, law.common_given(seen, seed)) + law.own * law.own_draw(other, seed)
            for seed in range(3000)
        ])  # fmt: skip

    given, blind = drawn({0: 2.0}), drawn({})
    assert given.mean() == pytest.approx(1.0, abs=4 * np.sqrt(0.75 / 3000))
    assert given.var() == pytest.approx(0.75, rel=4 * np.sqrt(2 / 3000))
    assert blind.mean() == pytest.approx(0.0, abs=4 / np.sqrt(3000))


def test_nothing_in_common_and_no_tail_is_what_it_was() -> None:
    """Lognormal by the task's own stream alone."""
    law = network_of({"same_region": 0.0, "same_trade": 0.0, "tail_index": 0.0}).durations
    z = rng.stream(7, "programme", "p0", "work").standard_normal()
    assert law.work_s(7)[0] == pytest.approx(100.0 * DAY_S * 2.0 ** (z / 1.2815515655446004), rel=1e-12)


def test_common_causes_of_everything_are_refused() -> None:
    with pytest.raises(ScenarioError, match=r"delays.*same_region and same_trade of 1\.1 together; give less than 1"):
        scenario({}, delays={"same_region": 0.5, "same_trade": 0.6})


def test_another_project_leaves_common_causes_as_they_were() -> None:
    """Common random numbers: streams have the names of regions and trades."""
    two, three = (network_of({}, kinds).durations for kinds in (("shell", "line"), ("shell", "line", "permits")))
    assert isinstance(two, Durations)
    assert three.work_s(3)[:2] == two.work_s(3)[:2]

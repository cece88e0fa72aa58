"""Looks at growing data: what one look drops stays dropped, at a risk that all looks share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gpusim.rng import stream
from gpusim.studies.statistics.separation import RISK, Elimination, separate

NAN = np.nan
NEAR = {"best": [9.0, 9.3, 9.1, 9.2, 9.0, 9.4, 9.1, 9.2], "near": [9.1, 9.2, 9.0, 9.3, 9.1, 9.2, 9.2, 9.1]}
DROPPED = [7.4, 7.0, 7.9, 7.2, NAN, NAN, NAN, NAN]  # not run after the first look


def test_what_one_look_drops_does_not_come_back():
    """At the second look's confidence four replications no longer rule it out."""
    values = pd.DataFrame(NEAR | {"dropped": DROPPED})
    race = Elimination(list(values))
    assert "dropped" not in race.look(values[:4]).contenders
    second = race.look(values)
    assert set(second.contenders) == {"best", "near"} == set(race.alive)
    assert not second.separated
    assert "dropped" in separate(values, 1.0 - RISK / 6).contenders  # looked at afresh it would


def test_risk_of_a_look_is_split_over_all_alternatives_of_the_first():
    """Fewer are left, but which ones the data chose: each pair keeps the share it had."""
    values = pd.DataFrame(NEAR | {"dropped": DROPPED})
    race = Elimination(list(values))
    first, second = race.look(values[:4]), race.look(values)
    pair = separate(values[["best", "near"]], 1.0 - RISK / 6 / 2).intervals
    pd.testing.assert_frame_equal(second.intervals, pair)
    pd.testing.assert_frame_equal(first.intervals, separate(values[:4], 1.0 - RISK / 2).intervals)


def test_those_tied_stay_though_they_run_no_more():
    """Their first replications are the best's; when the best is dropped, so are they."""
    tie = [9.0, 9.3, 9.1, 9.2, NAN, NAN, NAN, NAN]
    race = Elimination(["best", "near", "twin"])
    race.look(pd.DataFrame(NEAR | {"twin": tie})[:4])
    assert race.look(pd.DataFrame(NEAR | {"twin": tie})).tied == ["twin"]
    assert race.alive == ["best", "near", "twin"]


def test_alternatives_never_run_are_left_out():
    race = Elimination(["failed", "best", "worse"])
    found = race.look(pd.DataFrame({"failed": NAN, "best": [2.0, 2.1, 2.2], "worse": [1.0, 1.1, 1.2]}))
    assert (found.best, found.separated, race.alive) == ("best", True, ["best"])


def test_the_best_of_equals_is_seldom_dropped_by_any_look():
    """Eight that differ by next to nothing, at 4, 8, 16, 32 replications: all looks together stay below the risk."""
    studies, lost = 300, 0
    random = stream(7, "elimination", "equals")
    for _ in range(studies):
        values = pd.DataFrame(random.normal(0.0, 1.0, (32, 8)) + random.normal(0.0, 3.0, (32, 1)))
        values[0] += 0.01
        race = Elimination(list(values))
        for made in (4, 8, 16, 32):
            if race.look(values[:made]).separated:
                break
        lost += 0 not in race.alive
    assert lost / studies < RISK

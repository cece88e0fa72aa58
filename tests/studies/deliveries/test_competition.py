"""What rivals cost: by hand, against two build-outs played for themselves, and nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.buildout.play import play
from gpusim.engine.surroundings import peak_overheads
from gpusim.errors import ScenarioError
from gpusim.results.tables.studies import ALL, COMPETITION_TABLES
from gpusim.units import DAY_S
from tests.studies.deliveries.kit import SURE, project, scenario

STOCK = {"vendor": {"kind": "stock", "per_month": 10.0, "at_start": 40.0, "most": 40.0}}


def beside(rivals: dict, **more) -> gpusim.Scenario:
    """A project that asks the vendor for 40 GPUs on 1 June, and one that asks nobody."""
    waits = {**SURE, "supply": "vendor", "units": 40.0}
    projects = {"asks": project(40, waits, start="2025-06-01"), "free": project(20, SURE)}
    return scenario(projects, {}, supplies=STOCK, rivals=rivals, **more)


def rival(per_month: float, **more) -> dict:
    return {"orders": {"vendor": {"per_month": per_month, "units": 30.0}}, **more}


def test_days_are_gpu_hours_and_usd() -> None:
    """40 GPUs that come d days later within the run are 40 x 24 x d GPU-hours, at 2 USD."""
    there = beside({"big": rival(0.6, end="2025-06-01")}).with_({"supplies.vendor.per_month": 30.0})
    found = gpusim.competition(there, 20)
    days = found.projects.set_index(["rival", "project"])["later_days"]
    row = found.rivals.set_index("rival").loc["big"]
    assert days["big", "asks"] > 5.0
    assert days["big", "free"] == 0.0
    assert row["gpu_hours"] == pytest.approx(40 * 24 * days["big", "asks"])
    assert row["usd"] == pytest.approx(2.0 * row["gpu_hours"])
    assert row["later_days"] == pytest.approx(days["big"].mean())


def test_against_programmes_played_for_themselves() -> None:
    """Each difference is that of two build-outs with the same seed, and quantiles are places among them."""
    there = beside({"one": rival(0.2), "two": rival(0.3, priority=1)})
    found, overheads = gpusim.competition(there, 9, seed=5), peak_overheads(there, 5)
    for name, left in {"one": ["two"], "two": ["one"], ALL: []}.items():
        without = there.with_({"rivals": {key: there.to_toml_dict()["rivals"][key] for key in left}})
        days, hours = [], []
        for seed in range(5, 14):
            with_, free = (play(one, seed, overheads) for one in (there, without))
            days.append((with_.projects["delivered_s"] - free.projects["delivered_s"]) / DAY_S)
            hours.append((free.months["live_gpu_hours"] - with_.months["live_gpu_hours"]).sum())
        table = found.projects[found.projects["rival"] == name]
        assert table["later_days"].tolist() == pytest.approx(np.mean(days, axis=0).tolist())
        assert table["p10_days"].tolist() == pytest.approx(np.sort(days, axis=0)[0].tolist())
        assert table["p90_days"].tolist() == pytest.approx(np.sort(days, axis=0)[8].tolist())
        paired = found.replications[found.replications["rival"] == name]
        assert paired["seed"].tolist() == list(range(5, 14))
        assert paired["gpu_hours"].tolist() == pytest.approx(hours)
    costs = found.rivals.set_index("rival")["gpu_hours"]
    assert costs[ALL] > costs.drop(ALL).max() > 0.0


def test_who_orders_nothing_or_stands_behind_costs_nothing() -> None:
    """A rival of another supply, and one who is served when nobody of us waits, change no date."""
    nothing = gpusim.competition(beside({"none": rival(0.0)}), 3)
    assert (nothing.replications[["gpu_hours", "usd"]] == 0.0).all(axis=None)
    assert (nothing.projects[["later_days", "p10_days", "p90_days", "later"]] == 0.0).all(axis=None)


def test_what_never_comes_beside_a_rival() -> None:
    """Without the rival the stock at the start is ours; with it there is never enough again."""
    there = beside({"big": rival(100.0, end="2025-05-01")}).with_({"supplies.vendor.per_month": 0.0})
    found = gpusim.competition(there, 2)
    row = found.projects.set_index(["rival", "project"]).loc[("big", "asks")]
    assert row["p10_days"] == row["later_days"] == np.inf
    assert row["later"] == 1.0
    hours = 40 * 24 * (365 - 151 - 100)
    assert found.rivals["gpu_hours"].tolist() == pytest.approx([hours, hours])


def test_round_trip_and_repetition(tmp_path) -> None:
    there = beside({"one": rival(0.2)})
    found, again = gpusim.competition(there, 3), gpusim.competition(there, 3)
    found.save(tmp_path / "found")
    loaded = gpusim.Competition.load(tmp_path / "found")
    assert loaded.about["replications"] == 3
    for name in COMPETITION_TABLES:
        pd.testing.assert_frame_equal(getattr(found, name), getattr(again, name), check_exact=True)
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(found, name), check_dtype=False)


def test_without_rivals() -> None:
    with pytest.raises(ScenarioError, match="rivals: found none; give one"):
        gpusim.competition(beside({}))

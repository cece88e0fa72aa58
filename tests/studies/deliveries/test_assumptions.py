"""What assumptions do to a build-out: by formula from the draws, with what turns it, and what cannot be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.buildout.network import TaskNetwork
from gpusim.errors import ScenarioError
from gpusim.report.sections.assumptions import in_words, told
from gpusim.results.tables.studies import Assumptions
from gpusim.units import DAY_S
from tests.studies.deliveries.kit import project, scenario

SEEDS = 6


def two(**more) -> gpusim.Scenario:
    """Two projects of one task: 40 GPUs after walls, 20 after permits."""
    walls, papers = ({"median_days": 100.0, "p90_days": 200.0, "kind": kind} for kind in ("walls", "papers"))
    return scenario({"big": project(40, walls), "small": project(20, papers)}, {}, **more)


def late_days(sc: gpusim.Scenario, walls: float = 1.0) -> np.ndarray:
    """Days by which each project is late, shape (seeds, 2), with walls that take so many times as long."""
    network = TaskNetwork(sc)
    mine = [[a.kind for a in network.activities].index(kind) for kind in ("walls", "papers")]
    work = np.array([network.durations.work_s(seed) for seed in range(SEEDS)])[:, mine] / DAY_S
    return np.maximum(work * [walls, 1.0] - 100.0, 0.0)


def test_effects_are_those_of_the_draws() -> None:
    """GPUs x 24 x days late at both ends, less those of the scenario as it is; standard errors of the differences."""
    sc = two()
    found = gpusim.assumptions(sc, SEEDS)
    row = found.assumptions.set_index("assumption").loc["duration walls"]
    base, ends = late_days(sc), [late_days(sc, times) for times in (0.8, 1.25)]
    hours = [24.0 * 40 * (end - base)[:, 0] for end in ends]
    assert [row["low_gpu_hours"], row["high_gpu_hours"]] == pytest.approx([one.mean() for one in hours], rel=1e-6)
    assert row["high_se_gpu_hours"] == pytest.approx(hours[1].std(ddof=1) / SEEDS**0.5, rel=1e-6)
    assert found.about["gpu_hours"] == pytest.approx(24.0 * (base @ [40, 20]).mean(), rel=1e-6)
    effects = found.assumptions[["low_gpu_hours", "high_gpu_hours"]].abs().max(axis=1)
    assert effects.is_monotonic_decreasing
    assert {"duration walls", "duration papers", "spread", "same region", "same trade", "early share"} == set(
        found.assumptions["assumption"]
    )


def test_another_cause_is_first_from_where_it_loses_more() -> None:
    """Walls lose most; with walls that are quicker papers do, from the factor at which both lose the same."""
    given = {"duration walls": {"low": 0.2, "high": 1.5}}
    sc = two(assumptions=given)
    found = gpusim.assumptions(sc, SEEDS)
    row = found.assumptions.set_index("assumption").loc["duration walls"]
    assert (found.about["first"], row["turns_to"]) == ("walls", "papers")

    def lead(walls: float) -> float:
        walls_hours, papers_hours = late_days(sc, walls).mean(axis=0) * [40, 20]
        return walls_hours - papers_hours

    step = 5.0 ** (1 / 16)  # of four halvings between 0.2 and 1
    assert lead(row["turns_at"]) <= 0.0 < lead(row["turns_at"] * step * 1.001)
    assert told(found)[1].endswith(
        f"It would be papers with the duration of walls tasks from {row['turns_at']:.3g} times down."
    )


def test_more_replications_say_which_cause_is_first() -> None:
    """The differences of a few are added to the means of many: one answer, and it turns where the sums do."""
    sc, margin = two(assumptions={"duration papers": {"low": 0.2, "high": 1.0}}), 100.0
    alone = gpusim.assumptions(sc, SEEDS)
    walls, papers = late_days(sc).mean(axis=0) * [40 * 24.0, 20 * 24.0]
    assert alone.about["first"] == "walls"
    many = pd.DataFrame(
        {"cause": ["walls", "papers"], "held_by": "", "gpu_hours": [walls, walls + margin], "usd": [1.0, 0.0]}
    )
    found = gpusim.assumptions(sc, SEEDS, losses=many)
    assert found.about["first"] == "papers"
    row = found.assumptions.set_index("assumption").loc["duration papers"]
    assert row["turns_to"] == "walls"
    pd.testing.assert_series_equal(row.drop(["turns_at", "turns_to"]), alone.assumptions.set_index("assumption").loc[
        "duration papers"].drop(["turns_at", "turns_to"]))  # fmt: skip
    assert papers < walls


def test_intervals_of_the_scenario_and_its_own_keys() -> None:
    """A factor on a supply of its own keys; saved and read again."""
    own = {
        "vendor": {"keys": ["supplies.vendor.per_month"], "low": 0.1, "high": 10.0},
        "spread": {"low": 0.9, "high": 1.1},
    }
    stock = {"vendor": {"kind": "stock", "per_month": 10.0, "at_start": 40.0, "most": 40.0}}
    sc = scenario({"asks": project(80, {"median_days": 30.0, "supply": "vendor", "units": 80.0})}, {}, supplies=stock,
                  assumptions=own)  # fmt: skip
    found = gpusim.assumptions(sc, 2)
    table = found.assumptions.set_index("assumption")
    assert table.loc["vendor", "low_gpu_hours"] > 0.0 > table.loc["vendor", "high_gpu_hours"]
    assert table.loc["vendor", "high_gpu_hours"] == pytest.approx(
        -80 * 24 * 0.9 * 4 * 30.4375, rel=1e-3
    )  # 40 more at 10 a month; at 100 in a tenth
    assert table.loc["spread", ["low", "high"]].tolist() == [0.9, 1.1]
    assert sc.content_hash() == sc.with_({"assumptions": {}}).content_hash()


def test_names_in_words() -> None:
    """As a planner reads them; those with keys of their own as the scenario names them."""
    assert in_words("duration grid_connection") == "the duration of grid connection tasks"
    assert in_words("supply gpus") == "the supply of GPUs"
    assert in_words("same region") == "the correlation of delays within a region"
    assert in_words("vendor") == "vendor"
    listed = gpusim.assumptions(two(), 2).assumptions["assumption"]
    assert all(in_words(name).startswith("the ") for name in listed)


def test_a_folder_gives_them_back(tmp_path) -> None:
    found = gpusim.assumptions(two(), 2)
    again = Assumptions.load(found.save(tmp_path / "found"))
    assert again.assumptions.equals(found.assumptions)
    assert told(again) == told(found)


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(
        ScenarioError, match=r"assumptions\..duration wall.: has no keys.*did you mean 'duration walls'"
    ):
        gpusim.assumptions(two(assumptions={"duration wall": {"low": 0.5, "high": 2.0}}), 1)
    with pytest.raises(ScenarioError, match=r"keys\.0: nothing at supplies\.x\.units; give a key"):
        two(assumptions={"x": {"keys": ["supplies.x.units"], "low": 0.5, "high": 2.0}})
    with pytest.raises(ScenarioError, match=r"low of 2 not below high of 1"):
        two(assumptions={"spread": {"low": 2.0, "high": 1.0}})

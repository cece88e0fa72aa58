"""The points of each design: their number, their order, their values, and what is turned for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.scenario.scenario import Scenario
from gpusim.studies.lever import Lever, turned
from gpusim.studies.sweeps.axis import points_of
from gpusim.studies.sweeps.design import points, settings
from gpusim.studies.sweeps.spec import SweepSpec

POLICY = {
    "cases": {"fifo": {"scheduler.order": "fifo"}, "sjf": {"scheduler.order": "sjf", "scheduler.backfill": "none"}}
}
POWER = {"key": "sites.texas.grid_mw", "how": "scale", "range": [0.8, 1.2]}
GPUS = {"key": "sites.texas.pools.H100.gpus", "range": [100, 500], "multiple": 8, "base": 512}
AXES = {"policy": POLICY, "power": POWER, "gpus": GPUS}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "fleet.toml"
    path.write_text(Scenario.starter(), encoding="utf-8")
    return path


def sweep(fleet: Path, kind: str, axes: dict, samples: int = 16, seed: int = 0, **tables: object) -> SweepSpec:
    design = {"kind": kind, "samples": samples, "seed": seed}
    return SweepSpec.from_dict({"scenario": str(fleet), "design": design, "axes": axes, **tables})


def rows(table: pd.DataFrame) -> list[tuple]:
    return list(table.itertuples(index=False, name=None))


def test_a_grid_varies_its_last_axis_fastest(fleet: Path) -> None:
    axes = {"policy": POLICY, "power": {**POWER, "points": 3}, "late": {**POWER, "how": "delay_days", "range": [0, 30]}}
    table = points(sweep(fleet, "grid", axes))
    assert len(table) == 2 * 3 * 5
    assert rows(table.head(6)) == [
        ("fifo", 0.8, 0.0), ("fifo", 0.8, 7.5), ("fifo", 0.8, 15.0), ("fifo", 0.8, 22.5), ("fifo", 0.8, 30.0),
        ("fifo", 1.0, 0.0),
    ]  # fmt: skip
    assert list(table.index) == list(range(30))
    assert table.index.name == "point"


def test_even_numbers_even_ratios_and_multiples(fleet: Path) -> None:
    axes = {
        "even": {**POWER, "range": [0.1, 0.9], "points": 9},
        "ratio": {**POWER, "range": [0.01, 100], "log": True},
        "nodes": GPUS,
        "tenths": {**POWER, "range": [0.15, 0.45], "multiple": 0.1, "points": 9},
    }
    levels = {name: axis.levels() for name, axis in sweep(fleet, "grid", axes).axes.items()}
    assert levels["even"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]  # not 0.30000000000000004
    assert levels["ratio"] == [0.01, 0.1, 1.0, 10.0, 100.0]
    assert levels["nodes"] == [104, 200, 304, 400, 496]  # within the range, and whole
    assert levels["tenths"] == [0.2, 0.3, 0.4]  # duplicates left out


def test_a_list_goes_side_by_side(fleet: Path) -> None:
    axes = {"policy": POLICY, "power": {**POWER, "range": [], "values": [1, 1.5]}}
    assert rows(points(sweep(fleet, "list", axes))) == [("fifo", 1.0), ("sjf", 1.5)]


def test_without_axes_there_is_one_point(fleet: Path) -> None:
    spec = sweep(fleet, "grid", {}, set={"run.days": 2})
    assert points(spec).shape == (1, 0)
    assert settings(spec, {}) == [(Lever(keys=["run.days"]), 2)]


def test_one_at_a_time_has_the_base_and_the_ends_of_each_axis(fleet: Path) -> None:
    assert rows(points(sweep(fleet, "one_at_a_time", AXES))) == [
        ("fifo", 1.0, 512),
        ("sjf", 1.0, 512),
        ("fifo", 0.8, 512),
        ("fifo", 1.2, 512),
        ("fifo", 1.0, 104),
        ("fifo", 1.0, 496),
    ]


def test_its_base_changes_nothing(fleet: Path) -> None:
    axes = {"policy": POLICY, "power": POWER, "late": {"key": "sites.*.grid_mw", "how": "delay_days", "values": [9]}}
    scenario = Scenario.from_toml(fleet)
    spec = sweep(fleet, "one_at_a_time", axes)
    hashes = [turned(scenario, settings(spec, row)).content_hash() for row in points(spec).to_dict("records")]
    assert hashes[0] == scenario.content_hash()
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("kind", ["latin_hypercube", "sobol", "morris"])
def test_samples_depend_on_their_seed_alone_and_are_counted_right(fleet: Path, kind: str) -> None:
    spec = sweep(fleet, kind, AXES)
    table = points(spec)
    np.random.seed(1)  # noqa: NPY002  a library that drew from it would show
    assert points(spec).equals(table)
    assert not points(sweep(fleet, kind, AXES, seed=1)).equals(table)
    assert len(table) == points_of(spec.design, spec.axes)
    assert table["power"].between(0.8, 1.2).all()
    assert table["gpus"].between(104, 496).all()
    assert (table["gpus"] % 8 == 0).all()
    assert table["gpus"].dtype == np.int64
    assert set(table["policy"]) == {"fifo", "sjf"}


def test_a_latin_hypercube_has_one_point_in_every_stratum(fleet: Path) -> None:
    table = points(sweep(fleet, "latin_hypercube", AXES, samples=50))
    assert sorted(np.floor((table["power"] - 0.8) / 0.4 * 50).astype(int)) == list(range(50))
    assert (table["policy"] == "sjf").sum() == 25


def test_sobol_changes_one_axis_at_a_time_within_a_block(fleet: Path) -> None:
    """Rows of a block: A, A with each column of B, B (Saltelli et al. 2010)."""
    table = points(sweep(fleet, "sobol", {"a": POWER, "b": {**POWER, "key": "sites.*.grid_mw"}}, samples=8))
    a, with_b0, with_b1, b = (table.to_numpy()[row::4] for row in range(4))
    assert np.array_equal(with_b0, np.column_stack([b[:, 0], a[:, 1]]))
    assert np.array_equal(with_b1, np.column_stack([a[:, 0], b[:, 1]]))


def test_morris_moves_each_axis_once_in_a_trajectory(fleet: Path) -> None:
    spec = sweep(fleet, "morris", AXES, samples=40)
    table = points(spec)
    positions = np.column_stack([axis.position(table[name]) for name, axis in spec.axes.items()])
    moves = np.diff(positions.reshape(40, 4, 3), axis=1)
    assert ((moves != 0.0).sum(axis=1) == 1).all()
    assert ((moves != 0.0).sum(axis=2) == 1).all()
    assert np.abs(moves[..., 1][moves[..., 1] != 0.0]) == pytest.approx(2 / 3)


def test_entries_and_positions_are_inverse(fleet: Path) -> None:
    axes = {"power": POWER, "ratio": {**POWER, "range": [0.1, 10], "log": True}, "policy": POLICY}
    for axis in sweep(fleet, "grid", axes).axes.values():
        quantiles = np.array([0.0, 1.0]) if axis.cases else np.linspace(0.0, 1.0, 7)
        assert axis.position(axis.at(quantiles)) == pytest.approx(quantiles)


def test_what_is_turned_is_the_value_itself(fleet: Path, tmp_path: Path) -> None:
    """Entries that went through a table, a file and numpy still turn to what the sweep file says."""
    steps = [{"at": 0, "value": 64}, {"at": 1, "value": 128}]
    axes = {
        "limit": {"key": "scheduler.queue_limit", "values": [10, 20]},
        "drain": {"key": "run.drain", "values": [False, True]},
        "gpus": {"key": "sites.texas.pools.H100.gpus", "values": [64, steps], "base": 8},
        "policy": POLICY,
        "size": {"key": "scheduler.cycle_s", "range": [1, 9], "multiple": 1, "points": 2},
    }
    spec = sweep(fleet, "grid", axes)
    points(spec).to_parquet(tmp_path / "points.parquet")
    table = pd.read_parquet(tmp_path / "points.parquet")
    found = [[value for _lever, value in settings(spec, row)] for row in table.to_dict("records")]
    assert found[0] == [10, False, 64, "fifo", 1]
    assert found[-1] == [20, True, steps, "sjf", "none", 9]
    assert [type(value) for value in found[-1]] == [int, bool, list, str, str, int]
    assert settings(spec, table.iloc[0]) == settings(spec, table.to_dict("records")[0])
    assert turned(Scenario.from_toml(fleet), settings(spec, table.iloc[-1])).scheduler.queue_limit == 20

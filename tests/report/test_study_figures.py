"""Figures of studies draw for few and for many axes, short and long names, with and without replications."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from gpusim.report.figures import curve, effects, heatmap, tornado
from gpusim.report.figures import sensitivity as bars
from gpusim.report.figures.palette import STYLE
from gpusim.report.figures.study import drawings
from gpusim.scenario.scenario import Scenario
from gpusim.studies.statistics.intervals import summary
from gpusim.studies.statistics.sensitivity import COLUMNS, sensitivity
from gpusim.studies.sweeps.axis import points_of
from gpusim.studies.sweeps.spec import SweepSpec
from tests.report.test_figures import check_layout, texts_of

LONG = "job_class a-class-of-jobs-with-a-name-of-sixty-four-characters-all-together waited_p95_s"
MEASURES = ["goodput", LONG, "energy_usd"]
LONG_NAME = "an axis with a name as long as names of axes are allowed to be (64)"


@pytest.fixture(autouse=True)
def _style():
    with mpl.rc_context(STYLE):
        yield


def means(axes: dict[str, list], measure: str = "goodput", scale: float = 1.0, n: int = 10) -> pd.DataFrame:
    """A summary of a grid: of one replication the intervals are everything."""
    random, rows = np.random.default_rng(1), []
    for point, entries in enumerate(itertools.product(*axes.values())):
        mean = scale * random.normal()
        half = abs(scale * random.normal()) / 5.0 if n > 1 else np.inf
        rows.append((point, *entries, measure, mean, mean - half, mean + half, half, n))
    return pd.DataFrame(rows, columns=["point", *axes, "measure", "mean", "low", "high", "sd", "n"])


def indices(names: list[str], axes: int, scale: float = 1.0, certain: bool = True) -> pd.DataFrame:
    random, rows = (
        np.random.default_rng(2),
        [("", "noise", "", 0.03, np.nan, np.nan), ("", "r2", "", 0.9, np.nan, np.nan)],
    )
    for axis, name in itertools.product(range(axes), names):
        value = scale * random.normal()
        half = abs(scale * random.normal()) / 5.0 if certain else np.inf
        rows.append(
            (
                f"{LONG_NAME[:-3]}{axis}" if axis % 3 == 0 else f"axis-{axis}",
                name,
                "",
                value,
                value - half,
                value + half,
            )
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def one_at_a_time(axes: int, scale: float = 1.0, certain: bool = True, base: float = 0.5) -> pd.DataFrame:
    random, rows = np.random.default_rng(3), [("", "base", "", base, base, base)]
    for axis in range(axes):
        name = f"{LONG_NAME[:-3]}{axis}" if axis % 3 == 0 else f"axis-{axis}"
        ends = (
            [("case", "a policy with a long name"), ("case", "sjf")]
            if axis % 4 == 3
            else [("low", "0.8"), ("high", "123456.789012")]
        )
        for index, at in ends:
            value = scale * random.normal()
            half = abs(scale * random.normal()) / 5.0 if certain else np.inf
            rows.append((name, index, at, value, value - half, value + half))
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(
    ("axes", "measure", "scale"), [(1, "energy_usd", 1e9), (5, "goodput", 0.1), (12, LONG, -40_000.0), (12, "pue", 0.1)]
)
def test_tornado(axes: int, measure: str, scale: float) -> None:
    check_layout(tornado.draw(one_at_a_time(axes, scale, certain=axes != 5), measure))


def test_tornado_says_what_each_end_is() -> None:
    table = one_at_a_time(4, 0.1)
    texts = [text for text, _box in texts_of(tornado.draw(table, "goodput"))]
    assert "Each axis alone, from the base of 50%. Light: its low number; dark: its high, or a case" in texts
    assert sum(text.strip() == "0.8" for text in texts) == 3
    assert "axis-1" in texts
    assert any(text.endswith(": sjf") for text in texts)
    assert "goodput [%]" in texts


def test_tornado_of_what_does_not_move() -> None:
    table = one_at_a_time(3).assign(value=0.0, low=0.0, high=0.0)
    check_layout(tornado.draw(table, "pue"))
    empty = tornado.draw(table.head(1), "pue")
    assert "no point off the base has run" in [text for text, _box in texts_of(empty)]


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("names", [["S1", "ST"], ["mu_star", "mu", "sigma"], ["src"]])
@pytest.mark.parametrize("measure", MEASURES)
def test_sensitivity(names: list[str], measure: str) -> None:
    for axes, certain in ((2, True), (12, False)):
        check_layout(bars.draw(indices(names, axes, certain=certain), measure))


def test_sensitivity_of_what_is_the_same_everywhere() -> None:
    figure = bars.draw(indices(["S1", "ST"], 3).assign(value=np.nan), "pue")
    assert "the same at all points" in [text for text, _box in texts_of(figure)]
    check_layout(figure)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize("measure", MEASURES)
def test_means_of_points(measure: str) -> None:
    few = {"policy": ["fifo", "sjf", LONG_NAME], "power": [0.8, 1.0]}
    check_layout(effects.draw(means(few, measure), list(few), measure))
    many = {f"axis {i}": [1, 2] for i in range(7)}
    figure = effects.draw(means(many, measure, -1e5, n=1), list(many), measure)
    check_layout(figure)
    texts = [text.replace("\n", " ") for text, _box in texts_of(figure)]
    assert "One replication of each point; the 20 highest and 20 lowest of 128 points" in texts


def test_points_without_the_measure_are_said_to_be_absent() -> None:
    table = means({"power": [1.0, 2.0]}).assign(mean=np.nan)
    for figure in (effects.draw(table, ["power"], "goodput"), curve.draw(table, "power", "goodput")):
        assert "no run has this measure" in [text for text, _box in texts_of(figure)]
        check_layout(figure)


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(("measure", "n"), [("goodput", 1), (LONG, 10), ("energy_usd", 10)])
def test_map(measure: str, n: int) -> None:
    few = {LONG_NAME: ["fifo", "sjf", LONG_NAME], "power": [0.8, 0.9, 1.0, 1.1, 1.2]}
    check_layout(heatmap.draw(means(few, measure, 1e4, n), LONG_NAME, "power", measure))
    many = {"power": list(np.linspace(0.1, 3.0, 30)), LONG_NAME: [f"a policy with a long name {i}" for i in range(40)]}
    check_layout(heatmap.draw(means(many, measure, -1e4, n), "power", LONG_NAME, measure))


def test_cells_of_a_map_hold_their_means() -> None:
    table = means({"policy": ["sjf", "fifo"], "power": [1.2, 0.8]}).assign(
        mean=[0.1, 0.2, 0.3, np.inf], low=[0.05, 0.15, 0.0, -np.inf], high=[0.15, 0.25, 0.7, np.inf]
    )
    figure = heatmap.draw(table, "policy", "power", "goodput")
    cells = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert cells == {
        (1, 0): "10.0\n± 5.0",
        (0, 0): "20.0\n± 5.0",
        (1, 1): "30.0\n0.0\u201370.0",
        (0, 1): "no end",
    }  # 0.8 stands left of 1.2
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["sjf", "fifo"]
    further = means({"policy": ["sjf", "fifo"], "power": [1.2, 0.8], "gpus": [8, 16]}).assign(mean=[0.1, 0.3] * 4)
    figure = heatmap.draw(further, "policy", "power", "goodput")
    assert [text.get_text() for text in figure.axes[0].texts] == ["20.0"] * 4
    assert "goodput [%], mean over the other axes" in [text for text, _box in texts_of(figure)]


@pytest.mark.usefixtures("form")
@pytest.mark.parametrize(("measure", "n"), [("goodput", 1), (LONG, 10), ("energy_usd", 10)])
def test_curve(measure: str, n: int) -> None:
    check_layout(curve.draw(means({"power": [0.8, 1.0, 1.2]}, measure, 1e4, n), "power", measure))
    check_layout(curve.draw(means({"power": [1.0]}, measure, 1e4, n), "power", measure))
    axes = {LONG_NAME: [8, 16, 32, 64, 128], "policy": [f"a policy with a long name {i}" for i in range(9)]}
    figure = curve.draw(means(axes, measure, -1e4, n), LONG_NAME, measure, "policy")
    check_layout(figure)
    assert len(figure.axes[0].lines) == curve.MOST
    assert figure.axes[0].get_xscale() == "log"


@pytest.mark.parametrize(
    ("kind", "axes", "names"),
    [
        ("grid", ["power"], ["curve_goodput"]),
        ("grid", ["policy", "power"], ["curve_goodput", "map_goodput", "sensitivity_goodput"]),
        ("grid", ["policy", "power", "gpus"], ["points_goodput", "sensitivity_goodput"]),
        ("one_at_a_time", ["policy", "power"], ["tornado_goodput"]),
        ("latin_hypercube", ["policy", "power"], ["points_goodput", "sensitivity_goodput"]),
        ("morris", ["policy", "power"], ["sensitivity_goodput"]),
        ("grid", [], ["points_goodput"]),
    ],
)
def test_figures_of_a_sweep(tmp_path: Path, kind: str, axes: list[str], names: list[str]) -> None:
    (tmp_path / "fleet.toml").write_text(Scenario.starter(), encoding="utf-8")
    known = {
        "policy": {"cases": {"fifo": {"scheduler.order": "fifo"}, "sjf": {"scheduler.order": "sjf"}}},
        "power": {"key": "sites.texas.grid_mw", "how": "scale", "values": [0.8, 1.0, 1.2]},
        "gpus": {"key": "sites.texas.pools.H100.gpus", "range": [64, 512], "multiple": 8, "points": 3},
    }
    spec = SweepSpec.from_dict(
        {
            "scenario": str(tmp_path / "fleet.toml"),
            "measures": ["goodput"],
            "design": {"kind": kind, "samples": 8},
            "axes": {axis: known[axis] for axis in axes},
        }
    )
    table = _runs(spec)
    by = ["point", *spec.axes]
    made = drawings(spec, summary(table, by, ["goodput"]), {"goodput": sensitivity(spec, table, "goodput")})
    found = {name: draw() for name, draw in made.items()}
    assert list(found) == names
    for figure in found.values():
        assert isinstance(figure, Figure)
        check_layout(figure)


def _runs(spec: SweepSpec) -> pd.DataFrame:
    from gpusim.studies.sweeps.design import points

    random, table = np.random.default_rng(4), points(spec).reset_index()
    assert len(table) == points_of(spec.design, spec.axes)
    return pd.concat(
        [table.assign(replication=r, goodput=random.random(len(table))) for r in range(3)], ignore_index=True
    )

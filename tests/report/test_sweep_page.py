"""The report of a sweep: what was varied, means and paired differences, the figures that fit, failures, the file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.report.page import write
from gpusim.report.sweeps import REPORT
from gpusim.report.sweeps.findings import SweepFindings
from gpusim.report.sweeps.points import MOST_POINTS
from gpusim.scenario.scenario import Scenario
from gpusim.studies.run_file import to_bytes
from gpusim.studies.store import Store
from gpusim.studies.sweeps.design import design_table, points
from gpusim.studies.sweeps.spec import SweepSpec
from gpusim.sweeps import Sweep
from tests.report.test_page import Page

# Neither axes nor cases are in the order of the alphabet.
AXES = {
    "queue": {"cases": {"sjf": {"scheduler.order": "sjf"}, "fifo": {"scheduler.order": "fifo"}}},
    "power": {"key": "sites.texas.grid_mw", "how": "scale", "values": [0.8, 1.0, 1.2], "base": 1.0},
    "policy": {"cases": {name: {"scheduler.order": name} for name in ("fifo", "sjf", "las")}},
    "gpus": {"key": "sites.texas.pools.H100.gpus", "range": [64, 512], "multiple": 8, "points": 8, "base": 256},
}
MEASURES = ["goodput", "wait_p95_s"]


def spec(folder: Path, kind: str = "grid", axes: tuple[str, ...] = ("queue", "power"), **given: object) -> SweepSpec:
    folder.mkdir(exist_ok=True)
    (folder / "fleet.toml").write_text(Scenario.starter(), encoding="utf-8")
    return SweepSpec.from_dict({
        "name": "a <sweep>", "scenario": str(folder / "fleet.toml"), "replications": 3, "measures": MEASURES,
        "design": {"kind": kind, "samples": 4}, "axes": {name: AXES[name] for name in axes}, **given,
    })  # fmt: skip


def kept(spec: SweepSpec, folder: Path, failed: tuple[int, ...] = ()) -> Store:
    """A store of a sweep, without running it: goodput is (point + replication) / 100, waits are an hour per point."""
    store = Store.create(folder, {"study": "sweep", "spec": spec.model_dump(mode="json"), "gpusim_version": "0"})
    table = points(spec)
    keys = {(p, r): f"{p:016x}{r:016x}" for p in range(len(table)) for r in range(spec.replications)}
    store.set_design(design_table(table, keys, spec.first_seed))
    for (point, r), key in keys.items():
        if point in failed:
            store.fail(key, {"kind": "PolicyError", "message": "returned <nothing>", "traceback": ""})
            continue
        values = {"goodput": (point + r) / 100.0, "wait_p95_s": 3600.0 * point}
        outcome = pd.DataFrame({"kind": "fleet", "name": "", "cause": "", "measure": values.keys(),
                                "value": np.array(list(values.values()))})  # fmt: skip
        store.put(key, to_bytes(key, outcome))
    return store


def page(spec: SweepSpec, store: Store) -> Page:
    written = write(SweepFindings(spec, store), store.folder / "report.html", report=REPORT)
    parsed = Page(written.read_text(encoding="utf-8"))
    assert not parsed.open
    for tag, attrs in parsed.elements:
        assert tag not in ("link", "iframe", "object")
        assert attrs.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
    ids = [attrs["id"] for _tag, attrs in parsed.elements if "id" in attrs]
    links = [attrs["href"] for tag, attrs in parsed.elements if tag == "a"]
    assert len(set(ids)) == len(ids)
    assert set(links) <= {f"#{name}" for name in ids}
    return parsed


def figures(parsed: Page) -> list[str]:
    return [attrs["id"].removeprefix("figure-") for tag, attrs in parsed.elements if tag == "figure"]


@pytest.fixture(scope="module")
def grid(tmp_path_factory) -> Page:
    folder = tmp_path_factory.mktemp("grid")
    made = spec(folder)
    return page(made, kept(made, folder / "store"))


def test_what_was_varied(grid):
    assert grid.tables["axes"][1:] == [
        ["queue", "scheduler.order", "cases", "sjf, fifo"],
        ["power", "sites.texas.grid_mw", "times", "0.8, 1, 1.2"],
    ]
    assert "6 points (grid), 3 replications of each. 18 of 18 runs finished." in grid.texts["counts"]


def test_means_and_paired_differences(grid):
    assert grid.texts["headline"] == "Goodput: from 1% (queue = sjf, power = 0.8) to 6% (queue = fifo, power = 1.2)."
    means = grid.tables["means"]
    assert means[0] == ["point", "queue", "power", "runs", "goodput [%]", "wait of started jobs, 95th percentile [h]"]
    assert means[1] == [
        "0",
        "sjf",
        "0.8",
        "3",
        "1.0 (0.0 to 3.5)",
        "0",
    ]  # 0, 1, 2: t(2) x 1 / sqrt(3) = 2.48, and no share is below 0
    assert means[6] == ["5", "fifo", "1.2", "3", "6.0 \u00b1 2.5", "5"]
    differences = grid.tables["differences"]
    assert differences[1][3:] == ["3", "+1 (+100%)", "+1"]  # the same in every pair: exact
    assert len(differences) == 6


def test_figures_of_a_grid(grid):
    kinds = ("curve", "map", "sensitivity")
    assert figures(grid) == [f"{kind}_{measure}" for measure in MEASURES for kind in kinds]
    assert "S1 is the share" in grid.texts["method"]


def test_the_file_makes_the_same_sweep(grid, tmp_path):
    made = spec(tmp_path, set={"run.days": 2.0})
    parsed = page(made, kept(made, tmp_path / "store"))
    again = SweepSpec.from_dict(tomllib.loads(parsed.texts["sweep"]))
    assert again == made
    assert list(again.axes) == ["queue", "power"]
    assert "run.days = 2" in parsed.texts["varied"]


@pytest.mark.parametrize(
    ("kind", "axes", "drawn", "said"),
    [
        ("grid", ("gpus",), ["curve"], None),
        ("one_at_a_time", ("queue", "power", "gpus"), ["tornado"], "One axis at a time says nothing"),
        ("sobol", ("queue", "power"), ["sensitivity"], "S1 is the share"),
        ("morris", ("queue", "gpus"), ["sensitivity"], "mu* is the mean size"),
        ("latin_hypercube", ("power",), ["points"], "coefficients are those of a linear fit"),
        ("grid", (), ["points"], None),
    ],
)
def test_other_designs(tmp_path, kind, axes, drawn, said):
    made = spec(tmp_path, kind, axes, measures=["goodput"])
    parsed = page(made, kept(made, tmp_path / "store"))
    assert set(drawn) <= {name.partition("_")[0] for name in figures(parsed)}
    assert said is None or said in parsed.texts["method"]
    sampled = kind in ("sobol", "morris", "latin_hypercube")
    assert ("differences" in parsed.tables) == (not sampled and bool(axes))


def test_a_sweep_read_again_is_the_same(tmp_path):
    """The order of axes and cases tells which point is which: sorted, effects would go to the wrong axis."""
    made = spec(tmp_path, "one_at_a_time", ("queue", "power", "gpus"))
    store = kept(made, tmp_path / "store")
    read = Sweep.load(store.folder)
    assert list(read.spec.axes) == ["queue", "power", "gpus"]
    assert list(read.spec.axes["queue"].cases) == ["sjf", "fifo"]
    effects = read.sensitivity("goodput").set_index(["axis", "at"])["value"]
    assert effects["queue", "fifo"] == pytest.approx(0.01)
    assert effects["gpus", "512"] == pytest.approx(0.05)


def test_failed_runs_are_told_and_left_out(tmp_path):
    made = spec(tmp_path)
    store = kept(made, tmp_path / "store", failed=(0, 4))
    parsed = page(made, store)
    assert parsed.tables["failures"][1][:3] == ["PolicyError: returned <nothing>", "6", "0"]
    assert (store.folder / parsed.tables["failures"][1][3]).is_file()
    assert "differences" not in parsed.tables
    assert [row[0] for row in parsed.tables["means"][1:]] == ["1", "2", "3", "5"]


def test_no_run_has_finished(tmp_path):
    made = spec(tmp_path, "one_at_a_time")
    parsed = page(made, kept(made, tmp_path / "store", failed=tuple(range(4))))
    assert parsed.texts["headline"] == "No run has finished: there is nothing to show yet."
    assert figures(parsed) == []
    assert not re.search(r"\b(nan|inf)\b", " ".join(parsed.texts.values()), re.IGNORECASE)


def test_of_many_points_the_rest_is_counted(tmp_path):
    made = spec(tmp_path, axes=("queue", "power", "gpus"), replications=1, measures=["goodput"])
    parsed = page(made, kept(made, tmp_path / "store"))
    assert len(parsed.tables["means"]) == MOST_POINTS + 1
    assert "18 more are in the store" in parsed.texts["points"]
    assert "One replication has no interval." in parsed.texts["points"]


def test_drawn_again_from_its_store(tmp_path):
    made = spec(tmp_path, axes=("power",), measures=["goodput"])
    store = kept(made, tmp_path / "store")
    done = CliRunner().invoke(cli, ["report", str(store.folder)])
    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(store.folder / "report.html")
    assert (store.folder / "figures" / "curve_goodput.png").exists()

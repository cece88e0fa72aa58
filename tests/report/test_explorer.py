"""What the charts of a page are given adds up to the tables of the run."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from datetime import UTC, datetime
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from gpusim.report.document import packed, table
from gpusim.report.explore.fleet_map import land, places
from gpusim.report.explore.lanes import MOST_LANES, lanes
from gpusim.report.explore.run import LEAST_STEPS, MOST_ROWS, specification
from gpusim.report.explore.time_series import periods
from gpusim.report.findings import Findings
from gpusim.report.page import write
from gpusim.report.sections import SECTIONS
from gpusim.report.sections.explore import LIVE
from gpusim.report.tables import Column, decimals, text
from gpusim.result import Result
from gpusim.results.bottlenecks import bottlenecks
from gpusim.units import DAY_S, HOUR_S, WATT_PER_MW
from tests.results.kit import fleet, make

LIBRARIES = files("gpusim.report") / "libraries"


@pytest.fixture(scope="module")
def result():
    return fleet(3, 48)


@pytest.fixture(scope="module")
def spec(result) -> dict:
    return specification(Findings(result))


def data(spec: dict, name: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(spec["datasets"][name]), keep_default_na=False)


def view(spec: dict, name: str) -> dict:
    return next(one for one in spec["vconcat"] if one["name"] == name)


def test_gpus_of_the_chart_are_those_of_the_ledger(spec, result):
    chart = data(spec, "ledger")
    gpu_s = (chart["gpus"] * (chart["to"] - chart["from"])).groupby(chart["site"]).sum() * DAY_S
    assert gpu_s.to_dict() == pytest.approx(result.ledger.groupby("site")["gpu_s"].sum().to_dict(), rel=1e-3)
    colours = view(spec, "did")["encoding"]["color"]["scale"]
    assert set(chart["cause"]) == set(colours["domain"])
    assert len(colours["domain"]) == len(colours["range"])


def test_hours_held_back_are_those_of_the_bottlenecks(spec, result):
    held = data(spec, "held")["hours"].sum()
    assert held == pytest.approx(bottlenecks(result)["gpu_hours_held_back"].sum(), rel=1e-4)


def test_power_and_jobs_are_those_of_the_tables(spec, result):
    power, running, days = data(spec, "power"), data(spec, "running"), result.manifest["duration_s"] / DAY_S
    drawn = power[power["what"] == "facility"]
    step = days / drawn["from"].nunique()
    mwh = (result.power["facility_w"] * (result.power["end_s"] - result.power["start_s"])).sum() / HOUR_S / WATT_PER_MW
    assert (drawn["mw"] * step * 24.0).sum() == pytest.approx(mwh, rel=1e-3)
    pools = result.pools
    ran = (pools["running_jobs"] * (pools["end_s"] - pools["start_s"])).sum() / DAY_S
    assert (running["jobs"] * step).sum() == pytest.approx(ran, rel=1e-3)


def test_hours_waited_are_those_of_the_waits(spec, result):
    waits = data(spec, "waits")
    assert waits["hours"].sum() == pytest.approx(result.waits["job_s"].sum() / HOUR_S, rel=1e-4)
    assert waits["cause"].nunique() == result.waits["cause"].nunique()


def test_lanes_hold_one_job_at_a_time_and_the_largest_of_many():
    many = tuple({"job_id": i, "site": "north", "gpus": 1 + i % 50, "start_s": 60.0 * i, "end_s": 60.0 * i + 36_000.0}
                 for i in range(900))  # fmt: skip
    table, said = lanes(make({("north", "H100"): {"training": [50.0] * 24}}, jobs=many))
    assert said == {"north H100": f"north H100: {len(table)} largest of 900 jobs"}
    assert table["lane"].max() < MOST_LANES
    assert len(table) >= MOST_LANES
    assert table["gpus"].min() > 40
    for _lane, part in table.sort_values("from").groupby("lane"):
        assert (part["from"].to_numpy()[1:] >= part["to"].to_numpy()[:-1] - 1e-9).all()


def test_maps_are_those_that_have_sites(result):
    where = {"site-00": {"latitude": 32.4, "longitude": -99.7}, "site-01": {"latitude": 68.4, "longitude": 17.4}}
    made = type(result)({**result.manifest, "scenario": {**result.manifest["scenario"], "sites": where}}, result.tables)
    found = places(made).set_index("site")["window"].to_dict()
    assert found == {"site-00": "us", "site-01": "europe"}  # the third has no coordinates
    outlines = land(["us", "europe"])
    assert 50 < len(outlines) < len(land(["world"]))
    assert places(result).empty


@pytest.mark.parametrize(("days", "labels"), [
    (2, ["1 Jun", "2 Jun"]), (30, ["week of 1 Jun", "week of 8 Jun"]), (91, ["Jun 2026", "Jul 2026"]),
    (1_000, ["Q2 2026", "Q3 2026"]), (4_000, ["2026", "2027"]),
])  # fmt: skip
def test_periods_are_those_of_the_calendar_and_fill_the_run(days, labels):
    whole, *found = periods(datetime(2026, 6, 1, tzinfo=UTC), days)
    assert whole["days"] is None
    assert [one["label"] for one in found[:2]] == labels
    assert found[0]["days"][0] == 0.0
    assert found[-1]["days"][1] == days
    assert all(one["days"][1] == other["days"][0] for one, other in zip(found, found[1:]))


def test_many_sites_have_fewer_steps():
    many = data(specification(Findings(fleet(80, 24))), "ledger")
    assert many["from"].nunique() <= LEAST_STEPS
    assert many["site"].nunique() == 80


def test_a_name_stays_in_its_place():
    made = fleet(1, 24)
    spec = json.dumps(specification(Findings(made)))
    assert "</" not in spec
    assert re.fullmatch(r"[\w\s.,-]+", json.loads(spec)["datasets"]["running"])


def test_cells_sort_by_the_numbers_behind_them():
    values = pd.DataFrame({"a": [1234.5, np.nan, -2.0], "b": ["x", "y", "z"]})
    made = table(values, (Column("a", "A", decimals()), text("b", "B")))
    assert made["order"] == [["1234.5", ""], ["", ""], ["-2", ""]]
    assert made["rows"][0] == ["1,234", "x"]


def test_libraries_are_small_and_have_their_licences():
    sizes = {file.name: len(file.read_bytes()) for file in LIBRARIES.iterdir()}
    assert sum(sizes.values()) < 1.2e6
    licences = (LIBRARIES / "LICENSES.txt").read_text(encoding="utf-8")
    for name in ("vega ", "vega-lite ", "vega-embed ", "datatables.net ", "datatables.net-buttons "):
        assert name in licences
    assert "Redistribution and use" in licences
    assert "The MIT License" in licences


def test_energy_and_jobs_are_those_of_the_tables(spec, result):
    energy, jobs = data(spec, "energy"), data(spec, "submitted")
    assert energy["usd"].sum() == pytest.approx(result.power["cost_usd"].sum(), rel=1e-4)
    assert energy["t"].sum() == pytest.approx(result.power["carbon_kg"].sum() / 1000.0, rel=1e-4)
    assert jobs["jobs"].sum() == len(result.jobs)
    assert jobs["waited"].sum() == pytest.approx(result.jobs["wait_s"].sum() / HOUR_S, rel=1e-4)
    assert (jobs["to"] <= result.manifest["duration_s"] / DAY_S).all()


def test_what_is_shown_instead_is_there(spec):
    about = spec["usermeta"]
    assert set(about["instead"].values()) <= set(about["live"]) == set(LIVE)
    for name, live in about["live"].items():
        columns = [column.key for column in LIVE[name]]
        assert columns == live["by"] + live["sums"]
        assert set(columns) | {"from", "to"} <= set(data(spec, live["data"]).columns)


def noisy(sites: int, hours: int, jobs: int) -> Result:
    """A result of which no number can be told from another, as large for the charts as that of the default run."""
    draw = np.random.default_rng(0)
    causes = ["training", "serving", "loading", "restarting", "checkpointing", "lost_work", "idle_no_demand",
              "idle_fragmented", "idle_reserved", "idle_power", "down", "not_energised", "not_delivered"]  # fmt: skip
    names = [f"site-{i}" for i in range(sites)]
    pools = {(name, "H100"): {cause: list(draw.uniform(1.0, 9e3, hours)) for cause in causes} for name in names}
    waits = tuple((name, "H100", hour, cause, *draw.uniform(1.0, 900.0, 2))
                  for name in names for hour in range(hours) for cause in ("busy", "fragmented", "power"))  # fmt: skip
    made = tuple(
        {"site": names[i % sites], "gpus": int(draw.integers(1, 99)), "tenant": f"tenant-{draw.integers(9)}",
         "job_class": f"class-{draw.integers(9)}", "wait_s": submit_s, "submit_s": submit_s, "start_s": 2.0 * submit_s,
         "end_s": 2.0 * submit_s + draw.uniform(60.0, 9e4)}
        for i, submit_s in enumerate(draw.uniform(0.0, hours * 1800.0, jobs))
    )  # fmt: skip
    return make(pools, waits=waits, jobs=made)


def test_a_page_of_the_default_run_fits_5_mb(tmp_path):
    """Nine sites in as many steps as charts have, 6,000 jobs for lanes; figures in both forms."""
    findings = Findings(noisy(9, MOST_ROWS // 9, 6_000))
    names = [name for section in SECTIONS if section.applies(findings) for name in section.figures(findings)]
    assert len(names) >= 9 + 4
    size = write(findings, tmp_path / "report.html").stat().st_size
    assert 2e6 < size <= 5e6


def test_a_specification_is_packed_and_unpacked(spec):
    assert json.loads(zlib.decompress(base64.b64decode(packed(spec)))) == spec
    assert re.fullmatch(r"[\w+/=]+", packed(spec))
    assert len(packed(spec)) < len(json.dumps(spec)) / 2

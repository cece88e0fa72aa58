"""What the charts of a page are given adds up to the tables of the run."""

from __future__ import annotations

import io
import json
import re
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest

from gpusim.analysis.bottlenecks import bottlenecks
from gpusim.report.document import table
from gpusim.report.explorer import LEAST_STEPS, specification
from gpusim.report.findings import Findings
from gpusim.report.tables import Column, decimals, text
from gpusim.units import DAY_S, HOUR_S, WATT_PER_MW
from tests.analysis.kit import fleet

LIBRARIES = files("gpusim.report") / "libraries"


@pytest.fixture(scope="module")
def result():
    return fleet(3, 48)


@pytest.fixture(scope="module")
def spec(result) -> dict:
    return specification(Findings(result))


def data(spec: dict, name: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(spec["datasets"][name]), keep_default_na=False)


def test_gpus_of_the_chart_are_those_of_the_ledger(spec, result):
    chart = data(spec, "ledger")
    gpu_s = (chart["gpus"] * (chart["to"] - chart["from"])).groupby(chart["site"]).sum() * DAY_S
    assert gpu_s.to_dict() == pytest.approx(result.ledger.groupby("site")["gpu_s"].sum().to_dict(), rel=1e-3)
    colours = spec["vconcat"][1]["encoding"]["color"]["scale"]
    assert set(chart["cause"]) == set(colours["domain"])
    assert len(colours["domain"]) == len(colours["range"])


def test_hours_held_back_are_those_of_the_bottlenecks(spec, result):
    held = data(spec, "held")["gpu_hours"].sum()
    assert held == pytest.approx(bottlenecks(result)["gpu_hours_held_back"].sum(), rel=1e-4)


def test_power_and_jobs_are_those_of_the_tables(spec, result):
    power, jobs, days = data(spec, "power"), data(spec, "jobs"), result.manifest["duration_s"] / DAY_S
    drawn = power[power["what"] == "facility"]
    step = days / drawn["from"].nunique()
    mwh = (result.power["facility_w"] * (result.power["end_s"] - result.power["start_s"])).sum() / HOUR_S / WATT_PER_MW
    assert (drawn["mw"] * step * 24.0).sum() == pytest.approx(mwh, rel=1e-3)
    waits = jobs[jobs["what"] == "wait"]
    pools = result.pools
    queued = (pools["queued_jobs"] * (pools["end_s"] - pools["start_s"])).sum() / DAY_S
    assert (waits["jobs"] * step).sum() == pytest.approx(queued, rel=1e-3)


def test_many_sites_have_fewer_steps():
    many = data(specification(Findings(fleet(80, 24))), "ledger")
    assert many["from"].nunique() <= LEAST_STEPS
    assert many["site"].nunique() == 80


def test_a_name_stays_in_its_place():
    made = fleet(1, 24)
    spec = json.dumps(specification(Findings(made)))
    assert "</" not in spec
    assert re.fullmatch(r"[\w\s.,-]+", json.loads(spec)["datasets"]["jobs"])


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

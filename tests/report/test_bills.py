"""The section of bills on page and console."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from gpusim.report.findings import Findings
from gpusim.report.sections.power import BillsSection
from gpusim.results.delivered import delivered, in_words
from gpusim.results.tables.names import BILL_COLUMNS
from gpusim.results.tables.record import Record

ROWS = [
    ("texas", "2026-06", "energy", 80.0, 80.0, "MWh", 4000.0),
    ("texas", "2026-06", "agreement wind", 20.0, 20.0, "MWh", 800.0),
    ("texas", "2026-06", "demand", 0.0, 2.0, "MW", 1000.0),
    ("texas", "2026-07", "energy", 100.0, 100.0, "MWh", -200.0),
    ("ohio", "2026-06", "energy", 0.0, 0.0, "MWh", 0.0),
    ("ohio", "2026-06", "demand", 0.0, 3.0, "MW", 1500.0),
]


@pytest.fixture
def record() -> Record:
    return Record({}, {"bill": pd.DataFrame(ROWS, columns=BILL_COLUMNS)})


def test_components_are_sums_by_site_and_megawatt_hours(record) -> None:
    found = delivered(record).set_index(["site", "component"])
    assert found.loc[("texas", "energy"), "usd"] == 3800.0
    assert found["usd_per_mwh"].to_dict() == pytest.approx(
        {
            ("texas", "energy"): 19.0, ("texas", "agreement wind"): 4.0, ("texas", "demand"): 5.0,
            ("ohio", "energy"): float("nan"), ("ohio", "demand"): float("nan"),
        },
        nan_ok=True,
    )  # fmt: skip


def test_sentences(record) -> None:
    assert in_words(record) == [
        "Power delivered to texas: 5,600 USD, 28.0 USD/MWh (energy 19.0, demand 5.0, agreement wind 4.0).",
        "ohio drew no power; its bill is 1,500 USD.",
    ]


def test_section_has_them_and_its_tables(record) -> None:
    findings, section, said = Findings(record), BillsSection(), io.StringIO()
    assert section.applies(findings)
    section.say(findings, Console(file=said, width=200))
    assert "28.0 USD/MWh" in said.getvalue()
    tables = section.tables(findings)
    assert len(tables["bills"]["rows"]) == 5
    assert len(tables["bill-months"]["rows"]) == len(ROWS)
    assert not section.applies(Findings(Record({}, {})))

"""The section of power made on site, on page and console."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from rich.console import Console

from gpusim.report.findings import Findings
from gpusim.report.sections.power import OnSiteSection
from gpusim.results.site_power import sources, sources_in_words
from gpusim.results.tables.names import ON_SITE_COLUMNS
from gpusim.results.tables.record import Record
from gpusim.units import JOULE_PER_MWH

UNUSED = ("beyond_j", "stored_j", "unit_hours", "nox_kg")
ROWS = [  # site, start_s, end_s, source, kind, given, taken, lost [MWh], usd, fixed_usd, carbon_kg
    ("texas", 0.0, 1.0, "grid", "grid", 50.0, 0.0, 0.0, 2500.0, 0.0, 15_000.0),
    ("texas", 1.0, 2.0, "grid", "grid", 10.0, 0.0, 0.0, 500.0, 0.0, 3_000.0),
    ("texas", 0.0, 1.0, "engines", "reciprocating", 40.0, 0.0, 1.0, 1600.0, 900.0, 18_000.0),
    ("texas", 0.0, 1.0, "solar", "solar", 5.0, 0.0, 2.0, 0.0, 100.0, 0.0),
    ("texas", 0.0, 1.0, "battery", "battery", 4.0, 9.0, 1.0, 0.0, 50.0, 0.0),
    ("ohio", 0.0, 1.0, "grid", "grid", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    ("ohio", 0.0, 1.0, "engines", "reciprocating", 0.0, 0.0, 0.0, 0.0, 10.0, 0.0),
]


@pytest.fixture
def record() -> Record:
    names = [name for name in ON_SITE_COLUMNS if name not in UNUSED]
    table = pd.DataFrame(ROWS, columns=names)
    table[["given_j", "taken_j", "lost_j"]] *= JOULE_PER_MWH
    return Record({}, {"on_site": table.assign(**dict.fromkeys(UNUSED, 0.0))})


def test_sources_are_sums_by_site(record) -> None:
    found = sources(record).set_index(["site", "source"])
    assert found.loc["texas", "share"].to_dict() == pytest.approx(
        {"grid": 0.6, "engines": 0.4, "solar": 0.05, "battery": -0.05}
    )
    assert found.loc[("texas", "engines"), ["given_mwh", "lost_mwh", "usd_per_mwh", "carbon_kg_per_mwh"]].tolist() == [
        40.0, 1.0, 62.5, 450.0,
    ]  # fmt: skip
    assert found.loc[("texas", "grid"), "usd"] == 3000.0
    assert found.loc["ohio", "usd_per_mwh"].isna().all()


def test_words(record) -> None:
    assert sources_in_words(record) == [
        "texas drew 100 MWh, and its battery kept or lost 5 MWh more. Made on site: engines 38%, solar 5%; its own "
        "plant cost 2,650 USD.",
        "ohio drew no power; its own plant cost 10 USD.",
    ]


def test_words_where_all_is_of_the_grid(record) -> None:
    table = record.tables["on_site"]
    unused = table[table["source"].isin(["grid", "battery"])].assign(taken_j=0.0)
    unused.loc[unused["source"] == "battery", "given_j"] = 0.0
    assert sources_in_words(Record({}, {"on_site": unused})) == [
        "texas drew 60 MWh, all of it from the grid; its own plant cost 50 USD.",
        "ohio drew no power.",
    ]
    alone = table[(table["source"] == "grid") & (table["site"] == "texas")]
    assert sources_in_words(Record({}, {"on_site": alone})) == ["texas drew 60 MWh, all of it from the grid."]


def test_shares_of_what_is_made_never_pass_the_whole(record) -> None:
    """A battery that takes more than the site draws: all that came was made by the sun."""
    table = record.tables["on_site"]
    texas = table[(table["site"] == "texas") & table["source"].isin(["solar", "battery"])].assign(taken_j=0.0)
    texas.loc[texas["source"] == "battery", ["given_j", "taken_j"]] = 0.0, 4.0 * JOULE_PER_MWH
    assert sources_in_words(Record({}, {"on_site": texas}))[0] == (
        "texas drew 1 MWh, and its battery kept or lost 4 MWh more. Made on site: solar 100%; its own plant "
        "cost 150 USD."
    )


def test_section(record) -> None:
    findings, section, said = Findings(record), OnSiteSection(), io.StringIO()
    assert section.applies(findings)
    section.say(findings, Console(file=said, width=200))
    assert "Made on site: engines 38%" in said.getvalue()
    assert len(section.tables(findings)["sources"]["rows"]) == 6
    assert not section.applies(Findings(Record({}, {})))

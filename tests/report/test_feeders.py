"""The section of racks, busways and halls, on page and console."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from gpusim.report.sections.power import FeedersSection
from gpusim.results.site_power import feeders, feeders_in_words, has_feeders
from gpusim.results.tables.record import Record

ROWS = [
    ("texas", "H100", "rack", 0, 4, 30e3, 32.4e3, 36_000.0),
    ("texas", "H100", "rack", 1, 4, 30e3, 29e3, 0.0),
    ("texas", "H100", "hall", 0, 8, 50e3, 61.4e3, 3600.0),
    ("ohio", "B200", "rack", 0, 4, 60e3, 10e3, 0.0),
]
COLUMNS = ["site", "gpu_type", "tier", "feeder", "nodes", "limit_w", "asked_w", "capped_s"]


def record(rows) -> Record:
    return Record({}, {"feeders": pd.DataFrame(rows, columns=COLUMNS)})


def test_a_row_for_each_kind() -> None:
    found = feeders(record(ROWS)).set_index(["site", "tier"])
    assert found.loc[("texas", "rack")].tolist() == ["H100", 2, 1, 30.0, 30.0, 32.4, 5.0, 10.0]
    assert found.loc[("ohio", "rack"), "capping"] == 0


def test_words() -> None:
    assert feeders_in_words(record(ROWS)) == [
        "Of 2 racks of H100 at texas, 1 capped jobs, for 10 hours at the longest; to cap none, each would have to "
        "carry 32.4 kW, not 30.",
        "The only hall of H100 at texas capped jobs, for 1 hour; to cap none, it would have to carry 61.4 kW, not 50.",
    ]
    both = [row if row[3] == 0 else (*row[:7], 7200.0) for row in ROWS[:2]]
    assert feeders_in_words(record(both))[0].startswith(
        "All 2 racks of H100 at texas capped jobs, for 10 hours at the longest"
    )
    assert feeders_in_words(record(ROWS[3:])) == ["No node, rack, busway or hall capped jobs."]


def test_where_it_applies() -> None:
    assert has_feeders(record(ROWS))
    assert not has_feeders(Record({}, {}))


@pytest.mark.parametrize("rows", [ROWS, ROWS[3:]])
def test_the_table_has_all(rows) -> None:
    table = FeedersSection().tables(SimpleNamespace(result=record(rows)))["feeders"]
    assert len(table["rows"]) == len({row[:3] for row in rows})

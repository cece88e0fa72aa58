"""When, and with what probability, a contract can be delivered."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from gpusim.commerce.book import Book
from gpusim.commerce.signing import admits, deliverable
from gpusim.errors import CommerceError
from tests.commerce.kit import live, scenario, steps

BASE = {"end": 400.0, "price_usd_per_gpu_hour": 2.0, "grace_days": 10.0}
TABLES = {
    "signed": {**BASE, "signed": 0.0, "gpus": 8.0},
    "proposal": {**BASE, "signed": 5.0, "gpus": steps((10, 8), (40, 16)), "terminate_after_late": 1},
}


def lives() -> list[pd.DataFrame]:
    """Ten replications: 8 GPUs at once, 16 more on day 1, 5, ... 37; 8 more a month later, in the last two never."""
    return [
        live(("texas", "H100", 0, 8), ("texas", "H100", 1 + 4 * i, 24), *[("ohio", "H100", 31 + 4 * i, 8)] * (i < 8))
        for i in range(10)
    ]


def test_milestones_over_replications() -> None:
    tables = {**TABLES, "proposal": {**TABLES["proposal"], "gpus": steps((10, 8), (40, 24))}}
    found = deliverable(Book.of(scenario(tables, 120)), "proposal", lives())
    # Met on days 10, 10, 10, 13, 17, 21, ... 37; the last two milestones with the GPUs of Ohio: 40, 40, 40, 43, ... 59.
    assert found["on_time"].tolist() == [0.3, 0.3]
    assert found["within_grace"].tolist() == [0.5, 0.5]
    assert found["in_run"].tolist() == [1.0, 0.8]
    assert found["gpus"].tolist() == [8, 24]

    def date(day: int) -> datetime:
        return pd.Timestamp(datetime(2025, 1, 1, tzinfo=UTC)) + pd.Timedelta(days=day)

    assert found["due_utc"].tolist() == [date(10), date(40)]
    assert [found[f"{q}_utc"][0] for q in ("p10", "p50", "p90")] == [date(10), date(17), date(33)]
    assert [found[f"{q}_utc"][1] for q in ("p10", "p50")] == [date(40), date(47)]
    assert found["p90_utc"][1] is pd.NaT


def test_admission_has_a_threshold() -> None:
    found = deliverable(Book.of(scenario(TABLES, 120)), "proposal", lives())
    assert found["within_grace"].tolist() == [0.5, 1.0]
    assert admits(found, 0.5)
    assert not admits(found, 0.6)


def test_what_others_have_is_not_there() -> None:
    ahead = {**TABLES, "signed": {**TABLES["signed"], "gpus": 100.0}}
    found = deliverable(Book.of(scenario(ahead, 120)), "proposal", lives())
    assert found["in_run"].tolist() == [0.0, 0.0]


def test_questions_that_cannot_be_answered() -> None:
    book = Book.of(scenario(TABLES, 120))
    with pytest.raises(CommerceError, match="no contract 'propsal' .did you mean 'proposal'"):
        deliverable(book, "propsal", lives())
    with pytest.raises(CommerceError, match="no replication"):
        deliverable(book, "proposal", [])

"""How a value is written: no noise, no -0, and words for what is no number."""

from __future__ import annotations

import pandas as pd
import pytest

from gpusim.report.tables import Column, cells, decimals, number, plus_minus


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((-8e-12, -2e-11, 4e-12), "0"),
        ((-0.3, -1000.3, 999.7), "0 \u00b1 1,000"),
        ((-0.0, 0.0, 0.0), "0"),
        ((0.5, 0.0, 1.26), "0.50 (0.00 to 1.26)"),
        ((0.002, 0.001, 0.003), "0.0020 \u00b1 0.0010"),
        ((float("nan"), float("nan"), float("nan")), "no jobs"),
        ((float("inf"), float("-inf"), float("inf")), "no end"),
    ],
)
def test_means_and_their_intervals(values: tuple, said: str) -> None:
    assert plus_minus(*values, "no jobs") == said


def test_no_minus_before_nothing() -> None:
    assert [number(-0.0), decimals(1)(-0.04), decimals()(-0.0)] == ["0", "0.0", "0"]


def test_cells_without_a_value() -> None:
    table = pd.DataFrame({"pue": [1.2, None], "day": pd.to_datetime(["2026-01-01", None])})
    columns = (Column("pue", "PUE", decimals(2)), Column("day", "day", str, none="never"))
    assert [row[0] for row in cells(table, columns)] == ["1.20", "no power drawn"]
    assert cells(table, columns)[1][1] == "never"

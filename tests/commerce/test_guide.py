"""The example of docs/contracts.md runs, and does what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.commerce.kit import scenario

GUIDE = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text(encoding="utf-8")


def test_python() -> None:
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)[1], names)
    milestones = names["allocation"].milestones()
    assert milestones["late_days"].tolist() == [7.0, 105.0]
    assert milestones["state"].tolist() == ["met", "late"]
    assert names["proposal"]["within_grace"].tolist() == [0.7, 0.4]
    assert not names["admits"](names["proposal"], least=0.8)
    headline = names["figures"](names["books"])
    assert headline["backlog_usd"] == 0.0
    # Of 11.9 billion USD 97% is paid for, but for what came late.
    late_usd = (7 * 40_000 + 105 * 60_000) * 24 * names["book"].contracts[0].price.values[0]
    assert headline["revenue_usd"] == pytest.approx(0.97 * (11.9e9 - late_usd))


def test_toml() -> None:
    tables = tomllib.loads(re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)[1])
    assert scenario(tables["contracts"], 2556).contracts["march"].grace_days == 60.0

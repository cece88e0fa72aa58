"""A scenario file written back: changed values, the same comments, and the scenario that was wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpusim.report.scenario_text import write_changed
from gpusim.scenario.scenario import Scenario

FLEET = """\
# My fleet.
name = "fleet"  # for titles

[run]
start = 2026-06-01
days = 2.0

[scheduler]
order = "fifo"  # for now

[tenants.lab]

[sites.york]
region = "GB"
jurisdiction = "UK"
grid_mw = [{ at = 0, value = 0.2 }, { at = 1, value = 0.4 }]  # in two stages
[sites.york.pools.H100]
gpus = 64.0
"""


def written(folder: Path, text: str, changes: dict[str, object]) -> tuple[str, Scenario, Scenario]:
    (folder / "fleet.toml").write_text(text, encoding="utf-8")
    wanted = Scenario.from_toml(folder / "fleet.toml").with_(changes)
    out = folder / "plan" / "plan.toml"
    out.parent.mkdir()
    write_changed(folder / "fleet.toml", wanted, out)
    return out.read_text(encoding="utf-8"), Scenario.from_toml(out), wanted


def test_values_change_and_comments_stay(tmp_path: Path) -> None:
    steps = [{"at": 0, "value": 0.2}, {"at": 0.5, "value": 0.8}]
    changes = {"scheduler.order": "sjf", "sites.york.grid_mw": steps, "sites.york.pools.H100.gpus": 128.0}
    text, found, wanted = written(tmp_path, FLEET, {**changes, "money.tax_rate": 0.3})
    assert found == wanted
    assert found.scheduler.order == "sjf"
    unchanged = [line for line in FLEET.splitlines() if "order" not in line and "grid_mw" not in line]
    assert [line for line in unchanged if line not in text.splitlines()] == ["gpus = 64.0"]
    assert 'order = "sjf" # for now' in text.replace("  #", " #")
    assert "tax_rate = 0.3" in text
    assert "checkpoint" not in text  # no default is spelt out


def test_a_file_that_extends_another(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(FLEET, encoding="utf-8")
    text, found, wanted = written(tmp_path, 'extends = "base.toml"\nname = "more"\n', {"run.days": 3.0})
    assert found == wanted
    assert 'extends = "../base.toml"' in text
    assert len(text.splitlines()) < 8


def test_what_cannot_be_changed_in_place_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpusim.report.scenario_text._changes", lambda *_tables: [])
    text, found, wanted = written(tmp_path, FLEET, {"run.days": 3.0})
    assert found == wanted
    assert "record_s" in text

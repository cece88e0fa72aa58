"""A scenario survives its way through a saved manifest and TOML text."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime

from gpusim.report.scenario_text import to_toml
from gpusim.scenario.scenario import Scenario


def test_values_keep_their_types():
    table = {
        "name": 'a "quoted" \\ name\nin two lines, ü', "on": True, "count": 8, "ratio": 1e-07, "far": float("inf"),
        "steps": [{"at": 0.0, "value": 1}, {"at": 2.5, "value": 3}], "empty": {}, "list": [],
        "moment": datetime(2026, 6, 1, 12, tzinfo=UTC), "gpus": {"A B": {"8": 0.5, "1": {"deep": "x"}}},
    }  # fmt: skip
    assert tomllib.loads(to_toml(table)) == table


def test_saved_scenario_is_the_same_scenario():
    scenario = Scenario.from_dict(tomllib.loads(Scenario.starter()))
    saved = json.loads(json.dumps(scenario.to_toml_dict(), default=str))
    again = Scenario.from_dict(tomllib.loads(to_toml(saved)))
    assert again.content_hash() == scenario.content_hash()

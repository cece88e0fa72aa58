"""Values set from outside, by the command line and by ``with_``."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.overrides import parse_overrides
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Site
from tests.scenario.kit import starter


def scenario() -> Scenario:
    return Scenario.from_dict(starter())


def test_values_are_toml_and_bare_words_text() -> None:
    texts = [
        "run.days=2.5",
        "a.b = [1, 2]",
        "scheduler.order=sjf",
        'name="x=y"',
        "run.drain=true",
        "c=",
        "d=2026-06-01",
    ]
    values = parse_overrides(texts)
    assert values["run.days"] == 2.5
    assert values["a.b"] == [1, 2]
    assert values["scheduler.order"] == "sjf"
    assert values["name"] == "x=y"
    assert values["run.drain"] is True
    assert values["c"] == ""
    assert values["d"].isoformat() == "2026-06-01"


def test_all_faulty_texts_together() -> None:
    with pytest.raises(ScenarioError) as error:
        parse_overrides(["run.days", "=3", "run.days=3", "a=1\nb=2"])
    assert error.value.faults == [
        f"found {found}; give KEY=VALUE, say sites.abilene.grid_mw=250"
        for found in ('"run.days"', '"=3"', r'"a=1\nb=2"')
    ]


def test_with_changes_a_copy() -> None:
    before = scenario()
    after = before.with_(
        {
            "sites.texas.grid_mw": np.float64(2.0),
            "services.chat.deployments.1.weight": np.int64(3),
            "sites.texas.cooling.medium": "liquid",
            "gpus.H100.tdp_w": 650,
            'tenants."lab".quota_gpus': {"H100": 64},
            "workload.classes": {"research": {}, "batch": {"load_s": 5.0}},
        }
    )
    assert after.sites["texas"].grid_mw.peak() == 2.0
    assert after.services["chat"].deployments[1].weight == 3.0
    assert after.sites["texas"].cooling.medium == "liquid"
    assert after.gpus["H100"].tdp_w == 650.0
    assert after.tenants["lab"].quota_gpus == {"H100": 64}
    assert after.workload.classes["batch"].load_s == 5.0
    assert before == scenario()
    assert before.with_({}) == before
    assert before.with_({}).content_hash() == before.content_hash() != after.content_hash()


def test_all_faulty_keys_and_values_together() -> None:
    with pytest.raises(ScenarioError) as error:
        scenario().with_(
            {
                "sites.texass.grid_mw": 1.0,
                "services.chat.deployments.7.weight": 1.0,
                "run.days.hours": 1.0,
                "sites..grid_mw": 1.0,
                "sites.texas.coolin.medium": 1.0,
                "run.dayz": 3.0,
                "run.days": "long",
            }
        )
    assert error.value.faults == [
        "sites.texass: no such key (did you mean 'texas'?); known: texas, frankfurt",
        "services.chat.deployments.7: no such place in the list; allowed: 0 to 1",
        "run.days.hours: run.days is a value, not a table",
        "'sites..grid_mw': not a key; give names joined by dots, say sites.abilene.grid_mw",
        "sites.texas.coolin: no such key (did you mean 'cooling'?); known: " + ", ".join(Site.model_fields),
        'run.days: found "long"; give a number greater than 0, 36,525 at most',
        "run.dayz: unknown key (did you mean 'days'?); allowed: days, drain, record_s, signal_s, start, warmer_k",
    ]


def test_file_and_override_faults_together(tmp_path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(Scenario.starter().replace("days = 3.0", 'days = "3"'))
    with pytest.raises(ScenarioError) as error:
        Scenario.from_toml(file, {"sites.texas.pools.H100.gpus": 3, "sites.austin.grid_mw": 1})
    assert [fault.split(":")[0] for fault in error.value.faults] == [
        "sites.austin",
        "run.days",
        "sites.texas.pools.H100.gpus",
        "services.chat.deployments.0",
    ]
    assert Scenario.from_toml(file, {"run.days": 1.0}).run.days == 1.0

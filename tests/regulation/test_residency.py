"""Jobs and services whose data are at home in Europe stay there, and nobody else is touched."""

from __future__ import annotations

import pytest

import gpusim
from gpusim.errors import ScenarioError
from gpusim.regulation.residency import confined
from tests.regulation.kit import tables

GDPR = "eu-gdpr"


def given(rules: dict | None = None, **stream: object) -> gpusim.Scenario:
    """Sites in Texas, Germany, the United Kingdom and Norway; a stream of jobs, and a service in the first two."""
    data = tables([GDPR], rules={GDPR: rules or {}})
    here = data["sites"].pop("here")
    places = {
        "texas": ("US-TEX-ERCO", "US"),
        "germany": ("DE-LU", "EU"),
        "britain": ("GB", "GB"),
        "norway": ("NO-NO4", "NO"),
    }
    data["sites"] = {name: {**here, "region": r, "jurisdiction": j} for name, (r, j) in places.items()}
    data["workload"]["streams"]["jobs"] |= {"jobs_per_day": 500.0, **stream}
    data["services"] = {
        "chat": {
            "tenant": "lab", "gpus_per_replica": 1, "mean_tokens_per_s": 100.0, "tokens_per_s_per_gpu": {"unit": 100.0},
            "deployments": [{"site": name, "gpu_type": "unit"} for name in ("texas", "germany")],
        }
    }  # fmt: skip
    return gpusim.Scenario.from_dict(data)


def test_jobs_at_home_in_europe_stay_there() -> None:
    free = gpusim.run(given(home="DE-LU").with_({"rules.enforce": []}))
    held = gpusim.run(given(home="DE-LU"))
    assert set(free.jobs["site"].dropna()) == {"texas", "germany", "britain", "norway"}
    assert set(held.jobs["site"].dropna()) == {"germany", "britain", "norway"}
    (row,) = held.rules.to_dict("records")
    assert row["what"] == "residency"
    assert row["detail"] == "stream jobs may not run at texas (1 of 4)"


@pytest.mark.parametrize("stream", [{}, {"home": "US-TEX-ERCO"}, {"home": "DE-LU", "residency": ["US", "EU"]}])
def test_others_are_not_touched(stream: dict) -> None:
    scenario = given(**stream)
    assert confined(scenario) == (scenario, [])
    before = given(home="DE-LU").with_({"run.start": "2018-01-01"})
    assert confined(before) == (before, [])


def test_a_tenant_by_name_binds_its_services_too() -> None:
    scenario, entries = confined(given({"tenants": ["lab"]}))
    assert [d.site for d in scenario.services["chat"].deployments] == ["germany"]
    assert scenario.workload.streams["jobs"].residency
    assert sorted(entry.detail for entry in entries) == [
        "service chat may not run at texas (1 of 2)", "stream jobs may not run at texas (1 of 4)"
    ]  # fmt: skip


def test_a_service_without_any_place_left_is_refused() -> None:
    scenario = given({"tenants": ["lab"], "allowed": ["GB"]})
    with pytest.raises(ScenarioError, match=r"services.chat.deployments: none is where eu-gdpr lets it run"):
        gpusim.run(scenario)

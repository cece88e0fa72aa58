"""Tables that a scenario may leave out: a key that they do not have gets the same help as anywhere."""

from __future__ import annotations

import pytest

from gpusim.scenario import kinds
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.site import Site
from tests.scenario.kit import changed, faults, starter

OPTIONAL = [
    name for name, field in Site.model_fields.items()
    if field.default is None and kinds.tables_of(field.annotation) and kinds.table_at(Site, [name])
]  # fmt: skip


def test_there_are_some() -> None:
    assert {"non_firm", "on_site", "tariff"} <= set(OPTIONAL)


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_unknown_key_is_told_what_is_allowed(name: str) -> None:
    table = kinds.table_at(Scenario, ["sites", "texas", name])
    assert table is kinds.tables_of(Site.model_fields[name].annotation)
    (fault,) = (one for one in faults(changed(starter(), f"sites.texas.{name}", {"zzz": 1})) if "zzz" in one)
    assert fault == f"sites.texas.{name}.zzz: unknown key; allowed: {', '.join(sorted(table.model_fields))}"


def test_a_misspelt_one_is_recognised() -> None:
    found = faults(changed(starter(), "sites.texas.on_site", {"batery": {"mw": 1.0, "mwh": 1.0}}))
    assert found == [
        "sites.texas.on_site.batery: unknown key (did you mean 'battery'?); allowed:"
        " battery, generators, interval_s, solar"
    ]


def test_an_option_of_a_plan_may_change_one() -> None:
    """And what it lacks is told by its keys."""
    data = changed(starter(), "sites.texas.tariff", {"tax_share": 0.1})
    option = {"key": "sites.texas.tariff.tax_share", "how": "set", "choices": [0.1, 0.2]}
    data["plan"] = {"options": {"tax": option}}
    assert faults(data) == []
    option["key"] = "sites.texas.tariff.tax_shar"
    (fault,) = faults(data)
    assert "sites.texas.tariff.tax_shar: not in the scenario (did you mean 'tax_share'?)" in fault

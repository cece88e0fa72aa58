"""The catalogue of rules: every figure has its source, is printed, and can be changed by a scenario."""

from __future__ import annotations

import pickle

import pytest
from click.testing import CliRunner

from gpusim.cli import cli
from gpusim.errors import ScenarioError
from gpusim.scenario.rule import KINDS
from gpusim.scenario.rules import NAMES, Rules, catalogue, figures
from gpusim.scenario.scenario import Scenario
from tests.regulation.kit import scenario, tables


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_whole(name: str) -> None:
    table = catalogue()[name]
    assert isinstance(getattr(Rules(), name), KINDS[table["kind"]])
    assert set(table["sources"]) - {"rule"} <= set(table), "a source of a figure that is not there"
    for source in table["sources"].values():
        assert set(source) == {"basis", "source", "date"}
        assert source["basis"] in ("published", "derived", "assumption")
        assert source["source"]
        assert source["date"][:2] == "20"


def test_figures_are_those_in_force() -> None:
    shown = {(row["rule"], row["figure"]): row["value"] for row in figures()}
    assert shown["us-pjm-capacity", "usd_per_mw_day.2026"] == "329.17"
    assert shown["de-enefg", "law.existing_pue"] == "1.5 from 2027-07-01, 1.3 from 2030-07-01"
    assert shown["us-ercot-4cp", "usd_per_kw_year"] == "70.0"


def test_the_command_prints_them() -> None:
    printed = CliRunner().invoke(cli, ["rules"])
    assert printed.exit_code == 0
    for name in NAMES:
        assert name in printed.output
    assert "329.17" in printed.output
    assert "2.0*" in printed.output


def test_a_scenario_says_only_what_differs() -> None:
    given = scenario(
        ["de-enefg"],
        rules={"de-enefg": {"variant": "draft", "law": {"new_pue": 1.25}}, "us-ercot-4cp": {"variant": "12CP"}},
    )
    rule = getattr(given.rules, "de-enefg")
    assert (rule.limits.new_pue, rule.law.new_pue, rule.law.existing_pue[0].value) == (1.3, 1.25, 1.5)
    assert getattr(given.rules, "us-ercot-4cp").usd_per_kw_year == 70.0
    assert [name for name, _rule in given.rules.enforced()] == ["de-enefg"]
    assert [name for name, _rule in scenario("all").rules.enforced()] == list(NAMES)


def test_a_scenario_with_rules_survives_files_and_processes() -> None:
    given = scenario(["us-texas-sb6"], rules={"us-texas-sb6": {"events_per_year": 9.0}})
    assert Scenario.from_dict(given.to_toml_dict()) == given
    assert pickle.loads(pickle.dumps(given)) == given
    assert given.with_({"rules.us-texas-sb6.events_per_year": 4.0}).content_hash() != given.content_hash()


def test_a_scenario_without_rules_does_not_show_them() -> None:
    plain = tables([])
    del plain["rules"]
    bare = Scenario.from_dict(plain)
    assert "rules" not in bare.to_toml_dict()
    assert bare.content_hash() == scenario([]).content_hash()


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"enforce": ["us-texas-sb5"]}, "did you mean 'us-texas-sb6'?"),
        ({"enforce": "none"}, 'found "none"; give "all" or a list of names'),
        ({"us-texas-sb5": {}}, "rules.us-texas-sb5: unknown key (did you mean 'us-texas-sb6'?)"),
        ({"us-texas-sb6": {"event_per_year": 1.0}}, "did you mean 'events_per_year'?"),
        (
            {"us-texas-sb6": {"events_per_year": -1.0}},
            "rules.us-texas-sb6.events_per_year: found -1.0; give a number, 0 or",
        ),
        (
            {"us-texas-sb6": {"sites": ["hre"]}},
            "rules.us-texas-sb6.sites.0: unknown name \"hre\" (did you mean 'here'?)",
        ),
        ({"us-texas-sb6": {"hours_p90": 1.0}}, "hours_p90 below hours_median"),
        ({"us-ercot-4cp": {"variant": "5CP"}}, 'give one of "4CP", "12CP"'),
        ({"us-pjm-capacity": {"usd_per_mw_day": {"26": 1.0}}}, "'26' is not a year like 2026"),
        ({"nl-amsterdam": {"until": "2020-01-01"}}, "until is not after since"),
        ({"ie-cru-2025236": {"stops": ["permits"]}}, "would stop work for good; give until"),
        ({"eu-gdpr": {"tenants": ["labs"]}}, "did you mean 'lab'?"),
    ],
)
def test_faults(rules: dict, sentence: str) -> None:
    data = tables([])
    data["rules"] = rules
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict(data)
    (fault,) = caught.value.faults
    assert sentence in fault

"""Files that are not scenarios: one error with the line and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpusim.errors import ScenarioError
from gpusim.scenario.scenario import Scenario


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            'name = "a"\nplace = texas\n',
            'not valid TOML: line 2: invalid value: found "place = texas"; text needs double quotes, booleans are true'
            " and false, dates are like 2026-06-01",
        ),
        (
            "[run]\ndays = 3 d\n",
            "not valid TOML: line 2: expected newline or end of document after a statement: found \"days = 3 d\";"
            " one KEY = VALUE per line; text needs double quotes",
        ),
        (
            "a = 1\na = 2\n",
            'not valid TOML: line 2: cannot overwrite a value: found "a = 2"; a key may appear only once; remove one',
        ),
        (
            "[run]\n[run]\n",
            "not valid TOML: line 2: cannot declare ('run',) twice: found \"[run]\"; a [table] may appear only once;"
            " put its keys together",
        ),
        (
            "grid_mw = [1,\n",
            'not valid TOML: line 1: ends too early: found "grid_mw = [1,"; look for a missing ], } or quote',
        ),
        (
            "grid_mw = [1 2]\n",
            'not valid TOML: line 1: unclosed array: found "grid_mw = [1 2]"; put commas between the entries and close'
            " the list with ]",
        ),
        (
            "grid mw = 1\n",
            "not valid TOML: line 1: expected '=' after a key in a key/value pair: found \"grid mw = 1\";"
            " write KEY = VALUE; a key with spaces or dots needs quotes",
        ),
        (
            'name = "a\n',
            "not valid TOML: line 1: illegal character '\\n': found \"name = \\\"a\"; close the text with \" on the"
            " line on which it began",
        ),
    ],
)  # fmt: skip
def test_syntax(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as error:
        Scenario.from_toml(file)
    assert error.value.faults == [fault]


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"a = " + b"[" * 100_000, b"a = " + b"9" * 5000, b"\x00", b"a.b = 1\na.b.c = 2", b"PK\x03\x04"],
)
def test_not_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError, match="1 fault"):
        Scenario.from_toml(file)


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such file; `gpusim init` writes a starter scenario"):
        Scenario.from_toml(tmp_path / "absent.toml")
    with pytest.raises(ScenarioError, match="is a folder"):
        Scenario.from_toml(tmp_path)
    with pytest.raises(ScenarioError, match="cannot be read"):
        Scenario.from_toml("a\0b")


def test_empty_file_names_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.write_text("")
    with pytest.raises(ScenarioError) as error:
        Scenario.from_toml(file)
    assert [fault.split(":")[0] for fault in error.value.faults] == ["name", "run", "sites"]


def test_byte_order_mark_is_not_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_text("\ufeff" + Scenario.starter().replace("\n", "\r\n"), newline="")
    assert Scenario.from_toml(file).name == "my fleet"


def test_a_file_holds_what_differs_from_another(tmp_path):
    (tmp_path / "base.toml").write_text(Scenario.starter(), encoding="utf-8")
    (tmp_path / "mine.toml").write_text('extends = "base.toml"\nname = "mine"\n[run]\ndays = 1.5\n', encoding="utf-8")
    base, mine = (Scenario.from_toml(tmp_path / f"{name}.toml") for name in ("base", "mine"))
    assert mine == base.with_({"name": "mine", "run.days": 1.5})


@pytest.mark.parametrize(
    ("name", "said"),
    [("mine.toml", "extends: files extend each other in a circle"), ("us_eu_flet", "did you mean 'us_eu_fleet'")],
)
def test_what_cannot_be_extended_is_refused(tmp_path, name, said):
    (tmp_path / "mine.toml").write_text(f'extends = "{name}"\n', encoding="utf-8")
    with pytest.raises(ScenarioError) as refused:
        Scenario.from_toml(tmp_path / "mine.toml")
    assert said in str(refused.value)


def test_the_variant_with_slack_asks_for_less():
    sold_out, slack = map(Scenario.from_toml, ("us_eu_fleet", "us_eu_fleet_slack"))
    assert slack.sites == sold_out.sites
    assert sum(one.jobs(30.0) for one in slack.workload.streams.values()) < sum(
        one.jobs(30.0) for one in sold_out.workload.streams.values()
    )

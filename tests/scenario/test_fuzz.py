"""Scenarios with anything in any place: a scenario or a ``ScenarioError``, never another exception."""

from __future__ import annotations

import contextlib
import copy
import datetime
import tomllib
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.errors import ScenarioError
from gpusim.scenario.notes import notes
from gpusim.scenario.overrides import parse_overrides
from gpusim.scenario.scenario import Scenario
from tests.scenario.kit import starter

FLEET = tomllib.loads(Path("seeds/us_eu_fleet.toml").read_text(encoding="utf-8"))
ODD = [
    0, -1, 1, 3, 8.5, -0.0, 1e-300, 1e300, 2**31, 2**63, 10**400, float("inf"), float("nan"), True, False, None,
    "", "3", "inf", "texas", "H100", "a.b", "\x00", "ä", "2026-06-01", "0001-01-01T00:00:00+14:00", "9999-12-31",
    datetime.date(1, 1, 1), datetime.datetime(9999, 12, 31, 23), datetime.time(1), [], [[]], [{}], [1, "a"], {},
    {"": 0}, {"H100": {"gpus": 8}}, {"at": 0, "value": 1}, [{"at": 1, "value": 8}, {"at": 1, "value": 16}], (), b"x",
    object(), {"(level)": 1, "[key]": 2},
]  # fmt: skip
NAMES = ["", "gpus", "days", "at", "H100", "texas", "x y", "a.b", "run", "\n", "0"]
odd = st.sampled_from(ODD).map(copy.deepcopy)  # they are mutated too
name = st.sampled_from(NAMES) | st.text(max_size=5)
few = settings(max_examples=100, deadline=None, derandomize=True)


def places(data: object, path: tuple = ()):
    """All places in nested tables."""
    if path:
        yield path
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield from places(value, (*path, key))


def mutate(data: dict, draw) -> None:
    """Drop, rename, replace or add something somewhere."""
    *path, last = draw(st.sampled_from(sorted(places(data), key=str)))
    place = data
    for part in path:
        place = place[part]
    action = draw(st.sampled_from(["drop", "rename", "replace", "replace", "add"]))
    if action == "replace":
        place[last] = draw(odd)
    elif action == "add" and isinstance(place, dict):
        place[draw(name)] = draw(odd)
    elif action == "rename" and isinstance(place, dict):
        place[draw(name)] = place.pop(last)
    else:
        del place[last]


def survives(data: dict, overrides: dict[str, object] | None = None) -> None:
    try:
        scenario = Scenario.from_dict(data, "fuzz", overrides)
    except ScenarioError as error:
        odd_faults = [fault for fault in error.faults if not fault or not fault.isprintable()]
        if odd_faults:
            raise AssertionError(odd_faults) from error
        return
    assert scenario.with_({}) == scenario
    assert scenario.content_hash() == scenario.with_({}).content_hash()
    notes(scenario)


@few
@given(st.data())
def test_starter(data) -> None:
    tables = starter()
    for _ in range(data.draw(st.integers(1, 4))):
        if tables:
            mutate(tables, data.draw)
    survives(tables)


@few
@given(st.data())
def test_default_fleet(data) -> None:
    tables = copy.deepcopy(FLEET)
    for _ in range(data.draw(st.integers(1, 4))):
        mutate(tables, data.draw)
    survives(tables)


@few
@given(st.dictionaries(name, odd, max_size=5))
def test_anything(data: dict) -> None:
    survives(data)


key = st.sampled_from([".".join(map(str, path)) for path in places(starter())])
word = st.sampled_from(
    ["=", "1e400", "nan", '"', "'", "[", "]", "{", "}", "#", "\n", ".", "-", "2026-13-01", "0x", "inf"]
)


@few
@given(
    st.lists(key | word | st.text(max_size=8), max_size=5).map("".join), key, st.lists(word, max_size=4).map("".join)
)
def test_overrides_as_texts(text: str, path: str, value: str) -> None:
    try:
        overrides = parse_overrides([text, f"{path}={value}"])
    except ScenarioError:
        return
    survives(starter(), overrides)


@few
@given(st.dictionaries(key | name, odd, max_size=4))
def test_overrides_as_values(overrides: dict) -> None:
    survives(starter(), overrides)


@few
@given(st.data())
def test_bytes_of_a_file(tmp_path_factory, data) -> None:
    content = bytearray(Scenario.starter().encode())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    file = tmp_path_factory.getbasetemp() / "fuzz.toml"
    file.write_bytes(content)
    with contextlib.suppress(ScenarioError):
        Scenario.from_toml(file)

"""Levers: quantities of a scenario that a study turns, whatever their form in the file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import get_args, get_origin

from pydantic import Field

from gpusim.errors import ScenarioError
from gpusim.scenario import kinds
from gpusim.scenario.base import Model, moment
from gpusim.scenario.faults import dotted
from gpusim.scenario.option import How
from gpusim.scenario.overrides import path_of, set_value
from gpusim.scenario.references import find
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.steps import When
from gpusim.units import DAY_S, seconds_between


class Lever(Model):
    """One or more keys of a scenario that are turned together.

    GPUs of a pool stay whole nodes and whole numbers whole: what ``add`` and ``scale`` give is rounded to them.
    """

    keys: list[str] = Field(min_length=1)
    """Dotted keys; ``*`` stands for any name, as in ``sites.*.grid_mw``."""
    how: How = "set"
    """``set`` the value; ``add`` to it or ``scale`` it (all levels, if it has steps); ``delay_days`` moves a date,
    or the steps that come after the run's start, to an earlier day if negative; steps not before the start."""
    rises: bool = False
    """With ``delay_days``: of steps only rises move; where a level falls, it falls when it did."""
    from_day: float = Field(0.0, ge=0)
    """[d] When what is added or scaled takes effect; before, the levels are as they were."""


def turned(scenario: Scenario, turns: Iterable[tuple[Lever, object]]) -> Scenario:
    """Validated copy of a scenario with levers turned, one after the other.

    Parameters
    ----------
    turns : iterable of (Lever, value)
        What to turn, and the value to set, amount to add, factor or days.

    Raises
    ------
    ScenarioError
        With every fault of the keys and of the scenario that results.
    """
    data, faults = scenario.to_toml_dict(), []
    for lever, value in turns:
        for key in lever.keys:
            faults += _turn(data, key, lever, value)
    try:
        result = Scenario.from_dict(data, scenario.name)
    except ScenarioError as error:
        faults += error.faults
    if faults:
        raise ScenarioError(scenario.name, list(dict.fromkeys(faults)))
    return result


def _turn(data: dict, key: str, lever: Lever, value: object) -> list[str]:
    """Turn what a key names, in place; the faults."""
    path, how = path_of(key), lever.how
    if how == "set" and "*" not in path:
        fault = set_value(data, key, value, Scenario)
        return [fault] if fault else []
    found = [place for place, _value in find(data, path)]
    if not found:
        return [f"{key}: nothing there to {how.removesuffix('_days')}; give a key that has a value in the scenario"]
    if how == "delay_days":
        return _delay(data, key, found, value, lever.rises)
    faults = []
    for place in found:
        table = _table(data, place)
        try:
            table[place[-1]] = value if how == "set" else _changed(data, place, lever, value)
        except TypeError:
            shown = kinds.in_toml(table[place[-1]])
            faults.append(f'{dotted(place)}: found {shown}, which is not a number to {how}; use how = "set"')
    return faults


def _table(data: dict, place: tuple) -> dict | list:
    for part in place[:-1]:
        data = data[part]
    return data


def _changed(data: dict, place: tuple, lever: Lever, amount: float) -> object:
    """The value at a place with ``amount`` added or as factor; steps keep their moments. ``TypeError`` if no number."""
    value = _table(data, place)[place[-1]]
    if not isinstance(value, list):
        if lever.from_day == 0.0:
            return _number(data, place, value, lever.how, amount)
        value = [{"at": 0.0, "value": value}]
    start, from_s = moment(data["run"]["start"]), lever.from_day * DAY_S
    steps = sorted(value, key=lambda step: _time_s(step, start))
    if lever.from_day == 0.0:
        before, after = [], steps
    else:
        before = [step for step in steps if _time_s(step, start) < from_s]
        after = [step for step in steps if _time_s(step, start) >= from_s]
        if not (after and _time_s(after[0], start) == from_s):
            after.insert(0, {"at": lever.from_day, "value": before[-1]["value"] if before else 0.0})
    return before + [{**step, "value": _number(data, place, step["value"], lever.how, amount)} for step in after]


def _number(data: dict, place: tuple, value: object, how: How, amount: float) -> float:
    if isinstance(value, bool | str) or isinstance(amount, bool | str):
        raise TypeError
    changed = value + amount if how == "add" else value * amount
    unit = _unit(data, place)
    return math.floor(changed / unit + 0.5) * unit if unit else changed


def _unit(data: dict, place: tuple) -> int:
    """What a value comes in multiples of: nodes, whole numbers; 0 if it may be anything."""
    if len(place) == 5 and (place[0], place[2], place[4]) == ("sites", "pools", "gpus"):
        return int(data["gpus"][place[3]]["gpus_per_node"])
    kind = kinds.at(Scenario, place)
    bare = get_args(kind)[0] if get_origin(kind) is not None else kind
    return 1 if bare is int else 0


def _delay(data: dict, key: str, places: list[tuple], days: float, rises: bool) -> list[str]:
    """Move the dates and the steps at some places; those without steps after the start have nothing to move."""
    start, moved = moment(data["run"]["start"]), False
    for place in places:
        table = _table(data, place)
        value = table[place[-1]]
        if isinstance(value, list) and value and isinstance(value[0], dict):
            table[place[-1]] = list((_risen if rises else _moved)(value, start, days))
            moved = True
        elif isinstance(value, datetime) or When in (kind := kinds.at(Scenario, place), *get_args(kind)):
            table[place[-1]] = _later(value, days)
            moved = True
    if not moved:
        return [
            f"{key}: has no steps to delay, and is not a date; give it steps like [{{ at = 0, value = 8 }}, {{ at = 30,"
            " value = 16 }]"
        ]
    return []


def _moved(steps: list[dict], start: datetime, days: float) -> Iterator[dict]:
    """Steps with those after the start moved; one that comes to the start takes the place of all before it."""
    ordered = sorted(steps, key=lambda step: _time_s(step, start))
    late = [step for step in ordered if _time_s(step, start) > 0.0]
    at_start = [step for step in late if _time_s(step, start) + days * DAY_S <= 0.0]
    if at_start:
        yield {"at": 0.0, "value": at_start[-1]["value"]}
    else:
        yield from (step for step in ordered if step not in late)
    for step in late[len(at_start) :]:
        yield {**step, "at": _later(step["at"], days)}


def _risen(steps: list[dict], start: datetime, days: float) -> Iterator[dict]:
    """Steps with the rises after the start moved, each by as much as it was; what comes to the start is there then."""
    ordered = sorted(steps, key=lambda step: _time_s(step, start))
    before = [0.0, *(step["value"] for step in ordered)]
    if all(step["value"] >= level for step, level in zip(ordered, before, strict=False)):
        yield from _moved(steps, start, days)
        return
    moves = []
    for step, level in zip(ordered, before, strict=False):
        rise, come = step["value"] - level, _time_s(step, start) > 0.0
        moves.append(({"at": _later(step["at"], days)} if rise > 0.0 and come else {"at": step["at"]}, rise))
    moves.sort(key=lambda move: _time_s(move[0], start))
    level, at_start = 0.0, [rise for step, rise in moves if _time_s(step, start) <= 0.0]
    if at_start:
        level = sum(at_start)
        yield {"at": 0.0, "value": _plain(level)}
    for step, rise in moves[len(at_start) :]:
        level += rise
        yield {**step, "value": _plain(level)}


def _plain(level: float) -> float:
    """Without the trifle by which a sum of rises may be off: 0.3, not 0.30000000000000004."""
    return float(f"{level:.12g}")


def _later(date: datetime | str | float, days: float) -> datetime | str | float:
    """A date, or days after the start, moved by ``days``, in the form that it had."""
    if isinstance(date, datetime):
        return date + timedelta(days=days)
    return (moment(date) + timedelta(days=days)).isoformat() if isinstance(date, str) else date + days


def _time_s(step: dict, start: datetime) -> float:
    at = step["at"]
    return seconds_between(start, moment(at)) if isinstance(at, str) else at * DAY_S

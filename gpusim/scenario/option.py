"""What may be bought for the fleet: options, the amounts or choices of each, and what they cost.

Keys of the scenario, as all else that a planner knows of a fleet and writes down: who reads them are studies (plans).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_origin

from pydantic import BaseModel, Field, ValidationError

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.base import Model
from gpusim.scenario.faults import dotted
from gpusim.scenario.overrides import path_of
from gpusim.scenario.references import find

How = Literal["set", "add", "scale", "delay_days"]  # a value of the scenario is changed
MOST_LEVELS = 10_000
# Last word of a key -> unit of its value.
_UNITS = {"mw": "MW", "kw": "kW", "gpus": "GPUs", "gbps": "Gbit/s", "tb": "TB", "gb": "GB", "s": "s", "h": "h"}
_NOTHING = {"add": 0.0, "scale": 1.0, "delay_days": 0.0}  # amount that leaves the scenario as it is


class Option(Model):
    """Something to buy: an amount from a ``range``, or one of several ``choices``."""

    key: str = ""
    """Dotted key of the scenario; ``*`` stands for any name, as in ``sites.*.grid_mw``."""
    keys: list[str] = []
    """Several keys that vary together."""
    how: How = "set"
    """``set`` the value, ``add`` to it, ``scale`` it, or ``delay_days``: move its later steps."""
    range: list[float] = []
    """[nothing, everything]: the range of amounts. With ``delay_days`` [0, -30]: up to 30 days earlier."""
    step: float = Field(0.0, ge=0)
    """Amounts are multiples of this, counted from nothing."""
    choices: list[Any] = []
    """Values to choose from; the first is that of the scenario as it is."""
    usd_per_unit: float = Field(0.0, ge=0)
    """[USD] Cost of one unit of the amount."""
    usd: list[Annotated[float, Field(ge=0)]] = []
    """[USD] Cost of each choice; absent: they cost nothing."""
    lead_time_days: float = Field(0.0, ge=0)
    """[d] When what is added or scaled takes effect, counted from the run's start."""

    def all_keys(self) -> list[str]:
        """``key`` and ``keys``."""
        return [*([self.key] if self.key else []), *self.keys]

    @property
    def unit(self) -> str:
        """Unit of the amount, by the names of the keys; "" of choices, of factors and where the names tell none."""
        if self.choices or self.how == "scale":
            return ""
        if self.how == "delay_days":
            return "days"
        units = {_UNITS.get(key.rpartition(".")[2].rpartition("_")[2], "") for key in self.all_keys()}
        return units.pop() if len(units) == 1 else ""

    def levels(self) -> list[object]:
        """What may be bought, from nothing to everything; or the choices."""
        if self.choices:
            return list(self.choices)
        nothing, everything = self.range
        signed = math.copysign(self.step, everything - nothing)
        # Written and read again: 0.3, not 0.30000000000000004.
        amounts = [float(f"{nothing + i * signed:.12g}") for i in range(self._steps() + 1)]
        whole = nothing.is_integer() and self.step.is_integer()
        return [round(amount) for amount in amounts] if whole else list(amounts)

    def cost_usd(self, level: int) -> float:
        """[USD] Cost of what ``levels`` has at a place."""
        if self.choices:
            return self.usd[level] if self.usd else 0.0
        return float(f"{level * self.step:.12g}") * self.usd_per_unit

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """(key, fault) of what does not fit together."""
        if not self.all_keys():
            yield "key", "missing; give a dotted key of the scenario, or keys"
        if bool(self.range) == bool(self.choices):
            found = "both range and choices" if self.range else "neither range nor choices"
            yield "range", f"found {found}; give one of them"
        else:
            yield from self._faults_of_range() if self.range else self._faults_of_choices()
        if self.lead_time_days and self.how not in ("add", "scale"):
            yield "lead_time_days", f'does not go with how = "{self.how}"; only what is added or scaled may come later'

    def _faults_of_range(self) -> Iterator[tuple[str, str]]:
        if len(self.range) != 2 or self.range[0] == self.range[1]:
            yield "range", f"found {self.range}; give two numbers, nothing bought and everything: [0, 8]"
            return
        if self.how in _NOTHING and self.range[0] != _NOTHING[self.how]:
            nothing = _NOTHING[self.how]
            yield "range", f'found {self.range[0]:g} first; give {nothing:g}: nothing bought, with how = "{self.how}"'
        if not self.step:
            yield "step", "missing; give a number greater than 0, which amounts are multiples of"
        elif not math.isclose(self._steps() * self.step, abs(self.range[1] - self.range[0]), rel_tol=1e-9):
            yield "step", f"found {self.step:g}, of which {self.range} is not a multiple; give one that divides it"
        elif self._steps() >= MOST_LEVELS:
            yield "step", f"found {self.step:g}, which makes {self._steps():,} amounts; give {MOST_LEVELS:,} at most"
        if self.usd:
            yield "usd", "goes with choices; give usd_per_unit for a range"

    def _faults_of_choices(self) -> Iterator[tuple[str, str]]:
        if self.how != "set":
            yield "how", f'found "{self.how}" with choices; give "set", or a range'
        if len(self.choices) < 2:
            yield "choices", "found one; give the value of the scenario as it is, then others"
        if any(self.choices.count(choice) > 1 for choice in self.choices):
            yield "choices", "found one of them twice; give each once"
        if self.usd and len(self.usd) != len(self.choices):
            yield "usd", f"found {len(self.usd)} costs of {len(self.choices)} choices; give one for each"
        elif self.usd and self.usd[0]:
            yield "usd", f"found {self.usd[0]:g} first; give 0 for the scenario as it is"
        if self.step or self.usd_per_unit:
            yield (
                "step" if self.step else "usd_per_unit",
                "goes with range; remove it, and give usd for what choices cost",
            )

    def _steps(self) -> int:
        return round(abs(self.range[1] - self.range[0]) / self.step)


class Offers(Model):
    """What can be bought: see docs/planning.md."""

    options: dict[str, Option] = {}
    """Options by name."""


def faults_of_options(data: dict, root: type[BaseModel]) -> Iterator[str]:
    """A fault for each contradiction, and for each key that is not in the scenario of nested tables ``data``."""
    setters: dict[str, str] = {}
    for place, table in find(data, ("plan", "options", "*")):
        name = place[-1]
        try:
            option = Option.model_validate(table)
        except ValidationError:
            continue
        yield from (f"{dotted((*place, key))}: {fault}" for key, fault in option.contradictions())
        for key in option.all_keys():
            where = dotted((*place, "key" if key == option.key else "keys"))
            if fault := _fault_of_key(data, key, root):
                yield f"{where}: {fault}"
            if option.how == "set" and (other := setters.setdefault(key, name)) != name:
                yield f"{where}: {key} is set by option {other} too; make both one option, or add instead"


def _fault_of_key(data: dict, key: str, root: type[BaseModel]) -> str:
    """What is wrong with a key: ``""`` if the scenario has, or may have, a value there."""
    path = path_of(key)
    if not path:
        return f"found {kinds.in_toml(key)}; give names joined by dots, say sites.texas.grid_mw"
    for depth, part in enumerate(path):
        home, table = kinds.present(kinds.at(root, path[:depth])), kinds.table_at(root, path[:depth])
        if table:
            known = list(table.model_fields)
        elif get_origin(home) is dict:
            known = list(dict.fromkeys(str(name) for _place, name in find(data, [*path[:depth], "@"])))
        elif get_origin(home) is list:
            known = sorted({str(place[-1]) for place, _value in find(data, [*path[:depth], "*"])})
        else:
            return f"{_shown(path[:depth])} is a value, not a table"
        if part not in known and (part != "*" or not known or table):
            near = did_you_mean(part, known)
            return f"{_shown(path[: depth + 1])}: not in the scenario{near}; known: {', '.join(known) or 'none'}"
    return ""


def _shown(path: list[str]) -> str:
    return dotted(path).replace('"*"', "*")

"""What a site has of its own to make and store power: gas turbines and engines, a battery, a field of solar cells."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from math import inf
from typing import Annotated, Literal

from pydantic import Field, model_serializer, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share
from gpusim.scenario.hardware import figures
from gpusim.scenario.steps import When, elapsed_s
from gpusim.units import DAY_S

KG_PER_MMBTU = 53.06  # CO2 of natural gas by its higher heating value: 40 CFR 98, table C-1
BY_KIND: JsonDict = {"default": "by `kind`"}
AS_USUAL: JsonDict = {"default": "as of `gpusim catalog`"}
Usd = Annotated[float, Field(ge=0, le=1e9)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
LEAST_KIND: Literal["reciprocating"] = "reciprocating"


class OnSiteAsset(Model):
    """What comes some time after it was ordered, and costs something each year from then on."""

    ordered: When | None = None
    """When it is ordered: days since the start of the run, or a date. Absent: it is in service from the start."""
    lead_days: float = Field(ge=0, le=36_525, json_schema_extra=AS_USUAL)
    """[d] Lead time: from the order until it is in service."""
    until: When | None = None
    """When it is taken out of service: days since the start of the run, or a date. Absent: never."""
    usd_per_kw_year: Usd = Field(json_schema_extra=AS_USUAL)
    """[USD/kW] Fixed cost per year, used or not: capital or rent, staff, maintenance."""

    def there_s(self, start: datetime) -> float:
        """[s] Since ``start``, when it is there."""
        return 0.0 if self.ordered is None else max(0.0, elapsed_s(self.ordered, start) + self.lead_days * DAY_S)

    def changes(self, start: datetime) -> list[tuple[float, bool]]:
        """([s] since ``start``, whether it is there from then on), in order; none if it leaves before it comes."""
        comes_s, leaves_s = self.there_s(start), inf if self.until is None else elapsed_s(self.until, start)
        found = [(comes_s, True), (leaves_s, False)]
        return found[: 2 if leaves_s < inf else 1] if comes_s < leaves_s else []


class Generator(OnSiteAsset):
    """Gas turbines or engines of one kind; what is absent is usual for the kind (`gpusim catalog`)."""

    kind: Literal["large_frame", "aeroderivative", "reciprocating"] = LEAST_KIND
    """Turbines of power stations, turbines derived from jet engines, or piston engines."""
    units: int = Field(ge=0, le=100_000)
    """Number of units, spare ones included. 0: none, where a plan may buy them."""
    spare_units: int = Field(0, ge=0)
    """Of these, standby units for those that have failed or are under maintenance. N+1: 1."""
    outage_share: float = Field(0.0, ge=0, le=0.5)
    """Share of time that a unit is out of service, failed or under maintenance; units independently. 0: never."""
    outage_h: float = Field(48.0, gt=0, le=8784)
    """[h] Mean duration of an outage."""
    start_minutes: float = Field(0.0, ge=0, le=1440)
    """[min] Start-up time. 0: none. By assumption, cold: large frame 30, aeroderivative 10, reciprocating 5."""
    hours_per_year: float | None = Field(None, ge=0, le=8784)
    """[h] Operation of each unit, on average over all of them, that a permit allows in a calendar year; once it is used
    up they stop until the next. Absent: no limit."""
    nox_t_per_year: float | None = Field(None, ge=0, le=1e9)
    """[t] NOx of all units that a permit allows in a calendar year; likewise. Absent: no limit."""
    nox_kg_per_mmbtu: float = Field(0.0, ge=0, le=100)
    """[kg/MMBtu] NOx for the gas burnt, at any load. 0: not counted. EPA's AP-42: 0.045 for turbines with lean premix
    combustion (table 3.1-1), 0.38 for lean-burn engines below 90% of load (table 3.2-2), each without a catalyst."""
    mw: float = Field(gt=0, le=10_000, json_schema_extra=BY_KIND)
    """[MW] Power of a unit on the hottest day. Large frame 240, aeroderivative 34, reciprocating 18."""
    efficiency: PositiveShare = Field(json_schema_extra=BY_KIND)
    """Electricity over the higher heating value of the gas, at full load. 0.35, 0.348, 0.42."""
    half_load_efficiency: PositiveShare = Field(json_schema_extra=BY_KIND)
    """The same at half load; gas is linear in load through both. 0.27, 0.27, 0.385."""
    least_load: Share = Field(json_schema_extra=BY_KIND)
    """Minimum load of a running unit, as a share of its power. 0.4, 0.4, 0.1."""
    fuel_usd_per_mmbtu: float = Field(ge=0, le=1000)
    """[USD/MMBtu] Price of gas, by its higher heating value."""
    om_usd_per_mwh: Usd = Field(json_schema_extra=BY_KIND)
    """[USD/MWh] Maintenance for each MWh made. 5, 6, 9."""
    carbon_kg_per_mmbtu: float = Field(KG_PER_MMBTU, ge=0, le=500)
    """[kg/MMBtu] CO2 of the gas burnt; methane leaks upstream are not counted."""

    @model_validator(mode="before")
    @classmethod
    def _usual_for_the_kind(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        kind = data.get("kind", LEAST_KIND)
        return {**usual(kind if isinstance(kind, str) and kind in usual_parts() else LEAST_KIND), **data}

    @model_serializer(mode="wrap")
    def _but_what_is_usual(self, values) -> dict:
        known = usual(self.kind)
        return {name: value for name, value in values(self).items() if value != known.get(name)}

    @model_validator(mode="after")
    def _possible(self) -> Generator:
        faults = []
        if 0 < self.units <= self.spare_units:
            faults.append(f"spare_units of {self.spare_units} of {self.units} leave none; give less")
        if self.half_load_efficiency > self.efficiency:
            faults.append(
                f"half_load_efficiency of {self.half_load_efficiency:g} is above efficiency of {self.efficiency:g};"
                " give as much or less"
            )
        elif 2.0 * self.half_load_efficiency <= self.efficiency:
            faults.append("half_load_efficiency is half of efficiency or less: gas would not grow with load; give more")
        if self.nox_t_per_year is not None and self.nox_kg_per_mmbtu == 0.0:
            faults.append("nox_t_per_year limits nothing while nox_kg_per_mmbtu is 0; give both")
        if faults:
            raise PydanticCustomError("generator", "{faults}", {"faults": "; ".join(faults)})
        return self

    def changes(self, start: datetime) -> list[tuple[float, bool]]:
        """As of every part; none without units."""
        return super().changes(start) if self.units else []

    @property
    def needed_units(self) -> int:
        """Units without the spare ones."""
        return max(0, self.units - self.spare_units)

    @property
    def firm_mw(self) -> float:
        """[MW] Without the spare units."""
        return self.needed_units * self.mw

    @property
    def total_mw(self) -> float:
        """[MW] With them."""
        return self.units * self.mw


class _OfAKind(OnSiteAsset):
    """What there is one kind of; what is absent is usual for it (`gpusim catalog`)."""

    mw: float = Field(gt=0, le=1e9)

    @property
    def total_mw(self) -> float:
        """[MW] That it gives at most."""
        return self.mw

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, data: object) -> object:
        return {**usual(cls.__name__.lower()), **data} if isinstance(data, dict) else data


class Battery(_OfAKind):
    """A battery at the site, empty when it enters service."""

    mw: float = Field(gt=0, le=1e9)
    """[MW] Maximum power of charging and of discharging."""
    mwh: float = Field(gt=0, le=1e9)
    """[MWh] Energy that it stores."""
    efficiency: PositiveShare = 0.86
    """Round-trip efficiency: its square root applies to charging and to discharging."""
    discharge_above_usd_per_mwh: float | None = None
    """[USD/MWh] It also discharges while the site's price is above this, and is charged from the grid only while the
    price is at most `efficiency` times this. Absent: it only covers load beyond the grid's limit."""


class Solar(_OfAKind):
    """Solar panels. Every day is as clear as the mean of all: there are seasons and nights, but no clouds."""

    mw: float = Field(gt=0, le=1e9)
    """[MW] Power of its inverters."""
    capacity_factor: float = Field(gt=0, le=0.4)
    """Mean share of ``mw`` over a year. Published means of the US: 0.23 to 0.25."""


class OnSite(Model):
    """Power made and stored on site, and dispatched by one rule (docs/on_site.md)."""

    generators: dict[str, Generator] = {}
    """Gas turbines and engines by name."""
    battery: Battery | None = None
    """A battery."""
    solar: Solar | None = None
    """Solar cells."""
    interval_s: float = Field(900.0, ge=60, le=3600)
    """[s] Interval over which the load is averaged."""

    @property
    def firm_mw(self) -> float:
        """[MW] That its generators give when all are there, without spare units."""
        return sum(one.firm_mw for one in self.generators.values())

    def parts(self) -> dict[str, OnSiteAsset]:
        """All that there is, by name, in the order of the tables of results."""
        own = {"solar": self.solar, "battery": self.battery}
        return {**self.generators, **{name: part for name, part in own.items() if part is not None}}

    @model_validator(mode="after")
    def _names(self) -> OnSite:
        taken = [name for name in self.generators if name in ("grid", "solar", "battery")]
        if taken:
            names = " and ".join(f'"{name}"' for name in taken)
            raise PydanticCustomError(
                "on_site", "generators called {names}, as other sources are; give other names", {"names": names}
            )
        return self


@cache
def usual_parts() -> Mapping[str, dict[str, float]]:
    """Fields of the catalogue by kind."""
    kinds: dict[str, dict[str, float]] = {}
    for row in figures("on_site"):
        kinds.setdefault(row["kind"], {})[row["field"]] = float(row["value"])
    return kinds


def usual(kind: str) -> dict[str, float]:
    """Fields that are usual for a kind."""
    return usual_parts()[kind]

"""What power costs and emits: levels of prices, tariffs, and carbon at the margin."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share, UtcTime
from gpusim.scenario.hardware import figures
from gpusim.scenario.steps import Steps

# Levels of electricity prices by region and year: of 2025 and 2026, and a forward curve to 2031.


@cache
def _levels() -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[float], list[float]]] = {}
    for row in figures("prices"):
        years, levels = found.setdefault(row["region"], ([], []))
        years.append(float(row["field"]))
        levels.append(float(row["value"]))
    return found


def level_usd_per_mwh(region: str, year: int) -> float:
    """[USD/MWh] Mean price of a calendar year: on a line between the years of the catalogue, beyond them as in the
    nearest."""
    return float(np.interp(year, *_levels()[region]))


# What a site pays for power beyond the market price of its energy: agreements, demand, delivery, carbon, taxes.

Usd = Annotated[float, Field(ge=0, le=1e9)]


class Agreement(Model):
    """A power purchase agreement (PPA): a fixed price for an amount of energy in every metering interval."""

    settlement: Literal["physical", "virtual"] = "physical"
    """``physical``: the energy is delivered to the site, which buys any shortfall and sells any surplus at the market
    price. ``virtual``: the site buys all its energy at the market price, and receives (or pays) the market price less
    the agreed one for the energy of the agreement."""
    price_usd_per_mwh: float = Field(ge=-2000, le=20_000)
    """[USD/MWh] The agreed price."""
    mw: Steps | None = None
    """[MW] Flat power of the agreement. Absent: all that the site draws."""
    capacity_factor: float | None = Field(None, gt=0, le=0.4)
    """Mean output over a year, as a share of ``mw``, of a solar plant at the site's place; ``mw`` is then its peak.
    Absent: the power is flat."""
    since: UtcTime | None = None
    """First day of the agreement. Absent: the run's start."""
    until: UtcTime | None = None
    """Date at which the agreement ends. Absent: the run's end."""

    @model_validator(mode="after")
    def _in_order(self) -> Agreement:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise PydanticCustomError("agreement", "until is not after since; give a later date")
        if self.capacity_factor is not None and self.mw is None:
            raise PydanticCustomError("agreement", "capacity_factor without mw, the peak of the solar plant; give mw")
        return self


class DayAhead(Model):
    """Power bought the day before, at prices of the day-ahead market. Deviations from it are settled at
    the site's price, which is then the real-time price."""

    price_usd_per_mwh: float | None = None
    """[USD/MWh] Constant price of the day-ahead market."""
    price_file: str | None = Field(None, min_length=1)
    """File of its prices; its path is relative to the working directory."""
    mw: Steps | None = None
    """[MW] Flat power that is bought. Absent: what the meter counted at the same time a day before, and nothing on the
    first day."""

    @model_validator(mode="after")
    def _one_price(self) -> DayAhead:
        if (self.price_usd_per_mwh is None) == (self.price_file is None):
            raise PydanticCustomError("day_ahead", "give one of price_usd_per_mwh and price_file")
        return self


class Tariff(Model):
    """Components of a site's monthly power bill, by its own meter (docs/bills.md).

    Energy has the site's price. Transmission by coincident peaks and capacity are charged by rules (`us-ercot-4cp`,
    `us-pjm-capacity`), and are on the bill of a site that has a tariff.
    """

    meter_s: float = Field(900.0, ge=60, le=86_400)
    """[s] Metering interval, over which power is averaged. Quarter hours are usual."""
    agreements: dict[str, Agreement] = {}
    """Power purchase agreements by name."""
    day_ahead: DayAhead | None = None
    """What is bought on the day-ahead market. Absent: all at the site's price."""
    demand_usd_per_kw_month: Usd = 0.0
    """[USD/kW] Monthly charge for the highest mean power of a metering interval."""
    least_demand_share: Share = 0.0
    """Share of the grid connection billed as demand in any case."""
    delivery_usd_per_mwh: Usd = 0.0
    """[USD/MWh] Networks, losses and fees, on every MWh."""
    carbon_usd_per_t: Usd = 0.0
    """[USD/t] Price of the CO2e of the energy drawn, where the price of energy does not include it."""
    tax_share: Share = 0.0
    """Taxes, as a share of the rest of the month's bill except virtual agreements."""


# Marginal carbon intensity: what one more kWh emits, beside the average of all that are generated.


class Marginal(Model):
    """Source of a site's marginal carbon intensity. Empty: the ratio of its region (`gpusim catalog`)."""

    g_per_kwh: float | None = Field(None, ge=0, le=5000)
    """[g/kWh] The same at all times."""
    file: str | None = Field(None, min_length=1)
    """File of marginal intensities, say WattTime's; its path is relative to the working directory."""
    ratio: float | None = Field(None, ge=0, le=20)
    """Marginal over average, at all times."""

    @model_validator(mode="after")
    def _one_source(self) -> Marginal:
        given = [name for name in ("g_per_kwh", "file", "ratio") if getattr(self, name) is not None]
        if len(given) > 1:
            raise PydanticCustomError("marginal", "{given} are given; keep one", {"given": " and ".join(given)})
        return self

    @property
    def is_of_region(self) -> bool:
        """Whether the ratio is that of the region."""
        return self.g_per_kwh is None and self.file is None and self.ratio is None


@cache
def ratio_of(region: str) -> float | None:
    """Marginal over average in a region, None where unknown."""
    return {row["region"]: float(row["value"]) for row in figures("marginal")}.get(region)


@cache
def known_regions() -> tuple[str, ...]:
    """Regions with a ratio."""
    return tuple(row["region"] for row in figures("marginal"))

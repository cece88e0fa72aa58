"""What a site pays for power beyond the market price of its energy: agreements, demand, delivery, carbon, taxes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Moment, Share
from gpusim.scenario.steps import Steps

Usd = Annotated[float, Field(ge=0, le=1e9)]


class Agreement(Model):
    """A power purchase agreement (PPA): a fixed price for an amount of energy in every interval of the meter."""

    settlement: Literal["physical", "virtual"] = "physical"
    """``physical``: its energy is delivered to the site, which buys what is missing, and sells what is left, at the
    market price. ``virtual``: the site buys all at the market price, and is paid that price less the agreed one, or
    pays the difference, for the energy of the agreement."""
    price_usd_per_mwh: float = Field(ge=-2000, le=20_000)
    """[USD/MWh] The agreed price."""
    mw: Steps | None = None
    """[MW] Flat power of which it is. Absent: of all that the site draws."""
    since: Moment | None = None
    """Date from which it holds. Absent: the run's start."""
    until: Moment | None = None
    """Date until which it holds. Absent: the run's end."""

    @model_validator(mode="after")
    def _in_order(self) -> Agreement:
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise PydanticCustomError("agreement", "until is not after since; give a later date")
        return self


class DayAhead(Model):
    """Power bought the day before, at prices of the day-ahead market: what is drawn beyond is bought, and what is not
    drawn sold, at the site's price, which is then that of real time."""

    price_usd_per_mwh: float | None = None
    """[USD/MWh] Constant price of the day-ahead market."""
    price_file: str | None = Field(None, min_length=1)
    """File of its prices; its path counts from the working directory."""
    mw: Steps | None = None
    """[MW] Flat power that is bought. Absent: what the meter counted at the same time a day before, and nothing on the
    first day."""

    @model_validator(mode="after")
    def _one_price(self) -> DayAhead:
        if (self.price_usd_per_mwh is None) == (self.price_file is None):
            raise PydanticCustomError("day_ahead", "give one of price_usd_per_mwh and price_file")
        return self


class Tariff(Model):
    """What a site's bill for power is made of, month by month, by a meter of its own (docs/bills.md).

    Energy has the site's price. Transmission by coincident peaks and capacity are charged by rules
    (`us-ercot-4cp`, `us-pjm-capacity`), and are on the bill of a site that has a tariff.
    """

    meter_s: float = Field(900.0, ge=60, le=86_400)
    """[s] Interval of the meter, over which power counts as its mean. Quarter hours are usual."""
    agreements: dict[str, Agreement] = {}
    """Power purchase agreements by name."""
    day_ahead: DayAhead | None = None
    """What is bought on the day-ahead market. Absent: all at the site's price."""
    demand_usd_per_kw_month: Usd = 0.0
    """[USD/kW] Charge of a month for the highest mean power of an interval of the meter in it."""
    least_demand_share: Share = 0.0
    """Share of the grid connection that counts as demand in any case."""
    delivery_usd_per_mwh: Usd = 0.0
    """[USD/MWh] Networks, losses, fees: what each MWh costs besides."""
    carbon_usd_per_t: Usd = 0.0
    """[USD/t] Price of the CO2e of the energy drawn, as far as the price of energy does not have it in it."""
    tax_share: Share = 0.0
    """Taxes, as a share of all else on the month's bill but what virtual agreements settle."""

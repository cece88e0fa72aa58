"""Money: what the provider pays for capital, power, people and networks."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share
from gpusim.scenario.loan import Loan, Opening, Resale, Usd, Years
from gpusim.scenario.steps import Steps


class Money(Model):
    """Rates for monthly statements; see docs/money.md. Everything except capital is in USD of the day."""

    opening_cash_usd: Usd = 0.0
    """[USD] Cash at the start of the run."""
    opening: Opening | None = None
    """Plant on the first day. Absent: the provider starts with nothing but cash."""
    resale: Resale | None = None
    """Sale of GPUs that are taken out: proceeds, and the book value of their part of ``opening`` is written off.
    Absent: they bring nothing, and their plant depreciates on."""
    loans: dict[str, Loan] = {}
    """Tranches of debt, drawn in this order."""
    reference_rate: Steps = Steps(0.043)
    """Annual reference rate of floating loans: SOFR, 4.3% in early 2025 (from memory)."""
    debt_share: Share = 0.7
    """Share borrowed of capital expenditure that no loan of ``loans`` finances (assumption)."""
    interest: float = Field(0.11, ge=0, le=1)
    """Annual interest on that. CoreWeave, June 2025: 0.07 to 0.15, second term loan 0.11 (sec.gov)."""
    debt_years: Years = 5.0
    """[years] Time over which a draw is repaid in equal monthly parts: the mean contract of 2025 (nasdaq.com)."""
    gpu_life_years: Years = 6.0
    """[years] Straight-line life of GPUs, servers. CoreWeave 6, Amazon, Lambda 5, Nebius 4, Iris 3 (2025)."""
    gpu_items: list[str] = ["gpus", "gpu_delivery", "network"]
    """Items of spending, or kinds of work of a project, with the life of GPUs."""
    gpus_paid_ahead_days: float = Field(0.0, ge=0, le=3650)
    """[d] How long before the work with them (tasks of a kind in ``gpu_items``) GPUs and networks are paid for. Servers
    are paid within 30 days of shipping (IREN and Dell, sec.gov, November 2025), so before racks are set up: 0 to 90
    (assumption)."""
    site_life_years: Years = 15.0
    """[years] Straight-line life of everything else: shells, power and cooling (assumption)."""
    staff_usd_per_mw_month: Usd = 40_000.0
    """[USD] Staff, maintenance and insurance for each MW of live IT (assumption)."""
    network_usd_per_mw_month: Usd = 20_000.0
    """[USD] Networks and transit for each MW of live IT (assumption)."""
    overhead_share: Share = 0.1
    """Sales, administration and software as a share of revenue. CoreWeave, 2024: 0.11, without stock-based compensation
    and depreciation (from memory of its prospectus, March 2025)."""
    tax_rate: Share = 0.25
    """Tax on profit; losses are carried forward. United States: 0.21, and states about 0.04 (statutory)."""
    discount_rate: float = Field(0.1, ge=0, le=1)
    """Annual discount rate, also the rate at which free cash is reinvested (assumption)."""
    load: Share = 0.76
    """Mean IT power of live GPUs over rated, if there is no run of the fleet (training on H100, arXiv, 2025)."""
    idle_load: Share | None = None
    """The same for idle live GPUs. Absent: as ``load``."""
    pue: float = Field(1.2, ge=1)
    """Facility over IT power, if there is no run of the fleet: liquid-cooled halls 1.05 to 1.20 (secondary, 2026)."""
    energy_usd_per_mwh: float = 60.0
    """[USD/MWh] Price of electricity if neither a run nor the site gives one: PJM all-in 55 to 76, 2024 and 2025."""
    usd_per: dict[str, Annotated[float, Field(gt=0, le=1e6)]] = {}
    """[USD] Value of one unit of a currency, say ``{ EUR = 1.16 }``, for price files in it. Absent: EUR and GBP at the
    mean rate of each year (ECB, to October 2026); other currencies are refused."""

    @model_validator(mode="after")
    def _refinanced(self) -> Money:
        for name, loan in self.loans.items():
            old = loan.refinances
            if old is not None and (old == name or old not in self.loans or self.loans[old].repaid != "at_end"):
                bullets = [one for one, of in self.loans.items() if of.repaid == "at_end" and one != name]
                raise PydanticCustomError(
                    "refinances",
                    'loans.{name}.refinances: found "{old}"; give another loan with repaid = "at_end" ({there})',
                    {"name": name, "old": old, "there": ", ".join(bullets) or "there is none"},
                )
        return self

    def covenants(self) -> dict[str, float]:
        """Loans that refuse while coverage is below a number, with it."""
        return {name: loan.least_coverage for name, loan in self.loans.items() if loan.least_coverage is not None}

    @field_validator("usd_per")
    @classmethod
    def _codes(cls, usd_per: dict[str, float]) -> dict[str, float]:
        for code in usd_per:
            if not re.fullmatch("[A-Z]{3}", code) or code == "USD":
                raise PydanticCustomError(
                    "currency", 'found {code}; give three-letter codes other than USD, say "EUR"', {"code": code}
                )
        return usd_per

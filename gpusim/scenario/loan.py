"""Loans by tranche, and the balance sheet with which a run begins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share
from gpusim.scenario.steps import When
from gpusim.units import YEAR_S

Usd = Annotated[float, Field(ge=0, le=1e13)]
Years = Annotated[float, Field(gt=0, le=100)]


class Opening(Model):
    """What the provider owns on the first day besides cash. Its debts are in loans and contracts: with this table,
    prepayments of contracts signed before the run are owed from the first day on, and bring in no cash. Equity is the
    remainder."""

    plant_usd: Usd = 0.0
    """[USD] Cost of the plant in use. It has the life of GPUs."""
    depreciation_usd: Usd = 0.0
    """[USD] Accumulated depreciation of that plant."""
    construction_usd: Usd = 0.0
    """[USD] Construction in progress, already paid for: it covers the first spending of projects."""
    gpu_share: Share = 1.0
    """Share of that plant that is GPUs with their servers, racks and networks: it leaves with GPUs that are sold."""

    @model_validator(mode="after")
    def _not_worn_twice(self) -> Opening:
        if self.depreciation_usd > self.plant_usd:
            fault = "depreciation_usd of {worn} above plant_usd of {plant}; give the cost of the plant or less"
            raise PydanticCustomError(
                "opening", fault, {"worn": f"{self.depreciation_usd:g}", "plant": f"{self.plant_usd:g}"}
            )
        return self


class Loan(Model):
    """A tranche of debt: what it finances, how much, at which rate, and when it is repaid. Of each month's capital
    expenditure it lends ``share``, in the order of the file, up to its limit; ``money.debt_share`` of what no loan
    takes is borrowed at ``money.interest``."""

    tenants: list[str] = []
    """Tenants whose contracts it lends against: it finances their share of the backlog. None: any."""
    owed_usd: Usd = 0.0
    """[USD] Owed at the start of the run."""
    limit_usd: Usd | None = None
    """[USD] Most drawn in the run. Absent: no limit."""
    opened: When | None = None
    """Date from which it can be drawn: days since the start of the run, or a date. Absent: from the start."""
    closed: When | None = None
    """Date from which it is no longer drawn. Absent: never."""
    share: Share = 0.7
    """Share of the capital expenditure that it lends (assumption)."""
    rate: float | None = Field(None, ge=0, le=1)
    """Fixed annual interest. Give this or ``spread``."""
    spread: float | None = Field(None, ge=0, le=1)
    """Floating annual interest: this above ``money.reference_rate``."""
    due: When | None = None
    """Date by which the opening debt is repaid. Absent: ``years`` after the start."""
    years: Years = 5.0
    """[years] Time until each draw is repaid."""
    repaid: Literal["even", "at_end"] = "even"
    """In equal monthly parts until then, or all at once."""
    least_coverage: float | None = Field(None, gt=0, le=100)
    """Covenant: no draw in a month if EBITDA over the three months before was less than this many times interest and
    repayments of all loans. 1.05 for GPUs that IREN rents to Microsoft (stockti.com, secondary, 2026), tested there for
    the company that owns these GPUs, here for the whole provider. Absent: no covenant."""
    refinances: str | None = None
    """Another loan, repaid ``at_end``, that this one replaces then, up to its own limit."""

    @model_validator(mode="after")
    def _one_rate(self) -> Loan:
        if (self.rate is None) == (self.spread is None):
            found = "neither rate nor spread" if self.rate is None else "both rate and spread"
            raise PydanticCustomError("loan", "{found}; give one of them", {"found": found})
        return self


class Resale(Model):
    """Proceeds of GPUs that are taken out: those by which the level of a pool falls."""

    usd_per_gpu: dict[str, Usd]
    """[USD] Price of a used GPU at the start of the run, with its part of server and rack, by type; others bring
    nothing."""
    fall_per_year: Share = 0.25
    """Fall of that price per year: between 15% and 35%, as prices by the hour of the H100 fell (assumption)."""

    def usd(self, kind: str, time_s: float) -> float:
        """[USD] of one GPU at a time [s] of the run."""
        return self.usd_per_gpu.get(kind, 0.0) * (1.0 - self.fall_per_year) ** (time_s / YEAR_S)

"""Loans by tranche, and the balance sheet with which a run begins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share
from gpusim.scenario.steps import When

Usd = Annotated[float, Field(ge=0, le=1e13)]
Years = Annotated[float, Field(gt=0, le=100)]


class Opening(Model):
    """What the provider owns on the first day besides cash. What it owes then stands in the loans and contracts.

    With it, prepayments of contracts that were signed before the run are owed from its first day on, and no cash comes
    in for them. Equity is what is left.
    """

    plant_usd: Usd = 0.0
    """[USD] What the plant in use has cost. It wears as GPUs do."""
    depreciation_usd: Usd = 0.0
    """[USD] How much of that had been written off."""
    construction_usd: Usd = 0.0
    """[USD] What had been paid for plant that is not in use yet: the first spending of projects is paid from it."""

    @model_validator(mode="after")
    def _not_worn_twice(self) -> Opening:
        if self.depreciation_usd > self.plant_usd:
            fault = "depreciation_usd of {worn} above plant_usd of {plant}; give the cost of the plant or less"
            raise PydanticCustomError(
                "opening", fault, {"worn": f"{self.depreciation_usd:g}", "plant": f"{self.plant_usd:g}"}
            )
        return self


class Loan(Model):
    """A tranche of debt: what it lends against, how much, at which rate, and when it is paid back.

    Of each month's capital expenditure it lends ``share``, in the order of the file, until its limit is reached; what
    no loan takes is lent at ``money.interest``.
    """

    tenants: list[str] = []
    """Whose contracts it lends against: the part of the expenditure that these have of the backlog. None: any."""
    owed_usd: Usd = 0.0
    """[USD] Owed at the start of the run."""
    limit_usd: Usd | None = None
    """[USD] Most that is drawn in the run. Absent: no limit."""
    opened: When | None = None
    """When it may first be drawn: days since the start of the run, or a date. Absent: from the start."""
    closed: When | None = None
    """From when on it is not drawn any more. Absent: never."""
    share: Share = 0.7
    """Share of the capital expenditure that it lends (assumption)."""
    rate: float | None = Field(None, ge=0, le=1)
    """Fixed interest a year. Give this or ``spread``."""
    spread: float | None = Field(None, ge=0, le=1)
    """Floating interest a year: this above ``money.reference_rate``."""
    due: When | None = None
    """When what is owed at the start is paid back. Absent: ``years`` after the start."""
    years: Years = 5.0
    """[years] After which each draw is paid back."""
    repaid: Literal["even", "at_end"] = "even"
    """In equal monthly parts until then, or all at once."""

    @model_validator(mode="after")
    def _one_rate(self) -> Loan:
        if (self.rate is None) == (self.spread is None):
            found = "neither rate nor spread" if self.rate is None else "both rate and spread"
            raise PydanticCustomError("loan", "{found}; give one of them", {"found": found})
        return self

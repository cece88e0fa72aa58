"""What the durations of tasks have in common, how far the longest go, and what work done early is worth."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model


class Delays(Model):
    """Correlation of delays in a build-out, by region and trade, fat tails, and dates before which nothing is taken.

    The logarithm of a task's duration follows a standard normal draw, the sum of three: one for its site's region, one
    for its trade (its ``kind``), and one of its own. Where results are not taken ahead of their planned date, what is
    early is not passed on and what is late is: the Parkinson distribution with a lognormal core (Trietsch, Mazmanyan,
    Gevorgyan and Baker, 2012, European Journal of Operational Research 216).
    """

    same_region: float = Field(0.2, ge=0, le=1)
    """Correlation of the draws of two tasks in one region: weather, labour, the utility (assumption)."""
    same_trade: float = Field(0.3, ge=0, le=1)
    """Correlation of the draws of two tasks of one trade: makers and standards (assumption). With the same region too,
    the correlations add."""
    tail_index: float = Field(3.0, ge=0, le=100)
    """Beyond the p90 the probability of exceeding a duration falls as a power law with this exponent (Pareto): one in a
    hundred takes 10^(1 / this) times the p90. Costs of building projects: 2 to 3.5 (from Flyvbjerg and Gardner, 2023,
    from memory). 0: lognormal throughout."""
    early_share: float = Field(0.0, ge=0, le=1)
    """Of the time by which a task's work is done ahead of its planned end, the share that its result is taken early.
    0: on the planned date, as under contracts with dates and handovers at planned milestones (assumption, 0 to 0.5).
    1: as soon as it is done."""

    @model_validator(mode="after")
    def _some_of_its_own(self) -> Delays:
        if (both := self.same_region + self.same_trade) >= 1.0:
            fault = "same_region and same_trade of {both} together; give less than 1, the rest is a task's own"
            raise PydanticCustomError("delays", fault, {"both": f"{both:g}"})
        if 0.0 < self.tail_index <= 1.0:
            fault = "tail_index of {found}, with which durations have no mean; give more than 1, or 0 for no such tail"
            raise PydanticCustomError("delays", fault, {"found": f"{self.tail_index:g}"})
        return self

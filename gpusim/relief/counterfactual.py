"""One counterfactual: a constraint of a scenario loosened by a stated step."""

from __future__ import annotations

from dataclasses import dataclass

from gpusim.model.lever import Lever, turned
from gpusim.model.scenario import Scenario


@dataclass(frozen=True)
class Counterfactual:
    """A constraint and the step by which it is loosened.

    Attributes
    ----------
    resource : str
        What is short: "GPUs", "power", "delivery", ...; counterfactuals of one resource at one place are alternatives.
    place : str
        Where: a pool as ``SITE/TYPE``, a site, a tenant, a stream, or "" for the fleet.
    constraint : str
        The constraint, in the words of a scenario: ``grid_mw``, ``gpus``, ``backfill``, ...
    text : str
        The step in words.
    lever : Lever
        What is turned.
    amount : object
        To what, or by how much.
    size, unit : float, str
        The step in its natural unit, for gains per unit; a rule that is lifted is one "rule".
    causes : frozenset of (str, str)
        (pool, cause) of the ledger that it relieves; none where the ledger cannot see the constraint.
    usd : float
        Cost of the step over the run; NaN where the catalogue has none.
    """

    resource: str
    place: str
    constraint: str
    text: str
    lever: Lever
    amount: object
    size: float
    unit: str
    causes: frozenset[tuple[str, str]]
    usd: float = float("nan")

    @property
    def name(self) -> str:
        """Unique among the counterfactuals of a scenario."""
        return " ".join(part for part in (self.constraint, self.place) if part)

    @property
    def group(self) -> str:
        """Resource and place: what alternatives share."""
        return " ".join(part for part in (self.resource, self.place) if part)

    @property
    def is_quantity(self) -> bool:
        """Whether more of it can be had: levers with an amount, not rules."""
        return self.unit != "rule"

    def scenario(self, base: Scenario, multiple: float = 1.0) -> Scenario:
        """The scenario with the constraint loosened by a multiple of the step."""
        if multiple == 0.0:
            return base
        return turned(base, [(self.lever, self._times(multiple))])

    def _times(self, multiple: float) -> object:
        if not self.is_quantity:
            return self.amount
        if self.lever.how == "scale":
            return self.amount**multiple  # of a factor: the same step again and again
        return self.amount * multiple

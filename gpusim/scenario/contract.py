"""Contracts: capacity that a tenant has signed for, what it pays, and what happens when it comes late."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share
from gpusim.scenario.faults import dotted
from gpusim.scenario.references import find
from gpusim.scenario.steps import Steps, When, elapsed_s
from gpusim.units import DAY_S, HOUR_S, number_of

MOST_MILESTONES, MOST_USD, MOST_YEARS_S = 1000, 1e13, 36525 * DAY_S


class Contract(Model):
    """Capacity committed to a tenant over a term, at a price.

    Each step up of the commitment is a milestone. The GPUs may be anywhere, unless types, sites, regions or
    jurisdictions are named; then all of these must match. See docs/contracts.md.
    """

    tenant: str
    """The tenant that signs."""
    signed: When
    """Signing: days since the start of the run, or a date. A contract signed before the run counts from its start."""
    gpus: Steps | None = None
    """GPUs committed, cumulative. Give this or ``it_mw``."""
    it_mw: Steps | None = None
    """[MW] IT power committed, cumulative, as whole GPUs of the one type of ``gpu_types`` at their rated power."""
    gpu_types: list[str] = []
    """Types the GPUs may be of; none: any."""
    sites: list[str] = []
    """Sites they may be at; none: any."""
    regions: list[str] = []
    """Regions of the sites they may be at; none: any."""
    residency: list[str] = []
    """Jurisdictions they may be in; none: any."""
    term_days: float | None = Field(None, gt=0, le=36525)
    """[d] Length of the term, from the first commitment. Give this or ``end``."""
    end: When | None = None
    """When the term ends: days since the start of the run, or a date."""
    price_usd_per_gpu_hour: Steps | None = None
    """[USD/h] Price of one GPU. Give this or ``value_usd``."""
    value_usd: float | None = Field(None, gt=0, le=MOST_USD)
    """[USD] Value of the whole term; the price is this over the GPU-hours committed."""
    price_index: float | None = Field(None, gt=0, le=10)
    """Price relative to the index, in place of both: throughout the term, this times the on-demand price of the first
    of ``gpu_types`` in the month of signing (``market.index``). Reserved capacity was 20 to 50% below on demand
    (gridstackhub.ai, secondary, 2026): 0.8 for a year, 0.5 for the longest terms (the split is an assumption)."""
    take_or_pay: Share = 0.97
    """Share of delivered GPU-hours paid for even if unused. CoreWeave 2025: 0.96 to 0.98 (secondary)."""
    prepayment: Share = 0.2
    """Share of the value paid at signing. CoreWeave: 0.15 to 0.25 (from memory of its prospectus, 2025)."""
    utilisation: Share = 0.9
    """Share of delivered GPU-hours that the tenant uses, if there is no run of the fleet (assumption)."""
    grace_days: float = Field(30.0, ge=0, le=36525)
    """[d] Grace period before a commitment counts as late."""
    credit: float = Field(0.0, ge=0, le=10)
    """Share of the price credited for each committed GPU-hour missing beyond grace."""
    service_credits: dict[str, Share] | None = Field(None, min_length=1)
    """Monthly availability below which a share of the bill is credited -> that share; if several levels are missed, the
    largest share counts. { "0.9999" = 0.1, "0.999" = 0.25, "0.95" = 1.0 } for machines of hub.gpcn.com (January 2026),
    { "0.995" = 0.1, "0.99" = 0.3, "0.95" = 1.0 } for instances of EC2 (from memory, 2022). Absent: no credits."""
    terminate_after_late: int | None = Field(None, gt=0)
    """The tenant leaves once this many milestones have been late. Absent: never for that reason."""
    terminate_after_days: float | None = Field(None, gt=0, le=36525)
    """[d] The tenant leaves when a milestone is this many days late. Absent: never for that reason."""
    terminates: Literal["all", "late"] = "all"
    """What ends then: the whole contract, or only the late GPUs."""
    make_good_days: float | None = Field(None, gt=0, le=36525)
    """[d] Time after the term in which late GPU-hours may be made good, at the level of the last commitment: in 2025 a
    tenant shifted the schedule of late capacity and kept the contract's value (fintool, Q3). Absent: they are lost."""
    priority: int = 0
    """Higher is served first; then the earlier signed, then by name."""
    admit: Share | None = None
    """Signed only if, as known at signing, every milestone is met within grace with at least this probability. Absent:
    signed as written."""

    @field_validator("service_credits")
    @classmethod
    def _levels_are_shares(cls, credits: dict[str, float] | None) -> dict[str, float] | None:
        for level in credits or {}:
            try:
                is_share = 0.0 < float(level) <= 1.0
            except ValueError:
                is_share = False
            if not is_share:
                raise PydanticCustomError("level", "{level}: is not a share; give above 0 to 1", {"level": level})
        return credits

    def service_credit(self, availability: float) -> float:
        """Share of a month's bill that is credited for an availability."""
        missed = [share for level, share in (self.service_credits or {}).items() if availability < float(level)]
        return max(missed, default=0.0)

    def commitment(self, start: datetime, gpu_w: float) -> list[tuple[float, int]]:
        """(time [s] since ``start``, GPUs in all) from the first commitment on, not cut at the start.

        ``gpu_w`` [W] is the rated IT power of a GPU, for a contract in MW.
        """
        levels = self.gpus if self.gpus is not None else self.it_mw
        assert levels is not None  # one of the two is given
        per_unit = 1.0 if self.gpus is not None else 1e6 / gpu_w
        if isinstance(levels.root, float):
            steps = [(elapsed_s(self.signed, start), levels.root)]
        else:
            steps = sorted((step.time_s(start), step.value) for step in levels.root)
        # A hair more before the floor: 1.83 MW of GPUs of 1,830 W are 1,000, whatever the last bit says.
        return [(time_s, math.floor(value * per_unit * (1.0 + 1e-12))) for time_s, value in steps]

    def even_usd_per_gpu_hour(self, steps: list[tuple[float, int]], end_s: float) -> float:
        """[USD/h] Price at which all GPU-hours of the term, committed in ``steps``, have the contract's value."""
        ends = [*(time_s for time_s, _gpus in steps[1:]), end_s]
        gpu_s = sum(
            gpus * max(min(until, end_s) - time_s, 0) for (time_s, gpus), until in zip(steps, ends, strict=True)
        )
        assert self.value_usd is not None  # that is when it is asked
        return self.value_usd / (gpu_s / HOUR_S)

    def end_s(self, start: datetime) -> float:
        """[s] since ``start`` at which the term ends."""
        if self.end is not None:
            return elapsed_s(self.end, start)
        assert self.term_days is not None  # one of the two is given
        return self.commitment(start, 1.0)[0][0] + self.term_days * DAY_S

    def contradictions(self, start: datetime | None) -> Iterator[tuple[str, str]]:
        """(key, fault) of what does not fit together; dates only if the start of the run is known."""
        prices = ("price_usd_per_gpu_hour", "value_usd")
        for one, other in (("gpus", "it_mw"), ("term_days", "end"), *([] if self.price_index else [prices])):
            given = [key for key in (one, other) if getattr(self, key) is not None]
            if len(given) != 1:
                yield one, f"found {'both' if given else 'neither'} of {one} and {other}; give one of them"
                return
        if self.price_index and (more := [key for key in prices if getattr(self, key) is not None]):
            yield "price_index", f"found with {more[0]}; give one of them"
        if self.price_index and not self.gpu_types:
            yield "gpu_types", "found none with price_index; name the type whose price holds first"
        if self.it_mw is not None and len(self.gpu_types) != 1:
            yield "gpu_types", f"found {len(self.gpu_types)} types with it_mw; give one, whose rated power counts"
        late = self.terminate_after_days
        if late is not None and late < self.grace_days:
            grace = number_of(self.grace_days, "day")
            yield "terminate_after_days", f"found {late:g}, within the grace of {grace}; give more"
        if start is not None:
            yield from self._faults_of_dates(start)

    def _faults_of_dates(self, start: datetime) -> Iterator[tuple[str, str]]:
        levels = "gpus" if self.gpus is not None else "it_mw"
        times = [time_s for time_s, _gpus in self.commitment(start, 1.0)]
        length_s = self.end_s(start) - times[0]
        if times[0] < elapsed_s(self.signed, start):
            yield levels, "commits before the contract is signed; sign earlier, or commit later"
        if len(set(times)) < len(times):
            yield levels, "has two levels at one moment; give each moment once"
        if len(times) > MOST_MILESTONES:
            yield levels, f"found {len(times):,} steps; give {MOST_MILESTONES:,} at most"
        peak = getattr(self, levels).peak()
        if peak < (1.0 if self.gpus is not None else 1e-300):
            yield levels, f"found {peak:g} at most, which commits nothing; give a greater level"
        if length_s <= 0.0:
            yield "end", "is not after the first commitment; give a later one"
        elif length_s > MOST_YEARS_S:
            yield "end", "is more than 100 years after the first commitment; give an earlier one"
        elif self.price_usd_per_gpu_hour is not None:
            value_usd = peak * self.price_usd_per_gpu_hour.peak() * length_s / HOUR_S
            if value_usd > MOST_USD:
                yield "price_usd_per_gpu_hour", f"makes a value of {value_usd:.2g} USD; give {MOST_USD:g} at most"


def faults_of_contracts(data: dict, start: datetime | None) -> Iterator[str]:
    """A fault for each contradiction in the contracts of nested tables."""
    for place, table in find(data, ("contracts", "*")):
        try:
            contract = Contract.model_validate(table)
        except ValidationError:
            continue
        yield from (f"{dotted((*place, key))}: {fault}" for key, fault in contract.contradictions(start))
        if contract.price_index is not None and not any(find(data, ("market", "index"))):
            yield f"{dotted((*place, 'price_index'))}: found without prices that follow scarcity; add [market.index]"
        yield from _nowhere(data, place, contract)
    for place, _table in find(data, ("workload", "contracted")):
        for name in ("projects", "contracts"):
            if not any(find(data, (name, "*"))):
                yield f"{dotted(place)}: found no {name}, whose GPUs its jobs hold; add {name}, or remove it"


def _nowhere(data: dict, place: tuple, contract: Contract) -> Iterator[str]:
    """No site may serve the contract, though each of its lists for itself allows one."""
    sites = [(name, table) for (_s, name), table in find(data, ("sites", "*")) if isinstance(table, dict)]
    allowed = [
        {name for name, _table in sites if not contract.sites or name in contract.sites},
        {name for name, table in sites if not contract.regions or table.get("region") in contract.regions},
        {name for name, table in sites if not contract.residency or table.get("jurisdiction") in contract.residency},
    ]
    if all(allowed) and not set.intersection(*allowed):
        yield f"{dotted(place)}: no site is in its sites, regions and residency together; name fewer of them"

"""Kinds of rules and tariffs: to which sites they apply, since when, and with which figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Share, UtcTime

Usd = Annotated[float, Field(ge=0)]
UtcHour = Annotated[float, Field(ge=0, lt=24)]


class Circle(Model):
    """A circle on the map."""

    latitude: float = Field(ge=-90, le=90)
    """Latitude of its centre, degrees north."""
    longitude: float = Field(ge=-180, le=180)
    """Longitude of its centre, degrees east."""
    km: float = Field(gt=0)
    """[km] Radius."""


class DatedValue(Model):
    """A value from a date on, until the next."""

    since: UtcTime
    """Date from which it holds."""
    value: float = Field(ge=0)
    """The value."""


class Rule(Model):
    """What all rules have: a name and a time."""

    title: str
    """The rule in one line."""
    since: UtcTime
    """Date from which it is in force."""
    until: UtcTime | None = None
    """Date until which it is in force; absent: for good."""

    @model_validator(mode="after")
    def _in_order(self) -> Rule:
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("rule", "until is not after since; give a later date")
        return self


class SiteRule(Rule):
    """A rule for sites of some places and sizes."""

    jurisdictions: list[str] = []
    """Jurisdictions of sites to which it applies."""
    regions: list[str] = []
    """Further regions of sites to which it applies."""
    near: Circle | None = None
    """Only sites within this area."""
    sites: list[str] = []
    """Sites to which it applies wherever they are; none: those given by jurisdictions, regions and near."""
    least_mw: float = Field(0.0, ge=0)
    """[MW] Only sites whose complete grid connection is at least this large."""


class Curtailment(SiteRule):
    """In random grid emergencies sites must draw less."""

    connected_after: UtcTime
    """Only capacity connected after this date is curtailed, and counts for ``least_mw``."""
    events_per_year: float = Field(ge=0)
    """[1/year] Mean number of emergencies, a Poisson process."""
    hours_median: float = Field(gt=0)
    """[h] Median of the emergencies' lognormal duration."""
    hours_p90: float = Field(gt=0)
    """[h] Duration that one emergency in ten exceeds."""
    curtailed_share: Share
    """Share of the load connected after that date that must be shed."""
    backup_share: Share
    """Share of the shed load that on-site generation supplies instead."""

    @model_validator(mode="after")
    def _a_spread(self) -> Curtailment:
        if self.hours_p90 < self.hours_median:
            raise PydanticCustomError("rule", "hours_p90 below hours_median; give as much or more")
        return self


class CoincidentPeaks(SiteRule):
    """Transmission is charged by a site's load in the quarter hours in which the grid's load peaks."""

    variant: Literal["4CP", "12CP"]
    """Peaks of June to September, or of all months; each costs its share of the yearly rate."""
    usd_per_kw_year: Usd
    """[USD/kW] Charge for a year."""
    summer_peak_utc_h: UtcHour
    """[h] Start of the peak's quarter hour, UTC, on the hottest weekday of a month from April to October."""
    winter_peak_utc_h: UtcHour
    """[h] Start of the peak's quarter hour, UTC, on the coldest weekday of a month from November to March."""
    published: list[UtcTime] = []
    """Starts of the quarter hours that counted, as announced by the grid; they stand for their months, whatever the
    weather of the run."""
    avoid_to: Share | None = None
    """Most that a site draws in hours with a forecast peak, as a share of its grid connection; absent: all of it."""
    called_days: PositiveInt
    """[d] Days per month with a forecast peak: the hottest (in winter coldest) by forecast."""
    called_hours: float = Field(ge=0.25, le=12)
    """[h] How long a site draws less on such a day, centred on the peak's quarter hour."""
    forecast_error_k: float = Field(ge=0)
    """[K] Standard deviation of the forecast temperature."""


class CapacityPrice(SiteRule):
    """Capacity is charged by the day for a site's peak load in a delivery year, which begins in June."""

    usd_per_mw_day: dict[str, Usd] = Field(min_length=1)
    """[USD/MW] Price per day, by the year in which the delivery year begins; later years have the last one."""

    @model_validator(mode="after")
    def _years(self) -> CapacityPrice:
        wrong = [year for year in self.usd_per_mw_day if not (year.isdecimal() and len(year) == 4)]
        if wrong:
            raise PydanticCustomError("rule", "'{year}' is not a year like 2026", {"year": wrong[0]})
        return self


class EfficiencyLimits(Model):
    """Requirements of an efficiency act."""

    new_since: UtcTime
    """Sites opened from this date on are new."""
    new_pue: float = Field(ge=1)
    """Highest PUE allowed for new sites."""
    new_within_years: float = Field(ge=0)
    """[years] Time from opening that a new site has to reach it."""
    existing_pue: list[DatedValue]
    """Highest PUE allowed for other sites."""
    heat_share: list[DatedValue]
    """Share of its energy that a site must reuse as heat, by date of opening."""
    heat_within_km: float | None = None
    """[km] Only sites with a heat network this close must reuse heat; absent: all."""
    renewable_share: list[DatedValue]
    """Share of its electricity that must be renewable."""


class Efficiency(SiteRule):
    """Limits of PUE, duties to reuse heat and to buy renewable electricity, checked for every site and year."""

    variant: Literal["law", "draft"]
    """Which limits apply."""
    law: EfficiencyLimits
    """Limits of the law."""
    draft: EfficiencyLimits
    """Limits of the draft amendment."""
    fine_usd: Usd
    """[USD] Fine for each limit of PUE or heat missed at a site in a year."""
    guarantee_usd_per_mwh: Usd
    """[USD/MWh] Price of a guarantee of origin, bought for any shortfall of the renewable share."""

    @property
    def limits(self) -> EfficiencyLimits:
        """The limits that hold."""
        return self.law if self.variant == "law" else self.draft


class Reporting(SiteRule):
    """A yearly report of each site's figures."""

    least_it_mw: float = Field(ge=0)
    """[MW] Only sites with at least this much installed IT power when complete."""
    heat_least_mw: float = Field(ge=0)
    """[MW] Sites with more IT power must recover waste heat, or show that it is infeasible."""
    due_month: int = Field(ge=1, le=12)
    """Month in which the report on the previous year is due."""
    due_day: int = Field(ge=1, le=31)
    """Day of that month."""


class AddedTask(Model):
    """An additional task that a project must complete before a component."""

    name: str = Field(min_length=1)
    """Its name; its kind is this name with the rule's in brackets."""
    after: list[str] = []
    """Tasks that come before it, if the project has them."""
    before: Literal["gpus", "halls", "grid"]
    """Component whose tasks wait for it; projects that do not add this component do not have the task."""
    median_days: float = Field(ge=0, le=36525)
    """[d] Median of its duration."""
    p90_days: float = Field(ge=0, le=36525)
    """[d] Duration exceeded with probability 0.1."""
    usd_per_mw: Usd = 0.0
    """[USD/MW] Cost per MW of grid connection that the project adds."""


class Connection(SiteRule):
    """For projects in an area that start while it is in force: an additional task, and work that stops or slows
    down."""

    stops: list[str] = []
    """Kinds of work that stop until the rule ends, for projects that start while it is in force."""
    slows: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Kinds of work that take longer -> how many times as long."""
    task: AddedTask | None = None
    """Additional task of such projects."""
    renewable_share: Share | None = None
    """Final share of yearly energy from new renewables for a site opened since then; absent: any."""
    glide_years: float = Field(0.0, ge=0)
    """[years] Time from opening over which that share grows evenly from 0."""
    renewable_usd_per_mwh: Usd = 0.0
    """[USD/MWh] Cost of each missing MWh of renewables above the market price."""

    @model_validator(mode="after")
    def _stops_end(self) -> Connection:
        if self.stops and self.until is None:
            raise PydanticCustomError("rule", "would stop work for good; give until")
        return self


class Residency(Rule):
    """Streams with protected data that name no residency run only under certain laws."""

    homes: list[str]
    """Countries whose residents' data are protected: the first letters of a stream's home region."""
    allowed: list[str] = Field(min_length=1)
    """Jurisdictions of sites where they may run."""
    tenants: list[str] = []
    """Tenants whose streams and services are covered wherever their data are."""


KINDS: dict[str, type[Rule]] = {
    "curtailment": Curtailment,
    "coincident_peaks": CoincidentPeaks,
    "capacity": CapacityPrice,
    "efficiency": Efficiency,
    "reporting": Reporting,
    "connection": Connection,
    "residency": Residency,
}

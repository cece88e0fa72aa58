"""Kinds of rules and tariffs: to which sites they apply, since when, and with which figures."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Moment, Share

Usd = Annotated[float, Field(ge=0)]
UtcHour = Annotated[float, Field(ge=0, lt=24)]


class Circle(Model):
    """A place on the map."""

    latitude: float = Field(ge=-90, le=90)
    """Degrees north of its middle."""
    longitude: float = Field(ge=-180, le=180)
    """Degrees east of its middle."""
    km: float = Field(gt=0)
    """[km] Radius."""


class DatedValue(Model):
    """A value from a date on, until the next one."""

    since: Moment
    """Date from which it holds."""
    value: float = Field(ge=0)
    """The value."""


class Rule(Model):
    """What all rules have: a name and a time."""

    title: str
    """What it is, in a line."""
    since: Moment
    """Date from which it is in force."""
    until: Moment | None = None
    """Date until which it is in force; absent: for good."""

    @model_validator(mode="after")
    def _in_order(self) -> Rule:
        if self.until is not None and self.until <= self.since:
            raise PydanticCustomError("rule", "until is not after since; give a later date")
        return self


class SiteRule(Rule):
    """A rule for sites of some places and sizes."""

    jurisdictions: list[str] = []
    """Laws of sites to which it applies."""
    regions: list[str] = []
    """Regions of sites to which it applies, besides."""
    near: Circle | None = None
    """Only sites within this place."""
    sites: list[str] = []
    """Sites to which it applies whatever their place; none: those that jurisdictions, regions and near say."""
    least_mw: float = Field(0.0, ge=0)
    """[MW] Only sites whose grid connection is as large as this when complete."""


class Curtailment(SiteRule):
    """In emergencies of the grid, which come at random, sites draw less."""

    connected_after: Moment
    """Only what was connected after this date is curtailed, and counts for ``least_mw``."""
    events_per_year: float = Field(ge=0)
    """[1/year] Emergencies, as the mean of a Poisson process."""
    hours_median: float = Field(gt=0)
    """[h] Median of their lognormal duration."""
    hours_p90: float = Field(gt=0)
    """[h] Duration that they exceed once in ten times."""
    curtailed_share: Share
    """Share of the load connected after that date which must go."""
    backup_share: Share
    """Share of what must go that generation on site carries instead."""

    @model_validator(mode="after")
    def _a_spread(self) -> Curtailment:
        if self.hours_p90 < self.hours_median:
            raise PydanticCustomError("rule", "hours_p90 below hours_median; give as much or more")
        return self


class CoincidentPeaks(SiteRule):
    """Transmission is charged by a site's load in the quarter hours in which the grid's load peaks."""

    variant: Literal["4CP", "12CP"]
    """Peaks of June to September, or of all months; each costs its part of the yearly rate."""
    usd_per_kw_year: Usd
    """[USD/kW] Charge for a year."""
    summer_peak_utc_h: UtcHour
    """[h] When the peak's quarter hour begins, UTC, on the hottest weekday of a month from April to October."""
    winter_peak_utc_h: UtcHour
    """[h] When it begins on the coldest weekday of a month from November to March."""
    published: list[Moment] = []
    """When quarter hours began that counted, as the grid has published them: those of their months, whatever the
    weather of the run."""
    avoid_to: Share | None = None
    """Share of its grid connection that a site draws at most in the hours in which a peak is forecast; absent: all."""
    called_days: PositiveInt
    """[d] Days of a month for which a peak is forecast: the hottest (in winter coldest) by forecast."""
    called_hours: float = Field(ge=0.25, le=12)
    """[h] How long a site draws less on such a day; the peak's quarter hour is in the middle."""
    forecast_error_k: float = Field(ge=0)
    """[K] Standard deviation of the forecast temperature."""


class CapacityPrice(SiteRule):
    """Capacity is charged by the day for a site's peak load in a delivery year, which begins in June."""

    usd_per_mw_day: dict[str, Usd] = Field(min_length=1)
    """[USD/MW] Price of a day, by the year in which the delivery year begins; later years have the last one."""

    @model_validator(mode="after")
    def _years(self) -> CapacityPrice:
        wrong = [year for year in self.usd_per_mw_day if not (year.isdecimal() and len(year) == 4)]
        if wrong:
            raise PydanticCustomError("rule", "'{year}' is not a year like 2026", {"year": wrong[0]})
        return self


class EfficiencyLimits(Model):
    """What an efficiency act asks for."""

    new_since: Moment
    """Sites opened from this date on are new."""
    new_pue: float = Field(ge=1)
    """PUE that new sites may have."""
    new_within_years: float = Field(ge=0)
    """[years] Time from its opening that a new site has to get there."""
    existing_pue: list[DatedValue]
    """PUE that other sites may have."""
    heat_share: list[DatedValue]
    """Share of its energy that a site reuses as heat, by the date since which it opened."""
    heat_within_km: float | None = None
    """[km] Only sites with a heat network as near as this must reuse heat; absent: all."""
    renewable_share: list[DatedValue]
    """Share of its electricity that is renewable."""


class Efficiency(SiteRule):
    """Limits of PUE, duties to reuse heat and to buy renewable electricity, checked for every site and year."""

    variant: Literal["law", "draft"]
    """Which limits hold."""
    law: EfficiencyLimits
    """Limits of the law."""
    draft: EfficiencyLimits
    """Limits of the draft that would change it."""
    fine_usd: Usd
    """[USD] Fine for each limit of PUE or heat missed at a site in a year."""
    guarantee_usd_per_mwh: Usd
    """[USD/MWh] Price of a guarantee of origin, bought for what is not renewable and must be."""

    @property
    def limits(self) -> EfficiencyLimits:
        """The limits that hold."""
        return self.law if self.variant == "law" else self.draft


class Reporting(SiteRule):
    """A yearly report of each site's figures."""

    least_it_mw: float = Field(ge=0)
    """[MW] Only sites with as much installed IT power when complete."""
    heat_least_mw: float = Field(ge=0)
    """[MW] Sites with more IT power recover waste heat, or show that it is infeasible."""
    due_month: int = Field(ge=1, le=12)
    """Month in which the report of the year before is due."""
    due_day: int = Field(ge=1, le=31)
    """Day of that month."""


class AddedTask(Model):
    """A task that a project has to do besides, before a component is there."""

    name: str = Field(min_length=1)
    """Its name, and with the rule's in brackets its kind."""
    after: list[str] = []
    """Tasks of the project that come before it, as far as the project has them."""
    before: Literal["gpus", "halls", "grid"]
    """Component whose tasks wait for it; a project that adds none of it does not have the task."""
    median_days: float = Field(ge=0, le=36525)
    """[d] Median of its duration."""
    p90_days: float = Field(ge=0, le=36525)
    """[d] Duration that it exceeds once in ten times."""
    usd_per_mw: Usd = 0.0
    """[USD/MW] What it costs for each MW of grid connection that the project adds."""


class Connection(SiteRule):
    """What projects at a place need besides, and what rests or is slower there, for those that start under it."""

    stops: list[str] = []
    """Kinds of work that rest until the rule ends, for projects that start while it is in force."""
    slows: dict[str, Annotated[float, Field(gt=0)]] = {}
    """Kinds of work that take so many times as long."""
    task: AddedTask | None = None
    """Task that such projects have besides."""
    renewable_share: Share | None = None
    """Share of its yearly energy that a site opened since then takes from new renewables in the end; absent: any."""
    glide_years: float = Field(0.0, ge=0)
    """[years] Time from its opening over which that share grows evenly from 0."""
    renewable_usd_per_mwh: Usd = 0.0
    """[USD/MWh] What each missing MWh of them costs above the market."""

    @model_validator(mode="after")
    def _stops_end(self) -> Connection:
        if self.stops and self.until is None:
            raise PydanticCustomError("rule", "stops work for good; give until")
        return self


class Residency(Rule):
    """Streams whose data are at home under some laws, and that name no residency, run under certain laws only."""

    homes: list[str]
    """Countries whose people's data they are: the first letters of a stream's home region."""
    allowed: list[str] = Field(min_length=1)
    """Laws of sites where they may run."""
    tenants: list[str] = []
    """Tenants whose streams and services count wherever their data are."""


KINDS: dict[str, type[Rule]] = {
    "curtailment": Curtailment,
    "coincident_peaks": CoincidentPeaks,
    "capacity": CapacityPrice,
    "efficiency": Efficiency,
    "reporting": Reporting,
    "connection": Connection,
    "residency": Residency,
}

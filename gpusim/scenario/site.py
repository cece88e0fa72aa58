"""Sites: a grid connection and what of it is firm, cooling, storage, a market, and pools of GPUs."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, UtcTime
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.electricity import Marginal, Tariff, known_regions, ratio_of
from gpusim.scenario.feeders import Feeders
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.on_site import OnSite
from gpusim.scenario.steps import Steps, When

# Storage of a site: what jobs write their checkpoints to, and where copies of data sets are kept.


class Storage(Model):
    """Storage shared by all jobs of a site: bandwidth for checkpoints of classes with `parameters_b`
    (docs/failures.md), and room for copies of data sets (docs/network.md)."""

    write_gb_s: float | None = Field(None, gt=0, le=1e9)
    """[GB/s] Write bandwidth, shared by all jobs. Meta's for Llama 3: 2,000 sustained, 7,000 at peak. Required with
    `parameters_b`."""
    read_gb_s: float | None = Field(None, gt=0, le=1e9)
    """[GB/s] Read bandwidth when a job starts or restarts. Absent: ``write_gb_s``."""
    shared: bool = False
    """Whether jobs that read at the same time share ``read_gb_s`` at each moment, as all do after a failure of the
    whole site, and jobs that write share ``write_gb_s``. The same at all sites. false: each reads as if alone, and
    writes as long as in the mean of writes that come at random."""
    copies_tb: float | None = Field(None, ge=0)
    """[TB] Room for copies of data sets. For a new copy, those that no job needs are dropped, least recently used
    first; if that is not enough, it is not kept. Absent: all are kept."""


# What a planner reckons a node to draw when it decides how many nodes a grid connection carries.


def _known(plan: object) -> object:
    if isinstance(plan, bool | int | float):
        is_known = not isinstance(plan, bool) and 50.0 <= plan <= 100.0
    else:
        is_known = plan in ("nameplate", "peak")
    if not is_known:
        raise ValueError('give "nameplate", "peak" or a percentile from 50 to 100')
    return plan


PowerPlan = Annotated[Literal["nameplate", "peak"] | Annotated[float, Field(ge=50, le=100)], BeforeValidator(_known)]

# Of the power of 8-GPU servers in production, as shares of the greatest, by percentile (Acme's Seren, August 2023:
# 2.52, 4.28, 4.85, 5.04, 5.42 and 6.55 kW; InternLM/AcmeTrace, Hu et al., NSDI 2024).
_PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 100.0)
_SHARES = (0.385, 0.654, 0.741, 0.769, 0.827, 1.0)


def planned_w(plan: PowerPlan, gpu: GpuType) -> float:
    """IT power [W] that a node is reckoned with, for each of its GPUs.

    Its rated power; what it draws while all its GPUs compute, which is less; or a percentile of what servers draw, as a
    share of the rated power.
    """
    if plan == "nameplate":
        return gpu.rated_it_w_per_gpu
    if plan == "peak":
        return gpu.node_base_w / gpu.gpus_per_node + max(gpu.compute_fraction * gpu.tdp_w, gpu.idle_w)
    return gpu.rated_it_w_per_gpu * float(np.interp(plan, _PERCENTILES, _SHARES))


# A grid connection of which a part is not firm: the grid may take it back for some hours a year.


class Call(Model):
    """One scheduled call."""

    at: When
    """When it starts: days since the start of the run, or a date (2026-07-01T20:00:00, UTC)."""
    hours: float = Field(gt=0, le=8784)
    """[h] How long it lasts."""


class NonFirm(Model):
    """The part of the connection that the grid may curtail, when, and how the site responds (docs/curtailment.md).

    Calls come at random (`events_per_year`), by price (`above_usd_per_mwh`), by date (`calls`), or any combination.
    """

    mw: float = Field(gt=0, le=1e9)
    """[MW] Part of ``grid_mw`` that is not firm."""
    hours_per_year: float = Field(8784.0, ge=0, le=8784)
    """[h] Most hours of calls in a calendar year; beyond that nothing is called."""
    notice_s: float = Field(0.0, ge=0, le=31_622_400)
    """[s] Notice given before a call starts."""
    response: Literal["limit", "drain", "pause"] = "limit"
    """``limit``: when the call starts the limit falls, and jobs are capped or evicted as ``capping`` says. ``drain``:
    the same, and from the notice on the site may draw no more than it does then, or than the call will leave.
    ``pause``: jobs stop on their GPUs, the latest started first, and go on when the call is over."""
    events_per_year: float = Field(0.0, ge=0, le=8784)
    """[1/year] Mean number of random calls, a Poisson process shared by all sites of a region."""
    hours_median: float = Field(4.0, gt=0, le=8784)
    """[h] Median of the calls' lognormal duration (assumption)."""
    hours_p90: float = Field(8.0, gt=0, le=8784)
    """[h] Duration that one call in ten exceeds (assumption)."""
    above_usd_per_mwh: float | None = None
    """[USD/MWh] Calls last while the site's price of energy is above this. Absent: none."""
    calls: list[Call] = []
    """Calls by date."""
    backup_mw: float = Field(0.0, ge=0, le=1e9)
    """[MW] On-site generation that runs during calls."""
    backup_usd_per_mwh: float = Field(0.0, ge=0, le=1e6)
    """[USD/MWh] Cost of its energy."""

    @model_validator(mode="after")
    def _a_spread(self) -> NonFirm:
        if self.hours_p90 < self.hours_median:
            raise PydanticCustomError("non_firm", "hours_p90 below hours_median; give as much or more")
        return self


# Sites: a grid connection, cooling, a market, and pools of GPUs.


class Sustainability(Model):
    """Heat reuse, water and origin of the electricity of a site; what is absent is unknown. The simulation does not
    depend on it; rules and the table of efficiency use it."""

    heat_share: float | None = Field(None, ge=0, le=1)
    """Share of the site's energy reused as heat (ERF)."""
    renewable_share: float | None = Field(None, ge=0, le=1)
    """Share of the site's energy bought or generated from renewables (REF)."""
    water_l_per_kwh: float | None = Field(None, ge=0)
    """[l/kWh] Water per kWh of IT energy (WUE), in place of the computed evaporation."""
    heat_network_km: float | None = Field(None, ge=0)
    """[km] Distance to the nearest heat network."""


class Pool(Model):
    """GPUs of one type at one site: cumulative deliveries over time."""

    gpus: Steps
    """GPUs delivered, cumulative."""
    spare_nodes: int = Field(0, ge=0)
    """Spare nodes that replace failed ones; jobs and replicas never hold more nodes than the rest."""
    spare_start_s: float = Field(0.0, ge=0)
    """[s] Time until a spare takes over from a failed node. 0: hot; minutes: warm."""
    feeders: Feeders | None = None
    """Limits of GPUs, nodes, racks, busways and halls on power. Absent: only the site has a limit."""


class Site(Model):
    """A data centre.

    Price and carbon intensity come from a constant, from a file, or from the typical year of the region; weather from
    a file or the typical year.
    """

    region: str
    """Region whose typical year of price, carbon and weather applies, unless given below; home region of jobs."""
    jurisdiction: str
    """Law that applies here, for the residency of jobs."""
    latitude: float = Field(0.0, ge=-90, le=90)
    """Degrees north, for maps and the sun."""
    longitude: float = Field(0.0, ge=-180, le=180)
    """Degrees east, for maps and the sun."""
    grid_mw: Steps
    """[MW] Facility power of the grid connection."""
    non_firm: NonFirm | None = None
    """The part of it that the grid may curtail. Absent: all of it is firm."""
    on_site: OnSite | None = None
    """Generation and storage on site. Absent: none, all power comes from the grid."""
    hall_mw: Steps | None = None
    """[MW] Rated IT power that the finished halls house and cool. Absent: no limit."""
    rent_usd_per_mw_month: float = Field(0.0, ge=0, le=1e9)
    """[USD] Rent for each MW of ``hall_mw``; halls leased by projects are paid through their tasks."""
    pools: dict[str, Pool]
    """GPUs by type."""
    cooling: Cooling = Cooling.model_validate({})
    """Facility overhead."""
    storage: Storage = Storage.model_validate({})
    """Storage for checkpoints and copies of data sets."""
    opened: UtcTime | None = None
    """Date at which it was connected and opened, for rules; absent: when its grid connection is first above 0, with a
    constant one the run's start."""
    sustainability: Sustainability | None = None
    """Heat, water, origin of electricity."""
    oversubscription: float = Field(1.0, gt=0)
    """Planned power of the nodes that may be on over the power of the grid connection."""
    power_plan: PowerPlan = "nameplate"
    """Power planned per node when deciding how many nodes are switched on: its rated power (``nameplate``), what it
    draws while all its GPUs compute (``peak``), or a percentile, 50 to 100, of what servers draw in production
    (Acme's), as a share of the rated power."""
    capping: Literal["admission", "preempt", "uniform", "priority", "phase"] = "admission"
    """What happens when work would draw more than the site's limit. ``admission``: no job starts that would exceed it;
    if the limit falls, the latest started are evicted. ``preempt``: the same, but the lowest priority is evicted first.
    Caps, which slow down jobs and replicas: ``uniform``, the same for all; ``priority``, low priority first;
    ``phase``, first on those that lose least (``cap_exponent``). With caps, they start if they fit under the deepest
    caps."""
    cap_floor: float = Field(0.5, gt=0, le=1)
    """Share of a job's power above idle that the deepest cap leaves; in sixteenths."""
    price_usd_per_mwh: float | None = None
    """[USD/MWh] Constant price of electricity."""
    carbon_g_per_kwh: float | None = Field(None, ge=0)
    """[g/kWh] Constant carbon intensity of electricity."""
    marginal: Marginal | None = None
    """Marginal carbon intensity, in which emissions are reported beside the average. Absent: not reported."""
    price_factor: Steps = Steps(1.0)
    """Factor on the price, whatever its source: below 1 a discount, above 1 a surcharge. In steps: a forward curve, of
    the levels of later years over those of the source; the first step at the start or before."""
    price_level: Literal["typical", "forward"] = "typical"
    """Level of the region's typical year of prices. ``typical``: as in its data. ``forward``: of each calendar year the
    mean that the catalogue has, of 2025 and 2026 and on a forward curve to 2031 (`gpusim catalog`)."""
    tariff: Tariff | None = None
    """Costs of power beyond energy. Absent: none, and there is no bill."""
    price_file: str | None = Field(None, min_length=1)
    """File of prices; its path is relative to the working directory."""
    carbon_file: str | None = Field(None, min_length=1)
    """File of carbon intensity; its path is relative to the working directory."""
    weather_file: str | None = Field(None, min_length=1)
    """File of weather; its path is relative to the working directory."""
    warmer_k: float | None = Field(None, ge=-20, le=20)
    """[K] Added to the source's outdoor temperature, at the same relative humidity. Absent: the run's value."""
    typical_year: bool = False
    """Take the files' best year for every year: same month, day and hour."""

    @model_validator(mode="after")
    def _one_source_each(self) -> Site:
        faults = [
            f"{constant} and {file} are both given; keep one"
            for constant, file in (("price_usd_per_mwh", "price_file"), ("carbon_g_per_kwh", "carbon_file"))
            if getattr(self, constant) is not None and getattr(self, file) is not None
        ]
        if self.typical_year and not (self.price_file or self.carbon_file or self.weather_file):
            faults.append("typical_year is for files; give price_file, carbon_file or weather_file, or remove it")
        if self.price_level == "forward" and (self.price_file or self.price_usd_per_mwh is not None):
            faults.append(
                'price_level = "forward" is of the typical year, and price_file or price_usd_per_mwh is given; keep one'
            )
        if self.on_site is not None and self.non_firm is not None and self.non_firm.backup_mw > 0.0:
            faults.append("non_firm.backup_mw and on_site are both given; make the backup a generator of on_site")
        if self.on_site is not None and self.on_site.solar is not None and self.latitude == self.longitude == 0.0:
            faults.append("on_site.solar shines by where the site is; give latitude and longitude")
        if self.marginal is not None and self.marginal.is_of_region and ratio_of(self.region) is None:
            known = " and ".join(known_regions())
            faults.append(f"marginal is empty, and only {known} have a ratio; give g_per_kwh, file or ratio")
        if faults:
            raise PydanticCustomError("site", "{faults}", {"faults": "; ".join(faults)})
        return self

"""Sites: a grid connection, cooling, a market, and pools of GPUs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Moment
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.feeders import Feeders
from gpusim.scenario.marginal import Marginal, known_regions, ratio_of
from gpusim.scenario.non_firm import NonFirm
from gpusim.scenario.on_site import OnSite
from gpusim.scenario.power_plan import PowerPlan
from gpusim.scenario.steps import Steps
from gpusim.scenario.storage import Storage
from gpusim.scenario.tariff import Tariff


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
    opened: Moment | None = None
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

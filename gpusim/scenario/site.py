"""Sites: a grid connection, cooling, a market, and pools of GPUs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model, Moment
from gpusim.scenario.cooling import Cooling
from gpusim.scenario.non_firm import NonFirm
from gpusim.scenario.on_site import OnSite
from gpusim.scenario.power_plan import PowerPlan
from gpusim.scenario.steps import Steps
from gpusim.scenario.tariff import Tariff


class Sustainability(Model):
    """What a site does about heat, water and the origin of its electricity; what is absent is not known.

    The simulation does not depend on it: rules and the table of efficiency ask for it.
    """

    heat_share: float | None = Field(None, ge=0, le=1)
    """Share of its energy that is reused as heat (ERF)."""
    renewable_share: float | None = Field(None, ge=0, le=1)
    """Share of its energy that is bought or made renewable (REF)."""
    water_l_per_kwh: float | None = Field(None, ge=0)
    """[l/kWh] Water for each kWh of IT energy (WUE), in place of what the cooling is reckoned to evaporate."""
    heat_network_km: float | None = Field(None, ge=0)
    """[km] Distance to the nearest heat network."""


class Pool(Model):
    """GPUs of one type at one site: cumulative deliveries over time."""

    gpus: Steps
    """GPUs delivered, cumulative."""
    spare_nodes: int = Field(0, ge=0)
    """Spare nodes that replace failed ones; jobs and replicas never hold more than the other nodes."""
    spare_start_s: float = Field(0.0, ge=0)
    """[s] Until a spare is at work in the place of a node that failed. 0: hot; minutes: warm."""


class Site(Model):
    """A data centre.

    Price and carbon intensity come from a constant, from a file, or from the typical year of the region; weather from
    a file or the typical year.
    """

    region: str
    """Whose typical year of price, carbon and weather holds, unless given below; home region of jobs."""
    jurisdiction: str
    """Law that holds here, for the residency of jobs."""
    latitude: float = Field(0.0, ge=-90, le=90)
    """Degrees north, for maps."""
    longitude: float = Field(0.0, ge=-180, le=180)
    """Degrees east, for maps."""
    grid_mw: Steps
    """[MW] Facility power that the grid connection gives."""
    non_firm: NonFirm | None = None
    """What the grid may take back of that. Absent: nothing, all of it is firm."""
    on_site: OnSite | None = None
    """What the site makes and stores itself. Absent: nothing, all power comes from the grid."""
    hall_mw: Steps | None = None
    """[MW] Rated IT power that the halls ready by then house and cool. Absent: no limit."""
    rent_usd_per_mw_month: float = Field(0.0, ge=0, le=1e9)
    """[USD] Rent for each MW of ``hall_mw``; what projects lease pays by their tasks."""
    pools: dict[str, Pool]
    """GPUs by type."""
    cooling: Cooling = Cooling.model_validate({})
    """Facility overhead."""
    opened: Moment | None = None
    """Date at which it was connected and opened, for rules; absent: when its grid connection is first above 0, a
    constant one from the run's start."""
    sustainability: Sustainability | None = None
    """Heat, water, origin of electricity."""
    oversubscription: float = Field(1.0, gt=0)
    """Planned power of the nodes that may be on over the power of the grid connection."""
    power_plan: PowerPlan = "nameplate"
    """What a node is reckoned with when nodes are switched on: its rated power (``nameplate``), what it draws while all
    its GPUs compute (``peak``), or a percentile, 50 to 100, of what servers draw in production (Acme's), as a share of
    the rated power."""
    capping: Literal["admission", "preempt", "uniform", "priority", "phase"] = "admission"
    """What happens when what runs would draw more than the site may. ``admission``: nobody starts who would; if the
    limit falls, the latest started are evicted. ``preempt``: the same, but those of the lowest priority are evicted
    first. Caps, which slow jobs down: ``uniform``, the same for all; ``priority``, on jobs of low priority first;
    ``phase``, on those first that lose least (``cap_exponent``). Jobs then start if they fit under the deepest caps.
    """
    cap_floor: float = Field(0.5, gt=0, le=1)
    """What the deepest cap leaves of what a job draws above idle; in sixteenths."""
    price_usd_per_mwh: float | None = None
    """[USD/MWh] Constant price of electricity."""
    carbon_g_per_kwh: float | None = Field(None, ge=0)
    """[g/kWh] Constant carbon intensity of electricity."""
    price_factor: float = Field(1.0, ge=0)
    """What the contract makes of the price, whatever its source: below 1 a discount, above 1 a surcharge."""
    tariff: Tariff | None = None
    """What power costs besides energy. Absent: nothing, and no bill is made out."""
    price_file: str | None = Field(None, min_length=1)
    """File of prices; its path counts from the working directory."""
    carbon_file: str | None = Field(None, min_length=1)
    """File of carbon intensity; its path counts from the working directory."""
    weather_file: str | None = Field(None, min_length=1)
    """File of weather; its path counts from the working directory."""
    warmer_k: float | None = Field(None, ge=-20, le=20)
    """[K] By how much the outside air is warmer than its source says, at the same relative humidity. Absent: as of the
    run."""
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
        if self.on_site is not None and self.non_firm is not None and self.non_firm.backup_mw > 0.0:
            faults.append("non_firm.backup_mw and on_site are both given; make the backup a generator of on_site")
        if faults:
            raise PydanticCustomError("site", "{faults}", {"faults": "; ".join(faults)})
        return self

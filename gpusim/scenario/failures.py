"""What breaks, how long repairs take, which nodes fail more than others, and planned maintenance."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Literal

from pydantic import Field, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from gpusim import gangs
from gpusim.scenario.base import Model
from gpusim.scenario.hardware import GpuType, figures
from gpusim.units import DAY_S

# Planned maintenance: what is taken out in turn, how often and for how long.


class Maintenance(Model):
    """Planned maintenance of the units of each pool, one after the other, evenly spread over the period."""

    of: Literal["node", "domain", "block"] = "node"
    """The unit: a node; an NVLink or rack domain of its GPU type; a block of ``nodes`` nodes, say behind one switch or
    in one hall."""
    nodes: int = Field(1, gt=0)
    """Nodes of a block."""
    every_days: float = Field(ge=1, le=36_525)
    """[d] From one maintenance of a unit to its next."""
    hours: float = Field(gt=0, le=8784)
    """[h] Its duration."""
    drain_h: float = Field(0.0, ge=0, le=8784)
    """[h] Before it: nodes of the unit that a job leaves without others on them are not used again. What still runs
    when maintenance begins is interrupted. 0: no draining."""
    gpu_types: list[str] = []
    """GPU types concerned; none: all."""
    sites: list[str] = []
    """Sites concerned; none: all."""

    @model_validator(mode="after")
    def _over_before_its_next(self) -> Maintenance:
        if self.hours + self.drain_h >= 24.0 * self.every_days:
            raise PydanticCustomError(
                "maintenance", "hours and drain_h of {took} together, every {every} d; give less than the period",
                {"took": f"{self.hours + self.drain_h:g}", "every": f"{self.every_days:g}"},
            )  # fmt: skip
        return self

    def concerns(self, site: str, kind: str) -> bool:
        """Whether it is of GPUs of a type at a site."""
        return (not self.sites or site in self.sites) and (not self.gpu_types or kind in self.gpu_types)

    def unit_nodes(self, gpu: GpuType) -> int:
        """Nodes of a unit of a type."""
        return {"domain": gpu.nodes_per_domain, "block": self.nodes}.get(self.of, 1)


# What breaks: causes of failures with their rates, how long repairs take, nodes that fail more often than others.

MixName = Literal["llama3", "rsc1", "rsc2"]
LATER = (
    "maintenance",
    "check_h",
    "check_finds",
    "again_h",
    "start_check_finds",
)  # keys that a scenario is written without at their default


class Repair(Model):
    """A kind of repair: lognormal around its mean."""

    mean_h: float = Field(ge=0)
    """[h] Mean time until the nodes are back; 0: at once, but jobs are still interrupted."""
    sigma: float = Field(1.0, ge=0, le=4)
    """[ln h] Spread of the lognormal repair times; 0: always the mean."""
    success: float = Field(1.0, ge=0.05, le=1)
    """Share of such repairs that remove the fault; after the others it recurs once the nodes are back."""


class FailureCause(Model):
    """A cause of failures: what fails, how often, and how it is repaired.

    The failure rate of a unit depends only on its age; a repair does not make it younger.
    """

    of: Literal["gpu", "node", "domain", "block", "site"] = "node"
    """The unit that fails: a GPU, which takes its node down; a node; an NVLink or rack domain of its GPU type; a block
    of ``nodes`` nodes, say behind one switch or in one hall; a site."""
    nodes: int = Field(1, gt=0)
    """Nodes of a block."""
    per_1000_days: float = Field(ge=0)
    """[1/1000 d] Failures of one such unit in 1,000 days; with a ``shape``, 1,000 days over its mean life."""
    repair: dict[str, float] = Field({"reseat": 1.0}, min_length=1)
    """Weights of the kinds of repair, names of ``failures.repairs``, say ``{ reset = 0.6, swap = 0.4 }``."""
    gpu_types: list[str] = []
    """GPU types affected; none: all."""
    sites: list[str] = []
    """Sites affected; none: all."""
    found_after_h: float = Field(0.0, ge=0, le=8784)
    """[h] Mean time until it is found, exponential: silent data corruption. Until then nodes stay on, and affected jobs
    keep working; then these go back to a checkpoint from before it. 0: found immediately."""
    shape: float = Field(1.0, gt=0, le=10)
    """Shape of the Weibull distribution of lifetimes: 1 exponential, below 1 a rate that falls with age, above 1 one
    that rises."""
    infant_factor: float = Field(1.0, ge=1)
    """Factor on the rate at age 0, for infant mortality, which decays over ``infant_days``."""
    infant_days: float = Field(60.0, gt=0)
    """[d] Age at which the excess rate of infant mortality has fallen to 1/e."""

    @model_validator(mode="after")
    def _some_weight(self) -> FailureCause:
        if min(self.repair.values()) < 0 or sum(self.repair.values()) <= 0:
            raise PydanticCustomError("weights", "repair: no weight may be negative, and one must be positive")
        return self

    @property
    def is_steady(self) -> bool:
        """Whether its rate is the same at any age."""
        return self.shape == 1.0 and self.infant_factor == 1.0

    def befalls(self, site: str, kind: str) -> bool:
        """Whether it befalls GPUs of a type at a site."""
        return (not self.sites or site in self.sites) and (not self.gpu_types or kind in self.gpu_types)

    def unit_nodes(self, gpu: GpuType) -> int:
        """Nodes that go down with one unit of a type; of a site: 0, for all that it has."""
        return {"domain": gpu.nodes_per_domain, "block": self.nodes, "site": 0}.get(self.of, 1)


class Failures(Model):
    """What fails, how often, and how it is repaired. Without a mix and causes nothing fails."""

    mix: MixName | None = None
    """Published causes with their rates (``gpusim catalog``), extended by ``causes``: those of the Llama 3 run on
    H100s, or the single rate of Meta's research clusters of A100s. Absent: none."""
    factor: float = Field(1.0, ge=0)
    """Factor on the rates of all causes."""
    causes: dict[str, FailureCause] = {}
    """Causes by name; for those of the mix, only what differs."""
    repairs: dict[str, Repair] = Field({}, json_schema_extra={"default": "`reset`, `reseat`, `swap`, `rma`"})
    """Kinds of repair by name; those of the catalogue exist already."""
    age_days: float = Field(365.0, ge=0)
    """[d] Age at the run's start of GPUs without a delivery date; others age from their delivery."""
    lemon_share: float = Field(0.0, ge=0, le=1)
    """Share of nodes that fail more often than the others (lemons); the rate over all nodes stays."""
    lemon_factor: float = Field(10.0, ge=1)
    """How many times as often a lemon fails as another node."""

    maintenance: dict[str, Maintenance] = {}
    """Planned maintenance by name; it is in the tables of failures under that name."""
    check_h: float = Field(0.0, ge=0, le=8784)
    """[h] Tests of nodes after each repair, before they are back."""
    check_finds: float = Field(0.0, ge=0, le=1)
    """Share of the faults left by a repair that these tests find; the nodes are then repaired again."""
    again_h: float = Field(1.0, gt=0, le=8784)
    """[h] Mean time until a fault that tests have not found recurs; exponential. If it is short, restarts fail."""
    start_check_finds: float = Field(0.0, ge=0, le=1)
    """Share of the hidden faults of its nodes that the tests before a job's start find (``check_s`` of its class): left
    by repairs, silently corrupting, and lemons, which are then like other nodes once they are repaired (``swap``)."""

    @model_validator(mode="before")
    @classmethod
    def _with_catalogue(cls, data: object) -> object:
        return filled_up(data)

    @model_validator(mode="after")
    def _names_of_their_own(self) -> Failures:
        if both := [name for name in self.maintenance if name in self.causes]:
            raise PydanticCustomError(
                "names", "maintenance and a cause are both called {both}; give maintenance another name",
                {"both": " and ".join(f'"{name}"' for name in both)},
            )  # fmt: skip
        return self

    @model_serializer(mode="wrap")
    def _but_the_catalogue(self, values: Callable) -> dict:
        """Without what the catalogue has, so that a change of the mix alone changes all of that."""
        found, usual = values(self), {"causes": published().get(self.mix or "", {}), "repairs": usual_repairs()}
        for table, models in (("causes", FailureCause), ("repairs", Repair)):
            known = {name: models.model_validate(given) for name, given in usual[table].items()}
            found[table] = {n: v for n, v in found[table].items() if getattr(self, table)[n] != known.get(n)}
        for cause in found["causes"].values():
            if cause["found_after_h"] == 0.0:
                del cause["found_after_h"]
        own = Failures.model_fields
        return {name: value for name, value in found.items() if name not in LATER or value != own[name].default}

    def failures_per_fault(self, cause: FailureCause) -> float:
        """How often a fault shows until it is put right, on average: (1 - g) / s.

        Of repairs, the share s puts it right; g does not and is found out. Each time it shows, repairs follow until
        one puts it right or none is known to have failed: with probability s / (1 - g) it was the last time.
        """
        total = sum(cause.repair.values())
        wrong = sum(weight / total * (1.0 - self.repairs[name].success) for name, weight in cause.repair.items())
        return (1.0 - wrong * self.check_finds) / (1.0 - wrong)

    def rate_per_s(self, site: str, kind: str, gpu: GpuType, gpus: int) -> float:
        """[1/s] Interruptions of a job on so many GPUs of a type at a site, at the causes' steady rates.

        A gang holds whole nodes, and whole domains and blocks as far as they go.
        """
        nodes = gangs.n_nodes(gpus, gpu.gpus_per_node)
        per_day = 0.0
        for cause in self.causes.values():
            if cause.befalls(site, kind):
                share = {"gpu": nodes * gpu.gpus_per_node, "site": 1}
                units = share.get(cause.of, math.ceil(nodes / max(cause.unit_nodes(gpu), 1)))
                per_day += units * self.failures_per_fault(cause) * cause.per_1000_days / 1000.0
        return self.factor * per_day / DAY_S


def filled_up(table: object, mix: object = None) -> object:
    """The table with the causes of its mix, or of ``mix``, and the usual repairs; what it gives itself goes first."""
    if not isinstance(table, dict):
        return table
    mix = mix or table.get("mix")
    return {
        **table,
        "causes": _merged(published().get(mix if isinstance(mix, str) else "", {}), table.get("causes", {})),
        "repairs": _merged(usual_repairs(), table.get("repairs", {})),
    }


def _merged(known: dict[str, dict], given: object) -> object:
    """Tables by name: those known, with what is given going first."""
    if not isinstance(given, dict):
        return given
    whole = {name: {**known.get(name, {}), **own} if isinstance(own, dict) else own for name, own in given.items()}
    return {**known, **whole}


@cache
def published() -> dict[str, dict[str, dict]]:
    """Fields of the causes of each published mix."""
    mixes: dict[str, dict[str, dict]] = {}
    for row in figures("failures"):
        cause = mixes.setdefault(row["mix"], {}).setdefault(row["cause"], {"of": row["of"]})
        if row["field"].startswith("repair."):
            cause.setdefault("repair", {})[row["field"].removeprefix("repair.")] = float(row["value"])
        else:
            cause[row["field"]] = float(row["value"])
    return mixes


@cache
def usual_repairs() -> dict[str, dict[str, float]]:
    """Fields of the usual kinds of repair."""
    return {row["kind"]: {"mean_h": float(row["value"])} for row in figures("repairs")}

"""The root of a scenario: read, checked as a whole, changed by copy."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from gpusim.errors import ScenarioError, one_line
from gpusim.scenario import hardware
from gpusim.scenario.assumption import Assumption, faults_of_assumptions
from gpusim.scenario.base import Model, UtcTime
from gpusim.scenario.build_out import faults_of_projects
from gpusim.scenario.consistency import contradictions
from gpusim.scenario.contract import Contract, faults_of_contracts
from gpusim.scenario.failures import Failures, filled_up
from gpusim.scenario.faults import faults_of
from gpusim.scenario.files import located, outsized, read_extended
from gpusim.scenario.hardware import GpuType
from gpusim.scenario.link import Link
from gpusim.scenario.market import Market, faults_of_market
from gpusim.scenario.money import Money
from gpusim.scenario.option import Offers, faults_of_options
from gpusim.scenario.overrides import apply
from gpusim.scenario.project import Delays, Project, Supply, filled_in, left_over
from gpusim.scenario.references import bad_names, unknown_names
from gpusim.scenario.rival import Rival, faults_of_rivals
from gpusim.scenario.rules import Rules
from gpusim.scenario.scheduler import Scheduler
from gpusim.scenario.service import Service
from gpusim.scenario.shock import Shock
from gpusim.scenario.site import Site
from gpusim.scenario.workload import DataSet, Tenant, Workload
from gpusim.units import number_of

BUILDING = ("projects", "supplies", "shocks", "rivals")
# Tables that a scenario does not show as long as they hold nothing: it is then the scenario that it was without them.
_UNUSED = {
    **dict.fromkeys((*BUILDING, "contracts", "assumptions", "data_sets"), {}), "delays": Delays(),
    "failures": Failures(), "market": Market(), "money": Money(), "plan": Offers(), "rules": Rules(),
}  # fmt: skip


class RunSpec(Model):
    """When the run starts and how long it is."""

    start: UtcTime
    """Date of the run's start (UTC without a zone)."""
    days: float = Field(gt=0, le=36525)
    """[d] Length of the run."""
    drain: bool = False
    """End as soon as all jobs have ended; ``days`` is then the longest it may take."""
    record_s: float = Field(3600.0, gt=0)
    """[s] Interval of the recorded series."""
    signal_s: float | None = Field(None, gt=0)
    """[s] Interval over which price, carbon and weather are averaged, to speed up long runs. Absent: not averaged."""
    warmer_k: float = Field(0.0, ge=-20, le=20)
    """[K] Added to the source's outdoor temperature, at the same relative humidity, at all sites without their own
    value."""


class Scenario(Model):
    """A fleet, its tenants and its work."""

    name: str
    """Name of the scenario, for titles."""
    description: str = ""
    """One sentence for the report."""
    run: RunSpec
    """When the run starts and how long it is."""
    scheduler: Scheduler = Scheduler()
    """How jobs are ordered, placed and dispatched."""
    gpus: dict[str, GpuType] = {}
    """GPU types by name. Those of the catalogue exist already; give only what differs."""
    sites: dict[str, Site] = Field(min_length=1)
    """Data centres by name."""
    links: dict[str, Link] = {}
    """WAN links between regions by name. None: data are available everywhere."""
    data_sets: dict[str, DataSet] = {}
    """Data sets that jobs of a class read, by name."""
    tenants: dict[str, Tenant] = {}
    """Who runs jobs and services, by name."""
    workload: Workload = Workload()
    """The jobs."""
    services: dict[str, Service] = {}
    """Inference services by name."""
    failures: Failures = Failures()
    """What fails, how often and for how long."""
    projects: dict[str, Project] = {}
    """Construction projects by name: capacity added to sites when its tasks are done."""
    supplies: dict[str, Supply] = {}
    """Shared supplies that projects draw on, by name."""
    shocks: dict[str, Shock] = {}
    """External shocks to supplies and work, by name."""
    rivals: dict[str, Rival] = {}
    """Other providers that order from the same supplies, by name."""
    delays: Delays = Delays()
    """Correlation and tails of project delays."""
    contracts: dict[str, Contract] = {}
    """Contracts of tenants for capacity, by name."""
    market: Market = Market()
    """How GPUs without a contract are sold."""
    money: Money = Money()
    """What the provider pays for capital, power and staff."""
    rules: Rules = Rules()
    """Rules and tariffs by jurisdiction."""
    assumptions: dict[str, Assumption] = {}
    """Uncertain inputs of a build-out with their intervals, by name; runs do not depend on them."""
    plan: Offers = Offers()
    """What can be bought; runs do not depend on it."""

    @classmethod
    def from_toml(cls, path: str | Path, overrides: dict[str, object] | None = None) -> Scenario:
        """Scenario of a TOML file, with values at dotted keys replaced.

        Parameters
        ----------
        path : str or Path
            A file, or the name of a scenario that comes with gpusim: ``"us_eu_fleet"``.
        overrides : dict of str to object, optional
            Values by dotted key: ``{"run.days": 7.0}``.

        Raises
        ------
        ScenarioError
            If the file cannot be read as TOML, or with every fault of its content and of the overrides.
        """
        data = read_extended(located(path))
        if "scenario" in data and "sites" not in data:
            raise ScenarioError(str(path), ["is a sweep file, not a scenario; `gpusim sweep` runs it"])
        return cls.from_dict(data, str(path), overrides)

    @classmethod
    def from_dict(cls, data: dict, source: str = "scenario", overrides: dict[str, object] | None = None) -> Scenario:
        """Scenario of nested tables; GPU types of the catalogue fill in what the tables leave out.

        Raises
        ------
        ScenarioError
            With every fault of the tables and of the overrides.
        """
        if faults := [*outsized(data), *outsized(overrides or {})]:
            raise ScenarioError(source, list(dict.fromkeys(faults)))
        data, unfilled = filled_in(_with_catalogue(data, overrides or {}))
        data, faults = apply(data, overrides or {}, cls)
        if "failures" in data:
            data["failures"] = filled_up(data["failures"])
        faults += [*unfilled, *left_over(data)]
        try:
            scenario = cls.model_validate(data)
        except ValidationError as error:
            faults += faults_of(error, cls)
        faults += [*bad_names(data), *unknown_names(data), *contradictions(data, *_period(data.get("run")))]
        faults += [*faults_of_projects(data), *faults_of_contracts(data, _period(data.get("run"))[0])]
        faults += [*faults_of_rivals(data, *_period(data.get("run"))), *faults_of_market(data)]
        faults += [*faults_of_options(data, cls), *faults_of_assumptions(data)]
        if faults:
            raise ScenarioError(source, list(dict.fromkeys(faults)))
        return scenario

    def with_(self, changes: dict[str, object]) -> Scenario:
        """Validated copy with the values at dotted keys replaced."""
        return type(self).from_dict(self.to_toml_dict(), self.name, changes)

    def __repr__(self) -> str:
        gpus = sum(pool.gpus.peak() for site in self.sites.values() for pool in site.pools.values())
        parts = [number_of(len(self.sites), "site"), f"{number_of(gpus, 'GPU')} in their pools"]
        parts += [number_of(len(one), kind) for kind in ("project", "contract") if (one := getattr(self, f"{kind}s"))]
        parts.append(f"{number_of(self.run.days, 'day')} from {self.run.start:%Y-%m-%d %H:%M} UTC")
        return one_line(f"<Scenario {self.name!r}: {', '.join(parts)}>")

    __str__ = __repr__

    def to_toml_dict(self) -> dict:
        """Nested tables of plain values."""
        tables = self.model_dump(mode="python", exclude_none=True)
        for key, nothing in _UNUSED.items():
            if getattr(self, key) == nothing:
                del tables[key]
        return tables

    def projects_at(self, site: str) -> dict[str, Project]:
        """Projects that add to a site, by name."""
        return {name: project for name, project in self.projects.items() if project.site == site}

    def content_hash(self) -> str:
        """sha256 of the content that a run depends on, whatever the order of its keys and its comments."""
        content = {key: table for key, table in self.to_toml_dict().items() if key not in ("plan", "assumptions")}
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()

    @staticmethod
    def starter() -> str:
        """Text of a commented starter scenario."""
        return (files("gpusim.scenario") / "starter.toml").read_text(encoding="utf-8")


def _with_catalogue(data: dict, overrides: dict[str, object]) -> dict:
    """Copy of the tables with what the catalogue has: all GPU types, published failures; what they give goes first."""
    if "failures" in data or any(key.startswith("failures.") for key in overrides):
        data = {**data, "failures": filled_up(data.get("failures", {}), overrides.get("failures.mix"))}
    types = data.get("gpus", {})
    if not isinstance(types, dict):
        return dict(data)
    known = hardware.built_in()
    given = {name: {**known.get(name, {}), **spec} if isinstance(spec, dict) else spec for name, spec in types.items()}
    return {**data, "gpus": {**known, **given}}


def _period(run: Any) -> tuple[UtcTime | None, float | None]:
    """Start and length [d] of the run, None for what is not valid."""
    values: list[Any] = []
    for key in ("start", "days"):
        field = RunSpec.model_fields[key]
        try:
            values.append(TypeAdapter(field.rebuild_annotation()).validate_python(run[key], strict=True))
        except (ValidationError, KeyError, TypeError):
            values.append(None)
    start, days = values
    return start, days

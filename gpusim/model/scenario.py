"""The root of a scenario: read, checked as a whole, changed by copy."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from pydantic import Field, ValidationError, field_validator

from gpusim.errors import ScenarioError, did_you_mean
from gpusim.model import hardware
from gpusim.model.base import Model, faults_of
from gpusim.model.hardware import GpuType
from gpusim.model.overrides import apply
from gpusim.model.scheduler import Scheduler
from gpusim.model.service import Service
from gpusim.model.site import Site
from gpusim.model.tenant import Tenant
from gpusim.model.workload import Workload


class Run(Model):
    """When the run starts and how long it is; with ``drain`` it ends as soon as all jobs have ended."""

    start: datetime
    days: float = Field(gt=0)
    drain: bool = False
    record_s: float = Field(3600.0, gt=0)

    @field_validator("start")
    @classmethod
    def _utc(cls, start: datetime) -> datetime:
        return start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)


class Scenario(Model):
    """A fleet, its tenants and its work."""

    name: str
    description: str = ""
    run: Run
    scheduler: Scheduler = Scheduler()
    gpus: dict[str, GpuType] = {}
    sites: dict[str, Site] = Field(min_length=1)
    tenants: dict[str, Tenant] = {}
    workload: Workload = Workload()
    services: dict[str, Service] = {}

    @classmethod
    def from_toml(cls, path: str | Path, overrides: dict[str, object] | None = None) -> Scenario:
        """Scenario of a TOML file; every fault of the file in one ``ScenarioError``."""
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ScenarioError(str(path), ["no such file; `gpusim init` writes a starter scenario"]) from None
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioError(str(path), [f"cannot be read as UTF-8 text: {error}"]) from None
        except tomllib.TOMLDecodeError as error:
            raise ScenarioError(str(path), [f"not valid TOML: {error}"]) from None
        return cls.from_dict(apply(data, overrides or {}), str(path))

    @classmethod
    def from_dict(cls, data: dict, source: str = "scenario") -> Scenario:
        """Scenario of nested tables; GPU types of the catalogue fill in what the tables leave out."""
        data = dict(data)
        types = data.get("gpus", {})
        known = hardware.built_in()
        if isinstance(types, dict):
            merged = {
                name: {**known.get(name, {}), **spec} if isinstance(spec, dict) else spec
                for name, spec in types.items()
            }
            data["gpus"] = {**known, **merged}
        try:
            scenario = cls.model_validate(data)
        except ValidationError as error:
            raise ScenarioError(source, faults_of(error, cls)) from None
        faults = list(_dangling(scenario))
        if faults:
            raise ScenarioError(source, faults)
        return scenario

    def with_(self, changes: dict[str, object]) -> Scenario:
        """Validated copy with the values at dotted keys replaced."""
        return type(self).from_dict(apply(self.to_toml_dict(), changes), self.name)

    def to_toml_dict(self) -> dict:
        """Nested tables of plain values."""
        return self.model_dump(mode="python", exclude_none=True)

    def content_hash(self) -> str:
        """sha256 of the content, whatever the order of its keys and its comments."""
        return hashlib.sha256(json.dumps(self.to_toml_dict(), sort_keys=True, default=str).encode()).hexdigest()

    @staticmethod
    def starter() -> str:
        """Text of a commented starter scenario."""
        return (files("gpusim.model") / "starter.toml").read_text(encoding="utf-8")


def _dangling(scenario: Scenario):
    """References to names that are not there."""

    def missing(key: str, name: str, known) -> str:
        return f"{key}: unknown name {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}"

    for site, spec in scenario.sites.items():
        for kind in spec.pools:
            if kind not in scenario.gpus:
                yield missing(f"sites.{site}.pools", kind, scenario.gpus)
    if scenario.workload.reference_gpu not in scenario.gpus:
        yield missing("workload.reference_gpu", scenario.workload.reference_gpu, scenario.gpus)
    for name, stream in scenario.workload.streams.items():
        if stream.tenant not in scenario.tenants:
            yield missing(f"workload.streams.{name}.tenant", stream.tenant, scenario.tenants)
        if stream.job_class not in scenario.workload.classes:
            yield missing(f"workload.streams.{name}.job_class", stream.job_class, scenario.workload.classes)
        for kind in stream.gpu_types:
            if kind not in scenario.gpus:
                yield missing(f"workload.streams.{name}.gpu_types", kind, scenario.gpus)
    for name, service in scenario.services.items():
        if service.tenant not in scenario.tenants:
            yield missing(f"services.{name}.tenant", service.tenant, scenario.tenants)
        for i, place in enumerate(service.deployments):
            key = f"services.{name}.deployments.{i}"
            if place.site not in scenario.sites:
                yield missing(f"{key}.site", place.site, scenario.sites)
            elif place.gpu_type not in scenario.sites[place.site].pools:
                yield missing(f"{key}.gpu_type", place.gpu_type, scenario.sites[place.site].pools)
            if place.gpu_type not in service.tokens_per_s_per_gpu:
                yield f"{key}.gpu_type: no rate for {place.gpu_type!r} in services.{name}.tokens_per_s_per_gpu; add one"

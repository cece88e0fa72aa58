"""Inference services: demand that follows the users' day, served by replicas in the shared pools."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.inference import Autoscaling, Objectives, Prefill, RequestMix, Routing, ServedModel, Users
from gpusim.units import DAY_S


class DeploymentSpec(Model):
    """Where a service runs, and its share of the demand."""

    site: str
    """Site in whose pool the replicas run."""
    gpu_type: str
    """GPU type of that pool."""
    weight: float = Field(1.0, gt=0)
    """Share of the demand, relative to the other deployments."""
    guaranteed_gpus: int | None = Field(None, ge=0)
    """GPUs up to which its replicas may evict jobs, where they may: as a contract says; a multiple of the service's
    ``gpus_per_replica``. Replicas beyond start only where GPUs are free. Absent: all may."""


class Service(Model):
    """One inference service."""

    tenant: str
    """Tenant that the replicas belong to."""
    level: Literal["fluid", "requests"] | None = None
    """"requests": every request is served, batch by batch, which needs ``model``. "fluid", or absent: tokens flow, and
    latencies, with ``model``, are those of a replica under that load."""
    gpus_per_replica: int = Field(gt=0)
    """GPUs of one replica; if more than a node has, whole nodes."""
    tokens_per_s_per_gpu: dict[str, PositiveFloat] = {}
    """[tokens/s] Throughput of one GPU of each type; for types not named, that of a full replica of ``model``."""
    mean_tokens_per_s: float = Field(ge=0)
    """[tokens/s] Mean demand over a week, at the start; with ``model``, of output."""
    peak_to_mean: float = Field(1.0, ge=1, le=2)
    """Daily peak over mean demand."""
    utc_offset_h: float = Field(0.0, ge=-12, le=14)
    """[h] Local time of the users less UTC."""
    weekend_factor: float = Field(1.0, gt=0)
    """Demand on Saturday and Sunday over that of a weekday."""
    growth_per_day: float = Field(0.0, gt=-1)
    """Growth of demand per day, as a fraction."""
    target_utilisation: float = Field(0.8, gt=0, le=1)
    """Target load of the replicas for the autoscaler."""
    control_s: float = Field(300.0, gt=0, le=36525 * DAY_S)
    """[s] Interval at which replicas are started and stopped."""
    load_s: float = Field(0.0, ge=0)
    """[s] Time that a new replica takes to load its weights."""
    may_preempt: bool = True
    """Replicas may evict preemptible jobs of lower priority, for their GPUs and for power within the site's limit."""
    priority: int = 100
    """Priority of the replicas; higher goes first."""
    deployments: list[DeploymentSpec] = Field(min_length=1)
    """Where the service runs."""
    model: ServedModel | None = None
    """The model that it serves."""
    requests: RequestMix | None = None
    """What requests look like, with ``model``."""
    objectives: Objectives | None = None
    """Their latency objectives, with ``model``."""
    users: dict[str, Users] | None = None
    """Users by region; absent: all at ``utc_offset_h``, with no network delay."""
    routing: Routing | None = None
    """Which deployment and which replica a request goes to, with ``model``; with "fluid" only which deployment."""
    prefill: Prefill | None = None
    """Separate replicas for prefill, with "requests"; absent: each replica does prefill and decode."""
    scaling: Autoscaling | None = None
    """How many replicas there are; absent: as many as demand needs."""

    @property
    def by_request(self) -> bool:
        """Whether every request is served."""
        return self.level == "requests"

    @property
    def crosses_links(self) -> bool:
        """Whether its requests, or KV cache of their prompts, may be on links between sites."""
        of_users = any(users.region for users in (self.users or {}).values())
        heavy = self.requests is not None and self.requests.bytes_per_token is not None
        return (of_users and heavy) or (self.prefill is not None and self.prefill.site is not None)

    def prefill_type(self, deployment: DeploymentSpec) -> str:
        """GPU type of the replicas that prefill for a deployment."""
        return (self.prefill and self.prefill.gpu_type) or deployment.gpu_type

    def prefill_site(self, deployment: DeploymentSpec) -> str:
        """Site of the replicas that prefill for a deployment."""
        return (self.prefill and self.prefill.site) or deployment.site

    @model_validator(mode="after")
    def _complete(self) -> Service:
        faults = []
        if self.model is None:
            if self.by_request:
                faults.append('level = "requests" without a model; add [model] with its name')
            faults += [
                f"{key} without a model; add [model] with its name, or remove {key}"
                for key in ("requests", "objectives", "routing")
                if getattr(self, key) is not None
            ]
            if not self.tokens_per_s_per_gpu:
                faults.append("neither tokens_per_s_per_gpu nor a model; give one of them")
        elif self.model.gpus != self.gpus_per_replica:
            faults.append(
                f"gpus_per_replica of {self.gpus_per_replica}, and a model on {self.model.gpus} (tp x pp x dp); give"
                " both the same"
            )
        if self.model is None and any(users.residency for users in (self.users or {}).values()):
            faults.append("users with a residency without a model; add [model] with its name, or remove residency")
        if self.scaling is not None and not self.by_request and self.scaling.policy not in LOOKING_AHEAD:
            faults.append(
                f'scaling.policy "{self.scaling.policy}" at the fluid level; give {", ".join(LOOKING_AHEAD)},'
                ' or level = "requests"'
            )
        if (self.requests or RequestMix()).turns > 1.0 and not self.by_request:
            faults.append('sessions at the fluid level; give level = "requests", or requests.turns = 1')
        if not self.may_preempt and any(one.guaranteed_gpus is not None for one in self.deployments):
            faults.append("guaranteed_gpus with may_preempt = false; remove one of the two")
        faults += [
            f"deployments.{i}.guaranteed_gpus of {gpus:,} is not a whole number of replicas of"
            f" {self.gpus_per_replica:,} GPUs; give {_whole(gpus, self.gpus_per_replica)}"
            for i, gpus in enumerate(one.guaranteed_gpus or 0 for one in self.deployments)
            if gpus % self.gpus_per_replica
        ]
        shares = (self.requests or RequestMix()).priorities
        if shares and not sum(shares) > 0.0:
            faults.append("requests.priorities are all 0; give at least one above 0")
        if shares and not self.by_request:
            faults.append('requests with priorities at the fluid level; give level = "requests"')
        if self.prefill is not None and not self.by_request:
            faults.append('separate prefill at the fluid level; give level = "requests", or remove prefill')
        if faults:
            raise PydanticCustomError("service", "{faults}", {"faults": "; ".join(faults)})
        return self


def _whole(gpus: int, per_replica: int) -> str:
    """The two numbers of GPUs nearest to one that are whole replicas."""
    below = gpus // per_replica * per_replica
    return f"{f'{below:,}' if below else '0, for none,'} or {below + per_replica:,}"


LOOKING_AHEAD = ("demand", "predictive", "static")
"""Policies of scaling that do not ask what replicas have seen."""

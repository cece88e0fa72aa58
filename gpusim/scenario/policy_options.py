"""Options of scheduling policies: the table ``scheduler.options`` of a scenario."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gpusim.scenario.base import Model

Positive = Annotated[float, Field(gt=0)]
TIRESIAS = [3250.0, 7200.0]  # limits of its three queues in the authors' simulator


class NoOptions(Model):
    """Of a policy that has none."""


class DeadlineOptions(Model):
    """When jobs are due."""

    slack: float = Field(2.0, ge=0)
    """A job is due this many of its estimates behind its submission."""


class LevelOptions(Model):
    """Levels of the service that jobs had so far."""

    limits: list[Positive] = Field(TIRESIAS, min_length=1, max_length=1000)
    """Service at which a job falls to the next level, rising: [s] on GPUs, or [GPU s] where the policy counts these."""
    promote: Positive | None = None
    """Who has waited this many times as long as it had run begins anew. Absent: nobody."""

    @field_validator("limits")
    @classmethod
    def _rising(cls, limits: list[float]) -> list[float]:
        if any(low >= high for low, high in zip(limits, limits[1:])):
            raise ValueError("give limits that rise, each once")
        return limits


class GittinsOptions(Model):
    """What is known of run times before jobs run."""

    run_times_s: list[Positive] | None = Field(None, min_length=2, max_length=1_000_000)
    """[s] Run times of jobs like these, say of last month. Absent: those of the workload itself, as a distribution."""
    levels: int = Field(20, ge=2, le=1000)
    """Levels of service between which the index is looked up, as many jobs ending in each."""


class MultifactorOptions(Model):
    """Weights of Slurm's priority; each factor is between 0 and 1."""

    half_life_h: Positive = 168.0
    """[h] After so long what a tenant used counts for half."""
    age: float = Field(1000.0, ge=0)
    """Weight of the time waited, of ``max_age_h``."""
    max_age_h: Positive = 168.0
    """[h] Waiting beyond it counts no more."""
    size: float = Field(0.0, ge=0)
    """Weight of the job's GPUs, of the pool's."""
    fair_share: float = Field(1000.0, ge=0)
    """Weight of 2^-(what the tenant used / its share), of all that was used."""
    qos: float = Field(0.0, ge=0)
    """Weight of the job's priority, of the greatest in the queue."""


class PolluxOptions(Model):
    """How Pollux weighs speed against fairness."""

    fairness: float = Field(-1.0, lt=0)
    """Power of the mean of speed-ups, below 0: the farther, the more those count that are slow."""
    restart_s: float = Field(30.0, ge=0)
    """[s] What the policy takes a change of size to cost a job; what it costs, its class says."""


class SiaOptions(Model):
    """How Sia weighs speed against fairness."""

    fairness: float = Field(-0.5, lt=0)
    """Power of goodputs, below 0: the farther, the more those count that are slow."""
    at_all: float = Field(1.1, gt=1)
    """Worth of running at all, with the fewest GPUs it is this less 1."""
    restart_s: float = Field(30.0, ge=0)
    """[s] What the policy takes a change of size to cost a job; what it costs, its class says."""


class HierarchicalOptions(Model):
    """Groups of tenants, and what they may hold."""

    groups: dict[str, list[str]] = {}
    """Tenants by group; a tenant in none is a group of its own."""
    weights: dict[str, Positive] = {}
    """Weights of groups. Absent: the shares of their tenants together."""
    limits: dict[str, Annotated[int, Field(ge=0)]] = {}
    """[GPUs of each pool] That a group or a tenant may hold at most, its own and borrowed. Absent: no limit."""

    @field_validator("groups")
    @classmethod
    def _once(cls, groups: dict[str, list[str]]) -> dict[str, list[str]]:
        tenants = [tenant for members in groups.values() for tenant in members]
        twice = sorted({tenant for tenant in tenants if tenants.count(tenant) > 1})
        if twice:
            raise ValueError(f"give each tenant once; {', '.join(twice)} more often")
        return groups


class SpotOptions(Model):
    """What spot jobs, the preemptible ones, are promised."""

    guaranteed_h: float = Field(1.0, ge=0)
    """[h] From each start a spot job is not preempted for so long."""


class Reservation(Model):
    """Nodes that a tenant has to itself for a time."""

    tenant: str
    """Whose jobs may run there."""
    gpus: int = Field(gt=0)
    """GPUs, in whole nodes, of each pool that is meant."""
    start_h: float = Field(ge=0)
    """[h] When it begins, from the start of the run."""
    hours: float = Field(gt=0)
    """[h] How long it lasts."""
    site: str | None = None
    """Absent: any site."""
    gpu_type: str | None = None
    """Absent: any type."""


class ReservationsOptions(Model):
    """Who has which nodes when."""

    reservations: list[Reservation] = Field([], max_length=1000)
    """Reservations, of which those of one time have different nodes."""


class MastOptions(Model):
    """What it costs to be away, and who may have how much where."""

    away_h: float = Field(0.0, ge=0)
    """[h] By so much another site must be sooner than the one to which dispatch sent the job."""
    quotas: dict[str, dict[str, Annotated[int, Field(ge=0)]]] = {}
    """[GPUs] That a tenant may hold at a site, by site and tenant. Absent: no limit."""


class GavelOptions(Model):
    """What shares of time on GPU types are for."""

    objective: Literal["max_min", "finish_time", "makespan", "throughput"] = "max_min"
    """The least throughput of a job over that with its time spread as the GPUs are; the worst finish time over that
    with an equal part of the fleet; the least throughput over the work left; or the sum of all."""
    aware: bool = True
    """Whether it knows how fast jobs are on each type; if not, all types count as alike."""

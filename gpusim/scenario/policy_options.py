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
    """A job is due this many times its estimate after submission, unless a trace has its ``deadline_s``."""


class LevelOptions(Model):
    """Levels of the service that jobs had so far."""

    limits: list[Positive] = Field(TIRESIAS, min_length=1, max_length=1000)
    """Service at which a job drops to the next level, ascending: [s] on GPUs, or [GPU s] for policies that count
    GPU-time."""
    promote: Positive | None = None
    """A job that has waited this many times as long as it ran returns to the first level. Absent: never."""

    @field_validator("limits")
    @classmethod
    def _rising(cls, limits: list[float]) -> list[float]:
        if any(low >= high for low, high in zip(limits, limits[1:])):
            raise ValueError("give limits that rise, each once")
        return limits


class GittinsOptions(Model):
    """What is known of run times before jobs run."""

    run_times_s: list[Positive] | None = Field(None, min_length=2, max_length=1_000_000)
    """[s] Run times of similar jobs, say of last month. Absent: the distribution of the workload itself."""
    levels: int = Field(20, ge=2, le=1000)
    """Levels of service between which the index is looked up; equally many jobs end in each."""


class MultifactorOptions(Model):
    """Weights of Slurm's priority; each factor is between 0 and 1."""

    half_life_h: Positive = 168.0
    """[h] Half-life of a tenant's past use."""
    age: float = Field(1000.0, ge=0)
    """Weight of the time waited over ``max_age_h``."""
    max_age_h: Positive = 168.0
    """[h] Waiting time at which the age factor is highest."""
    size: float = Field(0.0, ge=0)
    """Weight of the job's GPUs over the pool's."""
    fair_share: float = Field(1000.0, ge=0)
    """Weight of 2^-(use / share), where use is the tenant's part of all use."""
    qos: float = Field(0.0, ge=0)
    """Weight of the job's priority over the highest in the queue."""


class PolluxOptions(Model):
    """How Pollux weighs speed against fairness."""

    fairness: float = Field(-1.0, lt=0)
    """Exponent of the power mean of speedups: the further below 0, the more slow jobs count."""
    restart_s: float = Field(30.0, ge=0)
    """[s] Cost of a change of size as assumed by the policy; the actual cost follows from the job's class."""


class SiaOptions(Model):
    """How Sia weighs speed against fairness."""

    fairness: float = Field(-0.5, lt=0)
    """Exponent on goodputs: the further below 0, the more slow jobs count."""
    at_all: float = Field(1.1, gt=1)
    """Value of running a job at all; with the fewest GPUs it is this less 1."""
    restart_s: float = Field(30.0, ge=0)
    """[s] Cost of a change of size as assumed by the policy; the actual cost follows from the job's class."""


class HierarchicalOptions(Model):
    """Groups of tenants, and what they may hold."""

    groups: dict[str, list[str]] = {}
    """Tenants by group; a tenant in none is a group of its own."""
    weights: dict[str, Positive] = {}
    """Weights of groups. Absent: the sum of their tenants' shares."""
    limits: dict[str, Annotated[int, Field(ge=0)]] = {}
    """[GPUs per pool] Most that a group or a tenant may hold, its own and borrowed. Absent: no limit."""

    @field_validator("groups")
    @classmethod
    def _once(cls, groups: dict[str, list[str]]) -> dict[str, list[str]]:
        tenants = [tenant for members in groups.values() for tenant in members]
        twice = sorted({tenant for tenant in tenants if tenants.count(tenant) > 1})
        if twice:
            raise ValueError(f"give each tenant once; {', '.join(twice)} more often")
        return groups


class SpotOptions(Model):
    """Guarantee for spot jobs, the preemptible ones."""

    guaranteed_h: float = Field(1.0, ge=0)
    """[h] Time from each start during which a spot job is not preempted."""


class SloOptions(Model):
    """When jobs are due, and for whom late is as bad as never."""

    slack: float = Field(2.0, ge=0)
    """A job is due this many times its estimate after submission, unless a trace has its ``deadline_s``."""
    strict: list[str] = []
    """Tenants and classes whose deadlines are strict: their jobs that cannot be on time start last."""


class LeasesOptions(Model):
    """How long GPUs are let, and whose deadlines lose their worth."""

    lease_h: Positive = 0.25
    """[h] Length of a lease: GPUs of preemptible jobs are let anew at multiples of it. Long beside the time that jobs
    have until their deadlines, few are accepted; short, jobs are stopped often."""
    strict: list[str] = []
    """Tenants and classes whose deadlines are strict: their jobs that cannot be on time come last."""


class DeferralOptions(Model):
    """Which jobs are held back, and while what is high."""

    signal: Literal["price", "carbon"] = "price"
    """What is followed, at the site of the pool: price, or the carbon intensity that ``scheduler.carbon`` names."""
    above: float | None = None
    """[USD/MWh or g/kWh] High is above this. Absent: above the mean of the last day."""
    most_h: float = Field(12.0, ge=0)
    """[h] Longest time from submission for which a job is held back."""
    up_to_priority: int = 0
    """Jobs of higher priority are never held back."""


class Reservation(Model):
    """Nodes that a tenant has to itself for a time."""

    tenant: str
    """Tenant whose jobs may run there."""
    gpus: int = Field(gt=0)
    """GPUs, in whole nodes, of each matching pool."""
    start_h: float = Field(ge=0)
    """[h] Start, from the start of the run."""
    hours: float = Field(gt=0)
    """[h] How long it lasts."""
    site: str | None = None
    """Absent: any site."""
    gpu_type: str | None = None
    """Absent: any type."""


class ReservationsOptions(Model):
    """Nodes reserved for tenants."""

    reservations: list[Reservation] = Field([], max_length=1000)
    """Reservations; those that overlap in time have different nodes."""


class MastOptions(Model):
    """What it costs to be away, and who may have how much where."""

    away_h: float = Field(0.0, ge=0)
    """[h] By so much another site must be sooner than the one to which dispatch sent the job."""
    quotas: dict[str, dict[str, Annotated[int, Field(ge=0)]]] = {}
    """[GPUs] That a tenant may hold at a site or in a region, by site or region and tenant. Absent: no limit."""
    preempt: bool = False
    """Whether preemptible jobs of lower priority are stopped, wherever in the fleet this stops the fewest GPUs, for a
    job that could not start at once otherwise."""


class GavelOptions(Model):
    """Objective of the shares of time on GPU types."""

    objective: Literal["max_min", "finish_time", "makespan", "throughput"] = "max_min"
    """Maximise the lowest throughput of a job relative to its time spread over types in proportion to their GPUs;
    minimise the worst finish time relative to that with an equal part of the fleet; maximise the lowest throughput over
    the remaining work; or maximise total throughput."""
    aware: bool = True
    """Whether it knows the speeds of jobs on each type; if not, it treats all types alike."""

"""The work: tenants, classes of jobs, synthetic streams, a trace, and the data that jobs read and exchange."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.job_class import JobClass
from gpusim.scenario.steps import When
from gpusim.units import BYTES_PER_GB, BYTES_PER_TB

# Tenants: who runs jobs and services.


class Tenant(Model):
    """A tenant's weight under fair share, and its quota."""

    share: float = Field(1.0, gt=0)
    """Weight under fair share."""
    quota_gpus: dict[str, NonNegativeInt] = {}
    """Most GPUs of a type held at once in the whole fleet; no limit for types not named."""


# Data sets: what many jobs read, and the regions where it lies.


class DataSet(Model):
    """Data that jobs of a class read (``data_set`` of the class). In the regions that store it such a job waits for
    GPUs only; to another a copy moves over the links first. Sites keep copies within ``storage.copies_tb``, for all
    sites of their region. Without any link, data are available everywhere at once.
    """

    tb: float = Field(gt=0)
    """[TB] Its size, and that of each copy."""
    regions: list[str] = Field(min_length=1)
    """Regions that store it throughout, whether they have sites or not."""

    @property
    def size_bytes(self) -> float:
        """[bytes] Its size."""
        return self.tb * BYTES_PER_TB


# What the parts of one training run at several sites exchange.


class Exchange(Model):
    """Local updates: parts of a run train independently for a while, then exchange updates (DiLoCo, Douillard et al.
    2023, arXiv:2311.08105: all parameters after 500 steps), pausing or training on (Streaming DiLoCo, 2025,
    arXiv:2501.18512). Each part sends its update to the first and gets the mean of all back.
    """

    every_s: float = Field(ge=10)
    """[s] Training time between two exchanges."""
    gb: float = Field(gt=0)
    """[GB] Size of an update: parameters times bytes per parameter."""
    overlap: bool = False
    """Whether parts train on during an exchange (the next one waits for it) or pause."""

    @property
    def size_bytes(self) -> float:
        """[bytes] Size of an update."""
        return self.gb * BYTES_PER_GB


# The work: classes of jobs, synthetic streams, a trace.

PresetName = Literal["philly", "helios", "seren", "kalos", "pai"]
Positive = Annotated[float, Field(gt=0)]


class Stream(Model):
    """Synthetic jobs of one tenant and class.

    Without a preset, arrivals are Poisson under a daily sinusoid (peak over mean 1) and run times lognormal (median
    600 s, sigma 2.2), whatever the size. A preset brings sizes, run times, final states and arrivals of a published
    cluster; ``gpus`` then replaces its sizes, ``runtime_median_s`` with ``runtime_sigma`` its run times.
    """

    tenant: str
    """Who submits the jobs: a name of ``tenants``."""
    job_class: str
    """How they run: a name of ``workload.classes``."""
    preset: PresetName | None = None
    """Published cluster that the jobs resemble; absent: none."""
    jobs_per_day: float | None = Field(None, gt=0)
    """[1/day] Long-run mean of jobs submitted per day. Give this, ``starts`` or ``partner``."""
    starts: list[When] | None = Field(None, min_length=1)
    """Submission times of planned jobs, one job each: days since the start of the run, or dates."""
    partner: str | None = None
    """Stream whose jobs each come with a second half from this stream, at the same time and with the same run time, say
    the rollouts of reinforcement learning: each half proceeds only while the other runs, and otherwise waits on its
    GPUs."""
    partner_gpus: Positive | None = None
    """GPUs of this half per GPU of the partner, rounded up. Absent: 1."""
    exchange: Exchange | None = None
    """What the jobs and their halves from other streams exchange over the links, as parts of one training run at
    several sites (``sites`` of their classes). Absent: nothing."""
    gpus: dict[str, float] | None = Field(None, min_length=1)
    """Weights by GPUs per job, say ``{ "0.25" = 0.4, "1" = 0.4, "8" = 0.2 }``; parts of a GPU with
    ``workload.share_gpus``. Absent: the preset's, else a mix from 1 to 512."""
    runtime_median_s: Positive | None = None
    """[s] Median run time on the reference GPU type. Absent: the preset's, else 600."""
    runtime_sigma: float | None = Field(None, ge=0, validate_default=True)
    """[ln s] Spread of the lognormal run times. Absent: the preset's, else 2.2."""
    estimate_factor_max: float = Field(1.0, ge=1)
    """Users' estimates are the run time times a factor drawn between 1 and this."""
    deadline_slack: Positive | None = None
    """Jobs are due this many run times after their submission. Absent: as ``deadline_s`` says."""
    deadline_slack_max: Positive | None = None
    """Most run times: each job's number is drawn between ``deadline_slack`` and this. Absent: the same for all."""
    deadline_s: Positive | None = None
    """[s] When jobs are due, after their submission, in place of ``deadline_slack``. Without either they have no
    deadline."""
    priority: int = 0
    """Higher goes first, where the scheduler uses it."""
    preemptible: bool = False
    """Whether services and more urgent jobs may evict the jobs."""
    home: str = ""
    """Region where the data are. Absent: none."""
    gpu_types: list[str] = []
    """Types the jobs may run on; none: any."""
    residency: list[str] = []
    """Jurisdictions the jobs may run in; none: any."""
    data_tb: float = Field(0.0, ge=0)
    """[TB] Data needed where a job runs."""
    peak_to_mean: float | None = Field(None, ge=1, le=2)
    """Daily peak of submissions over their mean; not with a preset. Absent: 1."""
    utc_offset_h: float = Field(0.0, ge=-12, le=14)
    """[h] Local time of the users less UTC."""

    @model_validator(mode="after")
    def _comes_in_one_way(self) -> Stream:
        given = [name for name in COMING if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or f"none of {', '.join(COMING)}"
            raise PydanticCustomError("coming", "found {found}; give one of them", {"found": found})
        more = [name for name in OF_PARTNER if self.partner and getattr(self, name) is not None]
        more += ["preset"] if self.starts and self.preset else []
        if more:
            raise PydanticCustomError(
                "partner", "found {more} with {how}, which says it; remove it", {"more": more[0], "how": given[0]}
            )
        return self

    @model_validator(mode="after")
    def _due_in_one_way(self) -> Stream:
        least, most, fault = self.deadline_slack, self.deadline_slack_max, ""
        if least is None:
            fault = "deadline_slack_max without deadline_slack; give that too" if most is not None else ""
        elif self.deadline_s is not None:
            fault = "deadline_slack and deadline_s both say when jobs are due; keep one"
        elif most is not None and most < least:
            fault = f"deadline_slack of {least:g} is above deadline_slack_max of {most:g}"
        if fault:
            raise PydanticCustomError("deadline", "{fault}", {"fault": fault})
        return self

    @property
    def has_deadlines(self) -> bool:
        """Whether its jobs have deadlines."""
        return self.deadline_slack is not None or self.deadline_s is not None

    def jobs(self, days: float) -> float:
        """Jobs of a run of so many days, in the mean; of a partner's, none beside those."""
        return float(len(self.starts)) if self.starts else (self.jobs_per_day or 0.0) * days

    @field_validator("gpus")
    @classmethod
    def _gpus(cls, gpus: dict[str, float] | None) -> dict[str, float] | None:
        for size in gpus or {}:
            if not (size.isascii() and size.isdecimal() and int(size) >= 1) and not is_part(size):
                raise PydanticCustomError(
                    "size",
                    "size {size} is not a whole number of GPUs from 1, say 8, nor a"
                    " part of one in thousandths, say 0.25",
                    {"size": size},
                )
        if gpus and (min(gpus.values()) < 0 or sum(gpus.values()) <= 0):
            raise PydanticCustomError("weights", "no weight may be negative, and one must be positive")
        return gpus

    @field_validator("runtime_sigma")
    @classmethod
    def _whole_lognormal(cls, sigma: float | None, info: ValidationInfo) -> float | None:
        median_s = info.data.get("runtime_median_s")
        if info.data.get("preset") and (sigma is None) != (median_s is None):
            given, absent = ("median_s", "sigma") if sigma is None else ("sigma", "median_s")
            raise PydanticCustomError(
                "lognormal",
                "runtime_{given} alone does not replace the run times of preset '{preset}'; "
                "add runtime_{absent} or remove runtime_{given}",
                {"given": given, "absent": absent, "preset": info.data["preset"]},
            )
        return sigma

    @field_validator("peak_to_mean")
    @classmethod
    def _one_profile(cls, peak_to_mean: float | None, info: ValidationInfo) -> float | None:
        if peak_to_mean is not None and info.data.get("preset"):
            raise PydanticCustomError(
                "profile",
                "preset '{preset}' has its own hours and weekdays; remove one of the two",
                {"preset": info.data["preset"]},
            )
        return peak_to_mean


def is_part(size: str) -> bool:
    """Whether a size is a part of one GPU: up to three decimals, as "0.25", "0.250" or ".25"."""
    return bool(re.fullmatch(r"0?\.[0-9]{1,3}", size)) and float(size) > 0.0


COMING = ("jobs_per_day", "starts", "partner")
OF_PARTNER = ("preset", "gpus", "runtime_median_s", "runtime_sigma", "peak_to_mean")


class Contracted(Model):
    """Jobs that hold the GPUs that tenants use: ``utilisation`` of what contracts deliver, and what is rented by the
    hour, as replications of the build-out count it. They run from when the GPUs are delivered until they are given
    back; see docs/workload.md."""

    job_class: str
    """Their class: a name of ``workload.classes``."""
    gpus: int = Field(1152, gt=0, le=1_000_000)
    """Most GPUs of one job; whole NVLink domains are taken (assumption: 16 racks of 72)."""
    days: float = Field(90.0, gt=0, le=36525)
    """[d] Longest run time of one job; a longer hold is several in sequence (assumption)."""


class Workload(Model):
    """Jobs from a trace, from streams, and of contracts."""

    reference_gpu: str = "H100"
    """GPU type to which run times and estimates refer."""
    trace: str | None = None
    """File or folder of a job trace."""
    trace_columns: dict[str, str] = {}
    """Columns of the trace whose names are not gpusim's, say ``{ num_gpus = "gpus" }``; it is then read as a plain
    table. None: the format is recognised by content."""
    trace_gpu_types: list[str] = []
    """GPU types that the trace's jobs may run on; none: as in the trace."""
    classes: dict[str, JobClass] = {}
    """How jobs run, by the name of their class."""
    streams: dict[str, Stream] = {}
    """Synthetic jobs, by the name of their stream; they are added to those of the trace."""
    share_gpus: bool = False
    """Whether jobs that ask for a part of a GPU, of streams and traces, share GPUs; if not, each takes a whole one. See
    docs/workload.md for what goes with it."""
    contracted: Contracted | None = None
    """Jobs of contracts and market, in a scenario with projects and contracts. Absent: none."""

    @model_validator(mode="after")
    def _columns_of_something(self) -> Workload:
        if self.trace_columns and self.trace is None:
            raise PydanticCustomError("columns", "trace_columns is for a trace; give trace, or remove trace_columns")
        return self

    @model_validator(mode="after")
    def _parts_are_shared(self) -> Workload:
        for name, stream in self.streams.items():
            parts = [size for size in stream.gpus or {} if is_part(size)]
            if parts and not self.share_gpus:
                raise PydanticCustomError(
                    "parts",
                    'streams.{name}.gpus: found "{size}", a part of a GPU; set workload.share_gpus = true, or give'
                    " whole GPUs",
                    {"name": name, "size": parts[0]},
                )
        return self

    @model_validator(mode="after")
    def _partners_of_others(self) -> Workload:
        for name, stream in self.streams.items():
            other = self.streams.get(stream.partner or "")
            if stream.partner and (other is None or other.partner is not None):
                known = [key for key, one in self.streams.items() if one.partner is None]
                raise PydanticCustomError(
                    "partner",
                    "streams.{name}.partner: found {partner}; give a stream that has no partner itself: {known}",
                    {"name": name, "partner": stream.partner, "known": ", ".join(known)},
                )
            if stream.exchange and name not in [other.partner for other in self.streams.values()]:
                raise PydanticCustomError(
                    "exchange",
                    'streams.{name}.exchange: no stream with partner = "{name}" to exchange with; add one, or remove'
                    " exchange",
                    {"name": name},
                )
        return self

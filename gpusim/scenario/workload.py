"""The work: classes of jobs, synthetic streams, a trace."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.exchange import Exchange
from gpusim.scenario.scaling import Scaling
from gpusim.scenario.steps import When

PresetName = Literal["philly", "helios", "seren", "kalos", "pai"]
Positive = Annotated[float, Field(gt=0)]


class JobClass(Model):
    """How jobs of a class run. Interval inf: no checkpoints; 0: continuous and free."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=True)

    communication_share: float = Field(0.0, ge=0, le=1)
    """Share of the work in which GPUs exchange data, drawing the power of communication."""
    checkpoint_interval_s: Annotated[float, Field(ge=0)] | Literal["young_daly"] = math.inf
    """[s] Work between checkpoints: the most an interrupted job loses. ``"young_daly"``: the interval with the shortest
    total time for the job's GPUs and the rates of ``failures`` (Daly 2006)."""
    checkpoint_write_s: float = Field(0.0, ge=0, lt=math.inf)
    """[s] Time for which writing a checkpoint stops the work."""
    checkpoint_background_s: float = Field(0.0, ge=0, lt=math.inf)
    """[s] Time for which the rest is then written in the background; the checkpoint counts only afterwards. 0:
    synchronous."""
    checkpoint_gb: float | None = Field(None, gt=0)
    """[GB] Size of a checkpoint, by which ``mast`` may bring jobs that have run to another region. Absent: by
    ``parameters_b``; without either it does not."""
    load_s: float = Field(0.0, ge=0, lt=math.inf)
    """[s] Time from start or restart until work begins."""
    validate_every: int | None = Field(None, ge=1)
    """Checkpoints from one validation to the next: it finds silent corruption of the work so far (`found_after_h` of
    causes of `failures`), and takes no time. Absent: jobs do not validate."""
    parameters_b: float | None = Field(None, gt=0, le=1e6)
    """[10^9] Parameters of the model that jobs train. Beside `checkpoint_write_s`, checkpoints then take as long as the
    storage of sites, which all jobs share, takes for that many bytes; reading them adds to `load_s`. Absent:
    `checkpoint_background_s` says how long."""
    bytes_per_parameter: float = Field(16.0, gt=0, le=1000)
    """[B] Of a checkpoint: weights and the state of the optimizer. Adam in mixed precision 14 to 16: 6.48 TB published
    for 405 billion parameters."""
    checkpoint_stops_work: bool = False
    """Whether work stops until a checkpoint of `parameters_b` is written: synchronous. Otherwise it goes on."""
    speeds: dict[str, Annotated[float, Field(gt=0, lt=math.inf)]] = {}
    """Speed of the work by GPU type, relative to ``workload.reference_gpu``: measured throughputs, say ``{ V100 = 0.31,
    K80 = 0.05 }``. Types not listed: their ``training_speed``."""
    cap_exponent: float = Field(0.5, ge=0, le=1)
    """How much a power cap slows jobs: a cap that leaves a share d of their power above idle leaves d to the power of
    this of their speed, except while they exchange data. Compute-bound jobs 0.5 (0.33 to 0.7), memory-bound ones, such
    as decode, 0.1 (0 to 0.2)."""

    sites: list[str] | None = Field(None, min_length=1)
    """Sites where jobs of the class may run. Absent: any."""
    data_set: str | None = None
    """Data set that jobs of the class read: a name of ``data_sets``; in place of ``data_tb`` of streams and
    ``data_bytes`` of traces. Absent: none."""

    min_gpus: int | None = Field(None, ge=1)
    """Fewest GPUs on which a policy may run the jobs. Absent: the number submitted."""
    max_gpus: int | None = Field(None, ge=1)
    """Most GPUs. Absent: the number submitted."""
    scaling: Scaling | None = None
    """Speed with other numbers of GPUs. Absent: twice the GPUs, twice the speed."""
    after_failure: Literal["shrink"] | None = None
    """``"shrink"``: when nodes fail and none are idle in their place, jobs of several nodes go on with those left, down
    to ``min_gpus``, and take as many as before when nodes are back. Absent: they wait for as many as before."""

    @property
    def stored_gb(self) -> float:
        """[GB] Of a checkpoint on a site's storage; 0 without ``parameters_b``."""
        return 0.0 if self.parameters_b is None else self.parameters_b * self.bytes_per_parameter

    @property
    def moved_gb(self) -> float | None:
        """[GB] Of a checkpoint that is brought to another region; None where its size is not known."""
        return self.checkpoint_gb if self.parameters_b is None else self.stored_gb

    def stored(self, write_s: float, read_s: float) -> JobClass:
        """The class with what storage takes to write and to read a checkpoint [s]."""
        beside = "checkpoint_write_s" if self.checkpoint_stops_work else "checkpoint_background_s"
        return self.model_copy(update={beside: getattr(self, beside) + write_s, "load_s": self.load_s + read_s})

    @model_validator(mode="after")
    def _of_a_size(self) -> JobClass:
        faults = []
        if self.parameters_b is None:
            if self.checkpoint_stops_work:
                faults.append("checkpoint_stops_work without parameters_b, by which it is told how long; give that too")
        elif self.checkpoint_gb is not None:
            faults.append("checkpoint_gb and parameters_b both say how large a checkpoint is; keep one")
        elif self.checkpoint_background_s > 0.0:
            faults.append("checkpoint_background_s and parameters_b both say how long a checkpoint takes; keep one")
        elif self.checkpoint_interval_s in (0.0, math.inf):
            faults.append(
                "parameters_b without an interval in which checkpoints are written; give checkpoint_interval_s"
            )
        if self.validate_every is not None and self.checkpoint_interval_s in (0.0, math.inf):
            faults.append(
                "validate_every without an interval in which checkpoints are written; give checkpoint_interval_s"
            )
        if faults:
            raise PydanticCustomError("size", "{faults}", {"faults": "; ".join(faults)})
        return self

    @model_validator(mode="after")
    def _a_range(self) -> JobClass:
        if self.min_gpus is not None and self.max_gpus is not None and self.min_gpus > self.max_gpus:
            raise PydanticCustomError(
                "range", "min_gpus of {least} is above max_gpus of {most}",
                {"least": self.min_gpus, "most": self.max_gpus},
            )  # fmt: skip
        return self

    @model_validator(mode="after")
    def _how_far_it_shrinks(self) -> JobClass:
        if self.after_failure is not None and self.min_gpus is None:
            raise PydanticCustomError("shrink", 'after_failure = "shrink" without min_gpus; give the fewest GPUs')
        return self

    @model_validator(mode="after")
    def _one_checkpoint_at_a_time(self) -> JobClass:
        interval_s, background_s = self.checkpoint_interval_s, self.checkpoint_background_s
        if interval_s == "young_daly":
            if self.checkpoint_write_s == 0.0:
                raise PydanticCustomError(
                    "daly",
                    'checkpoint_interval_s = "young_daly" weighs checkpoint_write_s against lost work, and that is 0;'
                    " give checkpoint_write_s, say 1.0",
                )
        elif 0.0 < interval_s < background_s:
            raise PydanticCustomError(
                "background",
                "checkpoint_background_s of {background_s} is above checkpoint_interval_s of {interval_s};"
                " give an interval in which a checkpoint is written",
                {"background_s": f"{background_s:g}", "interval_s": f"{interval_s:g}"},
            )
        return self


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
    """Stream whose jobs each bring a second half from this stream, at the same time and with the same run time, say the
    rollouts of reinforcement learning: each half proceeds only while the other runs, and otherwise waits on its
    GPUs."""
    partner_gpus: Positive | None = None
    """GPUs of this half per GPU of the partner, rounded up. Absent: 1."""
    exchange: Exchange | None = None
    """What the jobs and the halves that other streams bring for each exchange over the links, as parts of one training
    run at several sites (``sites`` of their classes). Absent: nothing."""
    gpus: dict[str, float] | None = Field(None, min_length=1)
    """Weights by GPUs per job, say ``{ "1" = 0.7, "8" = 0.3 }``. Absent: the preset's, else a mix from 1 to 512."""
    runtime_median_s: Positive | None = None
    """[s] Median run time on the reference GPU type. Absent: the preset's, else 600."""
    runtime_sigma: float | None = Field(None, ge=0, validate_default=True)
    """[ln s] Spread of the lognormal run times. Absent: the preset's, else 2.2."""
    estimate_factor_max: float = Field(1.0, ge=1)
    """Users' estimates are the run time times a factor drawn between 1 and this."""
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

    def jobs(self, days: float) -> float:
        """Jobs of a run of so many days, in the mean; of a partner's, none beside those."""
        return float(len(self.starts)) if self.starts else (self.jobs_per_day or 0.0) * days

    @field_validator("gpus")
    @classmethod
    def _whole_gpus(cls, gpus: dict[str, float] | None) -> dict[str, float] | None:
        for size in gpus or {}:
            if not (size.isdecimal() and int(size) >= 1):
                raise PydanticCustomError(
                    "size", "size {size} is not a whole number of GPUs from 1, say 8", {"size": size}
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


COMING = ("jobs_per_day", "starts", "partner")
OF_PARTNER = ("preset", "gpus", "runtime_median_s", "runtime_sigma", "peak_to_mean")


class Contracted(Model):
    """Jobs that hold the GPUs that tenants use: of what contracts deliver their ``utilisation``, and what is let by the
    hour, as replications of the build-out count it. They run from when the GPUs are there until they are given back;
    see docs/workload.md."""

    job_class: str
    """How they run: a name of ``workload.classes``."""
    gpus: int = Field(1152, gt=0, le=1_000_000)
    """Most GPUs of one job; whole NVLink domains are taken (assumption: 16 racks of 72)."""
    days: float = Field(90.0, gt=0, le=36525)
    """[d] Longest run time of one job; another follows it (assumption)."""


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
    contracted: Contracted | None = None
    """Jobs of contracts and market, in a scenario with projects and contracts. Absent: none."""

    @model_validator(mode="after")
    def _columns_of_something(self) -> Workload:
        if self.trace_columns and self.trace is None:
            raise PydanticCustomError("columns", "trace_columns is for a trace; give trace, or remove trace_columns")
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
                    'streams.{name}.exchange: no stream has partner = "{name}": nobody to exchange with; add one, or'
                    " remove exchange",
                    {"name": name},
                )
        return self

"""How jobs of a class run: checkpoints, speeds, sizes, and where they may."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model
from gpusim.scenario.scaling import Scaling


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
    """[GB] Size of a checkpoint, with which ``mast`` may move jobs that have run to another region. Absent: from
    ``parameters_b``; without either they stay."""
    load_s: float = Field(0.0, ge=0, lt=math.inf)
    """[s] Time from start or restart until work begins."""
    check_s: float = Field(0.0, ge=0, lt=math.inf)
    """[s] Tests of its nodes before that at each start and restart, beside ``load_s``. Hidden faults that they find
    (``failures.start_check_finds``) are repaired, and the job starts on other nodes."""
    validate_every: int | None = Field(None, ge=1)
    """Checkpoints between validations, which find silent corruption of the work so far (`found_after_h` of causes of
    `failures`) and take no time. Absent: jobs do not validate."""
    parameters_b: float | None = Field(None, gt=0, le=1e6)
    """[10^9] Parameters of the model that jobs train. After `checkpoint_write_s`, a checkpoint then takes as long as
    the site's shared storage takes to write it; reading it adds to `load_s`. Absent: `checkpoint_background_s` says
    how long."""
    bytes_per_parameter: float = Field(16.0, gt=0, le=1000)
    """[B] Bytes of a checkpoint per parameter: weights and optimizer state. Adam in mixed precision: 14 to 16,
    published as 6.48 TB for 405 billion parameters."""
    checkpoint_stops_work: bool = False
    """Whether work stops until a checkpoint of `parameters_b` is written (synchronous) or goes on."""
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

    cpus_per_gpu: float | None = Field(None, ge=0, le=1e6)
    """CPUs that a job takes for each of its GPUs, or for its part of one, on nodes with ``cpus_per_node``; what a trace
    says of a job goes first. Absent: the share of its GPUs in the node's."""
    memory_gb_per_gpu: float | None = Field(None, ge=0, le=1e9)
    """[GB] The same of memory besides the GPUs', on nodes with ``memory_gb_per_node``."""
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
    def startup_s(self) -> float:
        """[s] From start or restart until work begins: tests of the nodes, then loading."""
        return self.check_s + self.load_s

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
                faults.append("checkpoint_stops_work without parameters_b, which says how long; give that too")
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
            if self.checkpoint_write_s == 0.0 and not self.checkpoint_stops_work:
                raise PydanticCustomError(
                    "daly",
                    'checkpoint_interval_s = "young_daly" weighs checkpoint_write_s against lost work, and that is 0;'
                    " give checkpoint_write_s, say 1.0, or checkpoint_stops_work, with which storage says how long",
                )
        elif 0.0 < interval_s < background_s:
            raise PydanticCustomError(
                "background",
                "checkpoint_background_s of {background_s} is above checkpoint_interval_s of {interval_s};"
                " give a longer interval",
                {"background_s": f"{background_s:g}", "interval_s": f"{interval_s:g}"},
            )
        return self

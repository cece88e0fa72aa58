"""How the speed of elastic jobs follows from the number of their GPUs: measured, by Amdahl's law, or by goodput."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gpusim.scenario.base import Model

Positive = Annotated[float, Field(gt=0)]
BATCH_SIZES = 200  # at which the best goodput is looked for, a geometric row


class Goodput(Model):
    """Examples per second times what each brings to the result, at the best batch size for so many GPUs.

    The model of Pollux (Qiao et al., OSDI 2021, equations 5 and 8 to 11), which Sia (Jayaram Subramanya et al., SOSP
    2023) uses too: a step takes (compute^overlap + exchange^overlap)^(1 / overlap), and an example of a batch of M
    brings (noise + batch) / (noise + M) of one at the batch size that the user chose.
    """

    batch: int = Field(ge=1)
    """Batch size that the user chose, which brings most per example."""
    max_batch: int = Field(ge=1)
    """Greatest batch size."""
    max_batch_per_gpu: int = Field(ge=1)
    """Examples for which a GPU has memory; of greater batches the gradients are summed up over several passes."""
    noise: float = Field(ge=0)
    """Gradient noise scale in examples: the batch size up to which examples bring about as much (McCandlish et al.
    2018)."""
    compute_s: float = Field(ge=0)
    """[s] Time of a pass, whatever the batch."""
    compute_s_per_example: Positive
    """[s] Time of a pass for each example on a GPU."""
    exchange_s: float = Field(0.0, ge=0)
    """[s] Time in which two GPUs of a node exchange gradients."""
    exchange_s_per_gpu: float = Field(0.0, ge=0)
    """[s] What each further GPU adds to it."""
    exchange_between_s: float = Field(0.0, ge=0)
    """[s] The same where a job has several nodes."""
    exchange_between_s_per_gpu: float = Field(0.0, ge=0)
    """[s] What each further GPU adds to that."""
    overlap: float = Field(1.0, ge=1, le=10)
    """1: computing and exchange one after the other; 10: nearly at the same time."""

    @model_validator(mode="after")
    def _greatest(self) -> Goodput:
        if self.max_batch < self.batch:
            raise PydanticCustomError(
                "batch", "max_batch of {most} is below batch of {batch}", {"most": self.max_batch, "batch": self.batch}
            )
        return self

    def speeds(self, gpus: np.ndarray, gpus_per_node: int) -> np.ndarray:
        """[examples/s at ``batch``] Best goodput with each number of GPUs, shape of ``gpus``."""
        gpus = np.asarray(gpus, dtype=float)[..., None]
        batch = np.geomspace(self.batch, self.max_batch, BATCH_SIZES)
        batch = np.maximum(batch, gpus)  # each GPU has an example at least
        passes = np.ceil(batch / (gpus * self.max_batch_per_gpu) - 1e-9)
        compute_s = self.compute_s + self.compute_s_per_example * batch / (gpus * passes)
        further = np.maximum(gpus - 2.0, 0.0)
        within_s = self.exchange_s + self.exchange_s_per_gpu * further
        between_s = self.exchange_between_s + self.exchange_between_s_per_gpu * further
        exchange_s = np.where(gpus > gpus_per_node, between_s, np.where(gpus > 1.0, within_s, 0.0))
        step_s = (passes - 1.0) * compute_s + (compute_s**self.overlap + exchange_s**self.overlap) ** (
            1.0 / self.overlap
        )
        brings = (self.noise + self.batch) / (self.noise + batch)
        return (batch / step_s * brings).max(axis=-1)


class Scaling(Model):
    """The curve of a class: one of these three. Absent: twice the GPUs, twice the speed."""

    serial_share: float | None = Field(None, ge=0, le=1)
    """Share s of the work that one GPU does that others do not speed up: the speed with n is n / (1 + s (n - 1)) of
    that with one (Amdahl 1967)."""
    measured: dict[str, Positive] | None = Field(None, min_length=1)
    """Measured throughputs, in any unit, by the number of GPUs, say ``{ "1" = 100.0, "2" = 190.0, "8" = 610.0 }``:
    straight lines between; above the last none is gained, below the first in proportion."""
    goodput: Goodput | None = None
    """Throughput and statistical efficiency, in the form of Pollux."""

    @field_validator("measured")
    @classmethod
    def _by_gpus(cls, measured: dict[str, float] | None) -> dict[str, float] | None:
        for size in measured or {}:
            if not (size.isdecimal() and int(size) >= 1):
                raise PydanticCustomError(
                    "size", "size {size} is not a whole number of GPUs from 1, say 8", {"size": size}
                )
        return measured

    @model_validator(mode="after")
    def _one_curve(self) -> Scaling:
        given = [name for name in CURVES if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise PydanticCustomError(
                "curve", "found {found}; give one of {known}", {"found": found, "known": ", ".join(CURVES)}
            )
        return self

    def speeds(self, gpus: np.ndarray, gpus_per_node: int) -> np.ndarray:
        """Speed with each number of GPUs, in the unit of the curve, shape of ``gpus``."""
        gpus = np.asarray(gpus, dtype=float)
        if self.goodput is not None:
            return self.goodput.speeds(gpus, gpus_per_node)
        if self.measured is not None:
            points = sorted((int(size), speed) for size, speed in self.measured.items())
            sizes, speeds = np.array(points).T
            return np.interp(gpus, np.append(0.0, sizes), np.append(0.0, speeds))
        assert self.serial_share is not None  # one of the three is given
        return gpus / (1.0 + self.serial_share * (gpus - 1.0))


CURVES = ("serial_share", "measured", "goodput")

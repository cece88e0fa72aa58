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
    """Examples per second times statistical efficiency, at the best batch size for the number of GPUs.

    The model of Pollux (Qiao et al., OSDI 2021, equations 5 and 8 to 11), which Sia (Jayaram Subramanya et al., SOSP
    2023) uses too: a step takes (compute^overlap + exchange^overlap)^(1 / overlap), and an example in a batch of M is
    worth (noise + batch) / (noise + M) of one at the user's batch size.
    """

    batch: int = Field(ge=1)
    """The user's batch size, at which each example is worth most."""
    max_batch: int = Field(ge=1)
    """Largest batch size."""
    max_batch_per_gpu: int = Field(ge=1)
    """Examples that fit into a GPU's memory; larger batches accumulate gradients over several passes."""
    noise: float = Field(ge=0)
    """Gradient noise scale in examples: the batch size up to which examples are worth about the same (McCandlish et al.
    2018)."""
    compute_s: float = Field(ge=0)
    """[s] Time of a pass, independent of the batch."""
    compute_s_per_example: Positive
    """[s] Additional time of a pass per example on a GPU."""
    exchange_s: float = Field(0.0, ge=0)
    """[s] Time for two GPUs of a node to exchange gradients."""
    exchange_s_per_gpu: float = Field(0.0, ge=0)
    """[s] Additional time for each further GPU."""
    exchange_between_s: float = Field(0.0, ge=0)
    """[s] The same for jobs on several nodes."""
    exchange_between_s_per_gpu: float = Field(0.0, ge=0)
    """[s] Additional time for each further GPU, on several nodes."""
    overlap: float = Field(1.0, ge=1, le=10)
    """1: compute and exchange in sequence; 10: almost fully overlapped."""

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
    """The speedup curve of a class: one of these three. Absent: twice the GPUs, twice the speed."""

    serial_share: float | None = Field(None, ge=0, le=1)
    """Serial share s of the work: the speed with n GPUs is n / (1 + s (n - 1)) of that with one (Amdahl 1967)."""
    measured: dict[str, Positive] | None = Field(None, min_length=1)
    """Measured throughputs, in any unit, by the number of GPUs, say ``{ "1" = 100.0, "2" = 190.0, "8" = 610.0 }``:
    linear in between; constant above the last, proportional below the first."""
    goodput: Goodput | None = None
    """Throughput and statistical efficiency, in the form of Pollux."""

    @field_validator("measured")
    @classmethod
    def _by_gpus(cls, measured: dict[str, float] | None) -> dict[str, float] | None:
        for size in measured or {}:
            if not (size.isascii() and size.isdecimal() and int(size) >= 1):
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

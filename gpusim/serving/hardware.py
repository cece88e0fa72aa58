"""What a GPU can do at best, for serving: the scenario's catalogue of GPU types, and what only serving asks of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from gpusim.errors import ServingError, did_you_mean
from gpusim.scenario.hardware import built_in

CONTEXT_IDLE = 122.0 / 72.0
"""Power of a GPU that serves nothing over its idle power without a context: the H100's; for others a guess."""


@dataclass(frozen=True)
class Gpu:
    """Peak rates, memory and power of one GPU. The fields may be arrays of one length, for many GPUs at once."""

    name: str
    bf16_flops: float
    """[FLOP/s] Dense peak by precision; a precision that the GPU does not have counts as the next wider."""
    fp8_flops: float
    fp4_flops: float
    memory_bytes: float
    bandwidth: float
    """[B/s] of its memory."""
    link_bandwidth: float
    """[B/s] to other GPUs of its domain, one way."""
    limit_w: float
    idle_w: float
    """[W] with a context and nothing to do, the clock up."""
    unmeasured: float = 1.0
    """Factor by which times and power may be off, either way, beyond those of GPUs on which runs were measured."""

    @property
    def mx_flops(self) -> float:
        """[FLOP/s] peak with weights of mxfp4: in FP8 by a GPU that has FP4 units, else widened to BF16."""
        return np.where(np.greater(self.fp4_flops, self.fp8_flops), self.fp8_flops, self.bf16_flops)[()]


def gpu(name: str) -> Gpu:
    """A GPU of the catalogue: ``"H100"``, also as ``"h100_sxm"`` or ``"H100 SXM"``.

    Raises
    ------
    ServingError
        If the catalogue does not have it, or does not know what serving asks of it.
    """
    types = _types()
    by_name = {key.lower(): key for key in types}
    short = name.lower().replace("_", " ").replace("-", " ").removeprefix("nvidia ").split(" 80gb")[0]
    key = by_name.get(short.removesuffix(" sxm").removesuffix(" sxm5").replace(" ", ""))
    if key is None:
        raise ServingError(
            f"GPU '{name}' is not in the catalogue of serving{did_you_mean(name, types)}; known:"
            f" {', '.join(sorted(types))}; for another give Gpu(name=..., bf16_flops=..., ...)"
        )
    of = types[key]
    memory_bytes = of["memory_gib"] * 2**30 if "memory_gib" in of else of["memory_gb"] * 1e9
    fp8 = of.get("fp8_tflops", of["bf16_tflops"])
    return Gpu(
        key, of["bf16_tflops"] * 1e12, fp8 * 1e12, of.get("fp4_tflops", fp8) * 1e12, memory_bytes,
        of["memory_tb_s"] * 1e12, of["link_gb_s"] * 1e9, of["tdp_w"],
        of.get("context_idle_w", CONTEXT_IDLE * of["idle_w"]), of.get("unmeasured", 1.0),
    )  # fmt: skip


@cache
def _types() -> dict[str, dict[str, float]]:
    """Fields by GPU, of those that have a memory bandwidth."""
    types = {name: dict(values) for name, values in built_in().items()}
    with (files("gpusim.serving") / "catalogue" / "gpus.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            types.setdefault(row["gpu"], {})[row["field"]] = float(row["value"])
    return {name: values for name, values in types.items() if "memory_tb_s" in values}

"""A replica: one model on the GPUs that serve it together, in which precision and how divided among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpusim.errors import ServingError, did_you_mean
from gpusim.serving.hardware import Gpu
from gpusim.serving.model import ModelShape

Numbers = float | np.ndarray

FORMATS = {
    "bf16": (2.0, "bf16_flops"),
    "fp8": (1.0, "fp8_flops"),
    "nvfp4": (0.5625, "fp4_flops"),
    "mxfp4": (0.53125, "mx_flops"),
    "int4": (0.53125, "bf16_flops"),
}
"""Bytes per weight with its scales (one byte for 16 weights of nvfp4, for 32 of mxfp4 and int4), and in which rate of
the GPU it is multiplied: int4 is widened first, mxfp4 as ``Gpu.mx_flops`` says."""


@dataclass(frozen=True)
class Layout:
    """How a replica is divided. ``tp`` x ``pp`` x ``dp`` GPUs.

    Attributes
    ----------
    tp : int
        GPUs among which each block of one copy of the attention is divided.
    pp : int
        Stages of layers, one after the other.
    dp : int
        Copies of the attention, each with its own sequences; the experts stand on all of them together.
    ep : int
        Groups of GPUs with experts of their own; within a group each expert is divided.
    """

    tp: int = 1
    pp: int = 1
    dp: int = 1
    ep: int = 1

    def __post_init__(self) -> None:
        for name in ("tp", "pp", "dp", "ep"):
            if np.any(np.asarray(getattr(self, name)) < 1):
                raise ServingError(f"layout: {name} is {getattr(self, name)}, allowed are whole numbers from 1")
        if np.any(np.asarray(self.tp * self.dp) % self.ep):
            raise ServingError(f"layout: ep of {self.ep} does not divide the {self.tp * self.dp} GPUs of a stage")

    @property
    def gpus(self) -> int:
        """GPUs of the replica."""
        return self.tp * self.pp * self.dp


@dataclass(frozen=True)
class Replica:
    """Everything that the time of a step depends on, but for how well the engine does. Fields may hold arrays.

    Attributes
    ----------
    weight_bytes, expert_bytes, kv_bytes : float
        [B] per weight of blocks that every token goes through, per weight of experts, per value of the KV cache.
    weight_flops, expert_flops : float
        [FLOP/s] peak of one GPU with these weights.
    """

    shape: ModelShape
    gpu: Gpu
    layout: Layout
    weight_bytes: Numbers
    expert_bytes: Numbers
    kv_bytes: Numbers
    weight_flops: Numbers
    expert_flops: Numbers

    @property
    def weights_per_gpu_bytes(self) -> Numbers:
        """[B] of weights on one GPU; embedding and head are kept in two bytes."""
        shape, layout = self.shape, self.layout
        of_experts = shape.moe_layers * shape.experts * shape.expert_params * self.expert_bytes
        always = shape.always_params * self.weight_bytes + 4.0 * shape.hidden * shape.vocab
        return (always / layout.tp + of_experts / (layout.tp * layout.dp)) / layout.pp

    @property
    def kv_heads_per_gpu(self) -> Numbers:
        """Heads of keys and values that one GPU keeps: at least one, whole ones where there are fewer than GPUs."""
        return np.maximum(self.shape.kv_heads / self.layout.tp, 1.0)

    @property
    def kv_values_per_gpu(self) -> Numbers:
        """Values of one token and attention block on one GPU; a latent is kept whole on each."""
        shape = self.shape
        latent = shape.kv_rank + shape.rope_dim
        return np.where(np.asarray(shape.kv_rank) > 0, latent, 2.0 * self.kv_heads_per_gpu * shape.head_dim)


def replica(
    shape: ModelShape, gpu: Gpu, layout: Layout, weights: str = "bf16", experts: str = "", kv: str = "bf16"
) -> Replica:
    """A replica with formats by name.

    Parameters
    ----------
    weights, experts, kv : str
        Of ``FORMATS``; experts as the other weights unless said, KV cache ``"bf16"`` or ``"fp8"``.

    Raises
    ------
    ServingError
        If a format is unknown, or the weights do not fit into the GPUs.
    """
    for what, name in (("weights", weights), ("experts", experts or weights), ("kv", kv)):
        if name not in FORMATS:
            raise ServingError(f"{what}: format '{name}'{did_you_mean(name, FORMATS)}; known: {', '.join(FORMATS)}")
    (weight_bytes, rate), (expert_bytes, expert_rate) = FORMATS[weights], FORMATS[experts or weights]
    made = Replica(
        shape, gpu, layout, weight_bytes, expert_bytes, FORMATS[kv][0], getattr(gpu, rate), getattr(gpu, expert_rate)
    )
    if made.weights_per_gpu_bytes > gpu.memory_bytes:
        raise ServingError(
            f"{shape.name} in {weights} on {layout.gpus} {gpu.name}: {made.weights_per_gpu_bytes / 1e9:.0f} GB of"
            f" weights per GPU, which has {gpu.memory_bytes / 1e9:.0f} GB; split the model over more GPUs or choose a"
            " smaller format of weights"
        )
    return made

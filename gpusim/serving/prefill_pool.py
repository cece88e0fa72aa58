"""Replicas that prefill for others, and the way of the KV cache from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpusim.errors import ServingError

if TYPE_CHECKING:
    from gpusim.serving.deployment import Deployment

HOLDS_S = 480.0
"""[s] for which vLLM keeps blocks that nobody reads: VLLM_NIXL_ABORT_REQUEST_TIMEOUT in vllm/envs.py."""


@dataclass(frozen=True)
class PrefillPool:
    """Replicas that prefill, apart from those that decode.

    Attributes
    ----------
    deployment : Deployment
        These replicas: how many, their step times, limits and router.
    kv_bytes_per_token : float
        [B] that a token takes in the KV cache, of one GPU or of the whole replica, as ``bytes_per_s``.
    bytes_per_s : float
        [B/s] at which a replica that decodes reads, one request after the other.
    latency_s : float
        [s] by which what was read comes later, for each request.
    holds_s : float
        [s] after which blocks are given up that nobody has begun to read; the request is then prefilled where it
        decodes.
    """

    deployment: Deployment
    kv_bytes_per_token: float
    bytes_per_s: float
    latency_s: float = 0.0
    holds_s: float = HOLDS_S

    def __post_init__(self):
        for name in ("kv_bytes_per_token", "bytes_per_s", "holds_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ServingError(f"prefill pool: {name} must be a number above 0, found {value}")
        if not 0.0 <= self.latency_s < math.inf:
            raise ServingError(f"prefill pool: latency_s must be seconds, at least 0, found {self.latency_s}")
        if self.deployment.prefill is not None:
            raise ServingError("prefill pool: its replicas cannot have others that prefill for them")

    def block_s(self, block_tokens: int) -> float:
        """[s] That a block of KV cache takes to be read."""
        return block_tokens * self.kv_bytes_per_token / self.bytes_per_s

"""KV cache that the host of a replica keeps when its GPUs have no more room."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpusim.errors import ServingError


@dataclass(frozen=True)
class Offload:
    """Memory of the host for copies of KV blocks, and the link over which they come back.

    Attributes
    ----------
    memory_bytes : float
        [B] of the host's memory, for one GPU or for the whole replica, as the two below.
    kv_bytes_per_token : float
        [B] that a token takes in the KV cache.
    bytes_per_s : float
        [B/s] at which blocks are loaded.
    """

    memory_bytes: float
    kv_bytes_per_token: float
    bytes_per_s: float

    def __post_init__(self):
        for name in ("memory_bytes", "kv_bytes_per_token", "bytes_per_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ServingError(f"offload: {name} must be a number above 0, found {value}")

    def blocks(self, block_tokens: int) -> int:
        """Blocks of which there is room for copies."""
        return int(self.memory_bytes // (self.kv_bytes_per_token * block_tokens))

    def load_s(self, block_tokens: int) -> float:
        """[s] That a block takes to be loaded."""
        return block_tokens * self.kv_bytes_per_token / self.bytes_per_s

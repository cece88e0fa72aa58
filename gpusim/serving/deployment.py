"""On what requests are served: replicas of an engine with its limits, and others that prefill for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from gpusim.errors import ServingError
from gpusim.kernels.serving.state import Router
from gpusim.serving.engine_options import Lora, Offload, Speculation
from gpusim.serving.step_times import StepTimes

HOLDS_S = 480.0
"""[s] for which vLLM keeps blocks that nobody reads: VLLM_NIXL_ABORT_REQUEST_TIMEOUT in vllm/envs.py."""
ROUTERS = {router.name.lower().replace("_", "-"): int(router) for router in Router}


def vllm_limits(gpu: str, memory_bytes: float) -> dict[str, int]:
    """Tokens and requests of a step at most with which vLLM's server starts on a GPU, as keys of a ``Deployment``.

    Source: vllm-project/vllm, vllm/engine/arg_utils.py: more on cards of at least 70 GiB other than A100.
    """
    large = memory_bytes >= 70 * 2**30 and "a100" not in gpu.lower()
    return (
        {"max_batched_tokens": 8192, "max_requests": 1024}
        if large
        else {"max_batched_tokens": 2048, "max_requests": 256}
    )


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
    way_bytes_per_s : float
        [B/s] at which all replicas that decode read together at most, one request after the other; infinity: each as
        if alone.
    holds_s : float
        [s] after which blocks are given up that nobody has begun to read; the request is then prefilled where it
        decodes.
    """

    deployment: Deployment
    kv_bytes_per_token: float
    bytes_per_s: float
    latency_s: float = 0.0
    holds_s: float = HOLDS_S
    way_bytes_per_s: float = math.inf

    def __post_init__(self):
        for name in ("kv_bytes_per_token", "bytes_per_s", "holds_s"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ServingError(f"prefill pool: {name} must be a number above 0, found {value}")
        if not self.way_bytes_per_s > 0.0:
            raise ServingError(f"prefill pool: way_bytes_per_s must be above 0, found {self.way_bytes_per_s}")
        if not 0.0 <= self.latency_s < math.inf:
            raise ServingError(f"prefill pool: latency_s must be seconds, at least 0, found {self.latency_s}")
        if self.deployment.prefill is not None:
            raise ServingError("prefill pool: its replicas cannot have a prefill pool of their own")

    def block_s(self, block_tokens: int) -> float:
        """[s] That a block of KV cache takes to be read."""
        return block_tokens * self.kv_bytes_per_token / self.bytes_per_s

    def way_block_s(self, block_tokens: int) -> float:
        """[s] For which it keeps the way that all read over; 0 without a limit."""
        return block_tokens * self.kv_bytes_per_token / self.way_bytes_per_s


@dataclass(frozen=True)
class Deployment:
    """Equal replicas, each an engine with the unified scheduler of vLLM V1, or with what others do otherwise.

    Attributes
    ----------
    step_times : StepTimes
    kv_blocks : int
        Blocks of KV cache of a replica, as the engine reports them; one of them is never given to a request.
    block_tokens : int
    max_batched_tokens, max_requests : int
        Tokens and requests of a step at most; ``vllm_limits`` are those that vLLM has if it is told none.
    longest_chunk : int
        Tokens of one prompt in a step at most (vLLM: long-prefill threshold); 0 for no such limit.
    chunked_prefill : bool
        A prompt may be cut to what is left of a step's tokens.
    pauses_decode : bool
        Steps with prompt tokens are for prompts alone (older vLLM, SGLang), and come first.
    reserves_output : bool
        A request is admitted only if all that run could have all their tokens in the KV cache, as if they shared none
        (TensorRT-LLM: guaranteed no evict).
    by_priority : bool
        Requests wait by ``priority``, the higher first, and who lacks blocks preempts the lowest (vLLM:
        ``--scheduling-policy priority``).
    scheduled_ahead : bool
        A step is scheduled while the one before it runs (vLLM: asynchronous scheduling).
    prefix_caching : bool
        Blocks that came free are used again while they hold what a request begins with.
    watermark_blocks : int
        Blocks that an admission leaves free while others run.
    replicas : int
    in_step : int
        Replicas of which each step waits for the longest, as with data-parallel attention over experts that all of them
        share: groups of so many, of which there are a whole number.
    router : str
        Which replica a request goes to as it arrives: "round-robin"; "least-requests", with the fewest that wait or
        run; "least-kv", with the fewest KV blocks in use and still to be taken by those that wait; "prefix", with the
        fewest of these and of the blocks that the request would take there. Ties go to the first replica.
    prefill : PrefillPool, optional
        Other replicas that prefill, whose KV cache these read; these decode.
    speculation : Speculation, optional
        Tokens are drafted, and verified many in a step.
    offload : Offload, optional
        The host keeps copies of blocks that are known by hash and that GPUs have no more room for.
    lora : Lora, optional
        Slots for adapters, which requests name.
    """

    step_times: StepTimes
    kv_blocks: int
    block_tokens: int = 16
    max_batched_tokens: int = 2048
    max_requests: int = 256
    longest_chunk: int = 0
    chunked_prefill: bool = True
    pauses_decode: bool = False
    reserves_output: bool = False
    by_priority: bool = False
    scheduled_ahead: bool = True
    prefix_caching: bool = True
    watermark_blocks: int = 0
    replicas: int = 1
    in_step: int = 1
    router: str = "round-robin"
    prefill: PrefillPool | None = None
    speculation: Speculation | None = None
    offload: Offload | None = None
    lora: Lora | None = None

    def __post_init__(self):
        for name, least in (
            ("kv_blocks", 2),
            ("block_tokens", 1),
            ("max_requests", 1),
            ("longest_chunk", 0),
            ("watermark_blocks", 0),
            ("replicas", 1),
            ("in_step", 1),
        ):
            if getattr(self, name) < least:
                raise ServingError(f"deployment: {name} must be at least {least}, found {getattr(self, name)}")
        if self.router not in ROUTERS:
            raise ServingError(f"deployment: router must be one of {', '.join(ROUTERS)}, found {self.router!r}")
        if self.replicas % self.in_step:
            raise ServingError(
                f"deployment: replicas must be a multiple of in_step, {self.in_step}, found {self.replicas}"
            )
        if self.max_batched_tokens < self.max_requests * (1 + self.drafts):
            each = f"{1 + self.drafts} times max_requests" if self.drafts else "max_requests"
            raise ServingError(
                f"deployment: max_batched_tokens must be at least {each}, {self.max_requests * (1 + self.drafts):,}:"
                f" each that decodes takes {1 + self.drafts if self.drafts else 'one'},"
                f" found {self.max_batched_tokens:,}"
            )
        if self.by_priority and self.pauses_decode:
            raise ServingError("deployment: by_priority where pauses_decode is not covered; leave one of the two out")
        if self.offload and not self.prefix_caching:
            raise ServingError("deployment: offload needs prefix_caching")
        if self.offload and self.offload.blocks(self.block_tokens) < 1:
            raise ServingError(
                f"deployment: offload has no room for a block: memory_bytes must be at least"
                f" {self.block_tokens * self.offload.kv_bytes_per_token:,.0f}, found {self.offload.memory_bytes:,.0f}"
            )
        if self.prefill and bool(self.lora) != bool(self.prefill.deployment.lora):
            raise ServingError(
                "deployment: requests with adapters need slots where they are prefilled and where they"
                " are decoded; give lora to the prefill pool's replicas and to these, or to neither"
            )
        if self.prefill and self.prefill.deployment.block_tokens != self.block_tokens:
            raise ServingError(
                f"deployment: blocks must have as many tokens as those of the prefill pool, {self.block_tokens},"
                f" found {self.prefill.deployment.block_tokens}"
            )

    @property
    def pools(self) -> list[Deployment]:
        """It, behind the replicas that prefill for it, if others do."""
        return [self.prefill.deployment, self] if self.prefill else [self]

    def times(self, factor: float) -> Deployment:
        """The same with all step times multiplied, of those that prefill for it too."""
        return replace(
            self,
            step_times=self.step_times.times(factor),
            speculation=self.speculation and replace(self.speculation, draft_s=factor * self.speculation.draft_s),
            prefill=self.prefill and replace(self.prefill, deployment=self.prefill.deployment.times(factor)),
        )

    @property
    def drafts(self) -> int:
        """Tokens that are drafted in a step for each that decodes."""
        return self.speculation.draft_tokens if self.speculation else 0

    @property
    def max_tokens(self) -> int:
        """Prompt and output tokens of a request at most: all but the last output token are in the KV cache.

        So are the drafts of its last step.
        """
        return (self.kv_blocks - 1) * self.block_tokens + 1 - 2 * self.drafts

    @property
    def longest_request(self) -> int:
        """Prompt and output tokens of a request at most that is not refused.

        Where prompts are not cut, a step must take all its tokens but the last: it may have to compute them again.
        """
        return self.max_tokens if self.chunked_prefill else min(self.max_tokens, self.max_batched_tokens + 1)

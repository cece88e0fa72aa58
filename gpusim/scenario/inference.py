"""A service by its model: on what it runs, what requests look like, who sends them, and what they are promised."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from gpusim.scenario.base import Model, Share


class Drafts(Model):
    """Speculative decoding: tokens are drafted, and the model verifies them all in one step."""

    draft_tokens: PositiveInt
    """Tokens drafted per decoding request and step."""
    acceptance: Share
    """Probability that a drafted token is accepted if the previous ones were."""
    draft_s: NonNegativeFloat = 0.0
    """[s] Time that drafting adds to a step."""


class HostMemory(Model):
    """Host memory for KV blocks that no longer fit on the GPUs."""

    gb_per_gpu: PositiveFloat
    """[GB] Host memory per GPU of a replica."""
    gb_per_s: PositiveFloat
    """[GB/s] Rate at which a GPU loads blocks from the host."""


class Slots(Model):
    """Slots for adapters (LoRA) on a replica; their memory is taken from the KV cache."""

    max_loras: PositiveInt
    """Most adapters loaded on the GPUs, and used by running requests, at a time."""
    adapter_mb: PositiveFloat
    """[MB] Size of an adapter on each GPU of a replica."""
    gb_per_s: PositiveFloat
    """[GB/s] Rate at which a GPU loads its part of an adapter from the host."""


class ServedModel(Model):
    """The model of a service, and the engine of its replicas; see docs/serving_entries.md."""

    name: str
    """Name of a published model, say "Llama-3.1-70B"."""
    engine: str = "vllm"
    """Engine of the replicas: "vllm", "vllm-v0" (older, prompts first), "sglang", "trtllm"; also "vllm-0.11",
    "trtllm-1.0"."""
    tp: PositiveInt = 1
    """Tensor parallelism: GPUs that share each block."""
    pp: PositiveInt = 1
    """Pipeline parallelism: successive stages of layers."""
    dp: PositiveInt = 1
    """Attention data parallelism: copies of the attention, each with its own requests."""
    ep: PositiveInt = 1
    """Expert parallelism: groups of GPUs with their own experts."""
    weights: str = "bf16"
    """Format of the weights."""
    experts: str = ""
    """Format of the experts; "": that of the weights, where nvfp4, mxfp4 and int4 apply to the experts only and the
    rest is bf16."""
    kv: str = "bf16"
    """Format of the KV cache."""
    entry: str | None = None
    """File of an entry that `gpusim calibrate` fitted to a log; absent: the catalogue's entry."""
    load_gb_per_s: PositiveFloat | None = None
    """[GB/s] Rate at which a new replica loads its weights, on top of the service's ``load_s``; absent: instantly."""
    max_requests: PositiveInt | None = None
    """Most requests in a step; absent: the engine's default."""
    max_batched_tokens: PositiveInt | None = None
    """Most tokens in a step; absent: the engine's default. "vllm-v0" takes prompts whole, and refuses longer requests.
    """
    prefix_caching: bool | None = None
    """Free blocks of the KV cache are reused while they hold a prompt's prefix; absent: true, but false with
    "vllm-v0"."""
    speculation: Drafts | None = None
    """Speculative decoding; absent: none."""
    offload: HostMemory | None = None
    """KV blocks kept in host memory; absent: none."""
    lora: Slots | None = None
    """Adapters (LoRA) of requests; absent: none."""

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tp * self.pp * self.dp


class RequestMix(Model):
    """The requests of a service: those of a trace, or random ones."""

    trace: str | None = None
    """File of a request trace whose first request comes at the run's start; all other keys of this table are then
    ignored."""
    like: str | None = None
    """File of a request trace whose pairs of prompt and answer lengths are drawn in place of lognormal ones."""
    prompt_tokens: float = Field(1024.0, ge=1, le=1e6)
    """Mean tokens of a prompt."""
    prompt_cv: float = Field(1.0, ge=0, le=10)
    """Standard deviation over mean of the prompts' lengths, which are lognormal."""
    output_tokens: float = Field(256.0, ge=1, le=1e6)
    """Mean tokens of an answer."""
    output_cv: float = Field(1.0, ge=0, le=10)
    """The same for the answers' lengths."""
    bytes_per_token: float | None = Field(None, gt=0, le=1e9)
    """[bytes] What a token of an answer, with its part of the request, takes on the links between the users' ``region``
    and the site: some 10 of text, far more with images and video. Absent: nothing."""
    burst_cv: float = Field(1.0, gt=0, le=20)
    """Standard deviation over mean of the times between requests at a constant rate; 1: Poisson, more: bursts."""
    turns: float = Field(1.0, ge=1, le=1000)
    """Mean turns of a session, geometric: the prompt of each holds the session so far and adds ``prompt_tokens``. 1:
    each request stands alone."""
    think_s: float = Field(30.0, gt=0)
    """[s] Mean time from an answer to the next turn: a tenth of it fixed, the rest exponential."""
    priorities: list[NonNegativeFloat] = []
    """Shares of the requests by priority, the lowest first: replicas short of room serve the higher ones first, and
    preempt the lower. Absent: all are alike, first come, first served."""
    adapters: int = Field(0, ge=0, le=10_000)
    """Number of adapters, one of which each request uses, for the model's ``lora``; 0: no adapters."""
    adapter_skew: float = Field(1.0, ge=0, le=5)
    """Skew of their popularity: the k-th has a share proportional to 1 / k to the power of this (Zipf); 0: uniform."""


class Objectives(Model):
    """Latency objectives of a service's requests."""

    ttft_s: PositiveFloat = 2.0
    """[s] Time from sending a request to its first token."""
    time_per_output_token_s: PositiveFloat = 0.1
    """[s] Time per output token after the first, mean of a request."""
    share: Share = 0.99
    """Share of the requests that should meet both."""


class Users(Model):
    """Users of a service in one region."""

    share: float = Field(1.0, gt=0)
    """Share of the demand, relative to the other regions."""
    utc_offset_h: float | None = Field(None, ge=-12, le=14)
    """[h] Local time less UTC; absent: the service's."""
    region: str | None = None
    """Region where they are, for the links to sites. Absent: none, their requests cross no link."""
    round_trip_ms: dict[str, NonNegativeFloat] = {}
    """[ms] Network round trip to sites; to those not named, twice the latency of the links that lead there from
    ``region``, 0 without."""
    residency: list[str] = []
    """Jurisdictions in which their requests may be served; none: everywhere."""


Router = Literal["round-robin", "least-requests", "least-kv", "prefix"]


class Routing(Model):
    """Which deployment and which replica a request goes to."""

    deployments: Literal["weights", "nearest", "cheapest", "greenest"] = "weights"
    """"weights": each deployment gets its share. Otherwise the first that accepts, ranked by round trip, or by the
    energy price or carbon of a token there at the last control step."""
    replica: Router = "least-requests"
    """Among the replicas of a deployment: round robin; the one with the fewest requests; with the fewest KV blocks in
    use; or with the fewest KV blocks in use plus blocks of the request still to be computed."""
    sticky: bool = False
    """The next turn of a session goes to the replica of the previous one, with ``prefill`` to that which prefilled it,
    if that is open."""
    spill_s: PositiveFloat | None = None
    """[s] A request spills to the next deployment if the first in each queue has waited longer than this; absent:
    never."""
    retries: bool = True
    """Requests of a lost replica are resent; otherwise they fail."""


class Prefill(Model):
    """Separate replicas of each deployment that prefill and send the KV cache to its own replicas, which only
    decode."""

    site: str | None = None
    """Site of the prefill replicas of all deployments; KV cache then crosses the links (docs/network.md). Absent: each
    deployment's own."""
    gb_per_s: PositiveFloat
    """[GB/s] Rate at which a GPU of a decode replica reads KV cache, one request after the other."""
    latency_s: NonNegativeFloat = 0.0
    """[s] Latency of each transfer, per request, beside that of the links."""
    holds_s: PositiveFloat = 480.0
    """[s] Time after which unread KV cache is dropped; the request is then prefilled on its decode replica."""
    gpu_type: str | None = None
    """GPU type of the prefill replicas; absent: that of the deployment."""
    replica: Router = "least-requests"
    """Choice of the prefill replica, as in ``routing.replica``, which then applies to decode replicas."""
    replicas: int = Field(1, ge=0)
    """Prefill replicas of each deployment with the policy "static"; with others, as many as demand and load need."""


class Autoscaling(Model):
    """How many replicas a service has."""

    policy: Literal["demand", "static", "predictive", "utilisation", "queue", "kv", "latency"] = "demand"
    """"demand": enough for the demand of the next control interval at ``target_utilisation``. "predictive": enough for
    the highest demand until replicas started now are loaded. "static": ``replicas``. With "requests" also, from what
    was measured since the last control step: "utilisation" (tokens served over capacity), "queue" (requests waiting or
    running, against ``requests_per_replica``) and "kv" (KV cache in use), each steered to its target; "latency": a
    tenth more if fewer requests than the objectives' ``share`` met them, one less if demand permits."""
    replicas: int = Field(1, ge=0)
    """Replicas of each deployment, with "static"."""
    requests_per_replica: PositiveFloat = 32.0
    """Target of "queue"."""
    keep_s: NonNegativeFloat = 300.0
    """[s] Replicas stop only after fewer have been wanted for this long; with "demand", "predictive" and "static" at
    once."""

"""A service by its model: on what it runs, what requests look like, who sends them, and what they are promised."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from gpusim.scenario.base import Model, Share


class Drafts(Model):
    """Speculative decoding: tokens are drafted, and the model verifies them all in one step."""

    draft_tokens: PositiveInt
    """Drafted for each request that decodes in each step."""
    acceptance: Share
    """Probability that a drafted token is right if those before it are."""
    draft_s: NonNegativeFloat = 0.0
    """[s] By which drafting makes a step longer."""


class HostMemory(Model):
    """Memory of the nodes' hosts for KV blocks of prompts that GPUs have no more room for."""

    gb_per_gpu: PositiveFloat
    """[GB] Of the host's memory, for each GPU of a replica."""
    gb_per_s: PositiveFloat
    """[GB/s] At which a GPU loads what prompts begin with."""


class Slots(Model):
    """Slots for adapters (LoRA) on a replica, which takes their memory from the KV cache."""

    max_loras: PositiveInt
    """Adapters of requests that run at a time, and on the GPUs, at most."""
    adapter_mb: PositiveFloat
    """[MB] Of one, on each GPU of a replica."""
    gb_per_s: PositiveFloat
    """[GB/s] At which a GPU loads its part of one from the host."""


class ServedModel(Model):
    """The model of a service, and the engine of its replicas; docs/serving_entries.md says what is known of them."""

    name: str
    """Name of a published model, say "Llama-3.1-70B"."""
    engine: str = "vllm"
    """Engine of the replicas."""
    tp: PositiveInt = 1
    """GPUs among which each block is divided."""
    pp: PositiveInt = 1
    """Stages of layers, one after the other."""
    dp: PositiveInt = 1
    """Copies of the attention, each with requests of its own."""
    ep: PositiveInt = 1
    """Expert parallelism: groups of GPUs with their own experts."""
    weights: str = "bf16"
    """Format of the weights."""
    experts: str = ""
    """Format of the experts; "": as the weights, and with nvfp4, mxfp4 or int4 only they have it: the rest is bf16."""
    kv: str = "bf16"
    """Format of the KV cache."""
    entry: str | None = None
    """File of an entry that `gpusim calibrate` has fitted to a log; absent: as the catalogue has it."""
    load_gb_per_s: PositiveFloat | None = None
    """[GB/s] At which a replica's weights come from where they are kept, beside the service's ``load_s``; absent: at
    once."""
    max_requests: PositiveInt | None = None
    """Most requests in a step; absent: what the engine starts with."""
    max_batched_tokens: PositiveInt | None = None
    """Most tokens in a step; absent: what the engine starts with."""
    prefix_caching: bool = True
    """Blocks of the KV cache that came free are used again while they hold what a prompt begins with."""
    speculation: Drafts | None = None
    """Tokens are drafted; absent: none are."""
    offload: HostMemory | None = None
    """KV blocks are kept in host memory; absent: none are."""
    lora: Slots | None = None
    """Requests come with adapters; absent: none do."""

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tp * self.pp * self.dp


class Requests(Model):
    """What requests look like: those of a trace, or random ones."""

    trace: str | None = None
    """File of a trace of requests, whose first comes as the run starts; nothing else of this table counts then."""
    like: str | None = None
    """File of a trace of requests, whose pairs of prompt and answer are drawn in place of lognormal lengths."""
    prompt_tokens: float = Field(1024.0, ge=1, le=1e6)
    """Mean tokens of a prompt."""
    prompt_cv: float = Field(1.0, ge=0, le=10)
    """Standard deviation over mean of the prompts' lengths, which are lognormal."""
    output_tokens: float = Field(256.0, ge=1, le=1e6)
    """Mean tokens of an answer."""
    output_cv: float = Field(1.0, ge=0, le=10)
    """The same of the answers' lengths."""
    burst_cv: float = Field(1.0, gt=0, le=20)
    """Standard deviation over mean of the times between requests at a constant rate; 1: Poisson, more: bursts."""
    turns: float = Field(1.0, ge=1, le=1000)
    """Mean turns of a session, geometric: the prompt of each holds the session so far, and ``prompt_tokens`` are those
    that it adds. 1: each request stands alone."""
    think_s: float = Field(30.0, gt=0)
    """[s] Mean time from when an answer is there to the next turn: a tenth of it and, exponential, more."""
    priorities: list[NonNegativeFloat] = []
    """Shares of the requests by priority, the lowest first: replicas that lack room serve the higher ones first, and
    preempt the lower. Absent: all are alike, and go as they come."""
    adapters: int = Field(0, ge=0, le=10_000)
    """Adapters of which each request has one, for the model's ``lora``; 0: none has."""
    adapter_skew: float = Field(1.0, ge=0, le=5)
    """How unequal they are: the k-th has a share as 1 / k to the power of this (Zipf); 0: all alike."""


class Objectives(Model):
    """What a service promises for its requests."""

    ttft_s: PositiveFloat = 2.0
    """[s] From when a user sends a request to when the first token is there."""
    time_per_output_token_s: PositiveFloat = 0.1
    """[s] Time per output token after the first, mean of a request."""
    share: Share = 0.99
    """Share of the requests that are to keep both."""


class Users(Model):
    """Users of a service in one region."""

    share: float = Field(1.0, gt=0)
    """Share of the demand, relative to the other regions."""
    utc_offset_h: float | None = Field(None, ge=-12, le=14)
    """[h] Their clock, ahead of UTC; absent: the service's."""
    round_trip_ms: dict[str, NonNegativeFloat] = {}
    """[ms] Network round trip to sites; to those that are not named none."""
    residency: list[str] = []
    """Jurisdictions in which their requests may be served; none: everywhere."""


class Routing(Model):
    """Which deployment and which replica a request goes to."""

    deployments: Literal["weights", "nearest", "cheapest", "greenest"] = "weights"
    """"weights": each gets its share. Else the first that takes it: by round trip, by the price of energy or the carbon
    of a token there as of the last control step."""
    replica: Literal["round-robin", "least-requests", "least-kv", "prefix"] = "least-requests"
    """Among the replicas of a deployment: each in turn; the one with the fewest requests; with the fewest blocks of KV
    cache in use; with the fewest in use and still to be computed of the request."""
    sticky: bool = False
    """The next turn of a session goes to the replica of the one before, if that is open."""
    spill_s: PositiveFloat | None = None
    """[s] A request goes on to the next deployment where the first in each queue has waited longer; absent: never."""
    retries: bool = True
    """Requests of a replica that is lost are sent anew; else they have failed."""


class Prefill(Model):
    """Replicas beside those of each deployment that prefill for them, and ship them the KV cache; these only decode."""

    gb_per_s: PositiveFloat
    """[GB/s] At which a GPU of a replica that decodes reads KV cache, one request after the other."""
    latency_s: NonNegativeFloat = 0.0
    """[s] By which what was read comes later, for each request."""
    holds_s: PositiveFloat = 480.0
    """[s] After which KV cache is given up that nobody has begun to read; the request is then prefilled where it
    decodes."""
    gpu_type: str | None = None
    """GPU type of their pools; absent: that of the deployment."""
    replica: Literal["round-robin", "least-requests", "least-kv", "prefix"] = "least-requests"
    """Which of them a request goes to, as ``routing.replica``, which then says it of those that decode."""
    replicas: int = Field(1, ge=0)
    """How many of them each deployment has, with the policy "static"; with others as demand and load need."""


class Scaling(Model):
    """How many replicas a service has."""

    policy: Literal["demand", "static", "predictive", "utilisation", "queue", "kv", "latency"] = "demand"
    """"demand": as the demand of the control interval to come needs at ``target_utilisation``. "predictive": as the
    greatest demand needs until replicas that start now are loaded. "static": ``replicas``. At the level of requests
    also, after what was seen since the last control step: "utilisation" (tokens served, of those that could be),
    "queue" (requests that wait or run, of ``requests_per_replica``), "kv" (KV cache in use), each brought to its
    target; "latency": a tenth more if fewer than the objectives' ``share`` kept them, one less if demand lets it be."""
    replicas: int = Field(1, ge=0)
    """Of each deployment, with "static"."""
    requests_per_replica: PositiveFloat = 32.0
    """Target of "queue"."""
    keep_s: NonNegativeFloat = 300.0
    """[s] Replicas stop only when as few have been wanted for so long; with "demand", "predictive" and "static" at
    once."""

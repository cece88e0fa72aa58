"""Measured runs of an engine, in the form that LLMServingSim's benchmark leaves behind.

Source of the form: casys-kaist/LLMServingSim, bench/README.md. A run is a folder with ``config.json`` (links, memory)
and ``vllm``, which holds ``meta.json`` (engine and its limits) and ``requests.jsonl``, maybe packed as ``.gz``.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gpusim.errors import ServingError
from gpusim.serving.deployment import Deployment, vllm_limits
from gpusim.serving.layer_tables import Interconnect
from gpusim.serving.step_times import StepTimes


@dataclass(frozen=True)
class MeasuredRun:
    """Requests as they were sent to an engine, and when it answered.

    Attributes
    ----------
    requests : DataFrame
        ``arrival_s`` since the first was sent, ``prompt_tokens``, ``output_tokens``; measured: ``wait_s`` until it was
        scheduled, ``ttft_s`` and ``end_to_end_s``, all since the engine queued it, ``time_per_output_token_s``.
    model : str
    ranks : int
        Degree of tensor parallelism.
    replicas, in_step : int
        Degree of data parallelism, and how many of these are in step with each other since they share experts.
    link : Interconnect
        Between GPUs.
    memory_bytes : float
        Of a GPU that the engine may use.
    max_batched_tokens, max_requests : int
    kv_blocks, block_tokens : int
        Blocks of 0: the run does not say.
    prefix_caching, scheduled_ahead : bool
        Where the run does not say, as vLLM does by default.
    """

    requests: pd.DataFrame
    model: str
    ranks: int
    replicas: int
    in_step: int
    link: Interconnect
    memory_bytes: float
    max_batched_tokens: int
    max_requests: int
    kv_blocks: int
    block_tokens: int
    prefix_caching: bool
    scheduled_ahead: bool

    def blocks_that_fit(self, weights_bytes: float, kv_bytes: float) -> int:
        """Blocks beside weights, of ``kv_bytes`` a token: both spread over the ranks, and nothing else in memory."""
        free_bytes = self.memory_bytes * self.ranks - weights_bytes
        return int(free_bytes // (kv_bytes * self.block_tokens))

    def deployment(self, step_times: StepTimes, kv_blocks: int | None = None) -> Deployment:
        """The engine of the run, with ``kv_blocks`` if the run does not say how many it had."""
        blocks = self.kv_blocks or kv_blocks
        if not blocks:
            raise ServingError(f"run of {self.model}: meta.json names no number of KV blocks; give kv_blocks")
        return Deployment(
            step_times,
            kv_blocks=blocks,
            block_tokens=self.block_tokens,
            max_batched_tokens=self.max_batched_tokens,
            max_requests=self.max_requests,
            scheduled_ahead=self.scheduled_ahead,
            prefix_caching=self.prefix_caching,
            replicas=self.replicas,
            in_step=self.in_step,
            router="least-requests",
        )


def read_run(folder: Path) -> MeasuredRun:
    """A run by its folder."""
    meta = json.loads((folder / "vllm" / "meta.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    engine, cache = meta["engine_kwargs"], meta.get("kv_cache") or {}
    memory = config["nodes"][0]["instances"][0]["npu_mem"]
    gpu = meta.get("hardware") or {}
    limits = vllm_limits(gpu.get("device_name", ""), gpu.get("device_total_memory_bytes", 0.0))
    replicas = engine.get("data_parallel_size") or 1
    return MeasuredRun(
        requests=_requests(folder / "vllm"),
        model=meta["model"],
        ranks=engine.get("tensor_parallel_size") or 1,
        replicas=replicas,
        in_step=replicas if engine.get("enable_expert_parallel") else 1,
        link=Interconnect(bytes_per_s=1e9 * config["link_bw"], latency_s=1e-9 * config["link_latency"]),
        memory_bytes=memory["mem_size"] * 2.0**30 * memory["mem_util"],
        max_batched_tokens=engine.get("max_num_batched_tokens") or limits["max_batched_tokens"],
        max_requests=engine.get("max_num_seqs") or limits["max_requests"],
        kv_blocks=cache.get("num_gpu_blocks") or 0,
        block_tokens=cache.get("block_size") or 16,
        prefix_caching=cache.get("enable_prefix_caching", True),
        scheduled_ahead=_resolved(meta).get("async_scheduling", True),
    )


def _resolved(meta: dict) -> dict:
    return (meta.get("resolved_config") or {}).get("scheduler_config") or {}


def _requests(folder: Path) -> pd.DataFrame:
    plain, packed = folder / "requests.jsonl", folder / "requests.jsonl.gz"
    text = plain.read_text(encoding="utf-8") if plain.exists() else gzip.decompress(packed.read_bytes()).decode()
    rows = pd.DataFrame([json.loads(line) for line in text.splitlines()])
    return pd.DataFrame(
        {
            "arrival_s": rows["arrival_time"] - rows["arrival_time"].min(),
            "prompt_tokens": rows["input_toks"],
            "output_tokens": rows["output_toks"],
            "wait_s": rows["scheduled_ts"] - rows["queued_ts"],
            "ttft_s": rows["first_token_ts"] - rows["queued_ts"],
            "time_per_output_token_s": (rows["last_token_ts"] - rows["first_token_ts"]) / (rows["output_toks"] - 1),
            "end_to_end_s": rows["last_token_ts"] - rows["queued_ts"],
        }
    )

"""How fast are requests served, and does it stay right at speed?
==============================================================

One core; kernels are compiled before the clock starts; the time is that of ``replay``, from a table of requests to a
table of their times. Two cases: 50,000 equal requests at 20/s on 4 replicas, and a published trace with its
prefixes on 8 replicas (needs GPUSIM_DATA). Each checks its results. Step times are those of a made-up engine.

::

    python experiments/serving_speed.py
"""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.kernels.serving.route import play
from gpusim.serving.deployment import ROUTERS, Deployment
from gpusim.serving.layout import build
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes

REPEATS = 7


def engine() -> StepTimes:
    """About an 8-billion-parameter model on one GPU: 5 ms to read weights, 20 us a token, attention on top."""
    chunk = np.r_[0.0, 16.0 * 2.0 ** np.arange(10)]
    before = np.r_[0.0, 16.0 * 2.0 ** np.arange(13)]
    decoding = np.r_[0.0, 2.0 ** np.arange(11)]
    context = 16.0 * 2.0 ** np.arange(14)
    of_prompt_s = 2e-10 * chunk[:, None] * (before + chunk[:, None] / 2)
    of_decode_s = 3e-8 * decoding[:, None] * context
    return StepTimes(
        dense=Curve(np.array([1.0, 256.0, 8192.0]), np.array([5e-3, 6e-3, 160e-3])),
        batch=Curve(np.array([1.0, 1024.0]), np.array([0.5e-3, 2.0e-3])),
        chunk_tokens=chunk,
        before_tokens=before,
        decoding=decoding,
        context_tokens=context,
        attention_s=of_prompt_s[:, :, None, None] + of_decode_s,
    )


def equal_requests(n: int) -> pd.DataFrame:
    """1,024 tokens in and 128 out, at 20/s."""
    arrival_s = np.cumsum(np.random.default_rng(0).exponential(1.0 / 20.0, n))
    return pd.DataFrame({"arrival_s": arrival_s, "prompt_tokens": 1024, "output_tokens": 128})


def conversations(folder: Path) -> pd.DataFrame:
    """Mooncake's trace of conversations: hashes of blocks of 512 tokens."""
    lines = gzip.decompress((folder / "mooncake" / "conversation_trace.jsonl.gz").read_bytes()).splitlines()
    rows = pd.DataFrame([json.loads(line) for line in lines])
    return pd.DataFrame(
        {
            "arrival_s": rows["timestamp"] / 1e3,
            "prompt_tokens": rows["input_length"],
            "output_tokens": rows["output_length"],
            "hash_ids": rows["hash_ids"],
        }
    )


def check(requests: pd.DataFrame, deployment: Deployment) -> None:
    """All end in order of their times; tokens and blocks add up."""
    state = build(requests, deployment)
    play(state, ROUTERS[deployment.router])
    rows, replicas = state.requests, state.engines
    assert (rows.arrival_s <= rows.scheduled_s).all()
    assert (rows.scheduled_s < rows.first_token_s).all()
    assert (rows.first_token_s <= rows.end_s).all()
    assert (replicas.free == replicas.blocks).all()
    assert rows.preemptions.sum() == 0
    computed = replicas.decode_tokens.sum() + replicas.prefill_tokens.sum()
    assert computed == (rows.prompt_tokens + rows.output_tokens - 1 - rows.cached_tokens).sum()


def case(name: str, requests: pd.DataFrame, deployment: Deployment) -> None:
    """Time one case, and print what it is worth."""
    check(requests, deployment)
    took_s = []
    for _ in range(REPEATS):
        began = time.process_time()
        table = replay(requests, deployment).requests
        took_s.append(time.process_time() - began)
    state = build(requests, deployment)
    began = time.process_time()
    play(state, ROUTERS[deployment.router])
    kernel_s = time.process_time() - began
    print(
        f"{name}: {len(requests):,} requests, {state.engines.steps.sum():,} steps,"
        f" {len(requests) / min(took_s):,.0f} requests/s, without tables {len(requests) / kernel_s:,.0f};"
        f" mean time to first token {table['ttft_s'].mean():.3f} s,"
        f" {table['cached_tokens'].sum() / requests['prompt_tokens'].sum():.1%} of prompts cached"
    )


def main() -> None:
    """Both cases."""
    for ahead in (False, True):
        deployment = Deployment(
            engine(), 30_000, max_batched_tokens=8192, max_requests=1024, replicas=4, scheduled_ahead=ahead
        )
        case("equal requests" + ", scheduled ahead" * ahead, equal_requests(50_000), deployment)
    folder = os.environ.get("GPUSIM_DATA")
    if not folder:
        print("conversations: no data, set GPUSIM_DATA")
        return
    requests = conversations(Path(folder))
    for router in ROUTERS:
        deployment = Deployment(
            engine(),
            840,
            block_tokens=512,
            max_batched_tokens=8192,
            max_requests=1024,
            replicas=8,
            router=router,
        )
        case(f"conversations, {router}", requests, deployment)


if __name__ == "__main__":
    main()

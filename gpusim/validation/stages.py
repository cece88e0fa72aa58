"""Anchor of serving by requests: load stages of vLLM on H100s, replayed with entries of models that no fit saw.

Source of the form: a row for each stage of a benchmark by inference-perf with shared prefixes (inference-sim/training).
Users ask in turn, at a constant rate, each always the same question behind the system prompt of its group. Answers are
as long as asked for (``ignore_eos``), whatever the client counted when it took their text apart again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.serving.entry import entry
from gpusim.serving.kv_cache import BLOCK_TOKENS
from gpusim.serving.replay import replay
from gpusim.serving.replica import Layout
from gpusim.serving.tabulation import deployment
from gpusim.validation.anchor import Effort, Row

ALL_REQUESTS = 24_000  # more than any stage has
GOALS = {"end to end": 0.08, "time to first token": 0.20}


def read_stages(path: Path) -> pd.DataFrame:
    """Stages of which no request failed: others are overloads, whose latencies are those of timeouts."""
    stages = pd.read_csv(path)
    return stages[stages["failures"] == 0].reset_index(drop=True)


def requests_of(stage: pd.Series, most: int) -> pd.DataFrame:
    """The first requests of a stage, at most so many: blocks of a prompt are those of its group, then of its user."""
    prompt = round(stage["prompt_len_mean"])
    number = min(int(stage["requests"]), most)
    user = np.arange(number) % (stage["num_unique_system_prompts"] * stage["num_users_per_system_prompt"])
    group = user // stage["num_users_per_system_prompt"]
    blocks = np.arange(prompt // BLOCK_TOKENS)
    shared = (blocks + 1) * BLOCK_TOKENS <= stage["system_prompt_len"]
    owner = np.where(shared, -1 - group[:, None], user[:, None])
    return pd.DataFrame(
        {
            "arrival_s": np.arange(number) / stage["rate_per_s"],
            "prompt_tokens": prompt,
            "output_tokens": int(stage["output_len"]),
            "hash_ids": (owner * len(blocks) + blocks).tolist(),
        }
    )


def predicted(stage: pd.Series, most: int, **changes: object) -> dict[str, float]:
    """Mean latencies of a stage [s] as its client would see them."""
    known = entry(stage["model"], "H100", "vllm", Layout(int(stage["tensor_parallel"])))
    limits = {"max_batched_tokens": int(stage["max_num_batched_tokens"]), "max_requests": int(stage["max_num_seqs"])}
    served = replay(requests_of(stage, most), deployment(known, **limits | changes)).requests
    return {
        "time to first token": float((served["first_token_s"] - served["arrival_s"]).mean() + known.request_s),
        "end to end": float((served["end_s"] - served["arrival_s"]).mean() + known.request_s),
        "time per token": float(served["time_per_output_token_s"].mean()),
    }


def compared(stages: pd.DataFrame, most: int, **changes: object) -> pd.DataFrame:
    """Relative errors of the mean latencies by stage."""
    ours = pd.DataFrame([predicted(stage, most, **changes) for _, stage in stages.iterrows()])
    theirs = pd.DataFrame(
        {
            "time to first token": stages["ttft_mean_ms"] / 1e3,
            "end to end": stages["e2e_mean_ms"] / 1e3,
            "time per token": (stages["e2e_mean_ms"] - stages["ttft_mean_ms"]) / 1e3 / (stages["output_len"] - 1),
        }
    )
    return ours / theirs - 1.0


def load_stages(effort: Effort, data: str | None = None, **changes: object) -> Iterator[Row]:
    """49: medians over load stages of how far mean latencies are off.

    Parameters
    ----------
    data : str, optional
        Folder that holds ``vllm_h100``; that of the environment variable GPUSIM_DATA if absent.
    **changes
        Keys of ``Deployment``, for negative controls.
    """
    path = Path(data or os.environ.get("GPUSIM_DATA", "")) / "vllm_h100" / "runs.csv"
    if not path.exists():
        yield Row(49, "load stages of vLLM on H100s", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
        return
    off = compared(read_stages(path), effort.size(1, ALL_REQUESTS), **changes).abs().median()
    for what, most in GOALS.items():
        yield Row(49, f"load stages of vLLM on H100s: {what}, median of the errors", 0.0, float(off[what]), most)

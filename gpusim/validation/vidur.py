"""Anchor of serving by requests: runs of Vidur, with its rules and the times of its steps.

A step of Vidur (microsoft/vidur, sklearn_execution_time_predictor.py) takes layers x (what goes by its tokens, rounded
up to eights, + attention of prompts + attention of those that decode). Attention is tabulated beside the runs; a random
forest, which is what looks it up, answers with the nearest batch, and contexts are rounded up to 64 tokens. What goes
by tokens is read off the runs: of each step with one whole prompt in it, what attention leaves of its time.

"sarathi" is the unified scheduler with chunks, "vllm" takes prompts first, whole and alone.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes
from gpusim.validation.anchor import Effort, Row

TOKENS, CONTEXT = 8, 64  # to which tokens of a step and contexts are rounded up
SEVERAL = 1.1  # attention of several requests over that of one as large
KV_BLOCKS = 80_000  # of 16 tokens: what eight GPUs of 80 GB hold beside Llama-2-70B; never full
QUANTILES = {"P50": 0.5, "P90": 0.9, "P99": 0.99}


@dataclass(frozen=True)
class Attention:
    """Times of one layer [s]: of prompts by chunk and tokens before, of decode by requests and context."""

    prefill: pd.DataFrame
    decode: pd.DataFrame

    def prompt_s(self, tokens: np.ndarray) -> np.ndarray:
        """[s] Of prompts with nothing before them."""
        return np.interp(tokens, self.prefill.index, self.prefill[0])

    def decode_s(self, requests: np.ndarray, context: np.ndarray) -> np.ndarray:
        """[s] Of decoding requests with a mean context of theirs; 0 of none."""
        nearest = np.abs(np.subtract.outer(requests, self.decode.index)).argmin(axis=-1)
        at = np.clip(np.ceil(context / CONTEXT).astype(int) - 1, 0, len(self.decode.columns) - 1)
        several = np.where(requests > 1, SEVERAL, 1.0)
        return np.where(requests > 0, several * self.decode.to_numpy()[nearest, at], 0.0)


def read_attention(path: Path, ranks: int) -> Attention:
    """Tables of one GPU of ``ranks``."""
    rows = pd.read_csv(path)
    rows = rows[rows["num_tensor_parallel_workers"] == ranks]
    prompts = rows["is_prefill"]

    def table(part: pd.DataFrame, by: str, name: str) -> pd.DataFrame:
        return part.pivot_table(index=by, columns="kv_cache_size", values=f"time_stats.{name}.median") / 1e3

    return Attention(
        table(rows[prompts], "prefill_chunk_size", "attn_prefill").ffill(axis=1),
        table(rows[~prompts], "batch_size", "attn_decode"),
    )


@dataclass(frozen=True)
class VidurRun:
    """A recorded run.

    Attributes
    ----------
    gpu : str
    ranks, layers : int
    chunks : bool
        Whether prompts are cut and go with those that decode.
    most_tokens, most_requests : int
        Of a step.
    requests : DataFrame
        ``arrival_s``, ``prompt_tokens``, ``output_tokens``; recorded: ``start_s`` of the first step, ``first_token_s``,
        ``end_s``.
    """

    gpu: str
    ranks: int
    layers: int
    chunks: bool
    most_tokens: int
    most_requests: int
    requests: pd.DataFrame

    def by_tokens(self, attention: Attention) -> pd.Series:
        """[s] of a layer in steps with one whole prompt, but for attention; by tokens rounded up."""
        r = self.requests
        start, first, end = (r[name].to_numpy() for name in ("start_s", "first_token_s", "end_s"))
        eps = 1e-9
        alone = ((start < first[:, None] - eps) & (first > start[:, None] + eps)).sum(axis=1) == 1
        decoding = (first <= start[:, None] + eps) & (end > start[:, None] + eps) & self.chunks
        begun = (start[:, None] - first) / np.maximum(end - first, eps)
        contexts = r["prompt_tokens"].to_numpy() + begun * (r["output_tokens"].to_numpy() - 1)
        many = decoding.sum(axis=1)
        context = (contexts * decoding).sum(axis=1) / np.maximum(many, 1)
        tokens = r["prompt_tokens"] + many
        layer_s = (first - start) / self.layers - attention.prompt_s(r["prompt_tokens"])
        left_s = pd.Series(layer_s - attention.decode_s(many, context), np.ceil(tokens / TOKENS) * TOKENS)
        return left_s[alone & (tokens <= self.most_tokens).to_numpy()]

    def step_times(self, by_tokens: pd.Series, attention: Attention) -> StepTimes:
        """Steps as tables."""
        tokens = np.arange(1.0, self.most_tokens + 1)
        rounded = np.ceil(tokens / TOKENS) * TOKENS
        dense_s = self.layers * np.interp(rounded, by_tokens.index, by_tokens)
        decoding = np.arange(self.most_requests + 1.0)
        contexts = attention.decode.columns.to_numpy(float) - CONTEXT / 2  # of one that is rounded up, the mean
        decode_s = attention.decode_s(decoding[:, None], contexts[None, :] + CONTEXT / 2)
        chunks = np.r_[0.0, attention.prefill.index]
        before = np.r_[0.0, attention.prefill.columns[1:] - CONTEXT / 2]
        prefill_s = np.concatenate([np.zeros((1, len(before))), attention.prefill])
        attention_s = self.layers * (prefill_s[:, :, None, None] + decode_s[None, None])
        none = Curve(np.ones(1), np.zeros(1))
        return StepTimes(Curve(tokens, dense_s), none, chunks, before, decoding, contexts, attention_s)

    def by_kernel(self, times: StepTimes) -> pd.DataFrame:
        """The requests as our engine serves them."""
        engine = Deployment(
            times, kv_blocks=KV_BLOCKS, max_batched_tokens=self.most_tokens, max_requests=self.most_requests,
            chunked_prefill=self.chunks, pauses_decode=not self.chunks, scheduled_ahead=False, prefix_caching=False,
        )  # fmt: skip
        return replay(self.requests, engine).requests


def read_run(case: Path) -> VidurRun:
    """A run by its folder."""
    config = json.loads((case / "config.json").read_text(encoding="utf-8"))["cluster_config"]
    of, scheduler = config["replica_config"], config["replica_scheduler_config"]
    chunks = scheduler["name"] == "sarathi"
    arrival_s = pd.read_csv(case / "input_trace.csv.gz")["arrived_at"]
    rows = pd.read_csv(case / "request_metrics.csv.gz").set_index("Request Id").sort_index()
    requests = pd.DataFrame(
        {
            "arrival_s": arrival_s,
            "prompt_tokens": rows["request_num_prefill_tokens"].astype(int),
            "output_tokens": rows["request_num_decode_tokens"].astype(int),
            "start_s": arrival_s + rows["request_scheduling_delay"],
            "first_token_s": arrival_s + rows["prefill_e2e_time"],
            "end_s": arrival_s + rows["request_e2e_time"],
        }
    )
    return VidurRun(
        of["device"], of["tensor_parallel_size"], of["model_config"]["num_layers"], chunks,
        scheduler["chunk_size" if chunks else "max_tokens_in_batch"], scheduler["batch_size_cap"], requests,
    )  # fmt: skip


def latencies(requests: pd.DataFrame, served: pd.DataFrame) -> pd.DataFrame:
    """[s] As Vidur counts them: the first token is one of those over which the others' time is spread."""
    later_s = served["end_s"] - served["first_token_s"]
    return pd.DataFrame(
        {
            "time to first token": served["first_token_s"] - requests["arrival_s"],
            "time per token": later_s / requests["output_tokens"],
            "end to end": served["end_s"] - requests["arrival_s"],
        }
    )


def vidur_runs(_effort: Effort, data: str | None = None, **changes: object) -> Iterator[Row]:
    """44: requests to Llama-2-70B on eight GPUs as Vidur served them; steps of a GPU from all runs on it.

    Parameters
    ----------
    data : str, optional
        Folder beside which ``golden/vidur`` lies; that of the environment variable GPUSIM_DATA if absent.
    **changes
        Fields of ``VidurRun``, for negative controls.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    golden = folder.parent / "golden" / "vidur"
    runs = {case.parent.name: read_run(case.parent) for case in sorted(golden.glob("*/config.json"))}
    if not folder.name or not runs:
        yield Row(44, "runs of Vidur", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
        return
    for gpu in sorted({run.gpu for run in runs.values()}):
        own = {name: run for name, run in runs.items() if run.gpu == gpu}
        attention = read_attention(golden / f"attention_{gpu}_substitute.csv.gz", next(iter(own.values())).ranks)
        steps = pd.concat([run.by_tokens(attention) for run in own.values()])
        by_tokens = steps.groupby(level=0).median()
        for name, run in own.items():
            run = replace(run, **changes)
            theirs = latencies(run.requests, run.requests)
            ours = latencies(run.requests, run.by_kernel(run.step_times(by_tokens, attention)))
            for metric in theirs:
                for quantile, share in QUANTILES.items():
                    expected, found = theirs[metric].quantile(share), ours[metric].quantile(share)
                    yield Row(44, f"{name}: {metric}, {quantile} [s]", float(expected), float(found), 0.05)

"""Anchor of serving by requests: runs of splitwise-sim, with its tables and its rules.

A step of splitwise-sim (Mutinifni/splitwise-sim, instance.py and performance_model.py) takes prompts whole, as they
came, up to 2,048 tokens, the first however long, and then one token of each request that decodes, while there is room.
Its time is read from a table by the tokens of the step: of prompts alone as measured, beside requests that decode 1.1
times as long. Without prompts it is looked up by the number of requests in a table by prompt x batch, which is a
mistake: a step of 64 requests takes 31 ms, not the 50 ms that were measured.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.interpolate import interp1d

from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay
from gpusim.serving.step_times import Curve, StepTimes
from gpusim.validation.anchor import Effort, Row
from gpusim.validation.plain_engine import Pick, decode_first, prompts_first, serve

MOST_TOKENS, MOST_REQUESTS = 2048, 512  # of a step of theirs
WHOLE_TOKENS = 8192  # of a step of ours, in which a prompt is not cut: none is longer
KV_BLOCKS = 95_000  # of 16 tokens: what 640 GB hold of Llama-2-70B's keys and values beside its weights; never full
MIXED = 1.1
QUANTILES = {"P50": 0.5, "P90": 0.9, "P99": 0.99}


@dataclass(frozen=True)
class StepTable:
    """Times of steps [s]: of prompts by their tokens, of decode by requests."""

    prompt: interp1d
    decode: interp1d

    def step_s(self, prompt_tokens: np.ndarray, decoding: np.ndarray) -> np.ndarray:
        """[s] A step of theirs."""
        prompt_tokens, decoding = np.asarray(prompt_tokens), np.asarray(decoding)
        mixed_s = np.where(decoding > 0, MIXED, 1.0) * self.prompt(prompt_tokens + decoding)
        return np.where(prompt_tokens > 0, mixed_s, self.decode(decoding))

    def roomy_step_s(self, prompt_tokens: np.ndarray, decoding: np.ndarray) -> np.ndarray:
        """[s] A step of ours: who decodes has room beside any prompts, which beyond their most tokens are as alone."""
        long = (np.asarray(prompt_tokens) > 0) & (np.add(prompt_tokens, decoding) > MOST_TOKENS)
        return self.step_s(prompt_tokens, np.where(long, 0, decoding))

    def step_times(self) -> StepTimes:
        """A step of ours, tabulated."""
        chunks = np.r_[0.0, 1.0, np.arange(16.0, WHOLE_TOKENS + 1, 16)]
        decoding = np.r_[0.0, 1.0, np.arange(16.0, MOST_REQUESTS + 1, 16)]
        times_s = self.roomy_step_s(*np.meshgrid(chunks, decoding, indexing="ij"))
        times_s[0, 0] = 0.0
        none, one = np.zeros(1), np.ones(1)
        nothing = Curve(one, none)
        return StepTimes(nothing, nothing, chunks, none, decoding, one, times_s[:, None, :, None])


def read_table(path: Path, case: Path, by_sequences: bool = True) -> StepTable:
    """Steps of a run's model on its servers, from splitwise-sim's ``perf_model.csv``: medians of repeated measurements.

    Parameters
    ----------
    by_sequences : bool
        Look decode up as splitwise-sim does; else by what was measured at each batch.
    """
    config = yaml.safe_load((case / "config.yaml").read_text(encoding="utf-8"))
    skus = [server["sku"] for server in config["cluster"]["servers"] if server["count"]]
    wanted = {
        "model": config["applications"][0]["model_architecture"],
        "hardware": f"{skus[0].removeprefix('dgx-')}-80gb",
        "tensor_parallel": config["start_state"]["instance"]["tensor_parallelism"],
    }
    rows = pd.read_csv(path)
    rows = rows[(rows[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    tokens = rows["prompt_size"] * rows["batch_size"]
    of_prompts = rows.groupby(tokens)["prompt_time"].median() / 1e3
    batches = rows[rows["prompt_size"] == 512].groupby("batch_size")
    of_decode = (rows.groupby(tokens) if by_sequences else batches)["token_time"].median() / 1e3
    lines = [interp1d(times.index, times, fill_value="extrapolate") for times in (of_prompts, of_decode)]
    return StepTable(*lines)


def read_case(case: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Requests of a recorded run, with the server that each was sent to, and what became of them [s]."""
    trace = pd.read_csv(case / "input_trace.csv.gz").set_index("request_id").sort_index()
    nodes = pd.read_csv(case / "request_nodes.csv.gz")
    servers = nodes[nodes["node_type"] == "PROMPT"].set_index("request_id")["runner"]
    requests = pd.DataFrame(
        {
            "arrival_s": trace["arrival_timestamp"],
            "prompt_tokens": trace["prompt_size"],
            "output_tokens": trace["token_size"],
            "server": servers.reindex(trace.index),
        }
    )
    theirs = pd.read_csv(case / "requests.csv.gz").set_index("request_ids").reindex(trace.index)
    names = {"ttft_times": "time to first token", "tbt_times": "time per token", "response_times": "end to end"}
    return requests, theirs[list(names)].rename(columns=names)


def plainly(requests: pd.DataFrame, step_s: Callable, pick: Pick) -> pd.DataFrame:
    """Latencies by a rule in plain Python, each server by itself."""
    known = cache(lambda prompt_tokens, decoding: float(step_s(prompt_tokens, decoding)))
    parts = [serve(part, known, pick) for _, part in requests.groupby("server")]
    return latencies(requests, pd.concat(parts))


def by_kernel(requests: pd.DataFrame, times: StepTimes) -> pd.DataFrame:
    """Latencies by our engine, each server by itself: prompts whole, in steps with all that decode."""
    engine = Deployment(
        times, kv_blocks=KV_BLOCKS, max_batched_tokens=WHOLE_TOKENS, max_requests=MOST_REQUESTS,
        chunked_prefill=False, scheduled_ahead=False, prefix_caching=False,
    )  # fmt: skip
    parts = [replay(part, engine).requests.set_index("request") for _, part in requests.groupby("server")]
    return latencies(requests, pd.concat(parts))


def latencies(requests: pd.DataFrame, served: pd.DataFrame) -> pd.DataFrame:
    """[s] As splitwise-sim counts them: the first token is one of those over which the others' time is spread."""
    served = served.loc[requests.index]
    later_s = served["end_s"] - served["first_token_s"]
    return pd.DataFrame(
        {
            "time to first token": served["first_token_s"] - requests["arrival_s"],
            "time per token": later_s / requests["output_tokens"],
            "end to end": served["end_s"] - requests["arrival_s"],
        }
    )


def splitwise_runs(_effort: Effort, data: str | None = None, by_sequences: bool = True) -> Iterator[Row]:
    """43: requests to Llama-2-70B on servers of eight GPUs as splitwise-sim served them, and where its rule differs.

    In plain Python their rules give their times, request by request. Ours differ in one: as no prompt is cut, a step
    has room for the longest, hence for several of those that wait. That shows in the tail of the time to first token,
    which is therefore held against our rule in plain Python.

    Parameters
    ----------
    data : str, optional
        Folder that holds ``splitwise``, beside which ``golden/splitwise`` lies; that of the environment variable
        GPUSIM_DATA if absent.
    by_sequences : bool
        Look decode up as splitwise-sim does; without, as a control.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", ""))
    cases = sorted((folder.parent / "golden" / "splitwise").glob("base_*")) if folder.name else []
    if not cases:
        yield Row(43, "runs of splitwise-sim", 0.0, math.nan, 0.0, "no file: set GPUSIM_DATA")
    for case in cases:
        requests, theirs = read_case(case)
        table = read_table(folder / "splitwise" / "perf_model.csv.gz", case, by_sequences)
        plain = plainly(requests, table.step_s, prompts_first(MOST_TOKENS))
        roomy = plainly(requests, table.roomy_step_s, decode_first(WHOLE_TOKENS, whole=True))
        ours = by_kernel(requests, table.step_times())
        same = np.isclose(plain["end to end"], theirs["end to end"], rtol=1e-6, atol=0.0).mean()
        yield Row(43, f"{case.name}: share of requests as by their rules in plain Python", 1.0, float(same), 0.02)
        for metric in theirs:
            for name, share in QUANTILES.items():
                tail = metric == "time to first token" and share > 0.5
                told = roomy if tail else theirs
                what = f"{case.name}: {metric}, {name}" + (", our rule in plain Python" if tail else "")
                expected, found = told[metric].quantile(share), ours[metric].quantile(share)
                yield Row(43, f"{what} [s]", float(expected), float(found), 0.01 if tail else 0.05)

"""How accurate are replays of measured runs of vLLM? No step time is fitted to these models.
==========================================================================================

Each run of ``llmservingsim_bench`` whose model has measured layers in ``llmservingsim_profiles``: the engine's
measurements, the replay's, and the replay's with one feature at a time left out. Then the load stages of
``vllm_h100`` with roofline step times, and how much of the time to first token depends on ``REQUEST_S``.

::

    GPUSIM_DATA=... python experiments/serving_truth.py
"""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pandas as pd

from gpusim.serving.entry import REQUEST_S
from gpusim.serving.layer_tables import step_times
from gpusim.serving.measured import MeasuredRun, read_run
from gpusim.serving.replay import replay
from gpusim.validation import stages

SHAPES = {  # layers, width, parameters, KV heads of 128: config.json and index of each
    "meta-llama/Llama-3.1-8B": (32, 4096, 8.03e9, 8),
    "Qwen/Qwen3-32B": (64, 5120, 32.76e9, 8),
    "Qwen/Qwen3-30B-A3B-Instruct-2507": (48, 2048, 30.53e9, 4),
}
METRICS = {"ttft_s": "time to first token", "time_per_output_token_s": "time per token", "end_to_end_s": "end to end"}
LEFT_OUT = {
    "all that is known": {},
    "not scheduled ahead": {"scheduled_ahead": False},
    "no prefix cache": {"prefix_caching": False},
}


def runs(data: Path) -> list[tuple[Path, Path]]:
    """Folders of runs, and of the layers of their model on their GPU, where these were measured."""
    folders = sorted(path.parent for path in (data / "llmservingsim_bench").glob("*/*/config.json"))
    pairs = [(folder, data / "llmservingsim_profiles" / folder.parent.name / folder.name) for folder in folders]
    return [(folder, layers) for folder, layers in pairs if layers.is_dir()]


def blocks(run: MeasuredRun) -> int:
    """What fits into memory with weights and KV of 2 bytes a value, and weights spread over replicas in step."""
    layers, _hidden, parameters, heads = SHAPES[run.model]
    return run.blocks_that_fit(2.0 * parameters / run.in_step, 2.0 * 2 * heads * 128 * layers)


def predicted(folder: Path, layers: Path, **changes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What comes out for a run, with changes of its deployment, and what was measured."""
    run = read_run(folder)
    depth, hidden = SHAPES[run.model][:2]
    times = step_times(layers, depth, hidden, run.ranks, run.link, run.in_step)
    deployment = dataclasses.replace(run.deployment(times, blocks(run)), **changes)
    return replay(run.requests, deployment).requests, run.requests


def figures(table: pd.DataFrame) -> pd.DataFrame:
    """[s] Mean, median and 99th percentile of each metric."""
    values = table[list(METRICS)]
    return pd.DataFrame({"mean": values.mean(), "median": values.median(), "p99": values.quantile(0.99)}).T


def errors(found: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Relative errors of these figures."""
    return figures(found) / figures(measured) - 1.0


def of_unqueued(found: pd.DataFrame, measured: pd.DataFrame) -> tuple[int, float]:
    """Those that were scheduled within 0.1 s, how many, and the error of their mean time to first token."""
    at_once = measured["wait_s"] < 0.1
    return at_once.sum(), found["ttft_s"][at_once].mean() / measured["ttft_s"][at_once].mean() - 1.0


def of_stages(path: Path) -> pd.DataFrame:
    """Relative errors of mean latencies by load stage; of the first token also with other times outside of the engine.

    ``first token, others' request``: with what stages of the other models say, their medians of the measured median
    less ours. ``first token, no request``: with none.
    """
    measured = stages.read_stages(path)
    off = stages.compared(measured, stages.ALL_REQUESTS)
    theirs_s = measured["ttft_mean_ms"] / 1e3
    engine_s = (1.0 + off["time to first token"]) * theirs_s - REQUEST_S
    apart_s = measured["ttft_median_ms"] / 1e3 - engine_s
    others_s = [apart_s[measured["model"] != model].median() for model in measured["model"]]
    off["first token, others' request"] = (engine_s + others_s) / theirs_s - 1.0
    off["first token, no request"] = engine_s / theirs_s - 1.0
    return off.set_index(measured["model"] + ", " + measured["rate_per_s"].astype(str) + " requests/s")


def main() -> None:
    """A table for each run, and one of the stages."""
    data = os.environ.get("GPUSIM_DATA")
    if not data:
        sys.exit("set GPUSIM_DATA to the folder that holds llmservingsim_bench, llmservingsim_profiles and vllm_h100")
    for folder, layers in runs(Path(data)):
        found, measured = predicted(folder, layers)
        print(f"{folder.parent.name} {folder.name}: {len(found)} requests, {found['preemptions'].sum()} preemptions")
        for metric, name in METRICS.items():
            told = ", ".join(f"{figure} {value:.4g} s" for figure, value in figures(measured)[metric].items())
            print(f"  {name}, measured: {told}")
        for name, changes in LEFT_OUT.items():
            pair = predicted(folder, layers, **changes)
            for metric, values in errors(*pair).items():
                told = ", ".join(f"{figure} {value:+.1%}" for figure, value in values.items())
                print(f"  {name}: {METRICS[metric]} {told}")
            print("  {}: mean time to first token of {} that did not wait {:+.1%}".format(name, *of_unqueued(*pair)))
    off = of_stages(Path(data) / "vllm_h100" / "runs.csv")
    print("\nload stages of vLLM on H100s [%]")
    print((100.0 * off).round(1).to_string())
    print("medians of their size [%]")
    print((100.0 * off.abs().median()).round(1).to_string())


if __name__ == "__main__":
    main()

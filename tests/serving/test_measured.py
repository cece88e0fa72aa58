"""Measured runs of vLLM 0.19, replayed with step times from measured layers: nothing is fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.serving.layer_tables import step_times
from gpusim.serving.measured import read_run
from gpusim.serving.replay import replay

SHAPES = {  # layers and width: config.json of each
    "meta-llama/Llama-3.1-8B": (32, 4096),
    "Qwen/Qwen3-32B": (64, 5120),
    "Qwen/Qwen3-30B-A3B-Instruct-2507": (48, 2048),
}
UNSAID_BLOCKS = 36_000  # of 96 GB cards, whose runs do not say: never full
METRICS = ["ttft_s", "time_per_output_token_s", "end_to_end_s"]


def errors(found: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Relative errors: a row for mean and 99th percentile, a column for each metric."""
    figures = [
        pd.DataFrame({"mean": table[METRICS].mean(), "p99": table[METRICS].quantile(0.99)}).T
        for table in (found, measured)
    ]
    return figures[0] / figures[1] - 1.0


def runs(data_folder: Path) -> list[tuple[Path, Path]]:
    """Folders of runs, and of the layers of their model on their GPU."""
    folders = sorted(path.parent for path in (data_folder / "llmservingsim_bench").glob("*/*/config.json"))
    return [(folder, data_folder / "llmservingsim_profiles" / folder.parent.name / folder.name) for folder in folders]


def predicted(folder: Path, layers: Path, **changes) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What comes out for a run, and what was measured."""
    run = read_run(folder)
    depth, hidden = SHAPES[run.model]
    times = step_times(layers, depth, hidden, run.ranks, run.link, run.in_step)
    deployment = run.deployment(times, UNSAID_BLOCKS)
    return replay(run.requests, type(deployment)(**{**vars(deployment), **changes})), run.requests


def test_measured_runs(data_folder: Path) -> None:
    checked = 0
    for folder, layers in runs(data_folder):
        if not layers.is_dir():
            continue
        error = errors(*predicted(folder, layers)).abs()
        assert error.loc["mean", "time_per_output_token_s"] < 0.02, folder
        assert error.loc["mean", "end_to_end_s"] < 0.02, folder
        assert (error.loc[["mean", "p99"], "ttft_s"] < 0.05).all(), folder
        assert (error.loc["p99"] < 0.05).all(), folder
        checked += 1
    assert checked > 0


def test_a_wrong_number_of_blocks_is_seen(data_folder: Path) -> None:
    """With those of a larger cache, the run that fills its cache is missed by far."""
    folder, layers = runs(data_folder)[0]
    error = errors(*predicted(folder, layers, kv_blocks=3400))
    assert error.loc["mean", "ttft_s"] < -0.15


def test_blocks_must_be_known(data_folder: Path) -> None:
    unsaid = [read_run(folder) for folder, _layers in runs(data_folder)]
    unsaid = [run for run in unsaid if not run.kv_blocks]
    if not unsaid:
        pytest.skip("every run says how many blocks it had")
    with pytest.raises(ServingError, match="names no number of KV blocks"):
        unsaid[0].deployment(None)


def test_prompts_in_one_step_cost_less_than_one_prompt(data_folder: Path) -> None:
    """Four prompts of 512 tokens attend to a quarter of what one of 2,048 does."""
    _folder, layers = runs(data_folder)[0]
    times = step_times(layers, *SHAPES["meta-llama/Llama-3.1-8B"])
    at = {tokens: int(np.searchsorted(times.chunk_tokens, tokens)) for tokens in (512, 2048)}
    none = int(np.searchsorted(times.before_tokens, 0.0))
    long_s, short_s = times.attention_s[at[2048], none, 0, 0], times.attention_s[at[512], none, 0, 0]
    below = times.attention_s[at[2048], 0, 0, 0]  # with -1,024 tokens before
    several_s = below + (long_s - below) * (1024 - 768) / 1024
    assert 0.5 * 4 * short_s < several_s < 1.2 * 4 * short_s

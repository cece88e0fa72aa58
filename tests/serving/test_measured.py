"""Measured runs of vLLM 0.19, replayed with step times from measured layers: nothing is fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gpusim.errors import ServingError
from gpusim.serving.layer_tables import step_times
from gpusim.serving.measured import read_run
from tests.test_experiments import load

truth = load("serving_truth")


def test_measured_runs(data_folder: Path) -> None:
    runs = truth.runs(data_folder)
    assert runs
    for folder, layers in runs:
        error = truth.errors(*truth.predicted(folder, layers)).abs()
        if read_run(folder).in_step > 1:  # what they exchange is reckoned, not measured
            assert (error.loc["mean", ["time_per_output_token_s", "end_to_end_s"]] < 0.1).all(), folder
            continue
        assert error.loc["mean", "time_per_output_token_s"] < 0.02, folder
        assert error.loc["mean", "end_to_end_s"] < 0.02, folder
        assert (error.loc[["mean", "p99"], "ttft_s"] < 0.05).all(), folder
        assert (error.loc["p99"] < 0.05).all(), folder


def test_a_wrong_number_of_blocks_is_seen(data_folder: Path) -> None:
    """With a third more than it had, a run that fills its cache is missed by far."""
    full = [pair for pair in truth.runs(data_folder) if truth.predicted(*pair)[0]["preemptions"].any()]
    if not full:
        pytest.skip("no run fills its cache")
    error = truth.errors(*truth.predicted(*full[0], kv_blocks=int(1.31 * read_run(full[0][0]).kv_blocks)))
    assert error.loc["mean", "ttft_s"] < -0.15


def test_blocks_fit_as_the_engine_says(data_folder: Path) -> None:
    said = [run for run in (read_run(folder) for folder, _layers in truth.runs(data_folder)) if run.kv_blocks]
    if not said:
        pytest.skip("no run says how many blocks it had")
    assert [run.kv_blocks for run in said] == pytest.approx([truth.blocks(run) for run in said], rel=0.002)


def test_blocks_must_be_known(data_folder: Path) -> None:
    unsaid = [read_run(folder) for folder, _layers in truth.runs(data_folder)]
    unsaid = [run for run in unsaid if not run.kv_blocks]
    if not unsaid:
        pytest.skip("every run says how many blocks it had")
    with pytest.raises(ServingError, match="names no number of KV blocks"):
        unsaid[0].deployment(None)


def test_prompts_in_one_step_cost_less_than_one_prompt(data_folder: Path) -> None:
    """Four prompts of 512 tokens attend to a quarter of what one of 2,048 does."""
    folder, layers = truth.runs(data_folder)[0]
    times = step_times(layers, *truth.SHAPES[read_run(folder).model][:2])
    at = {tokens: int(np.searchsorted(times.chunk_tokens, tokens)) for tokens in (512, 2048)}
    none = int(np.searchsorted(times.before_tokens, 0.0))
    long_s, short_s = times.attention_s[at[2048], none, 0, 0], times.attention_s[at[512], none, 0, 0]
    below = times.attention_s[at[2048], 0, 0, 0]  # with -1,024 tokens before
    several_s = below + (long_s - below) * (1024 - 768) / 1024
    assert 0.5 * 4 * short_s < several_s < 1.2 * 4 * short_s

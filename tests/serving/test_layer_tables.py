"""Step times from measured layers, on small made-up files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.serving.layer_tables import Interconnect, step_times

ALONE = {"layers": 3, "hidden": 100}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of which layers take 10 us and 1 us a token, sampling 5 us a request, attention what its work says."""
    files = tmp_path / "tp1"
    files.mkdir()
    (tmp_path / "meta.yaml").write_text("skew_fit: {enabled: false}\n")
    names = ("embedding", "layernorm", "qkv_proj", "final_layernorm")
    dense = [(name, tokens, 10.0 + tokens) for name in names for tokens in (1, 64)]
    pd.DataFrame(dense, columns=["layer", "tokens", "time_us"]).to_csv(files / "dense.csv", index=False)
    sampled = [("sampler", n, 5.0 * n) for n in (1, 8)]
    pd.DataFrame(sampled, columns=["layer", "sequences", "time_us"]).to_csv(files / "per_sequence.csv", index=False)
    rows = [
        (chunk, before, n, context, 0.01 * chunk * (before + chunk / 2) + 0.1 * n * context)
        for chunk in (0, 16, 64)
        for before in ((0, 16, 64) if chunk else (0,))
        for n in (0, 1, 4)
        for context in ((16, 256) if n else (0,))
        if (chunk or n) and not (chunk == 64 and n == 4)
    ]
    columns = ["prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"]
    pd.DataFrame(rows, columns=columns).to_csv(files / "attention.csv", index=False)
    return tmp_path


def test_layers_count_as_often_as_they_come(folder: Path) -> None:
    """Embedding and last norm once, the norm twice in each layer, the rest once in each."""
    times = step_times(folder, **ALONE)
    np.testing.assert_allclose(times.dense.value_s, 1e-6 * np.array([11.0, 74.0]) * (2 + 3 * (2 + 1)))
    np.testing.assert_allclose(times.batch.value_s, 1e-6 * np.array([5.0, 40.0]))


def test_what_was_not_measured_lies_on_the_line(folder: Path) -> None:
    """Times that are linear along each axis come out on the whole grid, also below 0 tokens before.

    Below the least context that was measured, 16, its times hold.
    """
    times = step_times(folder, **ALONE)
    chunk, before, n, context = np.meshgrid(
        times.chunk_tokens, times.before_tokens, times.decoding, times.context_tokens, indexing="ij"
    )
    work = np.where(chunk > 0, 0.01 * chunk * (before + chunk / 2), 0.0) + 0.1 * n * np.maximum(context, 16)
    np.testing.assert_allclose(times.attention_s, 3e-6 * work, atol=1e-12)


def test_sums_pass_over_the_link(folder: Path) -> None:
    (folder / "tp1").rename(folder / "tp2")
    link = Interconnect(bytes_per_s=1e9, latency_s=1e-5)
    times = step_times(folder, **ALONE, ranks=2, link=link)
    ring_s = 2 * (1e-5 + 100 * 2 * np.array([1, 64]) / 2 / 1e9)
    np.testing.assert_allclose(times.dense.value_s, 1e-6 * np.array([11.0, 74.0]) * 11 + 7 * ring_s)


def test_experts_are_wanted_at_random(folder: Path) -> None:
    """8 experts of which a token wants 2; each takes 7 us when it is wanted and 1 us a token."""
    rows = [(t, a, 7.0 * a + t) for t in (1, 4, 16, 64) for a in (1, 2, 4, 8) if 1 <= a <= min(8, 2 * t)]
    moe = pd.DataFrame(rows, columns=["tokens", "activated_experts", "time_us"])
    moe.to_csv(folder / "tp1" / "moe.csv", index=False)
    times = step_times(folder, **ALONE)
    wanted = 8 * (1 - 0.75 ** np.array([1.0, 4.0, 16.0, 64.0]))
    np.testing.assert_allclose(times.gathered.value_s, 3e-6 * (7 * wanted + times.gathered.at))
    link = Interconnect(bytes_per_s=1e9, latency_s=1e-5)
    spread = step_times(folder, **ALONE, in_step=2, link=link)
    np.testing.assert_array_equal(spread.gathered.at, [2.0, 8.0, 32.0, 128.0])
    exchange_s = 2e-5 + (100 + 8 + 100) * 2 * spread.gathered.at[-1] / 2 / 1e9
    assert spread.gathered.value_s[-1] == pytest.approx(3 * (1e-6 * (7 * 4 + 64) + exchange_s), rel=1e-6)


def test_errors_say_where(folder: Path) -> None:
    with pytest.raises(ServingError, match="no measurements with tensor parallelism 2, found 1"):
        step_times(folder, **ALONE, ranks=2)
    with pytest.raises(ServingError, match="tp1: step times of several GPUs that exchange something need a link"):
        step_times(folder, **ALONE, in_step=2)
    (folder / "tp1" / "attention.csv").unlink()
    with pytest.raises(ServingError, match=r"tp1: no attention\.csv"):
        step_times(folder, **ALONE)

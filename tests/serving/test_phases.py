"""Phases of replicas in time, against a twin that asks every request at every moment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.serving.engine_options import Speculation
from gpusim.serving.entry import entry
from gpusim.serving.phases import phases
from gpusim.serving.replica import Layout
from gpusim.serving.tabulation import deployment
from tests.reference.phases import power_w

ENTRIES = (
    entry("Llama-3.1-8B", "H100"),
    entry("Llama-3.1-70B", "H100", layout=Layout(tp=4)),
    entry("DeepSeek-R1", "H200", layout=Layout(tp=1, dp=8, ep=8), weights="fp8"),
)


def spans(random: np.random.Generator, n: int) -> pd.DataFrame:
    """Requests on up to three replicas, some of which do not prefill and some of which do not decode."""
    prefill_s = np.round(random.uniform(0.0, 20.0, n), 1)
    decode_s = prefill_s + np.round(random.uniform(0.0, 1.0, n), 1)
    return pd.DataFrame(
        {
            "replica": random.integers(0, 3, n), "prefill_s": prefill_s, "decode_s": decode_s,
            "end_s": decode_s + np.round(random.uniform(0.0, 8.0, n), 1) * random.integers(0, 2, n),
            "left_tokens": random.integers(0, 9000, n), "context_tokens": random.integers(1, 4000, n) / 2.0,
        }
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_power_is_that_of_each_moment(seed):
    random = np.random.default_rng(seed)
    known = ENTRIES[seed % len(ENTRIES)]
    limits = {"pauses_decode": bool(random.integers(2))}
    if random.integers(3) == 0:
        limits = {"speculation": Speculation(3, 0.7)}
    of, requests = deployment(known, **limits), spans(random, 40)
    found = phases(requests, known, of)
    edges_s = np.arange(-1.0, 40.0, 0.1) + 0.02  # all changes are at whole tenths of a second
    expected_w = np.array([power_w(requests, known, of, at_s) for at_s in edges_s])
    found_w = np.diff(found.energy_j(np.column_stack([edges_s, edges_s + 0.05]).ravel()))[::2] / 0.05
    assert found_w == pytest.approx(expected_w, rel=1e-8, abs=1e-6)
    assert expected_w.max() > 0.0


def test_nobody_draws_nothing():
    found = phases(spans(np.random.default_rng(0), 0), ENTRIES[0], deployment(ENTRIES[0]))
    assert (found.energy_j(np.array([0.0, 10.0])) == 0.0).all()


def test_larger_batches_draw_more():
    """An H100 that decodes, at 1 and 64 requests: well above idle, and most of the way to its limit in prefill."""
    n = 64
    requests = pd.DataFrame(
        {"replica": 0, "prefill_s": [0.0] + [10.0] * (n - 1), "decode_s": [1.0] + [11.0] * (n - 1), "end_s": 20.0,
         "left_tokens": 4096, "context_tokens": 1000.0}
    )  # fmt: skip
    found = phases(requests, ENTRIES[0], deployment(ENTRIES[0]))
    one, alone, both, many = (
        np.diff(found.energy_j(np.array([0.0, 1.0, 2.0]))).tolist()
        + np.diff(found.energy_j(np.array([10.2, 10.7, 12.0, 13.0])))[[0, 2]].tolist()
    )
    assert alone < many < one
    assert both * 2.0 == pytest.approx(one, rel=0.1)

"""Entries held against published measurements of serving; and rows that cannot be what they say are named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))
import check_serving  # noqa: E402
import serving_ladder  # noqa: E402
import serving_runs  # noqa: E402


@pytest.fixture(scope="module")
def checked(data_folder) -> pd.DataFrame:
    if not (data_folder / "serving_silicon").exists():
        pytest.skip("needs published measurements of serving in GPUSIM_DATA")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPUSIM_DATA", str(data_folder))
        table = check_serving.main()
    return table[table["fault"] == ""]


def error(rows: pd.DataFrame, what: str) -> np.ndarray:
    return np.abs(rows[f"told_{what}"] / rows[what] - 1.0).to_numpy()


@pytest.mark.parametrize(
    ("source", "what", "mean", "median"),
    [
        ("ml_energy", "token_s", 0.06, 0.04),
        ("ml_energy", "power_w", 0.08, 0.06),
        ("serving_silicon", "token_s", 0.08, 0.05),
    ],
)
def test_measured_pairs(checked, source, what, mean, median):
    off = error(checked[(checked["source"] == source) & (checked["basis"] == "pair")], what)
    assert len(off) > 250
    assert off.mean() < mean
    assert np.median(off) < median


def test_load_stages_that_no_fit_saw(checked):
    stages = checked[checked["source"] == "vllm_h100"]
    assert set(stages["basis"]) == {"roofline"}
    assert error(stages, "token_s").mean() < 0.12
    assert ((stages["token_s"] > stages["low_token_s"]) & (stages["token_s"] < stages["high_token_s"])).mean() >= 0.8


def test_models_left_out_of_a_small_fit(data_folder):
    """Dense models on H100s: each predicted by a fit to the others."""
    table = serving_runs.known(serving_runs.energy(data_folder))
    table["shape"] = [serving_runs.shape_of(name).name for name in table["model"]]
    table = table[(table["gpu"] == "H100") & (table["ep"] == 1) & ~table["model"].str.contains("Nemotron|gpt-oss")]
    table = table.reset_index(drop=True)
    ladder, everything = serving_ladder.Ladder(table), np.ones(len(table), dtype=bool)
    whole, off = ladder.fit(everything), []
    for shape in sorted(set(table["shape"])):
        out = (table["shape"] == shape).to_numpy()
        c = ladder.coefficients(ladder.fit(~out, whole))
        off += list(np.abs(serving_ladder.token_s(table, c, ladder.runs) / table["token_s"] - 1.0)[out])
    assert np.mean(off) < 0.15
    # What a wrong model would say: the batch alone, without the model's size.
    alone = table.groupby(np.log2(table["batch"]).round())["token_s"].transform("median")
    assert np.abs(alone / table["token_s"] - 1.0).mean() > 2.0 * np.mean(off)


def test_rows_that_cannot_be_are_named():
    row = {
        "source": "serving_silicon", "form": "loop", "model": "Qwen/Qwen3-8B", "gpu": "H100", "weights": "bf16",
        "experts": "bf16", "kv": "bf16", "tp": 1, "dp": 1, "ep": 1, "task": "", "batch": 8.0, "named": np.nan,
        "prompt_tokens": 100.0, "output_tokens": 1000.0, "token_s": 0.01, "ttft_s": 0.1, "median_s": 0.01,
        "p90_s": 0.011, "context": 0.0, "token_budget": 8192.0,
    }  # fmt: skip
    rows = {
        "": {},
        "seats": {"ttft_s": 6.0},
        "name": {"named": 32.0},
        "host": {"source": "ml_energy", "p90_s": 0.02},
        "memory": {"source": "ml_energy", "batch": 5000.0, "tp": 2},
        "unsplit": {"source": "gpu_phases", "context": 16384.0, "tp": 4},
    }
    table = pd.DataFrame([row | change for change in rows.values()])
    assert list(serving_runs.faults(table)) == list(rows)


@pytest.mark.parametrize(
    ("name", "tp", "copies", "ep", "gpus", "groups"),
    [
        ("r1_agg_1024x1024_c64_tp8_0_ep8_0_1", 64, 1, 8, 8, 8),  # the name tells
        ("dsr1_agg_c4_cfg181", 64, 1, 8, 8, 8),  # more than a node: the product of both
        ("minimax_cfg706", 2, 2, 4, 2, 2),
        ("llama_cfg1", 8, 1, 1, 8, 1),
    ],
)
def test_products_of_gpus_and_groups_are_taken_back(name, tp, copies, ep, gpus, groups):
    of = [pd.Series([value]) for value in (name, False, tp, copies, ep)]
    found = serving_runs._silicon_gpus(*of)
    assert [int(part[0]) for part in found] == [gpus, groups]

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
    assert error(stages, "token_s").mean() < 0.09
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
        "source": "serving_silicon", "form": "loop", "model": "Qwen/Qwen3-8B", "shape": "qwen3-8b", "gpu": "H100",
        "engine": "vllm", "version": "", "weights": "bf16",
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


@pytest.mark.parametrize(("factor", "found"), [(0.6, {"1.2rc6.post3"}), (0.9, set())])
def test_a_version_that_drafts_is_far_faster_than_its_release(factor, found):
    row = {
        "source": "serving_silicon", "shape": "deepseek-v3", "gpu": "B200", "engine": "trtllm", "weights": "bf16",
        "experts": "nvfp4", "tp": 8, "dp": 1, "ep": 1, "prompt_tokens": 1024.0, "output_tokens": 1024.0,
    }  # fmt: skip
    factors = {"1.2rc6.post2": 1.0, "1.2rc6.post3": factor, "1.1": 0.5}  # of another release nothing is said
    table = pd.DataFrame([
        row | {"version": version, "batch": batch, "token_s": times * (0.01 + batch * 1e-4)}
        for version, times in factors.items() for batch in np.arange(12.0)
    ])  # fmt: skip
    assert set(table["version"][serving_runs.drafted(table)]) == found


def test_formats_that_the_rows_do_not_tell(tmp_path):
    ours = {
        ("deepseek-ai/DeepSeek-R1", "b200_sxm", "sglang", "fp4"): ("bf16", "nvfp4", "fp8"),
        ("meta-llama/Llama-3.1-70B", "b200_sxm", "vllm", "fp4"): ("nvfp4", "nvfp4", "fp8"),
        ("meta-llama/Llama-3.1-70B", "h200_sxm", "vllm", "fp8"): ("fp8", "fp8", "bf16"),
        ("meta-llama/Llama-3.1-70B", "h200_sxm", "trtllm", "fp8"): ("fp8", "fp8", "fp8"),
        ("openai/gpt-oss-120b", "h200_sxm", "trtllm", "fp4"): ("bf16", "mxfp4", "bf16"),
        ("openai/gpt-oss-120b", "h100_sxm", "trtllm", "fp8"): ("bf16", "mxfp4", "bf16"),
        ("moonshotai/Kimi-K2.5", "b200_sxm", "vllm", "int4"): ("bf16", "int4", "fp8"),
    }
    rows = [dict(zip(("model_path", "system", "backend", "precision"), key, strict=True)) for key in ours]
    parts = ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size", "batch_size")
    common = {name: 8 if name == "batch_size" else 1 for name in parts} | {f"decode_{name}": np.nan for name in parts}
    common |= {"id": "r_c8_", "silicon_data_source": "silicon_concurrency=8;", "backend_version": "1", "mode": "agg",
               "isl": 100, "osl": 100, "silicon_ttft_ms": 50.0, "silicon_tpot_ms": 10.0}  # fmt: skip
    common |= {"decode_batch_size": 8, "decode_tp_size": 1}
    (tmp_path / "serving_silicon").mkdir()
    table = pd.DataFrame([row | common for row in rows] + [rows[0] | common | {"mode": "disagg"}])
    table.to_csv(tmp_path / "serving_silicon" / "silicon_sample.csv.gz", index=False)
    read = serving_runs.silicon(tmp_path)
    formats = read[["weights", "experts", "kv"]][: len(rows)].itertuples(index=False, name=None)
    assert list(formats) == list(ours.values())
    assert read["batch"].tolist()[:-1] == [8.0] * len(rows)
    assert read["batch"].iloc[-1] == pytest.approx(8.0 * 1.0 / 1.05)  # 50 ms of 1,050 waiting for the first token


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

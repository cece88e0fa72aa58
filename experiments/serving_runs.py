"""Published serving measurements, read into one table of runs; implausible rows are flagged.

Used by ``fit_serving.py``. The data folder holds ``serving_silicon``, ``ml_energy``, ``gpu_phases`` and
``llmservingsim_profiles`` as their publishers wrote them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from gpusim.errors import ServingError
from gpusim.serving.closed_loop import Load
from gpusim.serving.engine_options import PAUSING
from gpusim.serving.entry import EXPERTS_ONLY
from gpusim.serving.fitting import MeasuredRuns, stacked
from gpusim.serving.hardware import gpu
from gpusim.serving.kv_cache import kv_tokens
from gpusim.serving.model import ModelShape, model_shape
from gpusim.serving.replica import FORMATS, Layout, Replica

# Tokens of the prompts of ML.ENERGY's tasks, which its table does not tell: what explained its runs best, rounded, when
# a factor on each was fitted with all else.
TASKS = {"gpqa": 150.0, "lm-arena-chat": 550.0, "sourcegraph-fim": 750.0}
SILICON_FORMAT = {"bf16": "bf16", "fp8": "fp8", "fp4": "nvfp4", "int4": "int4"}
ENERGY_FORMAT = {"bfloat16": "bf16", "fp8": "fp8", "mxfp4": "mxfp4"}
# TensorRT-LLM before its attention and experts were rewritten for FP8 (release notes of 1.1).
OLD_TRTLLM = "1.0.0rc3"
# A version with so many loads in common with another of its release, and so small a share of its time, drafts tokens.
COMMON_LOADS, FAR_LESS = 10, 0.75
SLICE = "llama-3.1-70b slice"
COLUMNS = [
    "source", "id", "model", "gpu", "engine", "version", "weights", "experts", "kv", "tp", "dp", "ep", "batch",
    "prompt_tokens", "output_tokens", "token_budget", "token_s", "median_s", "p90_s", "ttft_s", "power_w", "task",
    "named", "context", "chunk", "form",
]  # fmt: skip


def runs(folder: Path) -> pd.DataFrame:
    """All rows, with shape, kind and what is wrong with them ("" if nothing is)."""
    readers = [("serving_silicon", silicon), ("ml_energy", energy), ("gpu_phases", phases)]
    readers += [("llmservingsim_profiles", profiles)]
    read = [reader(folder) for name, reader in readers if (folder / name).exists()]
    table = known(pd.concat(read, ignore_index=True)).reindex(columns=COLUMNS)
    shapes = [shape_of(name) for name in table["model"]]
    table["shape"], table["kind"] = [s.name for s in shapes], [s.kind for s in shapes]
    table["gpu"] = [gpu(name).name for name in table["gpu"]]
    same = ["source", "shape", "gpu", "engine", "weights", "experts", "tp", "dp", "ep", "batch", "prompt_tokens",
            "output_tokens", "context", "chunk", "token_s"]  # fmt: skip
    table = table.drop_duplicates(same).reset_index(drop=True)  # several exports tell of the same run
    table["fault"] = faults(table)
    return table


def known(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of models that the catalogue has, in a known format; the others are told."""
    if unread := table["weights"].isna().sum():
        print(f"{unread} rows of unknown format left out")
    table, faults = table[table["weights"].notna()], {}
    for name in sorted(set(table["model"])):
        try:
            shape_of(name)
        except ServingError as error:
            faults[name] = error
    for name, error in faults.items():
        print(f"{(table['model'] == name).sum()} rows of {name} left out: {str(error).split(';')[0]}")
    return table[~table["model"].isin(faults)].reset_index(drop=True)


def shape_of(name: str) -> ModelShape:
    """Shape by name; one GPU's part of Llama-3.1-70B among eight has an eighth of heads, widths and vocabulary."""
    if name != SLICE:
        return model_shape(name)
    return replace(model_shape("llama-3.1-70b"), name=SLICE, heads=8, kv_heads=1, dense_ffn=3584, vocab=16032)


def replicas(table: pd.DataFrame) -> Replica:
    """Replicas of arrays, one a row."""

    def of(row) -> Replica:
        card, at, kv_bytes = gpu(row.gpu), Layout(row.tp, 1, row.dp, row.ep), FORMATS[row.kv][0]
        (weight_bytes, rate), (expert_bytes, expert_rate) = FORMATS[row.weights], FORMATS[row.experts]
        rates = getattr(card, rate), getattr(card, expert_rate)
        return Replica(shape_of(row.model), card, at, weight_bytes, expert_bytes, kv_bytes, *rates)

    return stacked([of(row) for row in table.itertuples()])


def measured(table: pd.DataFrame) -> MeasuredRuns:
    """Rows as runs under closed loops."""
    load = Load(
        table["batch"].to_numpy(), table["prompt_tokens"].to_numpy(), table["output_tokens"].to_numpy(),
        table["token_budget"].to_numpy(), table["engine"].isin(PAUSING).to_numpy(),
    )  # fmt: skip
    return MeasuredRuns(replicas(table), load, table["token_s"].to_numpy(), table["power_w"].to_numpy(dtype=float))


def silicon(folder: Path) -> pd.DataFrame:
    """Rows of aiconfigurator whose batch is known: of prefill and decode apart, those that tell their workers."""
    read = pd.read_csv(folder / "serving_silicon" / "silicon_sample.csv.gz")
    asked = read["silicon_data_source"].str.extract(r"silicon_concurrency=(\d+)")[0].astype(float)
    apart = read["mode"] == "disagg"
    part = {name: read[f"{name}"].where(~apart, read[f"decode_{name}"]) for name in
            ("tp_size", "attention_dp_size", "moe_tp_size", "moe_ep_size", "batch_size")}  # fmt: skip
    size = {name: values.fillna(1).clip(lower=1).astype(int) for name, values in part.items()}
    copies, ep = size["attention_dp_size"], size["moe_ep_size"]
    gpus, ep = _silicon_gpus(read["id"], apart, size["tp_size"], copies, ep)
    dp = gpus.where(copies > 1, 1)
    ep = ep.where(dp <= 8, gpus)  # beyond a node, experts are spread whole
    batch = asked.where(~apart).fillna(part["batch_size"] * copies)
    open_weights = read["model_path"].str.contains("gpt-oss")
    formats = read["precision"].fillna("bf16").map(SILICON_FORMAT).where(~open_weights, "mxfp4")
    only_experts = formats.isin(EXPERTS_ONLY) & read["model_path"].map(_has_experts)
    old = (read["backend"] == "trtllm") & (read["backend_version"] == OLD_TRTLLM)
    table = pd.DataFrame({
        "source": "serving_silicon", "id": read["id"], "model": read["model_path"], "gpu": read["system"],
        "engine": read["backend"].where(~old, "trtllm-1.0"), "version": read["backend_version"].fillna(""),
        "weights": formats.where(~only_experts, "bf16"), "experts": formats,
        "kv": _silicon_kv(read["precision"], open_weights, read["system"], read["backend"]),
        "tp": gpus // dp, "dp": dp, "ep": np.minimum(ep, gpus), "batch": batch,
        "prompt_tokens": read["isl"].astype(float), "output_tokens": read["osl"].astype(float), "token_budget": 8192.0,
        "token_s": read["silicon_tpot_ms"] / 1e3, "ttft_s": read["silicon_ttft_ms"] / 1e3,
        "named": read["id"].str.extract(r"_c(\d+)_")[0].astype(float), "power_w": np.nan, "task": "",
        "context": 0.0, "chunk": 0.0, "form": np.where(apart, "apart", "loop"),
    })  # fmt: skip
    # Of requests in flight at a decode worker, those that wait for their first token do not decode (Little's law).
    answer_s = table["output_tokens"] * table["token_s"]
    table["batch"] = table["batch"].where(~apart, table["batch"] * answer_s / (answer_s + table["ttft_s"]))
    return table[table["batch"].notna()]


def _has_experts(name: str) -> bool:
    try:
        return model_shape(name).moe_layers > 0
    except ServingError:
        return False  # ``known`` tells of it


def _silicon_kv(precision: pd.Series, open_weights: pd.Series, system: pd.Series, engine: pd.Series) -> np.ndarray:
    """Formats of the KV caches, which the rows do not tell: FP8 where the benchmark's recipes ask for it.

    They do on Blackwell. On Hopper, vLLM and SGLang keep what they compute with unless told, and TensorRT-LLM takes
    what the weights were published with: FP8 with FP8 weights, BF16 with the MXFP4 ones of gpt-oss (README.md of
    InferenceMAX, July 2025: ``--kv-cache-dtype fp8`` for B200, none for H200).
    """
    hopper = system.isin(["h100_sxm", "h200_sxm"])
    told = ~hopper | ((engine == "trtllm") & ~open_weights)
    return np.where(precision.isin(["fp8", "fp4", "int4"]) & told, "fp8", "bf16")


def _silicon_gpus(name: pd.Series, apart: pd.Series, tp: pd.Series, copies: pd.Series, ep: pd.Series):
    """GPUs and groups of experts of a row.

    Some exports give the product of GPUs and groups as GPUs (64 on a node of 8). The name of a run tells both; without
    it, a square of more than a node, or of as many copies as divisions, is taken back.
    """
    told = name.where(~apart).str.extract(r"_tp(\d+)(?:_0)?_ep(\d+)_").astype(float)
    product = tp * copies
    root = np.sqrt(product).round().astype(int)
    square = ~apart & ((product > 8) | ((tp == copies) & (tp > 1))) & (root * root == product)
    gpus = told[0].fillna(root.where(square, product)).astype(int)
    return gpus, told[1].fillna(root.where(square, ep)).clip(lower=1).astype(int)


def energy(folder: Path) -> pd.DataFrame:
    """Rows of the ML.ENERGY benchmark: vLLM 0.11 kept busy. Its runs divide the attention among all their GPUs."""
    read = pd.read_csv(folder / "ml_energy" / "llm_measured.csv")
    formats, copies = read["weight_precision"].map(ENERGY_FORMAT), read["data_parallel"].clip(lower=1)
    return pd.DataFrame({
        "source": "ml_energy", "id": read.index.astype(str), "model": read["model_id"], "gpu": read["gpu_model"],
        "engine": "vllm-0.11", "version": "0.11", "weights": formats.where(formats != "mxfp4", "bf16"),
        "experts": formats, "kv": "bf16", "tp": read["num_gpus"] // copies, "dp": copies,
        "ep": read["expert_parallel"].clip(lower=1),
        "batch": read["avg_batch_size"], "prompt_tokens": read["task"].map(TASKS),
        "output_tokens": read["avg_output_len"], "token_budget": 8192.0,
        "token_s": read["avg_batch_size"] / read["output_throughput_tokens_per_sec"],
        "median_s": read["median_itl_ms"] / 1e3, "p90_s": read["p90_itl_ms"] / 1e3,
        "power_w": read["avg_power_watts"] / read["num_gpus"], "task": read["task"], "context": 0.0, "chunk": 0.0,
        "form": "loop",
    })  # fmt: skip


def phases(folder: Path) -> pd.DataFrame:
    """Steps of one H100 without a host: prefill, decode, and both at once."""
    read = pd.read_csv(folder / "gpu_phases" / "phases.csv")
    read = read[read["phase"].isin(["prefill", "decode", "mixed"])]
    model = read["model"].replace({"llama3-8b": "llama-3.1-8b", "llama3-70b tp8 slice": SLICE})
    prefill, decode = read["phase"] == "prefill", read["phase"] == "decode"
    return _steps("gpu_phases", model, "H100", read["batch"].where(~prefill, 0.0), read["context"].fillna(0.0),
                  read["tokens"].where(~decode, 0.0), read["ms"] / 1e3, read["energy_w"])  # fmt: skip


def profiles(folder: Path) -> pd.DataFrame:
    """Decode steps and prefill of Llama-3.1-8B, summed from the times of vLLM's layers (profiles of LLMServingSim)."""
    tables = []
    for at in sorted((folder / "llmservingsim_profiles").glob("*/Llama-3.1-8B/tp1")):
        dense, head, attention = (pd.read_csv(at / f"{name}.csv.gz") for name in ("dense", "per_sequence", "attention"))
        decode = (attention["prefill_chunk"] == 0) & attention["kv_decode"].isin([256, 1024, 4096])
        prefill = (attention["n_decode"] == 0) & (attention["kv_prefill"] == 0)
        prefill &= attention["prefill_chunk"].isin([128, 512, 2048])
        rows = attention[decode | prefill]
        tokens, sequences = rows["n_decode"] + rows["prefill_chunk"], rows["n_decode"].clip(lower=1)
        often = {"embedding": 1, "final_layernorm": 1, "layernorm": 64}  # the others once in each of 32 layers
        step_us = 32 * rows["time_us"]
        for layer, part in dense.groupby("layer"):
            step_us = step_us + often.get(layer, 32) * np.interp(tokens, part["tokens"], part["time_us"])
        for _, part in head.groupby("layer"):
            step_us = step_us + np.interp(sequences, part["sequences"], part["time_us"])
        model = pd.Series("llama-3.1-8b", rows.index)
        tables.append(_steps("profiles", model, at.parts[-3], rows["n_decode"], rows["kv_decode"],
                             rows["prefill_chunk"], step_us / 1e6, np.nan))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def cached(folder: Path) -> pd.DataFrame:
    """Load stages of vLLM on H100s that no fit sees, as loops of the requests that decode at a time (Little).

    Their users ask again what they asked before: prompts come from the cache, and steps are decode alone. Answers are
    as long as asked for. Those of which requests failed are left out.
    """
    read = pd.read_csv(folder / "vllm_h100" / "runs.csv")
    read = read[read["failures"] == 0]
    decoding_s = (read["e2e_mean_ms"] - read["ttft_mean_ms"]) / 1e3
    return pd.DataFrame({
        "source": "vllm_h100", "model": read["model"], "gpu": "H100", "engine": "vllm", "version": "",
        "weights": "bf16", "experts": "bf16", "kv": "bf16", "tp": read["tensor_parallel"], "dp": 1, "ep": 1,
        "batch": read["requests_per_s"] * decoding_s, "prompt_tokens": read["prompt_len_mean"],
        "output_tokens": read["output_len"].astype(float), "token_s": decoding_s / (read["output_len"] - 1.0),
        "power_w": np.nan, "form": "apart", "fault": "",
    })  # fmt: skip


def _steps(source: str, model, card: str, batch, context, chunk, step_s, power_w) -> pd.DataFrame:
    return pd.DataFrame({
        "source": source, "id": "", "model": model, "gpu": card, "engine": "kernels", "version": "", "weights": "bf16",
        "experts": "bf16", "kv": "bf16", "tp": 1, "dp": 1, "ep": 1, "batch": batch.astype(float),
        "prompt_tokens": 1.0, "output_tokens": 1.0, "token_budget": 8192.0, "token_s": step_s, "power_w": power_w,
        "task": "", "context": context.astype(float), "chunk": chunk.astype(float), "form": "step",
    })  # fmt: skip


def faults(table: pd.DataFrame) -> np.ndarray:
    """Why a row cannot be read as a closed loop of its batch; "" if nothing speaks against it."""
    found = np.full(len(table), "", dtype=object)
    loops = (table["source"] == "serving_silicon") & (table["form"] == "loop")
    energy = table["source"] == "ml_energy"
    # The wait for a first token is long against the answer: most of the batch stood in a queue.
    found[loops & (table["ttft_s"] > 0.5 * table["output_tokens"] * table["token_s"])] = "seats"
    found[loops & table["named"].notna() & (table["named"] != table["batch"])] = "name"
    # Hardly a step has prefill in it, and yet they differ: a host that does not keep up, and its whole series with it.
    quiet = energy & (table["batch"] < 0.08 * table["output_tokens"])
    uneven = quiet & (table["p90_s"] > 1.25 * table["median_s"])
    series = table["model"] + table["gpu"] + table["tp"].astype(str) + table["task"]
    share = uneven[quiet].groupby(series[quiet]).mean()
    found[uneven | (energy & (series.map(share).fillna(0.0) >= 0.5))] = "host"
    found[(found == "") & drafted(table)] = "drafts"
    # More contexts than the memory holds.
    context = table["prompt_tokens"] + table["output_tokens"] / 2.0
    full = table["batch"] * context > kv_tokens(replicas(table), most_sequences=table["batch"].to_numpy())
    found[energy & full & (found == "")] = "memory"
    # Few long contexts, which attention of PyTorch does not divide among the multiprocessors.
    found[(table["source"] == "gpu_phases") & (table["batch"] <= 8) & (table["context"] >= 16384)] = "unsplit"
    return found


def drafted(table: pd.DataFrame) -> np.ndarray:
    """Rows of a version that took far less time than another one of its release did for the same loads.

    What a post-release mends does not halve the time of every step; drafts of a small model, which the rows do not tell
    of, do.
    """
    release = table["version"].str.replace(r"\.post\d+$", "", regex=True)
    deployment = [table[name] for name in ("source", "shape", "gpu", "engine")] + [release.rename("release")]
    load = [table[name] for name in ("weights", "experts", "tp", "dp", "ep", "batch", "prompt_tokens", "output_tokens")]
    told = (table["source"] == "serving_silicon") & (table["version"] != "")
    found = np.zeros(len(table), dtype=bool)
    for _, group in table[told].groupby([of[told] for of in deployment]):
        times = group.groupby([of[group.index] for of in load] + [group["version"]])["token_s"].median().unstack()
        for version, other in permutations(times.columns, 2):
            ratio = (times[version] / times[other]).dropna()
            if len(ratio) >= COMMON_LOADS and ratio.median() < FAR_LESS:
                found[group.index[group["version"] == version]] = True
    return found

"""Entries as replicas: tables like the roofline, closed loops like the closed form, intervals, power, the command."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.errors import GpusimError, ServingError
from gpusim.serving.kv_cache import kv_bytes_per_token
from gpusim.serving.replica import Layout
from gpusim.serving.roofline import prefill_attention_s, step_s
from gpusim.serving.tabulation import deployment, prefill_pool, step_times

CASES = [
    ("Llama-3.1-8B", "H100", Layout(), "bf16"),
    ("Llama-3.1-70B", "B200", Layout(pp=2), "bf16"),
    ("DeepSeek-V3", "H200", Layout(tp=8), "fp8"),
    ("Qwen3-30B-A3B", "H100", Layout(dp=2, ep=2), "bf16"),
]


def made(model: str, gpu: str, layout: Layout, weights: str):
    return gpusim.entry(model, gpu, layout=layout, weights=weights)


@pytest.mark.parametrize("case", CASES[:3])
def test_tables_are_the_roofline(case):
    """At and between knots, of steps with and without prompt tokens."""
    entry = made(*case)
    tables, stages = step_times(entry, 2048, 256), entry.replica.layout.pp
    dense, batch = tables.dense.by_count(2304), tables.batch.by_count(256)
    for requests, context, chunk, before in (
        (1, 16, 0, 0),
        (37, 900, 0, 0),
        (256, 4096, 512, 1024),
        (8, 300, 1500, 64),
    ):
        ours = dense[requests + chunk] + batch[requests] + _attention(tables, requests, context, chunk, before)
        theirs = stages * step_s(
            entry.replica, entry.coefficients, requests / stages, context, chunk / stages, before
        )  # fmt: skip
        assert ours == pytest.approx(float(theirs), rel=0.03)


@pytest.mark.parametrize("layout", [Layout(dp=8, ep=8), Layout(dp=72, ep=72), Layout(tp=8, pp=2)])
def test_a_prompt_attends_to_itself_alone(layout):
    """A lone prompt on one of many copies has as many pairs of tokens as on one GPU; stages share them."""
    tokens, entry = 8192.0, made("DeepSeek-V3", "GB300", layout, "nvfp4")
    alone = replace(entry.replica, layout=Layout(tp=layout.tp))
    ours = layout.pp * step_times(entry, 8192, 64).attention_s[-1, 0, 0, 0]
    assert ours == pytest.approx(prefill_attention_s(alone, entry.coefficients, tokens, 0.0), rel=1e-12)


def _attention(tables, requests, context, chunk, before) -> float:
    """Of separable attention: along the axes of prompts, then of decoding."""

    def at(values, rows, columns, row, column):
        along = [np.interp(column, columns, line) for line in values]
        return float(np.interp(row, rows, along))

    prefill = at(tables.attention_s[:, :, 0, 0], tables.chunk_tokens, tables.before_tokens, chunk, before)
    decode = at(tables.attention_s[0, 0], tables.decoding, tables.context_tokens, requests, context)
    return prefill + decode


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [4, 64])
def test_closed_loops_are_those_of_the_closed_form(case, batch):
    """Token time within 8%, power within 10%: the closed form takes the mean of what the replay takes step by step."""
    entry = made(*case)
    copies = entry.replica.layout.dp
    requests = pd.DataFrame({"prompt_tokens": 1000, "output_tokens": 300}, index=range(8 * batch * copies))
    found = gpusim.predict(requests, entry, clients=batch, replicas=copies)
    load = entry.load(batch * copies, 1000, 300)
    steady = found.replay.requests.iloc[batch * copies : -batch * copies]
    assert steady["time_per_output_token_s"].mean() == pytest.approx(float(entry.token_time_s(load).value), rel=0.08)
    assert found.gpu_w == pytest.approx(float(entry.power_w(load).value), rel=0.1)
    joules = found.gpu_w * found.gpus * found.span_s / requests["output_tokens"].sum()
    assert found.joules_per_token == pytest.approx(joules)


def test_intervals_hold_the_value_and_grow_with_the_wait():
    """Under load a step that is slower by some share makes the queue longer by more."""
    random = np.random.default_rng(1)
    entry = made(*CASES[0])
    columns = {"prompt_tokens": random.integers(50, 3000, 2000), "output_tokens": random.integers(10, 500, 2000)}
    requests = pd.DataFrame({"arrival_s": np.cumsum(random.exponential(1 / 12, 2000)), **columns})
    found = gpusim.predict(requests, entry)
    table = found.latencies
    for name in ("mean", "p50", "p90", "p99"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_high"]).all()
    wait = table.loc["ttft_s"]
    assert wait["p99_high"] / wait["p99"] > 1.05 * entry.time.high
    alone = gpusim.predict(requests.iloc[:1], entry).latencies.loc["end_to_end_s"]
    assert alone["mean_high"] / alone["mean"] == pytest.approx(entry.time.high)


def test_an_idle_replica_draws_what_it_does_with_its_context():
    entry = made(*CASES[0])
    requests = pd.DataFrame({"arrival_s": [0.0, 1e6], "prompt_tokens": 10, "output_tokens": 2})
    assert gpusim.predict(requests, entry).gpu_w == pytest.approx(122.0, abs=0.1)


def test_limits_are_those_of_the_engine_unless_given():
    entry = made(*CASES[0])
    usual, given = deployment(entry), deployment(entry, max_requests=7, block_tokens=512, replicas=3)
    assert (usual.max_batched_tokens, usual.max_requests, usual.kv_blocks) == (8192, 1024, entry.kv_blocks)
    assert (given.max_requests, given.replicas, given.kv_blocks) == (7, 3, entry.kv_blocks // 32)
    assert deployment(gpusim.entry("Llama-3.1-8B", "H100", engine="sglang")).pauses_decode
    for engine, reserves in (("trtllm", True), ("trtllm-1.0", True), ("sglang", False), ("vllm", False)):
        assert deployment(gpusim.entry("Llama-3.1-8B", "H100", engine=engine)).reserves_output == reserves


def test_engines_that_pause_decoding_know_no_priorities():
    """The error names what a user can change: the engine, or the requests."""
    pausing = gpusim.entry("Llama-3.1-8B", "H100", engine="sglang")
    requests = pd.DataFrame({"arrival_s": [0.0], "prompt_tokens": 10, "output_tokens": 2, "priority": 1})
    with pytest.raises(ServingError, match='"sglang": its prompts pause decoding; give engine "vllm", or req'):
        gpusim.predict(requests, pausing, by_priority=True)


@pytest.mark.parametrize("options", [["--kv-blocks", "64"], ["--prefill-replicas", "1", "--kv-blocks", "64"]])
def test_what_an_engine_refuses_is_left_out(tmp_path, options):
    """The others are served as they are without it; where nothing is left, it is a fault."""
    rows = ["0,100,20", "1,3000,1", "2,50,4"]
    words = ["--model", "Llama-3.1-8B", "--gpu", "H100", *options, "--force"]
    served = {}
    for name, kept in (("all", rows), ("fit", rows[::2]), ("none", rows[1:2])):
        trace = tmp_path / f"{name}.csv"
        trace.write_text("\n".join(["arrival_s,prompt_tokens,output_tokens", *kept]) + "\n")
        out = tmp_path / f"{name}_served.csv"
        done = CliRunner().invoke(cli, ["replay", str(trace), *words, "--out", str(out)])
        assert done.exit_code == (2 if name == "none" else 0), done.output
        assert ("1 request left out: longer than the KV cache" in done.output) == (name == "all")
        served[name] = pd.read_csv(out)["end_s"].tolist() if out.exists() else []
    assert served["all"] == served["fit"] != []
    assert served["none"] == []


def test_the_command(tmp_path):
    trace, out = tmp_path / "requests.csv", tmp_path / "served.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,100,20\n1,3000,1\n2,50,0\n")
    words = ["replay", str(trace), "--model", "Llama-3.1-8B", "--gpu", "H100", "--out", str(out)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "2 requests in " in done.output
    assert "on 1 GPU:" in done.output
    assert "1 request left out: without prompt or output." in done.output
    assert "this pair was not measured" in " ".join(done.output.split())
    served = pd.read_csv(out)
    assert served["end_s"].notna().all()
    assert len(served) == 2
    again = CliRunner().invoke(cli, words)
    assert again.exit_code == 2
    assert "exists already" in again.output


def test_prefill_apart_keeps_tokens_steady(tmp_path):
    """Two replicas, of which one prefills, or both do both: no prompt of others between tokens; all GPUs count."""
    random = np.random.default_rng(3)
    entry = made(*CASES[0])
    columns = {"prompt_tokens": random.integers(2000, 6000, 300), "output_tokens": random.integers(100, 300, 300)}
    requests = pd.DataFrame({"arrival_s": np.cumsum(random.exponential(0.25, 300)), **columns})
    pool = prefill_pool(entry, replicas=1, bytes_per_s=50e9)
    both, apart = gpusim.predict(requests, entry, replicas=2), gpusim.predict(requests, entry, prefill=pool)
    assert both.gpus == apart.gpus == 2
    token_time_s = [found.latencies.loc["time_per_output_token_s", "p99"] for found in (both, apart)]
    assert token_time_s[1] < token_time_s[0]
    shipped = apart.replay.requests
    blocks = np.ceil(requests["prompt_tokens"] / 16)
    least_s = 16 * blocks * kv_bytes_per_token(entry.replica) / 50e9
    assert (shipped["shipped_s"] - shipped["prefilled_s"] >= least_s - 1e-9).all()


def test_the_command_with_prefill_apart(tmp_path):
    trace = tmp_path / "requests.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,100,20\n1,3000,1\n")
    words = ["replay", str(trace), "--model", "Llama-3.1-8B", "--gpu", "H100", "--prefill-replicas", "2"]
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "served.csv")])
    assert done.exit_code == 0, done.output
    assert "on 3 GPUs:" in done.output
    assert pd.read_csv(tmp_path / "served.csv")["shipped_s"].notna().all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--model", "Llamma-3.1-8B"], "did you mean 'llama-3.1-8b'"),
        (["--gpu", "H1000"], "did you mean"),
        (["--engine", "vlm"], "did you mean 'vllm'"),
        (["--weights", "fp9"], "did you mean 'fp8'"),
        (["--router", "prefixes"], "router must be one of"),
        (["--model", "Llama-3.1-405B"], "split the model over more GPUs"),
        (["--tp", "3"], "tp of 3 does not divide the 32 attention heads of llama-3.1-8b"),
        (["--out", "served.txt"], ".parquet"),
    ],
)
def test_what_cannot_be_is_told(tmp_path, change, said):
    trace = tmp_path / "requests.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,100,20\n")
    words = ["replay", str(trace), "--model", "Llama-3.1-8B", "--gpu", "H100", *change]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_nothing_to_serve_is_told(tmp_path):
    trace = tmp_path / "requests.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,100,0\n")
    done = CliRunner().invoke(cli, ["replay", str(trace), "--model", "Llama-3.1-8B", "--gpu", "H100"])
    assert done.exit_code == 2
    assert "found no requests with a prompt and an output" in " ".join(done.output.split())


def test_names_are_public():
    with pytest.raises(GpusimError, match="kv_blocks must be at least 2"):
        gpusim.predict(pd.DataFrame({"arrival_s": [0.0], "prompt_tokens": 1, "output_tokens": 1}), made(*CASES[0]),
                       kv_blocks=1)  # fmt: skip

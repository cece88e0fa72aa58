"""Engine "vllm-v0": its rules as by the plain engine, what it refuses, and how well its step times are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import gpusim
from gpusim.cli import cli
from gpusim.errors import ServingError
from gpusim.serving.coefficients import coefficients
from gpusim.serving.deployment import Deployment
from gpusim.serving.engine_options import Offload
from gpusim.serving.entry import entry, intervals
from gpusim.serving.kv_cache import kv_bytes_per_token
from gpusim.serving.replay import replay
from gpusim.serving.replica import Layout
from gpusim.serving.requests import too_long
from gpusim.serving.tabulation import deployment
from tests.serving import cases
from tests.serving.test_replay import assert_same, by_reference

LIKE = {
    "pauses_decode": True, "chunked_prefill": False, "scheduled_ahead": False, "prefix_caching": False,
    "reserves_output": False, "max_requests": 256, "max_batched_tokens": 8192,
}  # fmt: skip


def made(engine: str = "vllm-v0", **limits: object) -> Deployment:
    return deployment(entry("Llama-3.1-8B", "H100", engine), **limits)


@pytest.mark.parametrize("seed", range(40))
def test_like_the_plain_engine(seed: int) -> None:
    """With the rules of older vLLM, told to the plain engine and not to ours."""
    random = np.random.default_rng(seed)
    seats, blocks = int(random.integers(1, 12)), int(random.integers(26, 300))
    few = {"kv_blocks": blocks, "block_tokens": int(random.integers(3, 9)), "max_requests": seats,
           "max_batched_tokens": int(random.integers(75, 160))}  # fmt: skip
    requests = cases.requests(random, 40)
    ours, theirs = made(**few), Deployment(made().step_times, **LIKE | few, watermark_blocks=blocks // 100)
    requests["arrival_s"] *= random.choice([0.01, 0.1, 1.0])
    assert_same(replay(requests, ours).requests, by_reference(requests, replace(theirs, step_times=ours.step_times)))


@pytest.mark.parametrize("rule", ["pauses_decode", "scheduled_ahead", "watermark_blocks"])
def test_a_plain_engine_with_another_rule_differs(rule: str) -> None:
    random = np.random.default_rng(7)
    requests = cases.requests(random, 60).assign(arrival_s=np.arange(60) * 0.002)
    ours = made(kv_blocks=150, block_tokens=4, max_requests=20, max_batched_tokens=100)
    other = {"watermark_blocks": 20}.get(rule, not getattr(ours, rule))
    with pytest.raises(AssertionError):
        assert_same(replay(requests, ours).requests, by_reference(requests, replace(ours, **{rule: other})))


@pytest.mark.parametrize("card", ["H100", "A100", "RTX4090"])
def test_its_rules_are_usual_and_can_be_told_otherwise(card: str) -> None:
    known = entry("Llama-3.1-8B", card, "vllm-v0")
    usual = deployment(known)
    assert {name: getattr(usual, name) for name in LIKE} == LIKE
    assert (usual.kv_blocks, usual.watermark_blocks) == (known.kv_blocks, known.kv_blocks // 100)
    told = deployment(known, prefix_caching=True, max_batched_tokens=32_768, watermark_blocks=0)
    assert (told.prefix_caching, told.max_batched_tokens, told.watermark_blocks) == (True, 32_768, 0)


def test_first_tokens_come_sooner_and_others_with_longer_gaps() -> None:
    """At the same load, with the same step times and limits."""
    random = np.random.default_rng(5)
    columns = {"prompt_tokens": random.integers(500, 7000, 600), "output_tokens": random.integers(50, 400, 600)}
    requests = pd.DataFrame({"arrival_s": np.cumsum(random.exponential(0.16, 600)), **columns})
    told = {}
    for engine in ("vllm", "vllm-v0"):
        known = entry("Llama-3.1-8B", "H100", engine)
        told[engine] = gpusim.predict(requests, known, max_requests=256, max_batched_tokens=8192).latencies
    v1, v0 = told["vllm"], told["vllm-v0"]
    assert v0.loc["ttft_s", "mean"] < v1.loc["ttft_s", "mean"]
    assert v0.loc["ttft_s", "p99"] < v1.loc["ttft_s", "p99"]
    assert v0.loc["time_per_output_token_s", "p99"] > 1.1 * v1.loc["time_per_output_token_s", "p99"]


def test_requests_beyond_its_budget_are_refused() -> None:
    """The longest that is served ends, also if it has to be computed again; one token more is a fault."""
    few = made(max_batched_tokens=300)
    requests = pd.DataFrame({"arrival_s": [0.0, 0.0], "prompt_tokens": [251, 10], "output_tokens": [50, 2]})
    assert few.longest_request == 301
    assert replay(requests, few).requests["end_s"].notna().all()
    longer = requests.assign(prompt_tokens=[252, 10])
    assert too_long(longer, few).tolist() == [True, False]
    with pytest.raises(ServingError, match="tokens 302 must be at most 300.*not cut.*raise max_batched_tokens"):
        replay(longer, few)
    small = made(max_batched_tokens=300, kv_blocks=19, max_requests=2)
    both = pd.DataFrame({"arrival_s": [0.0, 0.0], "prompt_tokens": [100, 150], "output_tokens": [189, 139]})
    served = replay(both, small).requests
    assert served["end_s"].notna().all()
    assert served["preemptions"].sum() > 0


def test_what_is_not_covered_is_told() -> None:
    with pytest.raises(ServingError, match='engine "vllm-v0": its prompts pause decoding; give engine "vllm", or'):
        made(by_priority=True)
    known = entry("Llama-3.1-8B", "H100", "vllm-v0")
    host = Offload(1e9, float(kv_bytes_per_token(known.replica)), 50e9)
    with pytest.raises(ServingError, match='engine "vllm-v0" does not use again unless prefix_caching is true'):
        deployment(known, offload=host)
    assert deployment(known, offload=host, prefix_caching=True).offload == host
    for name in ("vllm-0", "vllmv0", "v0"):
        with pytest.raises(ServingError, match="vllm-v0 has the step times of vllm"):
            entry("Llama-3.1-8B", "H100", name)
    with pytest.raises(ServingError, match="did you mean 'vllm-v0'"):
        entry("Llama-3.1-8B", "H100", "vllm-0")


def test_its_step_times_are_those_of_vllm_and_less_is_known_of_them() -> None:
    """Also where the pair was measured with vllm: its own interval says nothing of another engine."""
    for at, basis in (
        (("gpt-oss-120b", "H100", Layout(2), "mxfp4"), "other engine"),
        (("Llama-3.1-8B", "H100", Layout(), "bf16"), "roofline"),
        (("Llama-3.1-8B", "VR200", Layout(), "bf16"), "roofline"),
    ):
        model, card, layout, weights = at
        v0, v1 = (entry(model, card, engine, layout, weights) for engine in ("vllm-v0", "vllm"))
        assert (v0.basis, v0.engine, v0.like, v1.like) == (basis, "vllm-v0", "vllm", "")
        assert (v0.coefficients, v0.draws, v0.runs) == (v1.coefficients, v1.draws, v1.runs)
        usual = intervals()[v1.replica.shape.kind]
        off = 1.25 * v1.replica.gpu.unmeasured
        for ours, theirs, whole in ((v0.time, v1.time, usual[0]), (v0.power, v1.power, usual[1])):
            assert ours.low == pytest.approx(whole.low / off)
            assert ours.high == pytest.approx(whole.high * off)
            assert ours.low < theirs.low < theirs.high < ours.high
        assert v0.load(8.0, 100.0, 100.0).pausing
    assert coefficients("vllm-v0", "H100") == coefficients("vllm", "H100")
    assert replace(v0, basis="log").like == ""


@pytest.mark.parametrize(("model", "known"), [
    (["--model", "Llama-3.1-8B"], "Step times from a roofline fitted to other models and GPUs"),
    (["--model", "gpt-oss-120b", "--weights", "mxfp4", "--tp", "2"], "of this model on this GPU with vllm."),
])  # fmt: skip
def test_the_command(tmp_path, model, known) -> None:
    trace = tmp_path / "requests.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,100,20\n1,9000,1\n2,50,4\n")
    words = ["replay", str(trace), "--gpu", "H100", "--engine", "vllm-v0", *model]
    done = CliRunner().invoke(cli, words)
    said = " ".join(done.output.split())
    assert done.exit_code == 0, said
    assert known in said
    assert "No run of vllm-v0 was measured: four in five token times are assumed to be" in said
    assert "1 request left out: longer than the KV cache of a replica, or than a step for whole prompts" in said
    more = CliRunner().invoke(cli, [*words, "--max-batched-tokens", "16384"])
    assert "3 requests in" in more.output
    assert "left out" not in more.output


def test_the_command_finds_no_prefixes(tmp_path) -> None:
    path = tmp_path / "conversation.jsonl"
    rows = [{"timestamp": 9_000 * i, "input_length": 1100, "output_length": 5, "hash_ids": [1, 2, 3]} for i in range(3)]
    path.write_text("\n".join(map(json.dumps, rows)))
    for engine, found in (("vllm", "62%"), ("vllm-v0", "0%")):
        words = ["replay", str(path), "--model", "Llama-3.1-8B", "--gpu", "H100", "--engine", engine]
        done = CliRunner().invoke(cli, words)
        assert f"{found} of prompt tokens from the cache" in " ".join(done.output.split())

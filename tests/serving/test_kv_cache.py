"""Room for keys and values: by hand, as measured, and where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpusim.errors import ServingError
from gpusim.serving.closed_loop import Load
from gpusim.serving.hardware import gpu
from gpusim.serving.kv_cache import BLOCK_TOKENS, kv_blocks, kv_bytes_per_token, kv_tokens, running, working_bytes
from gpusim.serving.model import model_shape
from gpusim.serving.replica import Layout, replica


def test_blocks_are_those_of_a_measured_run():
    """vLLM 0.19 on an RTX 4090 (LLMServingSim): 2,588 blocks with 2,048 tokens and 256 sequences a step."""
    r = replica(model_shape("llama-3.1-8b"), gpu("RTX4090"), Layout())
    assert kv_blocks(r, 2048, 256) == pytest.approx(2588, rel=0.01)


def test_bytes_per_token():
    of = {"llama-3.1-8b": 32 * 2 * 8 * 128 * 2, "deepseek-v3": 61 * 576 * 2, "gpt-oss-20b": 24 * 2 * 8 * 64 * 2}
    for name, size in of.items():
        r = replica(model_shape(name), replace(gpu("GB300"), memory_bytes=3e12), Layout())
        assert kv_bytes_per_token(r) == size
        assert kv_bytes_per_token(replace(r, kv_bytes=1.0)) == size / 2


def test_heads_are_divided_whole_and_latents_not():
    llama, deepseek = model_shape("llama-3.1-70b"), model_shape("deepseek-v3")
    by = {tp: kv_bytes_per_token(replica(llama, gpu("GB300"), Layout(tp))) for tp in (1, 8, 16)}
    assert by[1] == 8 * by[8] == 8 * by[16]
    for tp in (8, 16):
        assert kv_bytes_per_token(replica(deepseek, gpu("GB300"), Layout(tp))) == 61 * 576 * 2


def test_the_formula():
    r = replica(model_shape("qwen3-8b"), gpu("H100"), Layout(tp=2, pp=2, dp=2))
    free = 0.9 * r.gpu.memory_bytes - r.weights_per_gpu_bytes - working_bytes(r, 8192, 1024)
    assert kv_tokens(r) == pytest.approx(2 * free / kv_bytes_per_token(r))
    assert kv_blocks(r) == int(free / kv_bytes_per_token(r) / BLOCK_TOKENS)


def test_nothing_fits():
    r = replica(model_shape("llama-3.1-70b"), gpu("H100"), Layout(tp=2))
    with pytest.raises(ServingError, match="nothing is left for keys and values"):
        kv_blocks(r, utilisation=0.8)
    with pytest.raises(ServingError, match="141 GB of weights per GPU, which has 85 GB; split the model"):
        replica(model_shape("llama-3.1-70b"), gpu("H100"), Layout())


def test_no_more_run_than_fit():
    r = replica(model_shape("llama-3.1-70b"), gpu("H100"), Layout(tp=4))
    load = Load(np.array([1.0, 10.0, 4000.0]), 2000.0, 1000.0)
    assert running(r, load)[:2] == pytest.approx([1.0, 10.0])
    assert running(r, load)[2] == pytest.approx(kv_tokens(r) / 2500.0)


@pytest.mark.parametrize(("field", "value"), [("tp", 0), ("pp", -1), ("dp", 0), ("ep", 3)])
def test_layouts_that_cannot_be(field, value):
    with pytest.raises(ServingError, match=f"layout: {field}"):
        Layout(**{"tp": 4, field: value})


def test_formats_that_are_unknown():
    with pytest.raises(ServingError, match="experts: format 'nvfp8'.*known: bf16"):
        replica(model_shape("qwen3-8b"), gpu("H100"), Layout(), experts="nvfp8")

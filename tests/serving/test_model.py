"""Shapes of published models: their size is what their names say, and names are read with all that is added to them."""

from __future__ import annotations

import csv
import re
from importlib.resources import files

import numpy as np
import pytest

from gpusim.errors import ServingError
from gpusim.serving.hardware import gpu
from gpusim.serving.model import model_shape

# Billions of parameters as published where names do not tell them, or tell something else.
PUBLISHED = {
    "deepseek-v3": 671, "deepseek-v3.2": 671, "deepseek-v2": 236, "deepseek-v2-lite": 15.7, "kimi-k2": 1026,
    "glm-4.5": 355, "glm-4.5-air": 106, "glm-4.7-flash": 30, "glm-5": 744, "minimax-m2": 229, "mistral-nemo": 12.2,
    "mistral-large": 123, "mixtral-8x7b": 46.7, "mixtral-8x22b": 141, "phi-3-mini": 3.8, "phi-4": 14.7, "dbrx": 132,
    "phi-3.5-moe": 41.9, "llama-4-scout-17b-16e": 109, "llama-4-maverick-17b-128e": 400, "gpt-oss-120b": 117,
    "llama-3.2-1b": 1.24,
}  # fmt: skip
TIED = re.compile(r"gemma|llama-3\.2|qwen2\.5-[013]|qwen3-[014]\.?\d*b|bloom")  # embedding and head are one


def names() -> list[str]:
    with (files("gpusim.serving") / "catalogue" / "models.csv").open(encoding="utf-8") as file:
        return [row["name"] for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", names())
def test_parameters_are_those_published(name):
    shape = model_shape(name)
    told = PUBLISHED.get(name) or float(re.search(r"-(\d+\.?\d*)b", name)[1])
    params = shape.params - (shape.hidden * shape.vocab if TIED.search(name) else 0)
    # Names round; a "0.5b" may be 0.49 and a "7b" of Qwen is 7.6 billion.
    assert params / 1e9 == pytest.approx(told, rel=0.1)


@pytest.mark.parametrize(
    ("name", "active"),
    [("qwen3-30b-a3b", 3.3), ("qwen3-235b-a22b", 22), ("qwen3.5-397b-a17b", 17), ("deepseek-v3", 37), ("kimi-k2", 32),
     ("gpt-oss-120b", 5.1), ("mixtral-8x7b", 12.9), ("llama-4-scout-17b-16e", 17), ("glm-5", 40), ("minimax-m2", 10)],
)  # fmt: skip
def test_active_parameters_are_those_published(name, active):
    assert model_shape(name).active_params / 1e9 == pytest.approx(active, rel=0.1)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("meta-llama/Meta-Llama-3-70B", "llama-3.1-70b"),
        ("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "llama-3.1-70b"),
        ("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3-235b-a22b"),
        ("Qwen/Qwen3-Coder-480B-A35B-Instruct", "qwen3-480b-a35b"),
        ("deepseek-ai/DeepSeek-R1-0528", "deepseek-v3"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "qwen2.5-32b"),
        ("nvidia/DeepSeek-R1-NVFP4", "deepseek-v3"),
        ("nvidia/NVIDIA-Nemotron-Nano-9B-v2", "nemotron-nano-9b-v2"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b"),
        ("moonshotai/Kimi-K2.5", "kimi-k2"),
    ],
)
def test_names_are_read_with_what_is_added(said, meant):
    assert model_shape(said).name == meant


@pytest.mark.parametrize("name", ["bloom-560m", "glm-5-mini", "llama-3.1-9b", "gpt-oss", ""])
def test_no_name_is_taken_for_another(name):
    with pytest.raises(ServingError, match="not in the catalogue.*config.json"):
        model_shape(name)


def test_a_misspelt_name_is_told_what_was_meant():
    with pytest.raises(ServingError, match="did you mean 'gpt-oss-20b'"):
        model_shape("openai/gpt-os-20b")


def test_kv_values():
    assert model_shape("llama-3.1-8b").kv_values == 2 * 8 * 128
    assert model_shape("deepseek-v3").kv_values == 512 + 64
    assert np.ndim(model_shape("deepseek-v3").kv_values) == 0


@pytest.mark.parametrize("said", ["H100", "h100_sxm", "H100 SXM", "NVIDIA H100 80GB HBM3"])
def test_gpus_by_any_of_their_names(said):
    card = gpu(said)
    assert (card.name, card.limit_w, card.idle_w) == ("H100", 700, 122)
    assert card.fp4_flops == card.fp8_flops > card.bf16_flops  # no FP4 units: as the next wider


def test_an_unknown_gpu_is_told():
    with pytest.raises(ServingError, match="did you mean 'H100'"):
        gpu("H10")

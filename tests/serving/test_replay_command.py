"""Options of ``gpusim replay``: memory of the host, adapters."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from gpusim.cli import cli

WORDS = ["--model", "Llama-3.1-8B", "--gpu"]


@pytest.fixture
def conversations(tmp_path):
    """Three prompts of eight blocks of 512 tokens, then the first again; a replica has room for one."""
    rows = [
        {"timestamp": 10_000 * i, "input_length": 4097, "output_length": 5, "hash_ids": list(range(8 * k, 8 * k + 8))}
        for i, k in enumerate((0, 1, 2, 0))
    ]
    path = tmp_path / "conversations.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


@pytest.fixture
def adapters(tmp_path):
    path = tmp_path / "requests.csv"
    path.write_text("arrival_s,prompt_tokens,output_tokens,adapter\n0,100,20,law\n1,50,5,code\n2,100,5,law\n3,9,9,\n")
    return path


def said(*words: object, gpu: str = "H100") -> tuple[int, str]:
    """Exit status, and all that was printed with single spaces."""
    done = CliRunner().invoke(cli, ["replay", *map(str, words), *WORDS, gpu])
    return done.exit_code, " ".join(done.output.split())


def test_host_memory(conversations, tmp_path):
    out = tmp_path / "served.csv"
    status, text = said(conversations, "--kv-blocks", 10, "--offload-gb", 10, "--out", out)
    assert status == 0, text
    assert "KV cache of 4,100 tokens loaded from host memory, of 12,300 written to it." in text
    assert pd.read_csv(out)["loaded_tokens"].tolist() == [0, 0, 0, 4096]
    status, text = said(conversations, "--kv-blocks", 10)
    assert status == 0, text
    assert "host memory" not in text


def test_host_memory_needs_hashes(adapters):
    status, text = said(adapters, "--max-loras", 2, "--offload-gb", 10)
    assert status == 2
    assert "found no hash_ids, which --offload-gb needs" in text


def test_adapters(adapters):
    assert "Adapters were loaded 3 times." in said(adapters, "--max-loras", 1)[1]
    assert "Adapters were loaded 2 times." in said(adapters, "--max-loras", 2)[1]


def test_adapters_need_slots(adapters):
    status, text = said(adapters)
    assert status == 2
    assert "its requests have adapters, but there are no slots for them; give --max-loras" in text


def test_a_gpu_that_nobody_has_measured(adapters):
    """Of announced figures no share of measured times is told; of others it is."""
    measured = "Four in five measured token times are"
    assert measured in said(adapters, "--max-loras", 1)[1]
    text = said(adapters, "--max-loras", 1, gpu="VR200")[1]
    assert "No run on VR200 was measured: four in five token times are assumed to be" in text
    assert measured not in text

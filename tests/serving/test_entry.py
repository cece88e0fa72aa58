"""Entries: found by pair, version and else by the roofline; with intervals; from a catalogue that holds together."""

from __future__ import annotations

import csv
import math
from importlib.resources import files

import numpy as np
import pytest

from gpusim.errors import ServingError
from gpusim.serving.coefficients import NAMES, coefficients, engines
from gpusim.serving.entry import entry, intervals
from gpusim.serving.hardware import gpu
from gpusim.serving.model import model_shape
from gpusim.serving.replica import FORMATS, Layout


def table(name: str) -> list[dict[str, str]]:
    with (files("gpusim.serving") / "catalogue" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_measured_pair_and_one_that_is_not():
    measured = entry("Qwen/Qwen3-8B", "H100", "vllm-0.11")
    assert (measured.basis, measured.source) == ("pair", "ml-energy/leaderboard@0cd52da")
    other = entry("Qwen/Qwen3-8B", "B300", "vllm-0.11")
    assert (other.basis, other.runs) == ("roofline", 0)
    assert other.coefficients == coefficients("vllm-0.11", "B300")
    assert measured.time.high - measured.time.low < other.time.high - other.time.low


def test_a_version_with_runs_of_its_own():
    at = ("DeepSeek-R1", "B200", "trtllm", Layout(8, 1, 1, 8), "nvfp4", "", "fp8")
    every, one, unknown = entry(*at), entry(*at, version="1.1.0rc2.post2"), entry(*at, version="9.9")
    assert one.runs < every.runs
    load = every.load(16.0, 1024.0, 1024.0)
    assert one.token_time_s(load).value < 0.95 * every.token_time_s(load).value  # other versions are slower
    assert unknown.coefficients == every.coefficients


def test_models_with_experts_are_packed_as_they_are_published():
    at = Layout(8, 1, 1, 8)
    packed, told = (
        entry("DeepSeek-R1", "B200", "trtllm", at, "nvfp4"),
        entry("DeepSeek-R1", "B200", "trtllm", at, "bf16", "nvfp4"),
    )
    assert packed == told
    assert entry("DeepSeek-R1", "B200", "trtllm", at, "nvfp4", "nvfp4").replica.weight_bytes < told.replica.weight_bytes
    assert entry("llama-3.1-70b", "B200", "trtllm", Layout(2), "nvfp4").replica.weight_bytes < 1.0  # has no experts


def test_predictions_lie_in_their_intervals():
    known = entry("llama-3.1-70b", "H100", layout=Layout(tp=4))
    load = known.load(np.array([1.0, 16.0, 200.0]), 1000.0, 500.0)
    for told in (
        known.decode_step_s(load),
        known.token_time_s(load),
        known.power_w(load),
        known.joules_per_token(load),
    ):
        assert (told.low < told.value).all()
        assert (told.value < told.high).all()
    joules = known.joules_per_token(load).value
    assert joules == pytest.approx(4.0 * known.power_w(load).value * known.token_time_s(load).value / load.batch)
    assert (np.diff(joules) < 0.0).all()  # batching saves energy


def test_engines_that_pause_are_told_so():
    assert entry("qwen3-8b", "H200", "sglang").load(8.0, 100.0, 100.0).pausing
    assert not entry("qwen3-8b", "H200", "vllm").load(8.0, 100.0, 100.0).pausing


@pytest.mark.parametrize(("card", "budget"), [("H100", 8192), ("A100", 2048), ("RTX4090", 2048), ("B200", 8192)])
def test_budgets_are_those_of_vllm(card, budget):
    assert entry("llama-3.1-8b", card).token_budget == budget


def test_an_engine_that_was_not_measured():
    with pytest.raises(ServingError, match="engine 'vlm' .did you mean 'vllm'.*measured are kernels, sglang"):
        entry("llama-3.1-8b", "H100", "vlm")


def test_the_catalogue_holds_together():
    for row in table("pairs"):
        assert model_shape(row["model"]).name == row["model"]
        assert gpu(row["gpu"]).name == row["gpu"]
        assert row["engine"] in engines()
        assert {row["weights"], row["experts"]} <= set(FORMATS)
        assert float(row["time_low"]) < 1.1
        assert float(row["time_low"]) < float(row["time_high"])
        assert float(row["power_low"]) < float(row["power_high"])
    assert set(intervals()) == {"dense", "moe", "hybrid"}
    assert {row["coefficient"] for row in table("coefficients")} == set(NAMES)
    assert all(float(row["value"]) > 0.0 for row in table("coefficients"))


def test_every_entry_predicts_for_every_gpu():
    for row in table("models"):
        shape = model_shape(row["name"])
        tp = math.gcd(8, int(shape.heads))
        for card in sorted({row["gpu"] for row in table("gpus")}):
            if shape.params / tp > 0.9 * gpu(card).memory_bytes:
                continue
            known = entry(row["name"], card, layout=Layout(tp=tp), weights="fp8")
            told = known.token_time_s(known.load(np.array([1.0, 100.0]), 1000.0, 500.0)).value
            assert np.isfinite(told).all()
            assert 0.0 < told[0] < told[1]


def test_rubin_serves_from_announced_figures_within_a_wider_interval():
    """Twice GB200's memory bandwidth and more: a decode step takes less; four in five measured ones lie farther off."""
    rubin, blackwell = (entry("deepseek-v3", card, "vllm", Layout(8), "nvfp4") for card in ("VR200", "GB200"))
    assert rubin.basis == blackwell.basis == "roofline"
    steps = [one.decode_step_s(one.load(256.0, 4000.0, 1000.0)).value for one in (rubin, blackwell)]
    assert 0.3 < steps[0] / steps[1] < 0.8
    for ours, theirs in ((rubin.time, blackwell.time), (rubin.power, blackwell.power)):
        assert ours.low == pytest.approx(theirs.low / 1.25)
        assert ours.high == pytest.approx(1.25 * theirs.high)

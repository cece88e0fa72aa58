"""Power: bounds, order, and the plain sum of what a step does."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.serving.closed_loop import Load
from gpusim.serving.entry import entry
from gpusim.serving.hardware import gpu
from gpusim.serving.power import CAP, PowerDraw, bent, draws, loop_power_w, step_power_w, work_s
from gpusim.serving.roofline import decode_part, experts_part, head_part, prefill_attention_s, step_s, weights_part
from tests.serving.shapes import coefficients, small


@pytest.mark.parametrize("seed", range(20))
def test_work_is_the_sum_of_its_parts(seed):
    random = np.random.default_rng(seed)
    r, c, d = small(random), coefficients(random), PowerDraw(*random.uniform(0.1, 2.0, 3))
    parts = [weights_part(r, c, 33 + 100), head_part(r, c, 34), decode_part(r, c, 33, 800)]
    experts = experts_part(r, c, 133).s + r.shape.moe_layers * c.expert_block_s / r.layout.pp
    plain = d.experts * experts + d.computing * prefill_attention_s(r, c, 100, 50)
    for part in parts:
        plain += d.reading * part.reading_s + d.computing * part.computing_s
    assert work_s(r, c, d, 33, 800, 100, 50) == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_between_idle_and_the_limit(seed):
    random = np.random.default_rng(seed)
    r, c, d = small(random), coefficients(random), PowerDraw(*random.uniform(0.1, 5.0, 3))
    load = Load(np.array([1.0, 8.0, 64.0, 512.0]), 500.0, 200.0)
    for power in (loop_power_w(r, c, d, load, load.batch), step_power_w(r, c, d, load.batch, 300.0, 100.0)):
        assert (power >= r.gpu.idle_w).all()
        assert (power <= r.gpu.limit_w).all()


def test_without_work_it_idles_with_its_clock_up():
    random = np.random.default_rng(1)
    r, c = small(random), coefficients(random)
    assert step_power_w(r, c, PowerDraw(0.0, 0.0, 0.0), 8.0, 100.0) == r.gpu.idle_w
    assert gpu("H100").idle_w == 122.0  # not the 73 W without a context


def test_the_limit_bends():
    assert bent(0.2) == pytest.approx(0.2, rel=1e-4)
    assert bent(100.0) == pytest.approx(1.0)
    assert bent(1.0) == pytest.approx(2.0 ** (-1.0 / CAP))
    assert (np.diff(bent(np.linspace(0.0, 5.0, 100))) > 0.0).all()


def test_decode_draws_more_with_its_batch_and_prefill_most():
    known = entry("llama-3.1-8b", "H100", "kernels")
    batches = np.array([1.0, 8.0, 32.0, 128.0, 256.0])
    at = (known.replica, known.coefficients, known.draws)
    decode_w = step_power_w(*at, batches, 512.0)
    assert (np.diff(decode_w) > 0.0).all()
    assert 250.0 < decode_w[0] < 500.0
    assert decode_w[-1] > 600.0
    assert step_power_w(*at, 0.0, 0.0, 2048.0) > 640.0


def test_a_gpu_that_was_not_measured_draws_as_all_do():
    assert draws("H200") == draws("")
    assert draws("H100") != draws("")


def test_energy_of_a_step_is_power_times_time():
    random = np.random.default_rng(2)
    r, c, d = small(random), coefficients(random), PowerDraw(0.3, 0.2, 0.1)
    share = (step_power_w(r, c, d, 16.0, 300.0) - r.gpu.idle_w) / (r.gpu.limit_w - r.gpu.idle_w)
    assert share == pytest.approx(work_s(r, c, d, 16.0, 300.0) / step_s(r, c, 16.0, 300.0), rel=0.02)  # far from it

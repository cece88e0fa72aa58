"""The roofline against a step written out layer by layer, and what must hold of any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpusim.serving import roofline
from gpusim.serving.fitting import stacked
from tests.reference import roofline as plain
from tests.serving.shapes import coefficients, small


def step(random: np.random.Generator) -> tuple[int, int, int, int]:
    """Sequences, context, chunk and what stands before it."""
    sequences, chunk = int(random.integers(0, 300)), int(random.integers(0, 2) * random.integers(1, 3000))
    return (
        sequences,
        int(random.integers(1, 5000)),
        chunk if sequences else max(chunk, 1),
        int(random.integers(0, 2000)),
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_step_is_what_its_layers_take(seed):
    random = np.random.default_rng(seed)
    r, c, at = small(random), coefficients(random), step(random)
    assert roofline.step_s(r, c, *at) == pytest.approx(plain.step_s(r, c, *at), rel=1e-6)


def test_a_wrong_twin_is_seen():
    random = np.random.default_rng(3)
    r, c = small(random), coefficients(random)
    halved = replace(r, kv_bytes=r.kv_bytes / 2)
    assert roofline.step_s(r, c, 200, 4000) != pytest.approx(plain.step_s(halved, c, 200, 4000, 0, 0), rel=1e-3)


def test_arrays_are_numbers_side_by_side():
    random = np.random.default_rng(5)
    replicas, each = [small(random) for _ in range(20)], [coefficients(random) for _ in range(20)]
    steps = np.array([step(random) for _ in range(20)], dtype=float)
    together = roofline.step_s(stacked(replicas), stacked(each), *steps.T)
    alone = [roofline.step_s(r, c, *at) for r, c, at in zip(replicas, each, steps, strict=True)]
    assert together == pytest.approx(np.array(alone), rel=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_more_work_takes_longer(seed):
    random = np.random.default_rng(seed)
    r, c, (sequences, context, chunk, before) = small(random), coefficients(random), step(random)
    base = roofline.step_s(r, c, sequences, context, chunk, before)
    assert roofline.step_s(r, c, sequences + 1, context, chunk, before) > base
    assert roofline.step_s(r, c, sequences, context, chunk + 100, before) > base
    assert roofline.step_s(r, c, sequences, 2 * context, chunk, before) >= base
    assert roofline.step_s(r, c, sequences, context, chunk, before + 100) >= base


def test_experts_hit_are_those_of_a_play():
    random = np.random.default_rng(1)
    shape = small(random, experts=32, active_experts=4, moe_layers=1).shape
    for skew in (0.02, 0.5, 1.0):
        for tokens in (1, 5, 40):
            hits = []
            for _ in range(2000):
                liked = random.gamma(skew**-2.0, skew**2.0, 32)
                hits.append((random.poisson(liked * tokens * 4 / 32) > 0).sum())
            assert roofline.experts_hit(shape, tokens, skew) == pytest.approx(np.mean(hits), rel=0.02)
    alike = [len(np.unique([random.choice(32, 4, replace=False) for _ in range(5)])) for _ in range(2000)]
    assert roofline.experts_hit(shape, 5, 0.02) == pytest.approx(np.mean(alike), rel=0.06)  # none twice


def test_the_busiest_group_is_that_of_a_play():
    random = np.random.default_rng(2)
    r = small(random, experts=32, active_experts=2, moe_layers=1)
    r = replace(r, layout=replace(r.layout, tp=8, dp=1, ep=8))
    c = replace(coefficients(random), skew=1e-6)
    busiest = [np.bincount(random.integers(0, 32, 2 * 64) // 4, minlength=8).max() / (2 * 64 / 8) for _ in range(4000)]
    # The bound of the largest of 8 normal numbers is 2.04 deviations, their mean 1.42.
    assert np.mean(busiest) < roofline.crowding(r, c, 64) < 1.25 * np.mean(busiest)


def test_parts_add_up():
    random = np.random.default_rng(8)
    r, c = small(random), coefficients(random)
    parts = (
        roofline.host_s(r, c, 9) + roofline.dense_s(r, c, 9 + 77) + roofline.sample_s(r, c, 10)
        + roofline.decode_attention_s(r, c, 9, 500) + roofline.prefill_attention_s(r, c, 77, 30)
    )  # fmt: skip
    assert roofline.step_s(r, c, 9, 500, 77, 30) == pytest.approx(parts, rel=1e-12)

"""Token times under closed loops against a play of one, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpusim.serving.closed_loop import Load, decode_step_s, prefill_cost_s, token_time_s
from gpusim.serving.replica import Layout
from gpusim.serving.roofline import step_s
from tests.reference import closed_loop as plain
from tests.serving.shapes import coefficients, small


@pytest.mark.parametrize("pausing", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 8, 40])
def test_a_loop_is_what_a_play_of_it_takes(batch, pausing):
    random = np.random.default_rng(batch)
    r, c = small(random), coefficients(random)
    r = replace(r, layout=replace(r.layout, pp=1))
    load = Load(batch, 700.0, 80.0, 8192.0, pausing)
    added_s = float(prefill_cost_s(r, c, load, batch))
    played_s = plain.token_time_s(float(decode_step_s(r, c, load, batch)), added_s, batch, 80, pausing)
    # Of a request's 80 tokens, 79 times lie between them.
    assert token_time_s(r, c, load, batch) == pytest.approx(played_s, rel=0.03)


def test_long_prompts_go_in_chunks():
    random = np.random.default_rng(4)
    r, c = small(random), coefficients(random)
    r = replace(r, layout=Layout())
    load = Load(4.0, 4096.0, 100.0, 1024.0)
    alone = step_s(r, c, 4.0, load.mean_kv_tokens)
    chunks = [
        step_s(r, c, 4.0, load.mean_kv_tokens, 1024.0, before) - alone for before in (0.0, 1024.0, 2048.0, 3072.0)
    ]
    assert prefill_cost_s(r, c, load, 4.0) == pytest.approx(sum(chunks), rel=0.02)


def test_stages_take_turns():
    """With as little to do per stage as there are more of them, a token passes all of them."""
    random = np.random.default_rng(6)
    r, c = small(random), replace(coefficients(random), host_s=0.0, sequence_s=0.0)
    one, two = (replace(r, layout=Layout(pp=stages)) for stages in (1, 2))
    load = Load(64.0, 100.0, 100.0)
    assert decode_step_s(two, c, load, 64.0) < decode_step_s(one, c, load, 64.0)  # half of the sequences at a time
    assert decode_step_s(two, c, load, 1e-9) == pytest.approx(decode_step_s(one, c, load, 1e-9), rel=1e-6)

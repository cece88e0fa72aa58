"""Requests played by the kernels and by the plain engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gpusim.serving.deployment import Deployment
from gpusim.serving.replay import replay
from tests.reference.requests.engine import Engine, Request
from tests.serving import cases

COUNTS = ["preemptions", "cached_tokens"]
TIMES = ["queued_s", "scheduled_s", "first_token_s", "end_s"]


def by_reference(requests: pd.DataFrame, deployment: Deployment) -> tuple[pd.DataFrame, Engine]:
    """The same columns, from the plain engine."""
    engine = Engine(deployment)
    size = deployment.block_tokens
    played = [
        Request(row.arrival_s, row.prompt_tokens, row.output_tokens, hash_ids=row.hash_ids[: row.prompt_tokens // size])
        for row in requests.itertuples()
    ]
    engine.play(played)
    return pd.DataFrame([{name: getattr(one, name) for name in [*TIMES, *COUNTS]} for one in played]), engine


@pytest.mark.parametrize("seed", range(150))
def test_like_the_plain_engine(seed: int) -> None:
    random = np.random.default_rng(seed)
    deployment, requests = cases.deployment(random), cases.requests(random, 30)
    found = replay(requests, deployment)
    expected, _engine = by_reference(requests, deployment)
    np.testing.assert_array_equal(found[COUNTS], expected[COUNTS])
    np.testing.assert_allclose(found[TIMES], expected[TIMES], rtol=1e-9)

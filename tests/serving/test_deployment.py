"""Limits with which engines start."""

from __future__ import annotations

import pytest

from gpusim.serving.deployment import Deployment, vllm_limits
from tests.serving.test_queues import constant


@pytest.mark.parametrize(
    ("gpu", "gib", "tokens", "requests"),
    [
        ("NVIDIA H100 80GB HBM3", 79.1, 8192, 1024),
        ("NVIDIA A100-SXM4-80GB", 79.2, 2048, 256),
        ("NVIDIA GeForce RTX 4090", 23.5, 2048, 256),
    ],
)
def test_limits_of_vllm(gpu: str, gib: float, tokens: int, requests: int) -> None:
    deployment = Deployment(constant(0.01), 100, **vllm_limits(gpu, gib * 2**30))
    assert (deployment.max_batched_tokens, deployment.max_requests) == (tokens, requests)

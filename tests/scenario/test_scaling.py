"""Curves of elastic classes: Amdahl's law, measured points, goodput in Pollux's form."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from gpusim.scenario.job_class import JobClass
from gpusim.scenario.scaling import Goodput, Scaling


def test_amdahl():
    """A tenth that does not speed up: 6.4 with 16, never more than 10."""
    curve = Scaling(serial_share=0.1)
    assert curve.speeds(np.array([1, 16, 10**9]), 8).tolist() == [1.0, pytest.approx(6.4), pytest.approx(10.0)]
    assert Scaling(serial_share=0.0).speeds(np.array([7]), 8).tolist() == [7.0]


def test_measured():
    """Straight lines between the points, in proportion below, flat above."""
    curve = Scaling(measured={"8": 600.0, "2": 200.0})
    assert curve.speeds(np.array([1, 2, 5, 8, 64]), 8).tolist() == [100.0, 200.0, 400.0, 600.0, 600.0]


MODEL = Goodput(
    batch=100, max_batch=1600, max_batch_per_gpu=50, noise=300.0, compute_s=0.1, compute_s_per_example=0.01,
    exchange_s=0.2, exchange_s_per_gpu=0.05, exchange_between_s=0.6, exchange_between_s_per_gpu=0.1, overlap=2.0,
)  # fmt: skip


def plain(model, gpus, node):
    """The published formulas, at every whole batch size."""
    best = 0.0
    for batch in range(max(model.batch, gpus), model.max_batch + 1):
        passes = 1
        while batch / (gpus * passes) > model.max_batch_per_gpu:
            passes += 1
        compute = model.compute_s + model.compute_s_per_example * batch / (gpus * passes)
        exchange = 0.0
        if gpus > node:
            exchange = model.exchange_between_s + model.exchange_between_s_per_gpu * max(gpus - 2, 0)
        elif gpus > 1:
            exchange = model.exchange_s + model.exchange_s_per_gpu * max(gpus - 2, 0)
        step = (passes - 1) * compute + (compute**model.overlap + exchange**model.overlap) ** (1 / model.overlap)
        best = max(best, batch / step * (model.noise + model.batch) / (model.noise + batch))
    return best


def test_goodput_is_the_published_form():
    """Over every whole batch size: the best of a geometric row is as good, to half a percent."""
    sizes = [1, 2, 3, 8, 9, 16, 32]
    found = MODEL.speeds(np.array(sizes), 8)
    assert found == pytest.approx([plain(MODEL, n, 8) for n in sizes], rel=5e-3)
    assert (found >= 0.0).all()


def test_efficiency_by_hand():
    """One GPU, noise 0: larger batches bring nothing, and the user's is taken: 100 examples in two passes of 0.6 s."""
    still = MODEL.model_copy(update={"noise": 0.0, "max_batch": 100})
    assert still.speeds(np.array([1]), 8).tolist() == [pytest.approx(100 / 1.2)]
    # On two GPUs one pass of 0.6 s beside an exchange of 0.2 s: sqrt(0.36 + 0.04).
    assert still.speeds(np.array([2]), 8).tolist() == [pytest.approx(100 / 0.4**0.5)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scaling": {}}, "found none; give one of serial_share, measured, goodput"),
        ({"scaling": {"serial_share": 0.1, "measured": {"1": 1.0}}}, "found serial_share and measured"),
        ({"scaling": {"measured": {"1.5": 1.0}}}, "size 1.5 is not a whole number of GPUs"),
        ({"min_gpus": 4, "max_gpus": 2}, "min_gpus of 4 is above max_gpus of 2"),
        ({"scaling": {"goodput": MODEL.model_dump() | {"max_batch": 8}}}, "max_batch of 8 is below batch of 100"),
    ],
)
def test_what_cannot_be(given, told):
    with pytest.raises(ValidationError, match=told):
        JobClass.model_validate(given)

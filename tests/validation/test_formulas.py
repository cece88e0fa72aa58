"""Closed forms against published tables and against scipy, which computes them another way."""

import numpy as np
import pytest
from scipy import stats

from gpusim.validation import formulas

# servers, load, P(wait), mean wait, p95, p99 at service rate 1
TABLE = [
    (1, 0.8, 0.800000, 4.000000, 13.8629, 21.9101),
    (4, 3.2, 0.596432, 0.745541, 3.0987, 5.1105),
    (8, 6.4, 0.457645, 0.286028, 1.3838, 2.3897),
    (16, 14.4, 0.591343, 0.369590, 1.5440, 2.5499),
    (64, 57.6, 0.310663, 0.048541, 0.2854, 0.5369),
]


@pytest.mark.parametrize(("servers", "load", "share", "wait", "p95", "p99"), TABLE)
def test_mmc(servers, load, share, wait, p95, p99):
    """Table of M/M/c."""
    assert formulas.erlang_c(servers, load) == pytest.approx(share, abs=6e-7)
    assert formulas.mmc_wait(servers, load) == pytest.approx(wait, abs=6e-7)
    assert formulas.mmc_wait_quantile(servers, load, 0.95) == pytest.approx(p95, abs=6e-5)
    assert formulas.mmc_wait_quantile(servers, load, 0.99) == pytest.approx(p99, abs=6e-5)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.3), (8, 6.4), (100, 90.0), (420, 400.0)])
def test_erlang_b_is_a_truncated_poisson(servers, load):
    """The chance that a Poisson number cut at ``servers`` is there."""
    poisson = stats.poisson(load)
    assert formulas.erlang_b(servers, load) == pytest.approx(poisson.pmf(servers) / poisson.cdf(servers), rel=1e-12)


def test_blocking():
    """Published shares blocked."""
    assert formulas.erlang_b(8, 6.4) == pytest.approx(0.144394, abs=6e-7)
    assert formulas.erlang_b(16, 12.8) == pytest.approx(0.080647, abs=6e-7)
    assert formulas.erlang_b(100, 90.0) == pytest.approx(0.026957, abs=6e-7)


def test_one_server():
    """M/G/1 and its priority queues."""
    assert [formulas.mg1_wait(0.8, cv2) for cv2 in (0.0, 1.0, 4.0, 10.0)] == pytest.approx([2.0, 4.0, 10.0, 22.0])
    assert formulas.priority_waits(0.3, 0.5) == pytest.approx((1.1429, 5.7143), abs=6e-5)
    assert formulas.preemptive_responses(0.3, 0.5) == pytest.approx((1.4286, 7.1429), abs=6e-5)


def test_large_pool():
    """420 servers at load 400; the Halfin-Whitt limit (1981) for its beta of 1 is 3% off, as published."""
    assert formulas.erlang_c(420, 400.0) == pytest.approx(0.2303, abs=6e-5)
    assert formulas.mmc_wait(420, 400.0) == pytest.approx(0.01151, abs=6e-6)
    limit = 1.0 / (1.0 + stats.norm.cdf(1.0) / stats.norm.pdf(1.0))
    assert limit == pytest.approx(0.2234, abs=6e-5)
    assert formulas.erlang_c(420, 400.0) == pytest.approx(limit, rel=0.035)


def test_unlimited():
    """Mean and spread of the GPUs of Poisson(40) gangs."""
    gangs, shares = np.array([8, 64, 512]), np.array([0.70, 0.25, 0.05])
    assert 40 * (gangs * shares).sum() == pytest.approx(1888.0)
    assert np.sqrt(40 * (gangs**2 * shares).sum()) == pytest.approx(753.0, abs=0.05)

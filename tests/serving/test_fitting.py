"""Fits of factors: what was put in comes out, what cannot be right does not pull, what was not measured stays."""

from __future__ import annotations

import numpy as np
import pytest

from gpusim.serving.fitting import FactorDesign, fit


def problem(random: np.random.Generator, rows: int = 200):
    """A sum of two terms with coefficients of two groups each: logs of factors, design, and the log of the sum."""
    group, size = random.integers(0, 2, rows), random.uniform(0.1, 10.0, rows)
    columns = np.array([np.ones(rows), group == 1, np.ones(rows), np.zeros(rows)], dtype=float).T
    design = FactorDesign(columns, np.array([0, 0, 1, 1]), np.full(4, 2.0))

    def predicted(logs: np.ndarray) -> np.ndarray:
        return np.log(np.exp(logs[:, 0]) * size + np.exp(logs[:, 1]))

    return design, predicted


def test_factors_that_were_put_in_come_out():
    random = np.random.default_rng(0)
    design, predicted = problem(random)
    true = np.array([0.7, -0.4, 0.3, 0.0])
    measured = predicted(design.logs(true, 2)) + 0.01 * random.standard_normal(200)
    found = fit(predicted, np.zeros(2), design, measured, 0.05, np.ones(200))
    assert found[:3] == pytest.approx(true[:3], abs=0.02)
    assert found[3] == 0.0  # in no row: as it was


def test_what_cannot_be_right_hardly_pulls():
    random = np.random.default_rng(1)
    design, predicted = problem(random)
    true = np.array([0.7, -0.4, 0.3, 0.0])
    measured = predicted(design.logs(true, 2)) + 0.01 * random.standard_normal(200)
    wrong = measured.copy()
    wrong[:10] += 2.0
    everything = np.ones(200)
    robust = fit(predicted, np.zeros(2), design, wrong, 0.05, everything)
    pulled = fit(predicted, np.zeros(2), design, wrong, 50.0, everything)  # far out begins beyond them
    assert np.abs(robust - true).max() < 0.04
    assert np.abs(pulled - true).max() > 0.08


def test_rows_that_are_left_out_do_not_count():
    random = np.random.default_rng(2)
    design, predicted = problem(random)
    measured = predicted(design.logs(np.array([0.5, 0.0, 0.1, 0.0]), 2))
    rows = (np.arange(200) >= 100).astype(float)
    spoilt = np.where(rows > 0.0, measured, 99.0)
    assert (
        fit(predicted, np.zeros(2), design, measured, 0.05, rows)
        == fit(predicted, np.zeros(2), design, spoilt, 0.05, rows)
    ).all()


def test_narrow_priors_hold():
    random = np.random.default_rng(3)
    design, predicted = problem(random)
    measured = predicted(design.logs(np.array([0.7, 0.0, 0.3, 0.0]), 2))
    held = FactorDesign(design.columns, design.coefficient, np.array([1e-4, 2.0, 2.0, 2.0]))
    found = fit(predicted, np.zeros(2), held, measured, 0.05, np.ones(200))
    assert abs(found[0]) < 0.01

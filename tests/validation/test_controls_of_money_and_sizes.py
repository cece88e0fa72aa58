"""Negative controls of money, delays and elastic jobs: each leaves one thing out, and its anchor must notice."""

from itertools import islice

import numpy as np
import pytest

from gpusim.validation import elastic, hindcast, slips
from gpusim.validation.anchor import QUICK, Effort
from tests.validation.test_negative_controls import failures


def test_money_without_what_was_owed_and_rented():
    """Without the loans of 2024 debt is off, without rent and overhead the margin: 78% in place of 62%."""
    sites = ("plano", "new_jersey", "virginia", "georgia", "nevada", "britain")
    free = {f"sites.{name}.rent_usd_per_mw_month": 0.0 for name in sites}
    unowed = {f"money.loans.{name}.owed_usd": 0.0 for name in ("term_loan", "ddtl_1", "ddtl_2", "oem")}
    off = failures(hindcast.coreweave(QUICK, {**free, **unowed, "money.overhead_share": 0.0}))
    assert off[f"{hindcast.MARGIN}, 2025Q1"] > 75.0
    assert any(what.startswith(f"{hindcast.DEBT}, 2025Q1") for what in off)
    assert f"{hindcast.INTEREST}, 2025Q1" in off
    assert not any(hindcast.MW in what or hindcast.BACKLOG in what for what in off)


def test_elastic_jobs_without_a_serial_part():
    """Jobs that are twice as fast with twice the GPUs are gone sooner than the chain of those that are not."""
    off = failures(islice(elastic.equal_parts(Effort(1 / 25), lambda gpus: np.asarray(gpus, float)), 1))
    assert off["Pollux, 4 jobs/s: mean time"] == pytest.approx(1.0 / 4.0, rel=0.3)


def test_delays_with_nothing_in_common():
    """Independent lognormals with a p90 of 1.5 times the median: half as many late, and Abilene's is not foreseen."""
    alone = {"delays.same_region": 0.0, "delays.same_trade": 0.0, "delays.tail_index": 100.0}
    late, _next_year, _fleet, _denton, abilene = slips.promised(QUICK, 1.5, alone)
    assert late.ours < 0.5 * slips.LATE_2025
    assert not abilene.passed


def test_halls_that_come_ahead_of_plan():
    """Results taken as soon as work is done: halls earn before their dates, and revenue of the last quarter is off."""
    off = failures(hindcast.coreweave(QUICK, {"delays.early_share": 1.0}))
    assert any(what.startswith(f"{hindcast.REVENUE}, 2026Q1") for what in off)


def test_gpus_that_are_paid_as_they_are_set_up():
    """Without payment ahead what stands under construction, debt and interest fall short."""
    off = failures(hindcast.coreweave(QUICK, {"money.gpus_paid_ahead_days": 0.0}))
    assert off[f"{hindcast.DEBT}, 2025Q2"] < 0.8 * hindcast.PUBLISHED.loc["2025Q2", hindcast.DEBT]
    assert f"{hindcast.INTEREST}, 2025Q2" in off

"""Contracts that ask before they are signed."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from gpusim.buildout.play import play
from gpusim.commerce.accounts import accounts
from gpusim.commerce.allocate import allocate
from gpusim.commerce.allocation import of_build_out
from gpusim.commerce.book import Book
from gpusim.commerce.signing import ASKED, sign
from gpusim.scenario.scenario import Scenario
from tests.buildout.kit import scenario

BASE = {"tenant": "lab", "gpu_types": ["one"], "price_usd_per_gpu_hour": 2.0, "term_days": 900.0, "grace_days": 30.0}
SIGMA = log(1.8) / norm.ppf(0.9)
N = 120


def contract(signed: float, due: float, gpus: float = 10.0, **more: object) -> dict:
    return {**BASE, "signed": signed, "gpus": [{"at": due, "value": gpus}], **more}


def one_project(contracts: dict) -> Scenario:
    """10 GPUs after a task of 100 days, 180 once in ten times."""
    task = {"boxes": {"median_days": 100.0, "p90_days": 180.0, "gives": "gpus"}}
    sc = scenario({"p": {"adds": {"gpus": {"one": 10}}, "tasks": task}}, tenants={"lab": {}}, contracts=contracts)
    return sc.with_({"sites.here.grid_mw": 1.0, "sites.here.hall_mw": 1.0})


def done_by(days: float) -> float:
    return float(norm.cdf(log(days / 100.0) / SIGMA))


def test_the_probability_is_that_of_the_task_given_what_is_known() -> None:
    """On day 0 F(120); on day 90, the task being under way, (F(150) - F(90)) / (1 - F(90))."""
    sc = one_project({"a": contract(0.0, 90.0, admit=0.5), "b": contract(90.0, 120.0, admit=0.99)})
    seed = next(seed for seed in range(99) if 100 < play(sc, seed).projects["delivered_s"].iloc[0] / 86_400 < 200)
    asked = sign(Book.of(sc), seed, replications=N).asked.set_index("contract")
    expected = done_by(120.0)
    assert asked.loc["a", "probability"] == pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / N))
    assert asked["signed"].tolist() == [True, False]  # "a" has the GPUs: nothing is left for "b"
    assert asked.loc["b", "probability"] == 0.0
    alone = sign(Book.of(sc.with_({"contracts.a.admit": 1.0})), seed, replications=N).asked.set_index("contract")
    expected = (done_by(150.0) - done_by(90.0)) / (1.0 - done_by(90.0))
    assert alone["signed"].tolist() == [False, False]
    assert alone.loc["b", "probability"] == pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / N))
    assert done_by(150.0) - expected > 0.1


def test_what_has_arrived_is_certain() -> None:
    sc = one_project({"a": contract(2000.0, 2010.0, admit=1.0)})
    assert sign(Book.of(sc), 1, replications=5).asked["probability"].tolist() == [1.0]
    sc = one_project({"a": contract(2000.0, 2010.0, gpus=11.0, admit=0.01)})
    assert sign(Book.of(sc), 1, replications=5).asked["signed"].tolist() == [False]


def test_accounts_are_kept_of_what_was_signed() -> None:
    sc = one_project(
        {"no": contract(0.0, 20.0, admit=0.9), "yes": contract(5.0, 400.0, admit=0.5), "plain": contract(9.0, 10.0)}
    )
    live = of_build_out(play(sc, 3).live)
    signings = sign(Book.of(sc), 3, replications=20)
    assert signings.asked.columns.tolist() == ASKED
    assert signings.asked["contract"].tolist() == ["no", "yes"]
    assert signings.asked["signed"].tolist() == [False, True]
    table = accounts(allocate(signings.book, live)).table()
    assert set(table["contract"]) == {"yes", "plain"}
    by_hand = one_project({"yes": contract(5.0, 400.0), "plain": contract(9.0, 10.0)})
    pd.testing.assert_frame_equal(table, accounts(allocate(Book.of(by_hand), live)).table())


def test_without_admit_nothing_is_asked() -> None:
    book = Book.of(one_project({"a": contract(0.0, 1.0)}))
    signings = sign(book, 1)
    assert len(signings.asked) == 0
    assert [one.name for one in signings.book.contracts] == ["a"]


def test_the_same_seed_has_the_same_answer() -> None:
    """And it depends on the contract's own name and on what is known, not on other questions."""
    two = one_project({"a": contract(0.0, 90.0, admit=1.0), "b": contract(30.0, 100.0, admit=1.0)})
    one = one_project({"b": contract(30.0, 100.0, admit=1.0)})
    answers = [sign(Book.of(sc), 5, replications=12).asked.set_index("contract") for sc in (two, two, one)]
    pd.testing.assert_frame_equal(answers[0], answers[1])
    assert answers[0].loc["b", "probability"] == answers[2].loc["b", "probability"]
    others = {sign(Book.of(one), seed, replications=12).asked["probability"].iloc[0] for seed in range(5)}
    assert len(others) > 1


def test_a_rival_lowers_the_probability() -> None:
    """10 boxes a month for us alone, or beside one who orders 16."""
    task = {"boxes": {"median_days": 1.0, "supply": "vendor", "units": 10.0, "gives": "gpus"}}
    parts = {"start": "2025-06-01", "adds": {"gpus": {"one": 10}}, "tasks": task}
    vendor = {"kind": "stock", "per_month": 10.0, "most": 10.0, "at_start": 5.0}
    sc = scenario(
        {"p": parts}, supplies={"vendor": vendor}, tenants={"lab": {}}, contracts={"a": contract(0.0, 200.0, admit=0.5)}
    )
    sc = sc.with_({"sites.here.grid_mw": 1.0, "sites.here.hall_mw": 1.0})
    rival = {"orders": {"vendor": {"per_month": 16.0}}}
    found = [sign(Book.of(one), 1, replications=40).asked["probability"].iloc[0]
             for one in (sc, sc.with_({"rivals": {"r": rival}}))]  # fmt: skip
    assert found[0] == 1.0
    assert 0.0 < found[1] < 0.9
    assert np.isfinite(found).all()

"""Entries fitted to a log: they find the cluster's own factors, say how sure they are, and refuse what is no log."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gpusim.errors import ServingError
from gpusim.serving.adjustment import Adjustment
from gpusim.serving.calibrate import calibrate
from gpusim.serving.entry import Entry, entry

TRUE = Adjustment(waiting=1.4, reading=0.85, context=1.2, computing=0.8, power=1.15)


def log_of(known: Entry, random: np.random.Generator, noise: float, batches=(1, 4, 16, 48, 96)) -> pd.DataFrame:
    """What a cluster of ``TRUE`` would have measured."""
    cluster = replace(known, coefficients=TRUE.of_times(known.coefficients), draws=TRUE.of_power(known.draws))
    rows = [(batch, prompt, output) for batch in batches for prompt, output in ((100, 900), (1000, 1000), (4000, 500))]
    log = pd.DataFrame(rows, columns=["batch", "prompt_tokens", "output_tokens"]).astype(float)
    load = known.load(*(log[name].to_numpy() for name in log))
    log["token_s"] = cluster.token_time_s(load).value * np.exp(noise * random.standard_normal(len(log)))
    log["power_w"] = cluster.power_w(load).value * np.exp(noise * random.standard_normal(len(log)))
    return log


def test_it_predicts_loads_that_were_not_in_the_log():
    random, known = np.random.default_rng(0), entry("qwen3-8b", "H200")
    made = calibrate(known, log_of(known, random, 0.01))
    unseen = log_of(known, random, 0.0, batches=(2, 32, 128))
    load = known.load(*(unseen[name].to_numpy() for name in ("batch", "prompt_tokens", "output_tokens")))
    before = np.abs(known.token_time_s(load).value / unseen["token_s"] - 1.0)
    after = np.abs(made.token_time_s(load).value / unseen["token_s"] - 1.0)
    assert after.max() < 0.04 < 0.1 < before.mean()
    power = np.abs(made.power_w(load).value / unseen["power_w"] - 1.0)
    assert power.mean() < 0.03 < np.abs(known.power_w(load).value / unseen["power_w"] - 1.0).mean()
    assert (made.basis, made.runs) == ("log", 15)


def test_four_of_five_fall_inside():
    inside = []
    for seed in range(12):
        random, known = np.random.default_rng(seed), entry("qwen3-8b", "H200")
        made = calibrate(known, log_of(known, random, 0.06))
        fresh = log_of(known, random, 0.06)
        load = known.load(*(fresh[name].to_numpy() for name in ("batch", "prompt_tokens", "output_tokens")))
        told = made.token_time_s(load)
        inside += list((told.low <= fresh["token_s"]) & (fresh["token_s"] <= told.high))
    assert 0.7 < np.mean(inside) < 0.92


def test_without_power_it_keeps_what_was_known():
    known = entry("qwen3-8b", "H200")
    made = calibrate(known, log_of(known, np.random.default_rng(1), 0.02).drop(columns="power_w"))
    assert made.draws == known.draws
    assert made.power == known.power


def test_the_same_log_gives_the_same_entry():
    known = entry("gpt-oss-20b", "H100", "vllm-0.11", experts="mxfp4")
    log = log_of(known, np.random.default_rng(2), 0.05)
    assert calibrate(known, log) == calibrate(known, log)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda log: log.drop(columns="token_s"), "no column token_s"),
        (lambda log: log.head(2), "2 rows; give 3 or more"),
        (lambda log: log.assign(batch=[0.0, *log["batch"][1:]]), "batch is 0.0 in row 0"),
        (lambda log: log.assign(token_s=[*log["token_s"][:-1], np.nan]), "token_s is nan in row 14"),
    ],
)
def test_what_is_no_log(spoil, message):
    known = entry("qwen3-8b", "H200")
    with pytest.raises(ServingError, match=message):
        calibrate(known, spoil(log_of(known, np.random.default_rng(3), 0.0)))

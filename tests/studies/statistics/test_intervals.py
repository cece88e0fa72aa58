"""Intervals, pairs, summaries, stopping and separation: known numbers, definitions, odd input."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gpusim.errors import StatisticsError
from gpusim.studies.statistics.intervals import Interval, changes, mean_interval, paired, paired_interval, summary
from gpusim.studies.statistics.separation import separate
from gpusim.studies.statistics.stopping import stop

INF, NAN = math.inf, math.nan
# Law (2015), example 4.26: ten observations, 90% interval 1.34 +- 0.24.
LAW = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def test_published_interval():
    interval = mean_interval(LAW, 0.90)
    assert (round(interval.mean, 2), round(interval.half_width, 2), interval.n) == (1.34, 0.24, 10)


@given(VALUES, st.floats(0.5, 0.999))
@settings(deadline=None, max_examples=50)
def test_interval_is_scipys(values, confidence):
    ours = mean_interval(values, confidence)
    if np.ptp(values) > 1e-6:
        theirs = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0], (3.0, -INF, INF, 1)),
        ([], (NAN, -INF, INF, 0)),
        ([NAN, 3.0], (3.0, -INF, INF, 1)),
        ([0.1] * 3, (0.1, 0.1, 0.1, 3)),  # the sum of three 0.1 over three is not 0.1
        ([0.1, NAN, 0.1], (0.1, 0.1, 0.1, 2)),
        ([INF, 1.0], (INF, -INF, INF, 2)),
        ([INF, INF], (INF, INF, INF, 2)),
        ([INF, -INF], (NAN, -INF, INF, 2)),
    ],
)
def test_odd_values(values, expected):
    np.testing.assert_array_equal(mean_interval(values), (*expected, 0.95))


def test_half_width():
    assert Interval(2.0, 1.0, 3.0, 5, 0.95).half_width == 1.0
    assert mean_interval([INF, INF]).half_width == 0.0
    assert mean_interval([1.0]).half_width == INF


def test_missing_values_are_as_if_not_there():
    assert mean_interval([1.0, NAN, 2.0, 4.0]) == mean_interval([1.0, 2.0, 4.0])
    assert paired_interval([1.0, NAN, 2.0, 4.0], [2.0, 3.0, NAN, 7.0]) == mean_interval([1.0, 3.0])


def test_pairs():
    first = np.array([1.0, 20.0, 300.0])
    assert paired_interval(first, first + 2.0)[:4] == (2.0, 2.0, 2.0, 3)  # exact, however much runs vary
    assert paired_interval([INF, 1.0], [INF, 1.0])[:4] == (0.0, 0.0, 0.0, 2)
    assert paired_interval([1.0, 1.0], [INF, 2.0])[:4] == (INF, -INF, INF, 2)
    with pytest.raises(StatisticsError, match="3 and 2 values"):
        paired_interval(first, first[:2])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, NAN])
def test_confidence_is_a_share(confidence):
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        mean_interval([1.0, 2.0], confidence)
    with pytest.raises(StatisticsError, match="between 0 and 1"):
        separate(pd.DataFrame({"a": [1.0, 2.0]}), confidence)


def runs():
    """Three points, named by two columns one of which has a missing name, of five replications but one."""
    random = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "policy": np.repeat(["fifo", "sjf", "sjf"], 5),
            "power": np.repeat([1.0, 1.0, NAN], 5),
            "replication": np.tile(range(5), 3),
            "wait": random.exponential(1.0, 15) + np.tile(np.arange(5.0), 3),
            "level": np.tile([NAN, 0.5, 0.5, 0.5, 0.5], 3),
        }
    )
    return table.drop(index=12).sample(frac=1.0, random_state=1)


def test_summary_is_mean_interval_per_point():
    table = runs()
    found = summary(table, ["policy", "power"], ["wait", "level"], 0.9)
    assert found.columns.tolist() == ["policy", "power", "measure", "mean", "low", "high", "sd", "n"]
    assert len(found) == 6
    for row in found.itertuples():
        power = table["power"].isna() if math.isnan(row.power) else table["power"] == row.power
        values = table.loc[(table["policy"] == row.policy) & power, row.measure]
        expected = mean_interval(values, 0.9)
        assert (row.mean, row.low, row.high, row.n) == pytest.approx(expected[:4], rel=1e-12)
        assert row.sd == pytest.approx(values.std(ddof=1))


def test_no_interval_reaches_beyond_what_a_measure_can_be():
    """Of shares, waits and slowdowns; of money, differences and what is no measure it is Student's."""
    ends = {
        "goodput": ([0.9, 1.0], None, 1.0),
        "wait_p95_s": ([0.0, 10.0], 0.0, None),
        "site texas carbon_t": ([0.0, 10.0], 0.0, None),
        "bounded_slowdown_p99": ([1.0, 3.0], 1.0, None),
        "energy_usd": ([-1.0, 10.0], None, None),
        "project hall late_days": ([-1.0, 10.0], None, None),
        "level": ([0.0, 10.0], None, None),
    }
    values = {name: kept for name, (kept, _least, _most) in ends.items()}
    table = pd.DataFrame({"point": 0, "replication": [0, 1], **values})
    found = summary(table, ["point"], list(ends)).set_index("measure")
    for name, (kept, least, most) in ends.items():
        mean, low, high, *_rest = mean_interval(kept)
        assert found.loc[name, ["mean", "low", "high"]].tolist() == pytest.approx(
            [mean, low if least is None else least, high if most is None else most]
        )
    apart = pd.DataFrame({"point": [0, 0, 1, 1], "replication": [0, 1] * 2, "wait_p95_s": [0.0, 5.0, 1.0, 20.0]})
    assert paired(apart, ["point"], {"point": 0}, ["wait_p95_s"])["low"].item() < 0.0


def test_points_keep_their_order():
    table = pd.DataFrame({"point": [7, 7, 2, 2], "replication": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 4.0]})
    assert summary(table, ["point"], ["x"])["point"].tolist() == [7, 2]


def test_paired_table_is_scipys_paired_test():
    table = runs()
    found = paired(table, ["policy", "power"], {"policy": "fifo", "power": 1.0}, ["wait", "level"])
    assert found["policy"].tolist() == ["sjf"] * 4
    wide = table.assign(power=table["power"].fillna(0.0)).pivot(
        index="replication", columns=["policy", "power"], values="wait"
    )
    for power, row in zip((1.0, 0.0), found[found["measure"] == "wait"].sort_values("power").itertuples(), strict=True):
        pairs = wide[[("fifo", 1.0), ("sjf", power)]].dropna().to_numpy().T
        test = stats.ttest_rel(pairs[1], pairs[0])
        limits = test.confidence_interval(0.95)
        assert (row.low, row.high, row.p_value) == pytest.approx((limits.low, limits.high, test.pvalue))
        assert row.n == (5 if power else 4)  # the lost run is left out on both sides
        assert row.difference == pytest.approx(pairs[1].mean() - pairs[0].mean())
        assert row.relative == pytest.approx(pairs[1].mean() / pairs[0].mean() - 1.0)
        assert row.variance_reduction == pytest.approx(
            pairs.var(axis=1, ddof=1).sum() / np.diff(pairs, axis=0).var(ddof=1)
        )
    level = found[found["measure"] == "level"]
    assert level[["difference", "low", "high", "p_value"]].to_numpy().tolist() == [[0.0, 0.0, 0.0, 1.0]] * 2
    assert level["variance_reduction"].isna().all()


def test_what_sharing_random_numbers_brings():
    """The same noise at both points and a tenth of it apart: 1 + 1.01 over 0.01 (and little without sharing)."""
    random = np.random.default_rng(1)
    noise, own = random.normal(size=(2, 20_000))
    table = pd.DataFrame(
        {
            "point": np.repeat([0, 1, 2], 20_000),
            "replication": np.tile(range(20_000), 3),
            "x": np.concatenate([noise, noise + 0.1 * own, own]),
        }
    )
    found = paired(table, ["point"], {"point": 0}, ["x"])["variance_reduction"]
    assert found.tolist() == pytest.approx([201.0, 1.0], rel=0.03)


def test_a_certain_difference():
    table = pd.DataFrame({"p": [0, 0, 1, 1], "replication": [0, 1, 0, 1], "x": [0.0, 8.0, 1.0, 9.0]})
    row = paired(table, ["p"], {"p": 0}, ["x"]).iloc[0]
    assert row[["difference", "low", "high", "p_value", "variance_reduction"]].tolist() == [1.0, 1.0, 1.0, 0.0, INF]


def test_nothing_is_known_of_an_infinite_difference():
    table = pd.DataFrame({"p": [0, 0, 1, 1], "replication": [0, 1, 0, 1], "x": [0.0, 8.0, 1.0, INF]})
    row = paired(table, ["p"], {"p": 0}, ["x"]).iloc[0]
    assert row[["difference", "low", "high", "p_value"]].tolist() == [INF, -INF, INF, 1.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": ["polcy", "power"]}, "no column 'polcy' .did you mean 'policy'"),
        ({"measures": ["wait", "policy"]}, "'policy' holds"),
        ({"by": []}, "by is empty"),
        ({"by": ["policy"], "base": {"policy": "fifo"}}, r"\(policy = sjf\) has 2 rows of replication 0"),
        ({"base": {"policy": "fifo"}}, "a value for each of policy, power"),
        ({"base": {"policy": "lifo", "power": 1.0}}, r"no point is the base \(policy = lifo, power = 1.0\)"),
    ],
)
def test_wrong_tables_are_refused(change, message):
    arguments = {"by": ["policy", "power"], "base": {"policy": "fifo", "power": 1.0}, "measures": ["wait"], **change}
    with pytest.raises(StatisticsError, match=message):
        paired(runs(), **arguments)


def test_all_faults_of_a_table_together():
    with pytest.raises(StatisticsError, match="no column 'a'.*no column 'b'"):
        summary(runs(), ["a"], ["b"])


def test_stops_when_narrow_enough():
    half = mean_interval(LAW).half_width
    assert stop(LAW, half, least=2).reached
    assert stop(LAW, half, least=2).more == 0
    short = stop(LAW, 0.999 * half, least=2)
    assert (short.reached, short.more, short.needed) == (False, 1, 11)
    assert stop(LAW, half, least=12).more == 2


def test_relative_half_width_is_of_the_true_mean():
    """Law: half over mean found at most g / (1 + g)."""
    interval = mean_interval(LAW)
    share = interval.half_width / interval.mean
    edge = share / (1.0 - share)
    assert stop(LAW, 1.001 * edge, relative=True, least=2).reached
    assert not stop(LAW, 0.999 * edge, relative=True, least=2).reached
    assert stop([-v for v in LAW], 1.001 * edge, relative=True, least=2).reached


@given(st.floats(0.01, 0.9), st.integers(2, 40))
@settings(deadline=None, max_examples=50)
def test_needed_is_the_least_number(share, n):
    values = np.random.default_rng(n).normal(size=n)
    target = share * mean_interval(values).half_width
    needed, sd = stop(values, target, least=2).needed, values.std(ddof=1)

    def half(count):
        return stats.t.ppf(0.975, count - 1) * sd / math.sqrt(count)

    assert half(needed) <= target * (1 + 1e-12)
    assert half(needed - 1) > target * (1 - 1e-12)


def test_rounds_at_most_double_and_end_at_most():
    far = stop(LAW, 1e-3, least=2, most=10_000)
    assert (far.more, far.needed > 100_000) == (10, True)
    assert stop(LAW, 1e-3, least=2, most=13).more == 3
    at_most = stop(LAW, 1e-3, least=2, most=10)
    assert (at_most.reached, at_most.more) == (False, 0)


def test_stopping_of_odd_values():
    assert stop([], 1.0, least=7)[:3] == (False, 7, INF)
    assert stop([5.0] * 3, 1e-9, least=3)[:3] == (True, 0, 2)
    assert stop([NAN] * 3, 1.0, least=3)[:2] == (False, 0)  # not waited for
    assert stop([-1.0, 1.0], 0.1, relative=True, least=2)[:3] == (False, 2, INF)  # no share of 0 is wide enough
    assert stop([INF, 1.0], 0.1, least=2)[:3] == (False, 2, INF)
    with pytest.raises(StatisticsError, match="half_width = 0.0.*least = 1.*most = 0"):
        stop([1.0], 0.0, least=1, most=0)


def alternatives(n=12):
    random = np.random.default_rng(5)
    shared = random.normal(0.0, 10.0, n)
    own = random.normal(0.0, 0.1, (n, 3))
    return pd.DataFrame(
        {"worst": shared - 1.0 + own[:, 0], "best": shared + own[:, 1], "near": shared - 0.02 + own[:, 2]}
    )


def test_separation():
    values = alternatives()
    found = separate(values)
    assert (found.best, found.separated, found.contenders, found.tied) == ("best", False, ["best", "near"], [])
    assert found.intervals.index.tolist() == ["worst", "near"]
    for name, row in found.intervals.iterrows():  # Bonferroni: two challengers
        assert row.tolist() == pytest.approx(paired_interval(values[name], values["best"], 0.975)[:4])
    assert separate(values[["worst", "best"]]).separated


def test_rounding_is_no_change():
    first = np.array([0.1 + 0.2, 1e6, 5.0, np.inf, 0.0])
    second = np.array([0.3, 1e6 + 1e-7, 5.0 + 1e-6, np.inf, 1.0])
    np.testing.assert_allclose(changes(first, second), [0.0, 0.0, 1e-6, 0.0, 1.0], rtol=1e-6, atol=0.0)
    assert paired_interval(first[:2], second[:2])[:3] == (0.0, 0.0, 0.0)


def test_exact_ties():
    values = alternatives().assign(twin=lambda table: table["best"]).drop(columns="near")
    found = separate(values)
    assert (found.best, found.separated, found.contenders, found.tied) == ("best", True, ["best", "twin"], ["twin"])
    values.loc[3, "twin"] -= 1e-12
    assert separate(values).tied == []
    once = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, NAN]})
    assert (separate(once).tied, separate(once).separated) == ([], False)


def test_replications_that_only_some_have():
    """``late`` ran in the good replications only: its mean is the greatest, yet it is worse wherever both ran."""
    values = pd.DataFrame({"late": [NAN, NAN, 9.0, 9.1, 9.2], "steady": [0.0, 0.1, 10.0, 10.1, 10.3], "absent": NAN})
    found = separate(values)
    assert values["late"].mean() > values["steady"].mean()
    assert (found.best, found.contenders) == ("steady", ["steady", "absent"])
    assert found.intervals["n"].tolist() == [3, 0]
    one_lost = pd.DataFrame({"worse": [1.0, 2.0, 3.0], "better": [5.0, 6.0, NAN]})
    assert separate(one_lost).best == "better"


@given(st.integers(2, 6), st.integers(2, 8), st.integers(0, 10_000))
@settings(deadline=None, max_examples=50)
def test_best_of_complete_data_has_the_greatest_mean(k, n, seed):
    values = pd.DataFrame(np.random.default_rng(seed).normal(size=(n, k)))
    assert separate(values).best == values.mean().idxmax()


def test_one_alternative_and_none():
    found = separate(pd.DataFrame({"only": [1.0, 2.0]}))
    assert (found.best, found.separated, found.contenders, len(found.intervals)) == ("only", True, ["only"], 0)
    for nothing in (pd.DataFrame({"a": [NAN]}), pd.DataFrame(index=range(3))):
        with pytest.raises(StatisticsError, match="at least one run"):
            separate(nothing)

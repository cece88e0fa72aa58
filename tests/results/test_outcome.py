"""The outcome of a run against the answers that it gathers, against sums written out, and by hand."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpusim.causes import ABSENT, LOSS_OF_WAIT, REJECTED, STALLED, USEFUL
from gpusim.engine.run import run
from gpusim.errors import ResultError
from gpusim.inputs.jobtable import JobTable
from gpusim.results.bottlenecks import bottlenecks
from gpusim.results.delays import delays
from gpusim.results.economics import economics, pools
from gpusim.results.groups import Groups
from gpusim.results.ledger import both_sides
from gpusim.results.measure import BY_CAUSE, MEASURES
from gpusim.results.metrics import metrics
from gpusim.results.outcome import outcome
from gpusim.results.serving import serving
from gpusim.results.window import after
from gpusim.scenario.scenario import Scenario
from tests.results.kit import make

KEYS = ["kind", "name", "cause", "measure"]
# Two tenants, quotas, rejections, evictions by the service, a gang without its nodes, GPUs that come late.
CHANGES = {
    "run.days": 1.5,
    "scheduler.queue_limit": 40,
    "scheduler.redispatch": False,
    "sites.texas.grid_mw": [{"at": 0.0, "value": 0.4}, {"at": 1.0, "value": 2.0}],
    "tenants.other": {"quota_gpus": {"H100": 32, "H200": 16}},
    "workload.classes.short": {"load_s": 120.0},
    "workload.streams.other": {"tenant": "other", "job_class": "short", "jobs_per_day": 200.0, "priority": -1},
    "services.chat.may_preempt": True,
    "services.chat.load_s": 600.0,
    "services.chat.mean_tokens_per_s": 150000.0,
}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return Scenario.from_toml(Path(__file__).parents[2] / "seeds" / "small.toml", CHANGES)


@pytest.fixture(scope="module")
def result(scenario):
    return run(scenario, seed=2)


def wide(table: pd.DataFrame, kind: str, cause: bool = False) -> pd.DataFrame:
    """Figures of a kind, one row per name (and cause), one column per measure."""
    rows = table[(table["kind"] == kind) & ((table["cause"] != "") == cause)]
    return rows.pivot(index=["name", "cause"] if cause else "name", columns="measure", values="value")


def assert_same(found: pd.Series, expected: pd.Series) -> None:
    pd.testing.assert_series_equal(
        found, expected, check_exact=True, check_names=False, check_index_type=False, check_like=True
    )


def test_the_run_shows_all_that_is_compared(result):
    assert {"done", "running", "queued", "rejected"} <= set(result.jobs["status"])
    assert result.jobs["evictions"].sum() > 0
    assert result.jobs["start_s"].isna().sum() > (result.jobs["status"] == "rejected").sum() > 0
    assert (result.services["cause"] != "").any()
    assert {"busy", "quota", "not_energised"} <= set(result.waits["cause"])


def test_every_measure_stands_there_once_in_order(result):
    table = outcome(result)
    assert list(table.columns) == [*KEYS, "value"]
    assert table["value"].dtype == np.float64
    assert not table.duplicated(KEYS).any()
    kinds = [kind for kind in dict.fromkeys(table["kind"]) if kind != "rejection"]
    assert [*kinds, "contract", "project", "task_kind", "held_by"] == list(MEASURES)
    for kind, measures in MEASURES.items():
        rows = table[(table["kind"] == kind) & (table["cause"] == "")]
        assert rows["measure"].tolist() == list(measures) * rows["name"].nunique()
    rows = table[(table["cause"] != "") & (table["kind"] != "rejection")]
    assert set(rows["kind"]) == {"pool"}
    assert rows["measure"].tolist() == list(BY_CAUSE) * (len(rows) // len(BY_CAUSE))


def test_it_depends_on_scenario_and_seed_only(scenario, result):
    pd.testing.assert_frame_equal(outcome(result), outcome(run(scenario, seed=2)), check_exact=True)
    assert not outcome(result).equals(outcome(run(scenario, seed=3)))


def test_a_saved_result_has_the_same_outcome(result, tmp_path):
    result.save(tmp_path / "run")
    pd.testing.assert_frame_equal(outcome(type(result).load(tmp_path / "run")), outcome(result), check_exact=True)


def test_it_is_what_the_single_answers_say(result):
    table = outcome(result)
    assert_same(table[table["kind"] == "fleet"].set_index("measure")["value"], metrics(result))
    for by in ("job_class", "tenant", "size"):
        found, expected = wide(table, by), delays(result, by).astype({by: str}).set_index(by)
        for name in ("jobs", "started", "waiting"):
            assert found[name].to_dict() == {str(key): float(value) for key, value in expected[name].items()}
        for name in ("job_hours_waited", "wait_mean_s", "wait_p50_s", "wait_p90_s", "wait_p95_s", "wait_p99_s"):
            assert_same(found[name].sort_index(), expected[name].sort_index())
    sites = wide(table, "site").rename(columns={"energy_facility_mwh": "energy_mwh"})
    for name in sites:
        assert_same(sites[name].sort_index(), economics(result).set_index("site")[name].sort_index())
    chat = serving(result)
    assert wide(table, "service").loc["chat", "replicas"] == chat["replicas"].sum()
    assert wide(table, "service").loc["chat", "wanted_replicas"] == chat["wanted_replicas"].sum()
    share = metrics(result)["service_tokens_served_share"]  # of sums in another order
    assert wide(table, "service").loc["chat", "served_share"] == pytest.approx(share, rel=1e-12)


def test_pools_are_what_the_bottlenecks_say(result):
    table, known, ranked = outcome(result), pools(result), bottlenecks(result)
    found = wide(table, "pool")
    names = (known["site"] + "/" + known["gpu_type"]).tolist()
    assert found["planned_gpu_hours"][names].tolist() == pytest.approx(known["planned_gpu_hours"].tolist(), rel=1e-14)
    useful = found["useful_gpu_hours"] / found["planned_gpu_hours"]
    assert useful[names].tolist() == pytest.approx(known["useful_share"].tolist(), rel=1e-14)
    by_cause = wide(table, "pool", cause=True)
    ranked = ranked[~ranked["cause"].isin(REJECTED)]  # jobs that have no pool
    assert len(by_cause) == len(ranked) > 10
    for row in ranked.itertuples():
        assert by_cause.loc[f"{row.site}/{row.gpu_type}", row.cause].to_dict() == {
            measure: getattr(row, measure) for measure in BY_CAUSE
        }


def test_books_written_out(result):
    """The same sums row by row, with dictionaries."""
    lost, waited, asked, held = (defaultdict(float) for _ in range(4))
    for row in result.ledger.itertuples():
        key = row.site, row.gpu_type, row.start_s, row.cause
        if row.cause not in USEFUL:
            lost[key] += row.gpu_s
        if row.cause in STALLED:
            asked[key] += row.gpu_s
            held[key] += row.gpu_s
    shares = {}
    for row in result.unmet.itertuples():
        cell, loss = (row.site, row.gpu_type, row.start_s), LOSS_OF_WAIT[row.cause]
        parts = {loss: (row.gpu_s, row.free_gpu_s + row.padding_gpu_s + row.short_gpu_s)}
        if loss in ("busy", *ABSENT):
            free, padding = row.free_gpu_s, row.padding_gpu_s
            parts = {"idle_reserved": (free, free), "idle_fragmented": (padding, padding),
                     loss: (row.gpu_s - free - padding, row.short_gpu_s)}  # fmt: skip
        for to, (asked_s, held_s) in parts.items():
            asked[*cell, to] += asked_s
            held[*cell, to] += held_s
        shares[*cell, row.cause] = {to: asked_s / row.gpu_s for to, (asked_s, _held_s) in parts.items()}
    for row in result.waits.itertuples():
        cell = row.site, row.gpu_type, row.start_s
        for to, share in shares[*cell, row.cause].items():
            waited[*cell, to] += share * row.job_s
    keys, columns = ["site", "gpu_type", "start_s", "cause"], ["lost_s", "waited_s", "asked_s", "held_s"]
    table = both_sides(result).replace({"cause": {"power_plan": "not_energised"}})  # split off
    table = table.groupby(keys)[columns].sum()
    for key in {key for book in (lost, waited, asked) for key, value in book.items() if value > 1e-6}:
        expected = lost[key], waited[key], asked[key], held[key]
        assert tuple(table.loc[key, columns]) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert table["lost_s"].sum() == pytest.approx(sum(lost.values()), rel=1e-12)
    assert table["asked_s"].sum() == pytest.approx(sum(asked.values()), rel=1e-12)
    assert table["waited_s"].sum() == pytest.approx(result.waits["job_s"].sum(), rel=1e-12)


# How long jobs waited that never started ----------------------------------------------------------------------------


def test_rejected_jobs_by_what_they_asked_for(result):
    rows = outcome(result)
    rows = rows[rows["kind"] == "rejection"].set_index("measure")["value"]
    assert rows["gpu_hours_held_back"].sum() == pytest.approx(result.rejections["gpu_s"].sum() / 3600.0)
    assert rows["usd"].sum() == pytest.approx(result.rejections["usd"].sum())
    assert rows["gpu_hours_held_back"].sum() > 0.0


def test_jobs_that_never_started_waited_to_the_end_and_rejected_ones_for_ever():
    never = {"start_s": np.nan, "end_s": np.nan, "run_s": 0.0}
    jobs = (
        {"submit_s": 100.0, "start_s": 110.0},
        {"submit_s": 200.0, "start_s": 230.0},
        {"submit_s": 600.0, "status": "queued", **never},  # the run ends at 3,600 s
        {"submit_s": 700.0, "status": "rejected", **never},
    )
    found = wide(outcome(make({("north", "H100"): {"training": [8.0]}}, jobs=jobs)), "tenant").loc["lab"]
    assert (found["jobs"], found["started"], found["waiting"], found["jobs_done"]) == (4.0, 2.0, 1.0, 2.0)
    assert found["waited_mean_s"] == pytest.approx((10.0 + 30.0 + 3000.0) / 3.0)
    assert found["waited_p50_s"] == pytest.approx(30.0 + 0.5 * 2970.0)
    assert found["waited_p99_s"] == np.inf
    assert found["wait_p99_s"] == pytest.approx(29.8)  # of those that started


def test_all_rejected():
    jobs = ({"status": "rejected", "start_s": np.nan, "end_s": np.nan, "run_s": 0.0},) * 2
    found = wide(outcome(make({("north", "H100"): {"training": [8.0]}}, jobs=jobs)), "job_class").loc["research"]
    assert found["waited_p50_s"] == np.inf
    assert np.isnan(found["waited_mean_s"])
    assert np.isnan(found["wait_p50_s"])


def test_without_jobs_and_services():
    table = outcome(make({("north", "H100"): {"idle_no_demand": [8.0]}}))
    assert set(table["kind"]) == {"fleet", "site", "pool"}


values = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, np.nan, np.inf]))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abcd"), values), max_size=30))
def test_groups_as_pandas_does_them(rows):
    keys, numbers = pd.Series([key for key, _ in rows], dtype=object), pd.Series([v for _, v in rows], dtype=float)
    groups = Groups(keys)
    by = numbers.groupby(keys)
    assert list(groups.labels) == sorted(set(keys))
    assert groups.sizes.tolist() == by.size().tolist()
    assert groups.counts((numbers > 0.0).to_numpy()).tolist() == (numbers > 0.0).groupby(keys).sum().tolist()
    np.testing.assert_array_equal(groups.sums(x=numbers)["x"], by.sum().to_numpy())
    shares = [0.0, 0.5, 0.9, 1.0]
    found = groups.quantiles(numbers.to_numpy(), shares)
    for row, key in zip(found, groups.labels, strict=True):
        ordered = np.sort(numbers[(keys == key) & numbers.notna()])
        for share, value in zip(shares, row, strict=True):
            at = share * (len(ordered) - 1)
            if not len(ordered):
                assert np.isnan(value)
            elif np.isfinite(ordered[int(np.ceil(at))]):
                low, high = ordered[int(at)], ordered[int(np.ceil(at))]
                assert value == pytest.approx(low + (at % 1.0) * (high - low), rel=1e-12, abs=1e-9)
            else:
                assert value == np.inf


def test_rows_without_a_key_are_in_no_group():
    groups = Groups(pd.Series(pd.Categorical.from_codes([1, -1, 1, 3], list("abcd"))))
    assert list(groups.labels) == ["b", "d"]
    assert groups.sums(x=np.array([1.0, 2.0, 4.0, 8.0]))["x"].tolist() == [5.0, 8.0]
    assert groups.quantiles(np.array([1.0, 2.0, 4.0, 8.0]), [0.5]).tolist() == [[2.5], [8.0]]
    assert groups.counts(np.array([True, True, False, True])).tolist() == [1, 1]


# Useful work of jobs ------------------------------------------------------------------------------------------------


def test_useful_work_of_jobs_is_what_the_ledger_calls_training(scenario):
    """To rounding once all jobs have ended, whatever runs failing nodes cut short, if none was while it loaded."""
    draw = np.random.default_rng(6)
    n = 300
    jobs = JobTable.build(
        {"tenant": ["lab"], "job_class": ["research", "short"]},
        submit_s=np.sort(draw.uniform(0.0, 43_200.0, n)),
        gpus=draw.choice([1, 4, 8, 12, 24], n),
        runtime_s=draw.exponential(20_000.0, n),
        job_class=draw.integers(0, 2, n),
    )

    def fail(env):
        for k in range(200):
            yield env.at(600.0 * (k + 1))
            env.fail_node(k % 30)
            yield env.at(600.0 * (k + 1) + 300.0)
            env.repair_node(k % 30)

    changes = {"run.days": 30.0, "run.drain": True, "services": {}, "workload.streams": {}, "workload.trace": "none",
               "scheduler.queue_limit": n, "tenants.other": {}, "workload.classes.research.load_s": 60.0,
               "failures": {}, "workload.classes.research.checkpoint_write_s": 30.0}  # fmt: skip
    done = run(scenario.with_(changes), trace=jobs, processes=[fail])
    assert (done.jobs["status"] == "done").all()
    assert done.jobs["evictions"].sum() > 50
    booked_s = done.ledger.groupby("cause")["gpu_s"].sum()
    assert min(booked_s[["loading", "checkpointing", "lost_work"]]) > 1e-3 * booked_s["training"]  # to be told apart
    assert done.jobs["useful_gpu_s"].sum() == pytest.approx(booked_s["training"], rel=1e-9)


# After a warm-up ----------------------------------------------------------------------------------------------------


def _job(submit_s: float, wait_s: float) -> dict[str, float]:
    return {"submit_s": submit_s, "start_s": submit_s + wait_s, "end_s": submit_s + wait_s + 1800.0}


def hours(first: int, last: int):
    """Hours [first, last) of a fleet; jobs submitted in them, one per hour."""
    training = [10.0, 20.0, 30.0, 40.0]
    at = range(first, last)
    return make(
        {("north", "H100"): {"training": [training[h] for h in at], "not_energised": [50.0 - training[h] for h in at]}},
        waits=tuple(("north", "H100", h - first, "busy", 1.0 + h, 8.0) for h in at),
        jobs=tuple(_job((h - first) * 3600.0, 60.0 * h) for h in at),
    )


def test_after_a_warm_up_it_is_as_if_the_run_had_begun_there():
    found, expected = outcome(hours(0, 4), warm_up_s=7200.0), outcome(hours(2, 4))
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
    assert not np.allclose(found["value"], outcome(hours(0, 4))["value"], equal_nan=True)


def test_a_warm_up_within_an_interval_leaves_that_interval_out():
    result = hours(0, 4)
    kept = after(result, 3601.0)
    assert kept.ledger["start_s"].unique().tolist() == [7200.0, 10800.0]
    assert kept.jobs["submit_s"].tolist() == [7200.0, 10800.0]
    assert kept.jobs.index.tolist() == [0, 1]
    assert after(result, 0.0) is result


def test_parts_after_and_before_a_warm_up_are_the_whole(result):
    """Energy, money, carbon, GPU-hours and waiting of the first 12 hours and of the rest add up."""
    at_s = 12 * 3600.0
    rest = after(result, at_s)
    first = type(result)(result.manifest, {**result.tables, "sites": None, "costs": None})
    for name in ("ledger", "power", "waits"):
        first.tables[name] = result.tables[name][result.tables[name]["start_s"] < at_s]
    whole, later = result.sites.set_index("site"), rest.sites.set_index("site")
    power = first.tables["power"].groupby("site")
    for column in ("cost_usd", "carbon_kg"):
        assert (power[column].sum() + later[column]).to_dict() == pytest.approx(whole[column].to_dict(), rel=1e-9)
    phases = [name for name in result.power if name.endswith("_j")]
    it_j = power[phases].sum().sum(axis=1) + later["energy_it_j"]
    assert it_j.to_dict() == pytest.approx(whole["energy_it_j"].to_dict(), rel=1e-9)
    spans = (first.tables["power"]["facility_w"] * 3600.0).groupby(first.tables["power"]["site"]).sum()
    assert (spans + later["energy_facility_j"]).to_dict() == pytest.approx(
        whole["energy_facility_j"].to_dict(), rel=1e-9
    )
    assert rest.costs["energy_usd"].sum() == pytest.approx(later["cost_usd"].sum(), rel=1e-9)
    assert (later["peak_facility_w"] <= whole["peak_facility_w"] * (1 + 1e-9)).all()


@pytest.mark.parametrize("warm_up_s", [-1.0, 4 * 3600.0, float("nan")])
def test_a_warm_up_that_leaves_nothing_is_refused(warm_up_s):
    with pytest.raises(ResultError, match=r"warm_up_s = .*: must be from 0 to 10800 s, where the run's last record"):
        outcome(hours(0, 4), warm_up_s)

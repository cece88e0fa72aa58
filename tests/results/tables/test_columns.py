"""Every column of every table names its unit, and instants have timestamps beside them."""

from __future__ import annotations

import pandas as pd
import pytest

import gpusim
from gpusim.result import Result
from gpusim.results.tables.names import CONTRACT_TABLES, KEPT, OPTIONAL, SEGMENTS, SERVICE_TABLES, TABLES
from gpusim.results.tables.record import INSTANTS, dated, undated, utc
from gpusim.results.tables.studies import COMPETITION_TABLES as OF_COMPETITION
from gpusim.results.tables.studies import DELIVERY_TABLES as OF_DELIVERIES
from tests.results.requests_kit import simulated
from tests.studies.deliveries.kit import contract, project, scenario

# How the name of a column of numbers ends: its unit, or what it counts.
UNITS = (
    "_s", "_utc", "_j", "_bytes", "_gb", "_w", "_mw", "_mwh", "_kg", "_c", "_l", "_deg", "_days", "_usd", "_gpus",
    "_jobs", "_tokens", "_hours", "_units", "_per_month", "_per_kwh", "_per_mwh", "_per_gpu_hour", "_replicas",
)  # fmt: skip
PREFIXES = ("gpu_hours_", "job_hours_")
COUNTS = {"retries",
    "gpus", "jobs", "units", "replicas", "evictions", "replications", "usd", "mw", "gpu_hours", "seed", "requests",
    "preemptions", "nodes", "interruptions", "transfers",
}  # fmt: skip
PLACES = {"feeder", "job_id", "run", "request", "milestone", "position", "priority", "rank"}
RATIOS = {
    "pue", "scarcity", "admit", "probability", "on_time", "within_grace", "never", "begun", "index", "left", "later",
    "share_of_planned", "ettr", "expected_ettr", "goodput", "rate",
}  # fmt: skip
TOLD = {"value", "measured", "limit", "amount"}  # in the unit of the row: a column ``unit``, or the end of its name
DURATIONS = {
    "wait_s", "run_s", "gpu_s", "held_gpu_s", "useful_gpu_s", "lost_gpu_s", "runtime_s", "estimate_s", "job_s",
    "late_s", "waited_s", "repair_s", "free_gpu_s", "padding_gpu_s", "short_gpu_s", "over_s", "upto_s",
    "capped_s", "throttled_gpu_s", "alone_s", "shared_s", "load_s", "read_s", "write_s", "background_s", "kept_s",
    *(f"{use}_gpu_s" for use in ("prefill", "decode", "idle", "loading", "draining")),
    *(f"{what}_{of}_s" for what in ("ttft", "time_per_output_token", "end_to_end")
      for of in ("mean", "p50", "p90", "p99")),
}  # fmt: skip
TASK = {"median_days": 40.0, "p90_days": 60.0, "supply": "vendor", "units": 50.0}
NON_FIRM = {"mw": 0.01, "calls": [{"at": 1.0, "hours": 4.0}]}
SCENARIO = scenario(
    {"a": project(50, TASK), "b": project(20, {**TASK, "units": 20.0}, start="2025-03-01")},
    {"one": {**contract(40, "2025-03-01"), "admit": 0.0}},
    supplies={"vendor": {"kind": "stock", "per_month": 30.0, "most": 30.0}},
    rivals={"big": {"orders": {"vendor": {"per_month": 4.0, "units": 8.0}}, "lets": {"gpus": {"one": 20.0}}}},
    market={"index": {"supplies": {"one": "vendor"}}, "demand": {"gpus": {"one": {"at_start": 30.0}}}},
)


@pytest.fixture(scope="module")
def result() -> Result:
    return gpusim.run(
        SCENARIO.with_(
            {
                "failures.mix": "llama3",
                "links": {"wan": {"between": ["US-TEX-ERCO", "DE-LU"], "gbps": 1.0}},
                "data_sets": {"tokens": {"tb": 1.0, "regions": ["DE-LU"]}},
                "sites.there": {
                    "storage": {"write_gb_s": 10.0},
                    "region": "US-TEX-ERCO",
                    "jurisdiction": "US",
                    "grid_mw": 1.0,
                    "pools": {"one": {"gpus": 8}},
                },
                "sites.here.tariff": {},
                "sites.here.storage.write_gb_s": 10.0,
                "workload.classes.pretraining": {"parameters_b": 1.0, "checkpoint_interval_s": 600.0},
                "sites.here.pools.one.feeders": {"hall": {"nodes": 100, "kw": 1e6}},
                "sites.here.non_firm": NON_FIRM,
                "sites.here.on_site": {"battery": {"mw": 0.01, "mwh": 0.04}},
            }
        ),
        seed=3,
    )


@pytest.fixture(scope="module")
def serving() -> Result:
    return simulated(mean_tokens_per_s=20.0)[1]


def unnamed(table: pd.DataFrame) -> list[str]:
    """Columns of numbers or dates whose name has no unit."""
    numbers = [
        name for name in table if pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool
        or pd.api.types.is_datetime64_any_dtype(table[name])
    ]  # fmt: skip
    told = TOLD if {"unit", "name", "measure", "figure"} & set(table) else set()
    known = COUNTS | PLACES | RATIOS | told
    named = [name for name in numbers if name.endswith((*UNITS, "_ratio", "_share")) or name.startswith(PREFIXES)]
    return [name for name in numbers if name not in known and name not in named]


def undated_instants(table: pd.DataFrame) -> list[str]:
    """Columns of seconds that are no known durations and have no timestamps."""
    seconds = [name for name in table if name.endswith("_s") and name not in DURATIONS]
    return [name for name in seconds if utc(name) not in table]


def test_every_column_of_a_result_names_its_unit(result: Result, serving: Result) -> None:
    elsewhere = {*SERVICE_TABLES, SEGMENTS, KEPT}  # of runs: tests/engine/test_segment_table.py
    assert set(OPTIONAL) - elsewhere <= set(result.tables)
    faults = {name: unnamed(result.table(name)) for name in [*result.tables, "rules"]}
    faults |= {name: unnamed(serving.table(name)) for name in SERVICE_TABLES}
    assert {name: columns for name, columns in faults.items() if columns} == {}
    assert unnamed(result.bottlenecks()) == unnamed(result.effective_times("tenant")) == []


def test_every_instant_of_a_result_has_its_timestamp(result: Result, serving: Result) -> None:
    faults = {name: undated_instants(result.table(name)) for name in [*result.tables, "rules"]}
    faults |= {name: undated_instants(serving.table(name)) for name in SERVICE_TABLES}
    assert {name: columns for name, columns in faults.items() if columns} == {}
    assert undated_instants(result.bottlenecks()) == []
    for of, name in [*((result, name) for name in TABLES), *((serving, name) for name in SERVICE_TABLES)]:
        start, table = pd.Timestamp(of.manifest["start"]), of.table(name)
        for column in INSTANTS & set(table):
            expected = start + pd.to_timedelta(table[column], unit="s").dt.round("us")
            assert table[utc(column)].dt.tz is not None
            assert (table[utc(column)].isna() == table[column].isna()).all()
            assert ((table[utc(column)] - expected).abs().max() <= pd.Timedelta(microseconds=1)) or table.empty


def test_what_replications_say_has_units_and_dates() -> None:
    deliveries, competition = gpusim.deliveries(SCENARIO, 4), gpusim.competition(SCENARIO, 4)
    for name in OF_DELIVERIES:
        assert unnamed(getattr(deliveries, name)) == [], name
        assert undated_instants(getattr(deliveries, name)) == [], name
    for name in OF_COMPETITION:
        assert unnamed(getattr(competition, name)) == [], name
    build_out = gpusim.play(SCENARIO, 3)
    for name, table in vars(build_out).items():
        assert unnamed(table) == [] == undated_instants(table), name
    for answer in (deliveries, competition, build_out):
        assert repr(answer).startswith(f"<{type(answer).__name__}")
        assert len(repr(answer)) < 160
    contracts = gpusim.contracts(SCENARIO)
    assert unnamed(contracts) == []
    assert contracts.loc[0, "first_due_utc"] == pd.Timestamp("2025-03-01", tz="UTC")


def test_timestamps_are_not_kept(result: Result, tmp_path) -> None:
    result.jobs  # noqa: B018
    result.save(tmp_path / "run")
    assert not [name for name in pd.read_parquet(tmp_path / "run" / "power.parquet") if name.endswith("_utc")]
    loaded = Result.load(tmp_path / "run")
    for name in (*TABLES, *CONTRACT_TABLES):
        there, here = loaded.table(name), result.table(name)
        assert list(there) == list(here)
        for column in [column for column in here if column.endswith("_utc")]:
            pd.testing.assert_series_equal(there[column], here[column])


def test_never_is_no_date() -> None:
    start = pd.Timestamp("2026-01-01", tz="UTC").to_pydatetime()
    table = pd.DataFrame({"x": [1, 2, 3], "end_s": [0.5, float("inf"), float("nan")], "wait_s": 1.0})
    found = dated(table, start)
    assert list(found) == ["x", "end_s", "end_utc", "wait_s"]
    assert found["end_utc"].isna().tolist() == [False, True, True]
    assert found["end_utc"][0] == pd.Timestamp("2026-01-01T00:00:00.5", tz="UTC")
    pd.testing.assert_frame_equal(undated(found), table)
    assert dated(table[["x"]], start).columns.tolist() == ["x"]

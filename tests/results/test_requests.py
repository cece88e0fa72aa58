"""What came of requests, as the tables of a run say and as its rows of requests say by themselves."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from gpusim.result import Result
from gpusim.results import requests
from gpusim.results.conservation import check
from gpusim.results.economics import hourly_usd
from gpusim.results.measure import OF_REQUESTS
from gpusim.results.metrics import metrics
from gpusim.results.outcome import outcome
from gpusim.results.window import after
from tests.results.kit import fleet, make
from tests.results.requests_kit import OBJECTIVES, served, simulated, sketch

LATE = [
    ("north", "us", 0, "met", "", 70), ("north", "us", 0, "missed", "queue", 20), ("north", "us", 1, "met", "", 5),
    ("north", "eu", 1, "failed", "power", 3), ("north", "eu", 1, "missed", "power", 1),
    ("north", "eu", 1, "under_way", "", 2), ("south", "eu", 1, "met", "", 1),
]  # fmt: skip
PLACES = {"sites": ("north", "south"), "regions": ("us", "eu", "asia")}


@pytest.fixture(scope="module")
def fluid():
    return simulated(level="fluid")[1]


@pytest.fixture(scope="module")
def run():
    _scenario, result = simulated()
    return result


def test_of_all_requests_of_a_service():
    found = requests.attainment(served(LATE, **PLACES)).iloc[0]
    assert found[["met", "missed", "failed", "under_way", "judged"]].tolist() == [76, 21, 3, 2, 100]
    assert found["attainment"] == 0.76
    assert found["goodput_requests_per_s"] == pytest.approx(76 / 7200.0)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (["region"], {"us": 75 / 95, "eu": 1 / 5, "asia": math.nan}),
        (["site"], {"north": 75 / 99, "south": 1.0}),
        (["start_s"], {0.0: 70 / 90, 3600.0: 6 / 10}),
    ],
)
def test_by_region_site_and_hour(by, expected):
    table = requests.attainment(served(LATE, **PLACES), by)
    found = table.set_index(by[0])
    assert found["attainment"].to_dict() == pytest.approx(expected, nan_ok=True)
    span_s = 3600.0 if by == ["start_s"] else 7200.0
    assert (found["goodput_requests_per_s"] == found["met"] / span_s).all()
    assert requests.in_all(table) == 0.76


def test_causes_are_of_late_and_failed_ones():
    table = requests.causes(served(LATE, **PLACES)).set_index("cause")
    assert table.index.tolist() == ["queue", "power"]
    assert table.loc["power", ["missed", "failed", "requests"]].tolist() == [1, 3, 4]
    assert table["share"].tolist() == [0.2, 0.04]
    by_region = requests.causes(served(LATE, **PLACES), ["service", "region"]).set_index(["region", "cause"])
    assert by_region["share"].to_dict() == {("us", "queue"): 20 / 95, ("eu", "power"): 4 / 5}


@pytest.mark.parametrize("outcomes", [[], [("north", "us", 0, "under_way", "", 3)]])
def test_of_no_requests_there_is_no_share(outcomes):
    result = served(outcomes, sites=("north", "south"))
    for by in (["service"], ["service", "site"], ["region"], ["start_s"]):
        table = requests.attainment(result, by)
        assert len(table) == (2 if by[-1] in ("site", "start_s") else 1)
        assert table["attainment"].isna().all()
        assert (table["goodput_requests_per_s"] == 0.0).all()
        assert math.isnan(requests.in_all(table))
    assert requests.causes(result).empty
    assert requests.latencies(result).filter(like="_s").isna().all().all()
    assert requests.distribution(result, "chat", "ttft_s", ["us"]).empty


def test_of_a_result_without_such_services():
    assert requests.by_requests(make({("north", "H100"): {"training": [1.0]}})) == []


def test_objectives_are_the_usual_ones_if_none_are_named():
    assert requests.objectives(served([]), "chat").model_dump() == OBJECTIVES
    assert requests.objectives(served([], objectives=None), "chat").share == 0.99


def test_what_tokens_took():
    """Of two deployments, 8 H100 each for two hours, at 1 kW of 1,000 of a site that pays 50 USD an hour."""
    result = served([], sites=("north", "south"))
    table = requests.deployments(result)
    assert table["site"].tolist() == ["north", "south"]
    row = table.iloc[0]
    assert row["gpu_hours"] == 16.0
    assert (row["decode_share"], row["idle_share"], row["loading_share"]) == (0.5, 0.5, 0.0)
    assert row["tokens_per_joule"] == pytest.approx(7200.0 / 7.2e6)
    assert row["energy_usd"] == pytest.approx(0.1)
    assert row["tokens_per_usd"] == pytest.approx(7200.0 / (16.0 * hourly_usd(result.manifest)["H100"] + 0.1))


def test_what_tokens_took_where_no_gpu_was_held():
    result = served([])
    uses = [name for name in result.tables["service_replicas"] if name.endswith("_gpu_s")]
    result.tables["service_replicas"][[*uses, "energy_j", "served_tokens"]] = 0.0
    row = requests.deployments(result).iloc[0]
    assert row[["decode_share", "tokens_per_joule", "tokens_per_usd"]].isna().all()


def test_quantiles_are_within_a_hundredth():
    draw = np.random.default_rng(3)
    for n in (1, 2, 99, 5000):
        times_s = draw.lognormal(-3.0, 2.0, n)
        found = requests.latencies(served([], ttft_s=tuple(times_s))).iloc[0]
        for q in requests.QUANTILES:
            assert found[f"ttft_p{q}_s"] == pytest.approx(np.quantile(times_s, q / 100, method="lower"), rel=0.0101)
        assert math.isnan(found["token_time_p50_s"])


def test_times_below_the_first_bucket_and_beyond_the_last():
    result = served([], ttft_s=(0.0, 1e-9, 1e12))
    found = requests.latencies(result).iloc[0]
    assert (found["ttft_p50_s"], found["ttft_p99_s"]) == (1e-5, 1e-5)  # ranks 1 and 1 of 0 to 2
    assert len(requests.distribution(result, "chat", "ttft_s", ["us"])) == 2
    assert sketch({("chat", "north", "H100", "us", "ttft_s"): (5e-6,)})["over_s"].tolist() == [0.0]


def test_after_a_warm_up():
    """Intervals that begin later count, and their time; the sketch is of the whole run."""
    result = served(LATE, ttft_s=(0.1, 0.2), **PLACES)
    later = after(result, 3600.0)
    found = requests.attainment(later).iloc[0]
    assert (found["met"], found["judged"]) == (6, 10)
    assert found["goodput_requests_per_s"] == 6 / 3600.0
    assert requests.deployments(later)["gpu_hours"].tolist() == [8.0, 8.0]
    assert requests.latencies(later).equals(requests.latencies(result))


def test_a_request_of_which_nothing_is_told_breaks_a_law():
    def broken(result: Result) -> list[str]:
        return [fault for fault in check(result) if "requests" in fault]

    whole, lacking = served(LATE, **PLACES), served(LATE, **PLACES)
    lacking.tables["service_outcomes"].loc[0, "requests"] -= 1
    assert broken(whole) == []
    assert broken(lacking) == ["95 requests arrived, but 94 have an outcome"]


def test_figures_of_an_outcome():
    result = served(LATE, ttft_s=(0.1,) * 99 + (0.7,), token_s=(0.01,), **PLACES)
    rows = outcome(result).query("kind == 'service'").set_index("measure")["value"]
    assert rows["attainment"] == 0.76
    assert rows["requests"] == 102
    assert rows["goodput_requests_per_s"] == pytest.approx(76 / 7200.0)
    assert rows["ttft_p99_s"] == pytest.approx(0.1, rel=0.01)
    assert rows["token_time_p99_s"] == pytest.approx(0.01, rel=0.01)
    assert metrics(result)["service_attainment"] == 0.76
    later = outcome(result, 3600.0).query("kind == 'service'").set_index("measure")["value"]
    assert later["attainment"] == 0.6
    assert later["goodput_requests_per_s"] == 6 / 3600.0


def test_of_a_service_whose_tokens_flow(fluid):
    """As its load says: shares and means, no percentiles; all that was asked for is in it."""
    assert check(fluid) == []
    assert requests.by_requests(fluid) == []
    assert requests.with_model(fluid) == ["chat"]
    rows = outcome(fluid).query("kind == 'service'").set_index("measure")["value"]
    assert rows["requests"] == fluid.service_outcomes["requests"].sum() > 1000
    assert 0.0 < rows["attainment"] == metrics(fluid)["service_attainment"] < 1.0
    assert rows[["ttft_p99_s", "token_time_p99_s"]].isna().all()
    assert rows["goodput_requests_per_s"] == pytest.approx(rows["attainment"] * rows["requests"] / 4320.0)
    assert requests.arrivals(fluid, "chat")["requests"].sum() == rows["requests"]
    table = requests.expected(fluid).set_index(["site", "region"])
    for place, mine in fluid.service_latency.groupby(["site", "region"]):
        mean_s = np.average(mine["ttft_mean_s"], weights=mine["requests"])
        assert table.loc[place, "ttft_mean_s"] == pytest.approx(mean_s)
    assert (table["known_share"] == 1.0).all()
    assert requests.causes(fluid)["share"].sum() == pytest.approx(1.0 - rows["attainment"])


def test_answers_of_one_token_have_no_time_from_token_to_token(fluid):
    """None, and not 0, also of a service whose tokens flow."""
    latency = fluid.tables["service_latency"].assign(time_per_output_token_mean_s=np.nan)
    table = requests.expected(type(fluid)(fluid.manifest, {**fluid.tables, "service_latency": latency}))
    assert table["token_time_mean_s"].isna().all()
    assert (table["ttft_mean_s"] > 0.0).all()
    assert (table["known_share"] == 1.0).all()


def test_a_queue_without_end_has_no_mean():
    result = simulated(level="fluid", mean_tokens_per_s=50_000.0)[1]
    table = requests.expected(result)
    assert (table["known_share"] == 0.0).all()
    assert table[["ttft_mean_s", "token_time_mean_s"]].isna().all().all()
    assert requests.attainment(result)["attainment"].tolist() == [0.0]


def test_of_other_services_there_are_no_such_figures():
    rows = outcome(fleet(1, 2)).query("kind == 'service'").set_index("measure")["value"]
    assert rows[[*OF_REQUESTS]].isna().all()
    assert math.isnan(metrics(fleet(1, 2))["service_attainment"])


# Against the rows of a run that keeps them all -----------------------------------------------------------------------


def test_the_run_shows_all_that_is_compared(run):
    assert check(run) == []
    assert len(run.service_requests) > 5000
    assert run.service_requests["cause"].nunique() >= 5
    assert set(run.service_outcomes["outcome"]) == {"met", "missed", "under_way"}


def test_in_time_is_who_kept_both_objectives(run):
    """Of each region and interval, by the times of the rows."""
    trip_s = {("us", "texas"): 0.01, ("us", "london"): 0.045, ("uk", "texas"): 0.09, ("uk", "london"): 0.01}
    kept = Counter()
    for row in run.service_requests.itertuples():
        ttft_s = row.first_token_s - row.arrival_s + trip_s[row.region, row.site]
        token_s = (row.end_s - row.first_token_s) / max(row.output_tokens - 1, 1)
        if ttft_s <= 0.06 and token_s <= 0.008:
            kept[row.region, row.end_s // 900.0 * 900.0] += 1
    table = requests.attainment(run, ["region", "start_s"]).set_index(["region", "start_s"])
    assert {key: met for key, met in table["met"].items() if met} == dict(kept)
    asked = run.service_demand["requests"].sum()
    assert (table["judged"] + table["under_way"]).sum() == asked


def test_causes_of_a_run_add_up(run):
    table, rows = requests.causes(run), run.service_requests
    ended = rows[rows["outcome"] == "missed"]["cause"].value_counts()
    never_ended = table.set_index("cause")["requests"] - ended
    assert ((never_ended >= 0) & (never_ended <= 8)).all()  # late at the end of the run, before they ended
    whole = requests.attainment(run).iloc[0]
    assert table["share"].sum() == pytest.approx(1.0 - whole["attainment"])
    assert whole["attainment"] < 0.6


@pytest.mark.parametrize("by", [["service"], ["service", "region"], ["service", "site", "gpu_type"]])
def test_quantiles_of_a_run(run, by):
    rows = run.service_requests
    trip_s = 0.01  # to the nearest, to which all went
    assert set(zip(rows["region"], rows["site"])) == {("us", "texas"), ("uk", "london")}
    rows = rows.assign(
        ttft=rows["first_token_s"] - rows["arrival_s"] + trip_s,
        token_time=((rows["end_s"] - rows["first_token_s"]) / (rows["output_tokens"] - 1)).where(
            rows["output_tokens"] > 1
        ),
        end_to_end=rows["end_s"] - rows["arrival_s"] + trip_s,
    )
    found = requests.latencies(run, by).set_index(by)
    expected = rows.groupby(by)
    for name in ("ttft", "token_time", "end_to_end"):
        for q in (50, 90, 99):
            exact = expected[name].quantile(q / 100, "lower")
            assert found[f"{name}_p{q}_s"].to_dict() == pytest.approx(exact.to_dict(), rel=0.0101)


def test_a_distribution_is_that_of_the_rows(run):
    table = requests.distribution(run, "chat", "end_to_end_s", ["us"])
    rows = run.service_requests[run.service_requests["region"] == "us"]
    took_s = np.sort(rows["end_s"] - rows["arrival_s"] + 0.01)
    assert table["share"].iloc[-1] == 1.0
    shares = np.searchsorted(took_s, table["upto_s"].to_numpy() * (1 + 1e-12), side="right") / len(took_s)
    assert table["share"].to_numpy() == pytest.approx(shares, abs=1e-3)


def test_energy_and_gpus_of_a_run_are_those_of_its_books(run):
    table = requests.deployments(run)
    booked_s = run.ledger[run.ledger["cause"].str.startswith("serving")].groupby("site")["gpu_s"].sum()
    assert table.set_index("site")["gpu_hours"].to_dict() == pytest.approx((booked_s / 3600.0).to_dict())
    uses = ["prefill_share", "decode_share", "idle_share", "loading_share", "draining_share"]
    assert table[uses].sum(axis=1).tolist() == pytest.approx([1.0, 1.0])
    sites = run.sites.set_index("site")
    dearer = sites["cost_usd"] / sites["energy_it_j"]
    mean = (table["energy_usd"] / table["energy_j"]).set_axis(table["site"])
    assert mean.to_dict() == pytest.approx(dearer.to_dict(), rel=0.02)  # prices move little within 72 minutes
    assert table["served_tokens"].sum() == run.service_replicas["served_tokens"].sum()

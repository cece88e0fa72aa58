"""Services by requests in a fleet: as a replay without a fleet, and as the fleet changes under them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.errors import GpusimError, ScenarioError
from gpusim.inputs.requests.formats import read_requests
from gpusim.results.conservation import check
from gpusim.serving.replay import replay
from tests.engine.requests_kit import BASE, MODEL, arrivals, causes, conserved, ended, over, scenario, trace


@pytest.mark.parametrize("router", ["round-robin", "least-requests", "least-kv"])
@pytest.mark.parametrize("rate", [1000.0, 60_000.0])
def test_a_fleet_serves_as_a_replay(router, rate):
    """Three replicas that nothing disturbs: each request at the same times as without a fleet, whatever the steps."""
    few = scenario(**{"routing": {"replica": router}, "mean_tokens_per_s": rate, ".run.days": 0.005})
    requests, engine = arrivals(few)
    assert len(requests) > 3000 if rate > 1000.0 else 0 < len(requests) < 9000
    alone = replay(requests, replace(engine.deployment, replicas=3, router=router)).requests
    rows = over(gpusim.run(few)).set_index("request")
    if len(requests) <= 10_000:
        assert len(rows) == (alone["end_s"] <= few.run.days * 86400.0).sum()
    for name in ("scheduled_s", "first_token_s", "end_s", "preemptions"):
        assert rows[name].to_numpy() == pytest.approx(alone.loc[rows.index, name].to_numpy(), rel=1e-12)


def test_what_stays_is_conserved():
    """Two sites, two regions, demand that rises and falls, replicas that start, load, drain and stop."""
    of = scenario(
        **{
            "scaling": {"policy": "demand"}, "load_s": 45.0, "mean_tokens_per_s": 9000.0, "peak_to_mean": 2.0,
            "deployments": [{"site": "texas", "gpu_type": "H100"}, {"site": "london", "gpu_type": "H100"}],
            "users": {"us": {"utc_offset_h": -6.0}, "eu": {"share": 2.0}}, ".run.days": 0.5, ".run.record_s": 1000.0,
        }
    )  # fmt: skip
    result = gpusim.run(of)
    conserved(result, of)
    uses = result.service_replicas.sum(numeric_only=True)
    assert (uses[["loading_gpu_s", "prefill_gpu_s", "decode_gpu_s"]] > 0.0).all()
    assert set(result.service_outcomes["region"]) == {"us", "eu"}
    assert ended(result) + causes(result).get(("under_way", ""), 0) == result.service_outcomes["requests"].sum()


def test_the_manifest_says_what_is_known_of_step_times():
    """Of a pair of model and GPU that was measured, and of one that was not."""
    from gpusim.serving.entry import entry

    of = scenario(
        **{
            "deployments": [{"site": site, "gpu_type": "H100"} for site in ("texas", "london")],
            ".services.bulk": {**BASE["services"]["chat"], "level": "fluid", "scaling": None},
            ".services.oss": {**BASE["services"]["chat"], "gpus_per_replica": 2,
                              "model": {"name": "gpt-oss-120b", "experts": "mxfp4", "tp": 2}},
        }
    )  # fmt: skip
    found = {row["service"]: row for row in gpusim.run(of.with_({"run.days": 1e-4})).manifest["entries"]}
    assert set(found) == {"chat", "bulk", "oss"}
    for name, row in found.items():
        known = entry("gpt-oss-120b", "H100", experts="mxfp4") if name == "oss" else entry("Llama-3.1-8B", "H100")
        assert (row["basis"], row["runs"], row["source"]) == (known.basis, known.runs, known.source)
        assert (row["token_time_low"], row["token_time_high"]) == (known.time.low, known.time.high)
    assert [found[name]["basis"] for name in ("chat", "bulk", "oss")] == ["roofline", "roofline", "pair"]


def test_how_often_is_looked_changes_nothing():
    """Control steps and records of other lengths: the same requests at the same times, to the last bit."""
    kept = []
    for control_s, record_s in ((60.0, 300.0), (7.0, 300.0), (600.0, 11.0)):
        rows = over(gpusim.run(scenario(control_s=control_s, **{".run.record_s": record_s})))
        kept.append(rows.sort_values("request")[["arrival_s", "first_token_s", "end_s"]].to_numpy())
    assert len(kept[0]) > 100
    assert kept[1] == pytest.approx(kept[0], rel=1e-12)
    assert kept[2] == pytest.approx(kept[0], rel=1e-12)


@pytest.mark.parametrize("retries", [True, False])
def test_a_lost_node_loses_what_was_under_way(retries):
    """One of three replicas of eight GPUs: its requests are sent anew, or have failed; the others never notice."""
    of = scenario(
        **{
            "routing": {"replica": "round-robin", "retries": retries}, "gpus_per_replica": 8,
            "model": {"name": "Llama-3.1-8B", "tp": 8}, "mean_tokens_per_s": 20_000.0,
            "objectives": {"ttft_s": 5.0, "time_per_output_token_s": 1.0},
        }
    )  # fmt: skip

    def fails(env):
        yield env.at(500.5)
        node = env.fleet.holdings[env.serving.replicas[1].holding].first_node
        env.fail_node(int(node))

    result = gpusim.run(of, processes=[fails])
    conserved(result, of)
    found = causes(result)
    assert (result.service_replicas["retries"].sum() > 0) == retries
    if retries:
        assert set(found) <= {("met", ""), ("missed", "failure"), ("under_way", "")}
    else:
        assert 0 < found["failed", "failure"] < 500
        lost = result.service_requests.query("outcome == 'failed'")
        assert set(lost["cause"]) == {"failure"}
        assert lost["end_s"].isna().all()
        assert (lost["arrival_s"] < 500.5).all()
    assert result.services["cause"].isin(["", "down", "cycle"]).all()


def test_without_power_requests_wait_at_the_gateway():
    """A cap of 0 W for ten minutes: who came then waited for power, and is served behind it."""

    def capped(env):
        yield env.at(300.0)
        env.sites["texas"].set_cap(0.0)
        yield env.at(900.0)
        env.sites["texas"].set_cap(np.inf)

    of = scenario(load_s=30.0)
    result = gpusim.run(of, processes=[capped])
    conserved(result, of)
    rows = result.service_requests.set_index("request")
    held = rows[(rows["arrival_s"] > 301.0) & (rows["arrival_s"] < 895.0)]
    assert len(held) > 1000
    assert (held["sent_s"] >= 930.0).all()
    assert set(held["cause"]) == {"power"}
    power = result.power[(result.power["start_s"] >= 300.0) & (result.power["end_s"] <= 900.0)]
    assert (power["serving_j"] == 0.0).all()


def test_a_quota_leaves_replicas_without_gpus():
    """One of three may run, for four times what it can serve: who waits for it does so for want of GPUs."""
    of = scenario(**{"mean_tokens_per_s": 20_000.0, ".tenants.lab": {"quota_gpus": {"H100": 1}}})
    result = gpusim.run(of)
    conserved(result, of)
    late = {why: count for (outcome, why), count in causes(result).items() if outcome == "missed"}
    assert late["no_gpu"] > 0.9 * sum(late.values()) > 1000


def test_who_comes_while_replicas_load():
    """All are lost at 300 s, and load until 600 s: a cold start for who comes then."""

    def drop(env):
        yield env.at(300.0)
        env.sites["texas"].set_cap(0.0)
        env.sites["texas"].set_cap(np.inf)

    of = scenario(load_s=300.0)
    result = gpusim.run(of, processes=[drop])
    conserved(result, of)
    rows = result.service_requests
    came = rows[(rows["arrival_s"] > 300.0) & (rows["arrival_s"] < 540.0)]
    assert (came["sent_s"] == 600.0).all()
    assert (came["cause"] == "cold_start").mean() > 0.9  # of the others, some waited longer in the queue behind it
    loading = result.service_replicas["loading_gpu_s"].sum()
    assert loading == pytest.approx(3 * 300.0)


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        ("network", {"users": {"far": {"round_trip_ms": {"texas": 1950.0}}}}),
        ("alone", {"objectives": {"ttft_s": 0.001}}),
        ("alone", {"objectives": {"time_per_output_token_s": 0.0001}}),
        ("queue", {"model": MODEL | {"max_requests": 8}, "mean_tokens_per_s": 6000.0}),
        (
            "kv_memory",
            {"requests": {"prompt_tokens": 20_000.0, "prompt_cv": 0.1, "output_tokens": 1000.0, "output_cv": 0.1},
             "mean_tokens_per_s": 2500.0},
        ),
        ("batch", {"objectives": {"time_per_output_token_s": 0.0073, "ttft_s": 60.0}, "mean_tokens_per_s": 9000.0,
                   "requests": {"prompt_tokens": 10.0, "output_tokens": 500.0}}),
        ("interference", {"objectives": {"time_per_output_token_s": 0.012}, "mean_tokens_per_s": 1000.0,
                          "requests": {"prompt_tokens": 4000.0, "output_tokens": 100.0, "prompt_cv": 0.5}}),
    ],
)  # fmt: skip
def test_the_cause_of_what_is_late(cause, changes):
    """A scenario in which it is plain; most of what is late has this cause."""
    of = scenario(**changes)
    result = gpusim.run(of)
    conserved(result, of)
    late = {why: count for (outcome, why), count in causes(result).items() if outcome == "missed"}
    assert late.get(cause, 0) > 0.5 * sum(late.values()) > 10, late


def test_quantiles_of_the_sketch_are_those_of_the_requests():
    """Off by 1% at most, of all that ended in an interval."""
    few = scenario(**{"mean_tokens_per_s": 400.0, ".run.record_s": 1728.0})
    result = gpusim.run(few)
    rows, latency = over(result), result.service_latency.iloc[0]
    assert len(rows) == latency["requests"]
    ttft = rows["first_token_s"] - rows["arrival_s"]
    token = (rows["end_s"] - rows["first_token_s"]) / (rows["output_tokens"] - 1).where(rows["output_tokens"] > 1)
    whole = rows["end_s"] - rows["arrival_s"]
    for name, times in (("ttft", ttft), ("time_per_output_token", token.dropna()), ("end_to_end", whole)):
        assert latency[f"{name}_mean_s"] == pytest.approx(times.mean())
        for what, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            assert latency[f"{name}_{what}_s"] == pytest.approx(times.quantile(share, "lower"), rel=0.0101)


def test_energy_is_that_of_the_steps():
    """Idle power of the GPUs held, and what steps drew, as a replay of the same requests has it."""
    of = scenario(**{"mean_tokens_per_s": 3000.0, "scaling": {"policy": "static", "replicas": 1}})
    requests, engine = arrivals(of)
    result = gpusim.run(of)
    span_s = of.run.days * 86400.0
    from gpusim.serving.prediction import power_w

    alone_w = power_w(engine.entry, replay(requests, engine.deployment).replicas, span_s)[0]
    used_j = result.service_replicas["energy_j"].sum()
    assert used_j / span_s == pytest.approx(alone_w, rel=0.02)
    idle_w = result.manifest["gpus"]["H100"]["idle_w"]
    assert result.power["serving_j"].sum() == pytest.approx(used_j - idle_w * span_s)


@pytest.mark.parametrize("policy", ["predictive", "utilisation", "queue", "kv", "latency"])
def test_policies_of_scaling_follow_demand(policy):
    """Demand rises from night to afternoon: more replicas then, and few requests late, whatever they look at."""
    of = scenario(
        **{
            "scaling": {"policy": policy, "requests_per_replica": 40.0}, "peak_to_mean": 2.0, ".run.days": 0.42,
            ".run.start": "2026-06-01T05:00:00Z", ".run.record_s": 3600.0, "mean_tokens_per_s": 15_000.0,
            "target_utilisation": 0.5, "load_s": 30.0, "requests": {"prompt_tokens": 1200.0, "output_tokens": 2000.0},
        }
    )  # fmt: skip
    result = gpusim.run(of)
    conserved(result, of)
    replicas = result.services.set_index("start_s")["replicas"]
    assert replicas.loc[9 * 3600.0] > 2.0 * replicas.loc[0.0]
    found = causes(result)
    assert found["met", ""] > (0.8 if policy == "kv" else 0.95) * sum(found.values())


def test_samples_include_who_has_not_ended():
    """Every request is a sample here, those under way at the end too."""
    result = gpusim.run(scenario(mean_tokens_per_s=400.0))
    rows, outcomes = result.service_requests, result.service_outcomes
    assert rows.groupby("outcome").size().to_dict() == outcomes.groupby("outcome")["requests"].sum().to_dict()
    assert rows.loc[rows["outcome"] == "under_way", "end_s"].isna().all()
    assert (rows["outcome"] == "under_way").any()


def test_slow_tokens_for_want_of_replicas():
    """One GPU where three replicas are wanted: tokens come slowly as the two lack GPUs."""
    slow = {"mean_tokens_per_s": 6000.0, "objectives": {"ttft_s": 60.0, "time_per_output_token_s": 0.012}}
    found = {}
    for quota in (1, 32):
        late = causes(gpusim.run(scenario(**slow, **{".tenants.lab": {"quota_gpus": {"H100": quota}}})))
        found[quota] = {cause for (outcome, cause), count in late.items() if outcome == "missed" and count > 100}
    assert found[1] == {"no_gpu"}
    assert found[32] == {"interference"}


def test_requests_of_a_trace(tmp_path):
    """Each of the trace, at its time, in regions by their shares; what is too long for a replica is refused."""
    rows = pd.DataFrame(
        {"arrival_s": np.arange(400) * 2.0, "prompt_tokens": [100] * 399 + [5_000_000], "output_tokens": [50] * 400}
    )
    rows.to_csv(tmp_path / "trace.csv", index=False)
    users = {"us": {"share": 3.0}, "eu": {"share": 1.0}}
    of = scenario(requests={"trace": str(tmp_path / "trace.csv")}, users=users)
    result = gpusim.run(of)
    assert check(result) == []
    assert causes(result) == {("met", ""): 399, ("failed", "too_long"): 1}
    sample = result.service_requests
    assert sample["arrival_s"].tolist() == rows["arrival_s"].tolist()
    assert (sample["region"] == "us").mean() == pytest.approx(0.75, abs=0.08)
    refused = sample[sample["outcome"] == "failed"]
    assert refused["first_token_s"].isna().all()
    assert result.services["demand_tokens"].sum() == 50 * 400


def test_a_trace_whose_prompts_begin_alike(tmp_path):
    """With the prefix cache, as a replay of the same file: the same tokens found, at the same times."""
    rng = np.random.default_rng(3)
    ids = [[*range(int(rng.integers(1, 8))), 1000 + i] for i in range(300)]
    path = trace(tmp_path, [(0.04 * i, 512 * len(own), 20, own) for i, own in enumerate(ids)])
    of = scenario(requests={"trace": str(path)}, routing={"replica": "prefix"})
    requests, engine = arrivals(of)
    frame = read_requests(path).to_frame()
    alone = replay(frame, replace(engine.deployment, replicas=3, router="prefix")).requests
    rows = gpusim.run(of).service_requests.set_index("request")
    assert len(rows) == len(requests) == 300
    assert alone["cached_tokens"].sum() > 100_000
    for name in ("cached_tokens", "first_token_s", "end_s"):
        assert rows[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-12)


def test_a_host_keeps_what_gpus_have_no_room_for(tmp_path):
    """As a replay of the same file; without it less is found."""
    prompts = [*range(70), *range(30)]
    path = trace(tmp_path, [(4.0 * i, 8193, 5, [16 * k + j for j in range(16)]) for i, k in enumerate(prompts)])
    found = {}
    for gb in (100.0, None):
        offload = {"model": MODEL | {"offload": {"gb_per_gpu": gb, "gb_per_s": 20.0}}} if gb else {}
        of = scenario(requests={"trace": str(path)}, scaling={"policy": "static", "replicas": 1}, **offload)
        requests, engine = arrivals(of)
        rows = gpusim.run(of).service_requests.set_index("request")
        alone = replay(read_requests(path).to_frame(), engine.deployment).requests
        assert len(rows) == len(requests) == 100
        for name in ("cached_tokens", "first_token_s", "end_s"):
            assert rows[name].to_numpy() == pytest.approx(alone[name].to_numpy(), rel=1e-12)
        found[gb] = rows["cached_tokens"].sum()
    assert found == {100.0: 30 * 8192, None: 0}


def test_a_replica_that_stops_loses_its_cache(tmp_path):
    """The same prompt before and after a night without demand: it is computed twice."""
    path = trace(tmp_path, [(s, 1025, 5, [0, 1]) for s in (0.0, 10.0, 1500.0)])
    cached = {}
    for policy in ("static", "demand"):
        scaling = {"policy": policy} | ({"replicas": 1} if policy == "static" else {})
        result = gpusim.run(scenario(requests={"trace": str(path)}, scaling=scaling))
        cached[policy] = result.service_requests.sort_values("request")["cached_tokens"].tolist()
    assert cached == {"static": [0, 1024, 1024], "demand": [0, 1024, 0]}


def test_adapters_in_a_fleet_as_in_a_replay():
    """Six adapters on two slots of each replica: the same waits; the first of them has as many as Zipf says."""
    lora = {"max_loras": 2, "adapter_mb": 100.0, "gb_per_s": 25.0}
    mix = {"prompt_tokens": 500.0, "output_tokens": 100.0, "adapters": 6}
    of = scenario(**{"model": MODEL | {"lora": lora}, "requests": mix, ".run.days": 0.002})
    requests, engine = arrivals(of)
    assert engine.deployment.lora.load_s == pytest.approx(0.004)
    share = 1.0 / sum(1.0 / k for k in range(1, 7))
    assert (requests["adapter"] == 0).mean() == pytest.approx(share, abs=4.0 * (share / len(requests)) ** 0.5)
    alone = replay(requests, replace(engine.deployment, replicas=3, router="least-requests"))
    assert alone.replicas["adapter_loads"].min() > 10
    rows = over(gpusim.run(of)).set_index("request")
    for name in ("scheduled_s", "first_token_s", "end_s"):
        assert rows[name].to_numpy() == pytest.approx(alone.requests.loc[rows.index, name].to_numpy(), rel=1e-12)
    none, _engine = arrivals(scenario(**{".run.days": 0.002}))
    pd.testing.assert_frame_equal(requests[none.columns], none)  # its draws are of their own


def test_adapters_of_a_trace(tmp_path):
    """By name; what one found the other does not."""
    path = tmp_path / "trace.csv"
    path.write_text("arrival_s,prompt_tokens,output_tokens,adapter\n0,100,5,law\n10,100,5,\n20,100,5,code\n")
    lora = {"max_loras": 1, "adapter_mb": 100.0, "gb_per_s": 0.1}
    rows = gpusim.run(scenario(model=MODEL | {"lora": lora}, requests={"trace": str(path)})).service_requests
    rows = rows.sort_values("request")
    took_s = (rows["first_token_s"] - rows["scheduled_s"]).to_numpy()
    assert took_s[[0, 2]] - took_s[1] == pytest.approx([1.0, 1.0], rel=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests": {"adapters": 3}}, ["services.chat.model", "adapters", "give the model lora"]),
        ({"model": MODEL | {"offload": {"gb_per_gpu": 1.0, "gb_per_s": 50.0}}}, ["offload", "hash_ids"]),
        ({"model": {"name": "Llama-3.1-9B"}}, ["services.chat.model", "did you mean 'llama-3.1-8b'"]),
        ({"model": MODEL | {"tp": 2}}, ["gpus_per_replica of 1", "a model on 2"]),
        ({"model": MODEL | {"engine": "vlm"}}, ["engine 'vlm'", "did you mean"]),
        ({"model": MODEL | {"max_requests": 10_000}}, ["services.chat.model", "max_batched_tokens"]),
        ({"model": MODEL | {"weights": "fp9"}}, ["format 'fp9'"]),
        ({"level": "request"}, ["services.chat.level", "requests"]),
        ({"users": {"us": {"round_trip_ms": {"texs": 5.0}}}}, ["round_trip_ms.texs", "did you mean 'texas'"]),
        ({"users": {"us": {"residency": ["GB"]}}}, ["users.us.residency", "no deployment is in GB", "US"]),
        ({"level": "fluid", "scaling": {"policy": "queue"}}, ['policy "queue" at the fluid level']),
        ({"requests": {"trace": "nowhere.csv"}}, ["nowhere.csv", "no such file"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(changes, words):
    """One clear error that says where, what, and what is allowed."""
    with pytest.raises(GpusimError) as told:
        gpusim.run(scenario(**changes))
    for word in words:
        assert word in str(told.value)


def test_a_level_needs_a_model():
    """Without one, nobody knows how long a request takes."""
    tables = scenario().to_toml_dict()
    del tables["services"]["chat"]["model"]
    with pytest.raises(ScenarioError) as told:
        gpusim.Scenario.from_dict(tables)
    assert 'level = "requests" without a model' in str(told.value)
    assert "requests without a model" in str(told.value)


def test_weights_load_at_a_bandwidth():
    """16 GB of weights at 0.1 GB/s: replicas that start at 300 s serve some 160 s later, and 40 s of start-up."""

    def drop(env):
        yield env.at(300.0)
        env.sites["texas"].set_cap(0.0)
        env.sites["texas"].set_cap(np.inf)

    of = scenario(load_s=40.0, model=MODEL | {"load_gb_per_s": 0.1})
    result = gpusim.run(of, processes=[drop])
    conserved(result, of)
    rows = result.service_requests
    sent_s = rows[(rows["arrival_s"] > 301.0) & (rows["arrival_s"] < 400.0)]["sent_s"].unique()
    assert len(sent_s) == 1
    assert sent_s[0] == pytest.approx(340.0 + 8.03e9 * 2 / 0.1e9, rel=0.01)

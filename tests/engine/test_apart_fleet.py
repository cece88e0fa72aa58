"""Services of a fleet whose prompts are computed on replicas of their own: as a replay, and as the fleet changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.errors import GpusimError
from gpusim.scenario.notes import notes
from gpusim.serving.replay import replay
from tests.engine.requests_kit import BOTH, MODEL, arrivals, causes, conserved, over, scenario

TIMES = ("scheduled_s", "first_token_s", "end_s", "cached_tokens", "preemptions")


def apart(**changes):
    """Two replicas that prefill for three that decode; other keys of ``prefill`` begin with "prefill."."""
    prefill = {"gb_per_s": 20.0, "replicas": 2} | {
        key.removeprefix("prefill."): changes.pop(key) for key in list(changes) if key.startswith("prefill.")
    }
    return scenario(**({"prefill": prefill, ".run.days": 0.01} | changes))


def alone(of, gb_per_s: float = 20.0):
    """The same requests without a fleet."""
    requests, engine = arrivals(of)
    router, pool = of.services["chat"].routing, engine.deployment.prefill
    router = router.replica if router else "least-requests"
    feeding = replace(pool.deployment, replicas=2, router=of.services["chat"].prefill.replica)
    pool = replace(pool, deployment=feeding, bytes_per_s=gb_per_s * 1e9)
    return replay(requests, replace(engine.deployment, replicas=3, router=router, prefill=pool)).requests


def as_a_replay(of) -> pd.DataFrame:
    """Requests that ended in the fleet, each at the same times as without it."""
    result = gpusim.run(of)
    conserved(result, of)
    expected, rows = alone(of), over(result).set_index("request")
    assert len(rows) > 1000
    for name in TIMES:
        assert rows[name].to_numpy() == pytest.approx(expected.loc[rows.index, name].to_numpy(), rel=1e-12)
    return rows


def by_role(result, column: str) -> pd.Series:
    return result.service_replicas.groupby("role")[column].sum()


@pytest.mark.parametrize("router", ["round-robin", "least-requests", "least-kv"])
@pytest.mark.parametrize("rate", [1000.0, 15_000.0])
def test_a_fleet_serves_as_a_replay(router, rate):
    """One pair of pools that nothing disturbs: each request at the same times as without a fleet."""
    of = apart(**{"prefill.replica": router, "routing": {"replica": router}, "mean_tokens_per_s": rate})
    rows = as_a_replay(of)
    if rate > 1000.0:
        other = alone(of, gb_per_s=10.0)
        assert rows["end_s"].to_numpy() != pytest.approx(other.loc[rows.index, "end_s"].to_numpy(), rel=1e-6)


def test_adapters_as_in_a_replay():
    """Six adapters on two slots of each replica of either kind: the same waits as without a fleet."""
    lora = {"max_loras": 2, "adapter_mb": 100.0, "gb_per_s": 25.0}
    mix = {"prompt_tokens": 500.0, "output_tokens": 100.0, "adapters": 6}
    of = apart(**{"model": MODEL | {"lora": lora}, "requests": mix, ".run.days": 0.004, "mean_tokens_per_s": 800.0})
    rows = as_a_replay(of)
    plenty = apart(
        **{"model": MODEL | {"lora": lora | {"max_loras": 6}}, "requests": mix, ".run.days": 0.004,
           "mean_tokens_per_s": 800.0}
    )  # fmt: skip
    sooner_s = rows["end_s"] - over(gpusim.run(plenty)).set_index("request")["end_s"]
    assert sooner_s.mean() > 0.02  # a slot for each: nobody waits for one


def test_how_often_is_looked_changes_nothing():
    """Control steps and records of other lengths: the same requests at the same times."""
    kept = []
    for control_s, record_s in ((60.0, 300.0), (7.0, 300.0), (600.0, 11.0)):
        rows = over(gpusim.run(apart(control_s=control_s, **{".run.record_s": record_s})))
        kept.append(rows.sort_values("request")[["arrival_s", "first_token_s", "end_s"]].to_numpy())
    assert len(kept[0]) > 1000
    assert kept[1] == pytest.approx(kept[0], rel=1e-12)
    assert kept[2] == pytest.approx(kept[0], rel=1e-12)


def test_the_ledger_tells_the_two_apart():
    """Steps of those that prefill are prefill, of those that decode decode; all GPUs that are held are booked."""
    of = apart()
    result = gpusim.run(of)
    span_s = of.run.days * 86400.0
    prefill, decode = by_role(result, "prefill_gpu_s"), by_role(result, "decode_gpu_s")
    assert prefill["decode"] == decode["prefill"] == 0.0
    booked = result.ledger.groupby("cause")["gpu_s"].sum()
    assert min(prefill["prefill"], decode["decode"]) > 0.0
    assert booked["serving_prefill"] == pytest.approx(prefill["prefill"])
    assert booked["serving_decode"] == pytest.approx(decode["decode"])
    assert prefill["prefill"] + by_role(result, "idle_gpu_s")["prefill"] == pytest.approx(2 * span_s)
    assert decode["decode"] + by_role(result, "idle_gpu_s")["decode"] == pytest.approx(3 * span_s)
    shown = result.services.groupby("role")[["replicas", "demand_tokens"]].mean()
    assert shown["replicas"].to_dict() == {"prefill": 2.0, "decode": 3.0}
    assert shown.loc["prefill", "demand_tokens"] == 0.0


def test_the_ratio_follows_what_requests_are(tmp_path):
    """Long prompts and short answers first, then the other way round: replicas that prefill give way to others."""
    first = pd.DataFrame({"arrival_s": np.arange(6000) * 0.1, "prompt_tokens": 6000, "output_tokens": 20})
    then = pd.DataFrame({"arrival_s": 600.0 + np.arange(6000) * 0.1, "prompt_tokens": 100, "output_tokens": 900})
    pd.concat([first, then]).to_csv(tmp_path / "trace.csv", index=False)
    of = apart(
        **{
            "requests": {"trace": str(tmp_path / "trace.csv")}, ".run.days": 1200.0 / 86400.0,
            "scaling": {"policy": "utilisation", "keep_s": 60.0}, "target_utilisation": 0.5,
        }
    )  # fmt: skip
    result = gpusim.run(of)
    conserved(result, of)
    replicas = result.services.set_index(["role", "start_s"])["replicas"]
    assert replicas["prefill", 300.0] > 2.0 * replicas["prefill", 900.0] >= 2.0
    assert replicas["decode", 900.0] > 2.0 * replicas["decode", 300.0] >= 2.0


def test_a_slow_link_is_waited_for():
    """Read at 1/200 of the speed: requests wait for their KV cache where they are decoded, and no longer than held."""
    found = {}
    for holds_s in (480.0, 0.5):
        of = apart(**{"prefill.gb_per_s": 0.1, "prefill.holds_s": holds_s, "mean_tokens_per_s": 300.0 / holds_s**0.3})
        result = gpusim.run(of)
        conserved(result, of)
        found[holds_s] = result
    late = causes(found[480.0])
    assert set(late) <= {("met", ""), ("missed", "queue"), ("under_way", ""), ("missed", "alone")}
    assert (over(found[480.0])["first_token_s"] - over(found[480.0])["scheduled_s"]).min() > 0.05


@pytest.mark.parametrize("retries", [True, False])
@pytest.mark.parametrize("role", ["prefill", "decode"])
def test_a_lost_node_loses_what_was_under_way(role, retries):
    """One replica of eight GPUs: its requests are sent anew, or have failed; what others hold is still read."""
    of = apart(
        **{
            "routing": {"replica": "round-robin", "retries": retries}, "gpus_per_replica": 8,
            "model": {"name": "Llama-3.1-8B", "tp": 8}, "mean_tokens_per_s": 8_000.0, "prefill.replicas": 1,
            "scaling": {"policy": "static", "replicas": 2},
            "objectives": {"ttft_s": 5.0, "time_per_output_token_s": 1.0},
        }
    )  # fmt: skip

    def fails(env):
        yield env.at(500.5)
        replica = 2 if role == "prefill" else 0
        node = int(env.fleet.holdings[env.serving.replicas[replica].holding].first_node)
        env.fail_node(node)
        yield env.at(503.0)
        env.repair_node(node)

    result = gpusim.run(of, processes=[fails])
    conserved(result, of)
    found = causes(result)
    assert (result.service_replicas["retries"].sum() > 0) == retries
    if not retries:
        assert 0 < found["failed", "failure"] < 500
        lost = result.service_requests.query("outcome == 'failed'")
        assert lost["end_s"].isna().all()
        assert (lost["arrival_s"] < 500.5).all()
    assert found["met", ""] > 0.9 * sum(found.values())


def test_two_sites_and_replicas_that_come_and_go():
    """Each site ships within itself; replicas start, load, drain and stop."""
    of = apart(
        **{
            "scaling": {"policy": "demand", "requests_per_replica": 4.0}, "load_s": 45.0, "peak_to_mean": 2.0,
            "mean_tokens_per_s": 6000.0, "requests.prompt_tokens": 5000.0, "model": MODEL | {"max_requests": 16},
            "deployments": BOTH, "users": {"us": {"utc_offset_h": -6.0}, "eu": {"share": 2.0}},
            ".run.start": "2026-06-01T08:00:00Z", ".run.days": 0.12, ".run.record_s": 1000.0,
        }
    )  # fmt: skip
    result = gpusim.run(of)
    conserved(result, of)
    uses = result.service_replicas.groupby("role")[["loading_gpu_s", "prefill_gpu_s", "decode_gpu_s"]].sum()
    assert (uses["loading_gpu_s"] > 0.0).all()
    asked = result.service_replicas.query("role == 'decode'").groupby("site")["output_tokens"].sum()
    assert asked["texas"] == pytest.approx(asked["london"], rel=0.05)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": "fluid"}, ["separate prefill at the fluid level"]),
        ({"requests": {"adapters": 3}}, ["adapters", "give the model lora"]),
        ({"prefill.gpu_type": "H10"}, ["services.chat.prefill.gpu_type", "did you mean 'H100'", "texas"]),
        ({"prefill.gb_per_s": 0.0}, ["services.chat.prefill.gb_per_s"]),
    ],
)
def test_what_cannot_be_is_told(changes, words):
    """One clear error that says where, what, and what is allowed."""
    with pytest.raises(GpusimError) as told:
        gpusim.run(apart(**changes))
    for word in words:
        assert word in str(told.value)


LINKS = {"atlantic": {"between": ["US-TEX-ERCO", "GB"], "gbps": 400.0, "latency_ms": 45.0, "usd_per_gb": 0.01}}


def test_prefill_at_another_site_is_as_the_latency_of_its_links():
    """Prompts computed in London, answers in Texas: each request at the times of one site whose transfers take 45 ms
    more."""
    wide = {"atlantic": LINKS["atlantic"] | {"gbps": 10_000.0}}
    far = apart(**{"prefill.site": "london", "mean_tokens_per_s": 8000.0, ".links": wide})
    near = apart(**{"prefill.latency_s": 0.045, "mean_tokens_per_s": 8000.0})
    at_once = apart(**{"mean_tokens_per_s": 8000.0})
    results = [gpusim.run(of) for of in (far, near, at_once)]
    rows = [over(result).set_index("request") for result in results]
    assert len(rows[0]) > 1000
    for name in TIMES:
        assert rows[0][name].to_numpy() == pytest.approx(rows[1][name].to_numpy(), rel=1e-12)
    later_s = rows[0]["end_s"] - rows[2]["end_s"]
    assert later_s.mean() == pytest.approx(0.045, abs=0.01)
    sites = results[0].service_replicas.groupby("role")["site"].unique()
    assert {role: set(found) for role, found in sites.items()} == {"decode": {"texas"}, "prefill": {"london"}}
    conserved(results[0], far)


def test_kv_cache_takes_room_on_links():
    """1,000 tokens/s out are 10 prompts of 500 tokens, of 131,072 bytes each; at one site nothing crosses."""
    changes = {"mean_tokens_per_s": 1000.0, ".links": LINKS, "requests.prompt_cv": 0.0, "requests.output_cv": 0.0}
    far, near = (gpusim.run(apart(**changes, **more)) for more in ({"prefill.site": "london"}, {}))
    seconds = 0.01 * 86_400.0
    crossed = far.links["data_bytes"].item()
    assert crossed == pytest.approx(10.0 * 500.0 * 131_072.0 * seconds, rel=1e-3)
    assert far.links["usd"].item() == pytest.approx(0.01 * crossed / 1e9)
    assert near.links["data_bytes"].item() == 0.0
    sent = over(far)["prompt_tokens"].sum() * 131_072.0
    assert sent == pytest.approx(crossed, rel=0.1)


def test_prompts_stay_under_the_laws_of_their_users():
    """Who may be served in Texas only is not prefilled in London."""
    users = {"us": {"residency": ["US"]}}
    apart(**{"users": users})
    with pytest.raises(GpusimError, match="residency: no deployment is in US"):
        gpusim.run(apart(**{"users": users, "prefill.site": "london"}))


def test_sites_that_prefill_have_the_gpus():
    with pytest.raises(GpusimError, match='prefill.site: unknown name "londn"'):
        apart(**{"prefill.site": "londn"})
    pools = {".sites.london.pools": {"H200": {"gpus": 32}}}
    with pytest.raises(GpusimError, match='found "london", which has no H100'):
        apart(**{"prefill.site": "london", **pools})
    apart(**{"prefill.site": "london", "prefill.gpu_type": "H200", **pools})


def test_kv_cache_without_links_on_its_way_is_noted():
    """With links that lead elsewhere, and with none; not within a region, nor where links lead."""
    changes = {"prefill.site": "london"}
    elsewhere = {"l": {"between": ["GB", "DE-LU"], "gbps": 10.0}}
    berlin = {"region": "DE-LU", "jurisdiction": "EU", "grid_mw": 1.0, "pools": {"H100": {"gpus": 8}}}
    for links in ({}, {".links": elsewhere, ".sites.berlin": berlin}):
        told = [note for note in notes(apart(**changes, **links)) if "prefill" in note]
        assert told == [
            "services.chat.prefill.site: no links lead from london to texas; KV cache gets there as within a site, and"
            " counts on no link; give links"
        ]
    assert not any("prefill" in note for note in notes(apart(**changes, **{".links": LINKS})))
    assert not any("prefill" in note for note in notes(apart()))

"""Requests and KV cache on links that carry less than is asked of them: how late they come, and for what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import gpusim
from gpusim.inputs.jobtable import JobTable
from gpusim.results.conservation import check
from tests.engine.requests_kit import causes, conserved, over, scenario

TX = "US-TEX-ERCO"
LINK = {"between": [TX, "GB"], "gbps": 1.0}  # 0.1 GB/s of data
ABROAD = {"uk": {"region": "GB"}}
LONG = {"ttft_s": 10.0, "time_per_output_token_s": 1.0}
SECONDS = 864.0
KV_BYTES = 131_072.0  # of a token


def asked(share: float, **changes):
    """Users ask Texas for 1,000 tokens/s that take so much of what the link carries."""
    mix = {"prompt_tokens": 500.0, "output_tokens": 100.0, "bytes_per_token": share * 0.1e9 / 1000.0}
    return scenario(
        **{
            "users": ABROAD, "requests": mix, "objectives": LONG, ".links": {"atlantic": LINK},
            ".run.days": SECONDS / 86_400.0, **changes,
        }
    )  # fmt: skip


def apart(gbps: float, **changes):
    """London prefills for Texas."""
    links = {"atlantic": LINK | {"gbps": gbps}}
    prefill = {"site": "london", "gb_per_s": 20.0, "replicas": 2}
    return scenario(**{"prefill": prefill, ".links": links, ".run.days": SECONDS / 86_400.0, **changes})


def sets_rate(*steps: tuple[float, float]):
    """A process by which the link carries so many GB/s from so many seconds on."""

    def play(env):
        for time_s, gb_per_s in steps:
            yield env.at(time_s)
            env.links["atlantic"].set_rate(gb_per_s * 1e9)

    return [play]


# Requests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["requests", "fluid"])
def test_requests_wait_for_a_full_link_as_in_a_queue(level):
    """A fifth too much: after t seconds a request waits 0.2 t, and from 50 s on it is late for that."""
    full, free = (gpusim.run(of) for of in (asked(1.2, level=level), asked(0.5, level=level)))
    assert check(full) == []
    found = causes(full)
    total = sum(found.values())
    if level == "requests":
        conserved(full, asked(1.2))
        rows = over(full)
        late = rows[rows["outcome"] == "missed"]
        assert set(late["cause"]) == {"link"}
        assert late["arrival_s"].min() == pytest.approx(50.0, abs=3.0)
        assert found["missed", "link"] / total == pytest.approx(1.0 - 50.0 / SECONDS, abs=0.02)
    else:
        assert found["missed", "link"] / total == pytest.approx(1.0, abs=0.001)  # the mean of an interval is late
    assert all(cause in ("", "link") for _outcome, cause in found)
    assert ("missed", "link") not in causes(free)
    for name, later in (("ttft_mean_s", 1.0), ("end_to_end_mean_s", 1.0), ("time_per_output_token_mean_s", 0.0)):
        means = [(run.service_latency[name] * run.service_latency["requests"]).sum() for run in (full, free)]
        delay_s = (means[0] - means[1]) / full.service_latency["requests"].sum()
        assert delay_s == pytest.approx(later * 0.2 * SECONDS / 2.0, rel=0.03, abs=1e-3)


def test_both_levels_agree_on_who_is_late():
    """In short intervals the mean delay is near each request's."""
    shares = []
    for level in ("requests", "fluid"):
        found = causes(gpusim.run(asked(1.2, level=level, **{".run.record_s": 10.0})))
        shares.append(found["missed", "link"] / sum(found.values()))
    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_a_queue_ends_when_the_link_carries_more():
    """0.02 GB/s too much for 100 s; then 0.08 spare: 25 s later nobody waits, and data of jobs go on."""
    of = asked(1.2)
    job = JobTable.build({"home": ["GB"]}, submit_s=np.zeros(1), runtime_s=np.full(1, 10.0), gpus=np.array([8]),
                         data_bytes=0.8e9)  # fmt: skip
    result = gpusim.run(of.with_({"sites.london.pools.H100.gpus": 0.0}), jobs=job, processes=sets_rate((100.0, 0.2)))
    rows = over(result)
    late = rows[rows["outcome"] == "missed"]
    assert set(late["cause"]) == {"link"}
    assert late["arrival_s"].between(49.0, 112.6).all()
    assert result.jobs["start_s"].tolist() == [pytest.approx(125.0 + 0.8 / 0.08, abs=0.01)]
    carried = 0.12e9 * SECONDS + 0.8e9
    assert result.links["data_bytes"].tolist() == [pytest.approx(carried)]


def test_a_link_that_is_down_holds_requests_or_sends_them_elsewhere():
    """Down for a minute: with one site they wait at the gateway, with two they are served at the other."""
    down = sets_rate((100.0, 0.0), (160.0, 0.1))
    alone = gpusim.run(asked(0.5), processes=down)
    conserved(alone, asked(0.5))
    rows = over(alone)
    sent = rows[rows["arrival_s"].between(100.0, 159.0)]
    assert (sent["first_token_s"] > 160.0).all()
    late = rows[rows["outcome"] == "missed"]
    assert set(late["cause"]) == {"link"}
    assert late["arrival_s"].between(100.0, 152.0).all()
    both = asked(
        0.5,
        deployments=[{"site": "texas", "gpu_type": "H100"}, {"site": "london", "gpu_type": "H100"}],
        users={"uk": {"region": "GB", "round_trip_ms": {"texas": 10.0, "london": 80.0}}},
        routing={"deployments": "nearest"},
    )
    elsewhere = gpusim.run(both, processes=down)
    served = over(elsewhere).assign(down=lambda rows: rows["arrival_s"].between(100.0, 160.0))
    assert set(served.loc[served["down"], "site"]) == {"london"}
    assert set(served.loc[~served["down"], "site"]) == {"texas"}
    assert {outcome for outcome, _cause in causes(elsewhere)} <= {"met", "under_way"}


def test_sessions_go_on_once_the_answer_has_come():
    """A turn is sent after the answer, which comes as much later as the link makes it."""
    mix = {"prompt_tokens": 200.0, "output_tokens": 100.0, "turns": 4.0, "think_s": 5.0}
    full = mix | {"bytes_per_token": 1.2 * 0.1e9 / 1000.0}
    counts = [gpusim.run(asked(1.0, requests=one)).service_demand["requests"].sum() for one in (full, mix)]
    assert counts[0] < 0.8 * counts[1]


# KV cache -------------------------------------------------------------------------------------------------------------


def test_kv_cache_is_read_no_faster_than_links_carry():
    """8,000 tokens/s are 5.2 GB/s of KV cache: over 4 GB/s requests are late for the link, over 40 they are not."""
    narrow, wide = (gpusim.run(apart(gbps, mean_tokens_per_s=8000.0)) for gbps in (40.0, 400.0))
    conserved(narrow, apart(40.0, mean_tokens_per_s=8000.0))
    late, fine = causes(narrow), causes(wide)
    total = sum(late.values())
    assert late["missed", "link"] > 0.5 * total
    assert fine["met", ""] > 0.95 * total
    assert ("missed", "link") not in fine
    read_bytes = narrow.service_latency["requests"].sum() * over(narrow)["prompt_tokens"].mean() * KV_BYTES
    assert read_bytes == pytest.approx(4e9 * SECONDS, rel=0.03)
    wait_s = over(narrow)["scheduled_s"].to_numpy() - over(narrow)["arrival_s"].to_numpy()
    assert wait_s.max() > 100.0  # it is felt where prompts are computed


def test_a_short_read_alone_takes_what_the_link_takes(tmp_path):
    """One prompt of 8,000 tokens over 0.4 GB/s: 2.6 s, of which its own GPU would have taken 0.05."""
    trace = pd.DataFrame({"arrival_s": [10.0], "prompt_tokens": [8000], "output_tokens": [10]})
    path, firsts = tmp_path / "trace.csv", []
    trace.to_csv(path, index=False)
    for gbps in (4.0, 4000.0):
        of = apart(gbps, objectives={"ttft_s": 2.0, "time_per_output_token_s": 1.0})
        row = gpusim.run(of.with_({"services.chat.requests": {"trace": str(path)}})).service_requests.iloc[0]
        firsts.append((row["first_token_s"], row["cause"]))
    slow, fast = firsts
    kv_s = 8000 * KV_BYTES
    assert slow[0] - fast[0] == pytest.approx(kv_s / 0.4e9 - kv_s / 20e9, rel=1e-3)
    assert (slow[1], fast[1]) == ("link", "")


def test_while_the_link_is_down_prompts_are_computed_where_they_are_decoded():
    of = apart(400.0, mean_tokens_per_s=1000.0, **{".run.days": 0.006})
    down, up = gpusim.run(of, processes=sets_rate((100.0, 0.0), (200.0, 40.0))), gpusim.run(of)
    conserved(down, of)
    rows, others = (over(run).set_index("request") for run in (down, up))
    sent = rows[rows["arrival_s"].between(101.0, 198.0)]
    assert (sent["first_token_s"] - sent["arrival_s"]).max() < 1.0  # nobody waits for the link
    assert (sent["first_token_s"] != others.loc[sent.index, "first_token_s"]).mean() > 0.9


def test_relief_finds_the_link(tmp_path):
    """Twice the bandwidth brings most; the requests are late for nothing else."""
    of = asked(1.2, **{".run.days": 300.0 / 86_400.0})
    found = gpusim.relieve(
        of, measure="service_attainment", budget=16, curves=0, store=tmp_path / "runs", executor="serial"
    )
    ranking = found.ranking.set_index("constraint")
    assert ranking.loc["gbps", "gain"] > 0.7
    assert ranking.loc["replicas", "gain"] == 0.0

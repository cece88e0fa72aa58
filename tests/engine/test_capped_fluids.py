"""Fluid services under caps on the power of their site, beside the same requests served one by one."""

from __future__ import annotations

import pytest

import gpusim
from tests.engine.requests_kit import causes, scenario
from tests.engine.test_capped_replicas import CAPPED

STATIC = {"scaling": {"policy": "static", "replicas": 3}, ".run.days": 0.02, ".run.record_s": 432.0} | CAPPED
STEP = 8


def capped(level, step, **changes):
    """A run of which caps take so many sixteenths of what replicas draw above idle, from the first minute on."""

    def process(env):
        yield env.at(60.0)
        power = env.sites["texas"]
        row = env.fleet.sites[power.site]
        least_w = float(row.it_w - row.yielding_w + row.serving_headroom_w)  # under the deepest caps
        deepest_w = float(env.fleet.cap_loads.sum())
        it_w = least_w + deepest_w * ((1.0 - step / 16) / float(row.floor) - 1.0)
        power.set_cap(it_w * float(row.peak_overhead) + float(row.fixed_w))

    return gpusim.run(scenario(**STATIC | changes, level=level), processes=[process])


@pytest.mark.parametrize("rate", [1500.0, 6000.0])
def test_latencies_of_its_requests(rate):
    """Under one cap a fluid has the latencies of its requests one by one, which are longer than without."""
    keys = {"mean_tokens_per_s": rate, "peak_to_mean": 1.0}
    shown = {}
    for level, step in (("fluid", STEP), ("requests", STEP), ("fluid", 0)):
        table = capped(level, step, **keys).service_latency
        shown[level, step] = table[table["start_s"] > 0.0][["ttft_mean_s", "time_per_output_token_mean_s"]].mean()
    for name, rel in (("ttft_mean_s", 0.10), ("time_per_output_token_mean_s", 0.04)):  # as without caps
        fluid, requests = shown["fluid", STEP][name], shown["requests", STEP][name]
        assert fluid == pytest.approx(requests, rel=rel)
        assert fluid > 1.05 * shown["fluid", 0][name]


def test_late_for_power():
    """What caps keep a fluid from serving in time is late for power, and nothing is without."""
    promised = {"ttft_s": 0.5, "time_per_output_token_s": 0.05}
    keys = {"mean_tokens_per_s": 17_000.0, "peak_to_mean": 1.0, "objectives": promised}
    uncapped, under = causes(capped("fluid", 0, **keys)), causes(capped("fluid", 12, **keys))
    assert ("missed", "power") not in uncapped
    assert under["missed", "power"] > 0.1 * sum(under.values())
    assert sum(under.values()) == sum(uncapped.values())

"""Results of a service by requests, written by hand or simulated with a row of every request."""

from __future__ import annotations

import numpy as np
import pandas as pd

import gpusim
from gpusim.result import Result
from gpusim.results.tables.record import Record
from gpusim.serving.quantiles import OVER_S, UPTO_S
from tests.results.kit import HOUR_S, make

OBJECTIVES = {"ttft_s": 0.5, "time_per_output_token_s": 0.05, "share": 0.99}
ENTRY = {
    "service": "chat", "gpu_type": "H100", "engine": "vllm", "basis": "roofline", "runs": 0,
    "source": "fit to the runs of all models", "token_time_low": 0.82, "token_time_high": 1.22,
}  # fmt: skip
USES = ("prefill", "decode", "idle", "loading", "draining")
WHERE = ["service", "site", "gpu_type", "region"]
SPAN = ["start_s", "end_s"]


def served(
    outcomes: list[tuple[str, str, int, str, str, int]],
    *,
    sites: tuple[str, ...] = ("north",),
    regions: tuple[str, ...] = ("us",),
    hours: int = 2,
    ttft_s: tuple[float, ...] = (),
    token_s: tuple[float, ...] = (),
    objectives: dict | None = OBJECTIVES,
    entries: tuple[dict, ...] = (ENTRY,),
    service: str = "chat",
) -> Result:
    """A service on 8 H100 of each site, hour by hour: half of the time in decode, the other half idle.

    ``outcomes``: site, region, hour, outcome, cause, requests. ``ttft_s``, ``token_s``: of requests of the first site
    and region. Each hour a deployment serves 3,600 tokens and its GPUs draw 1 kW: a thousandth of the site's servers.
    """
    spans = [(hour * HOUR_S, (hour + 1) * HOUR_S) for hour in range(hours)]
    fluid = tuple(
        dict(zip(("service", "site", "gpu_type", *SPAN), (service, site, "H100", *span)), demand_tokens=3600.0,
             served_tokens=3600.0, replicas=2.0, wanted_replicas=2.0, cause="")
        for site in sites
        for span in spans
    )  # fmt: skip
    pools = {(site, "H100"): {"serving": [8.0] * hours} for site in sites}
    spec = {"services": {service: {"gpus_per_replica": 4, "objectives": objectives, "model": {"name": "small"}}}}
    result = make(pools, services=fluid, scenario=spec)
    asked = pd.DataFrame(outcomes, columns=["site", "region", "hour", "outcome", "cause", "requests"])
    at = [(service, site, "H100", region) for site, region in zip(asked["site"], asked["region"])]
    told = pd.DataFrame(at, columns=WHERE).assign(
        start_s=asked["hour"] * HOUR_S, end_s=(asked["hour"] + 1) * HOUR_S, **asked[["outcome", "cause", "requests"]]
    )
    arrived = asked.groupby(["region", "hour"])["requests"].sum()
    result.tables["service_outcomes"] = told.astype({"start_s": float, "end_s": float, "requests": "int64"})
    result.tables["service_demand"] = pd.DataFrame(
        [
            (service, region, *span, arrived.get((region, hour), 0), 0, 0)
            for hour, span in enumerate(spans)
            for region in regions
        ],
        columns=["service", "region", *SPAN, "requests", "prompt_tokens", "output_tokens"],
    )
    gpu_s = dict.fromkeys((f"{use}_gpu_s" for use in USES), 0.0) | {"decode_gpu_s": 14_400.0, "idle_gpu_s": 14_400.0}
    result.tables["service_replicas"] = pd.DataFrame(
        [
            {**dict(zip(WHERE[:3], (service, site, "H100"))), **dict(zip(SPAN, span)), "prompt_tokens": 0,
             "output_tokens": 3600, "served_tokens": 3600, "retries": 0, **gpu_s, "energy_j": 1e3 * HOUR_S}
            for span in spans
            for site in sites
        ]
    )  # fmt: skip
    first = (service, sites[0], "H100", regions[0])
    result.tables["service_sketch"] = sketch(
        {(*first, "ttft_s"): ttft_s, (*first, "time_per_output_token_s"): token_s, (*first, "end_to_end_s"): ttft_s}
    )
    means = [f"{measure}_mean_s" for measure in ("ttft", "time_per_output_token", "end_to_end")]
    result.tables["service_latency"] = pd.DataFrame(columns=[*WHERE, *SPAN, "requests", *means])
    result.manifest["entries"] = list(entries)
    return result


def sketch(times_s: dict[tuple[str, ...], tuple[float, ...]]) -> pd.DataFrame:
    """``service_sketch`` of times by service, site, GPU type, region and measure."""
    rows = [
        (*key, OVER_S[k], UPTO_S[k], count)
        for key, times in times_s.items()
        for k, count in zip(*np.unique(np.searchsorted(UPTO_S[:-1], times), return_counts=True))
    ]
    return pd.DataFrame(rows, columns=[*WHERE, "measure", "over_s", "upto_s", "requests"])


def simulated(**changes) -> tuple[gpusim.Scenario, Record]:
    """An hour of some thousand requests at two sites from two regions, too many for its replicas; all rows are kept."""
    scenario = gpusim.Scenario.from_dict(
        {
            "name": "requests",
            "run": {"start": "2026-06-01", "days": 0.05, "record_s": 900.0},
            "sites": {
                name: {"region": region, "jurisdiction": law, "grid_mw": 1.0, "pools": {"H100": {"gpus": 32}}}
                for name, region, law in (("texas", "US-TEX-ERCO", "US"), ("london", "GB", "GB"))
            },
            "tenants": {"lab": {}},
            "services": {
                "chat": {
                    "tenant": "lab", "level": "requests", "gpus_per_replica": 1, "mean_tokens_per_s": 200.0,
                    "model": {"name": "Llama-3.1-8B", "max_requests": 4},
                    "requests": {"prompt_tokens": 800.0, "output_tokens": 100.0, "burst_cv": 3.0},
                    "objectives": {"ttft_s": 0.06, "time_per_output_token_s": 0.008},
                    "scaling": {"policy": "static", "replicas": 1},
                    "routing": {"deployments": "nearest"},
                    "deployments": [{"site": "texas", "gpu_type": "H100"}, {"site": "london", "gpu_type": "H100"}],
                    "users": {
                        "us": {"round_trip_ms": {"texas": 10.0, "london": 45.0}},
                        "uk": {"round_trip_ms": {"texas": 90.0, "london": 10.0}, "share": 0.5},
                    },
                }
            },
        }
    )  # fmt: skip
    scenario = scenario.with_({f"services.chat.{key}": value for key, value in changes.items()})
    return scenario, gpusim.run(scenario)

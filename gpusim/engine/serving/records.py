"""What came of the requests of services with a model, over time, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gpusim.engine.build import Names
from gpusim.engine.serving.by_request import ByRequest
from gpusim.engine.serving.fluid import Fluid
from gpusim.engine.serving.meter import USES
from gpusim.engine.serving.services import Services
from gpusim.kernels.serving.traffic import FAILED, KEPT, MEASURES, MET, UNDER_WAY
from gpusim.kernels.state.codes import Miss
from gpusim.serving.quantiles import OVER_S, UPTO_S, quantiles_s

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
LATENCIES = tuple(f"{measure.removesuffix('_s')}_{what}_s" for measure in MEASURES for what in ("mean", *QUANTILES))
WHERE = ["service", "site", "gpu_type", "region"]
SPAN = ["start_s", "end_s"]
COUNTED = ("prompt_tokens", "output_tokens", "served_tokens", "retries")  # by deployment
COLUMNS = {
    "service_demand": ["service", "region", *SPAN, "requests", "prompt_tokens", "output_tokens"],
    "service_latency": [*WHERE, *SPAN, "requests", *LATENCIES],
    "service_outcomes": [*WHERE, *SPAN, "outcome", "cause", "requests"],
    "service_replicas": [
        *WHERE[:3], *SPAN, *COUNTED, *(f"{use}_gpu_s" for use in USES), "energy_j",
    ],
    "service_sketch": [*WHERE, "measure", "over_s", "upto_s", "requests"],
    "service_requests": [
        *WHERE, "request", "arrival_s", "sent_s", "scheduled_s", "first_token_s", "end_s", "prompt_tokens",
        "output_tokens", "cached_tokens", "preemptions", "outcome", "cause",
    ],
}  # fmt: skip
OUTCOMES = [
    *(("missed", miss.name.lower()) for miss in Miss), ("met", ""), *(("failed", miss.name.lower()) for miss in Miss),
    ("under_way", ""),
]  # fmt: skip
"""Outcome and cause by the kernels' code."""
assert (OUTCOMES[MET], FAILED, OUTCOMES[UNDER_WAY]) == (("met", ""), MET + 1, ("under_way", ""))


class ServingRecorder:
    """Rows of all services with a model, closed at the end of every record interval."""

    def __init__(self, services: Services, names: Names):
        self._of = {name: detail for name, detail in services.details.items() if isinstance(detail, ByRequest)}
        self._expected = {
            name: detail for name, detail in services.details.items() if isinstance(detail, Fluid) and detail.expected
        }
        self._names = names
        self._rows: dict[str, list[dict]] = {name: [] for name in COLUMNS}
        self._before = {name: _counted(level) for name, level in self._of.items()}

    def close(self, start_s: float, end_s: float) -> None:
        """A record interval is over; services are settled."""
        span = {"start_s": start_s, "end_s": end_s}
        for name, level in self._of.items():
            now = _counted(level)
            since = {key: now[key] - self._before[name][key] for key in now}
            self._before[name] = now
            for region, asked in zip(_regions(level), since["demand"], strict=True):
                counts = dict(zip(COLUMNS["service_demand"][-3:], asked, strict=True))
                self._rows["service_demand"].append({"service": name, "region": region} | span | counts)
            for i, where in enumerate(self._pairs(name, level)):
                self._tell_outcomes(where | span, since["outcomes"][i])
                self._tell_latencies(where | span, *_latencies(since["sketch"][i], since["sums_s"][i]))
            for i, (where, d) in enumerate(zip(self._deployments(name, level), level.deployments, strict=True)):
                uses = {f"{use}_gpu_s": since["gpu_s"][i, k] for k, use in enumerate(USES)}
                counted = dict(zip(COUNTED, since["counted"][i], strict=True))
                self._rows["service_replicas"].append(
                    where | span | counted | uses | {"energy_j": since["energy_j"][i], "role": d.role}
                )
        for name, level in self._expected.items():
            closed = level.expected.close()
            for where, (outcomes, latencies) in zip(self._pairs(name, level), closed, strict=True):
                self._tell_outcomes(where | span, outcomes)
                self._tell_latencies(where | span, outcomes.sum(), latencies)

    def _tell_outcomes(self, where: dict, outcomes: np.ndarray) -> None:
        for code in np.flatnonzero(outcomes):
            outcome, cause = OUTCOMES[code]
            row = {"outcome": outcome, "cause": cause, "requests": outcomes[code]}
            self._rows["service_outcomes"].append(where | row)

    def _tell_latencies(self, where: dict, requests: int, latencies_s: np.ndarray) -> None:
        if requests > 0:
            row = {"requests": requests, **dict(zip(LATENCIES, latencies_s.ravel(), strict=True))}
            self._rows["service_latency"].append(where | row)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All that was recorded; none without a service with a model."""
        if not self._of and not self._expected:
            return {}
        for name, level in self._of.items():
            self._tell_sketch(name, level)
        columns = dict(COLUMNS)
        if any(d.role for level in self._of.values() for d in level.deployments):
            columns["service_replicas"] = [*COLUMNS["service_replicas"], "role"]
        found = {name: pd.DataFrame(rows, columns=columns[name]) for name, rows in self._rows.items()}
        if any(level.by_priority for level in self._of.values()):
            columns["service_requests"] = [*COLUMNS["service_requests"], "priority"]
        kept = [self._kept(name, level, columns["service_requests"]) for name, level in self._of.items()]
        if kept:
            found["service_requests"] = pd.concat(kept, ignore_index=True)
        return {name: _typed(table) for name, table in found.items()}

    def _tell_sketch(self, name: str, level: ByRequest) -> None:
        counts = _counted(level)["sketch"]
        for i, where in enumerate(self._pairs(name, level)):
            for measure, buckets in zip(MEASURES, counts[i], strict=True):
                self._rows["service_sketch"].extend(
                    where | {"measure": measure, "over_s": OVER_S[k], "upto_s": UPTO_S[k], "requests": buckets[k]}
                    for k in np.flatnonzero(buckets)
                )

    def _kept(self, name: str, level: ByRequest, names: list[str]) -> pd.DataFrame:
        """Rows of the requests that are samples, in order of arrival."""
        rows = np.concatenate([np.empty(0, KEPT), *level.kept])
        rows = rows[np.argsort(rows["number"], kind="stable")]
        places, regions = self._deployments(name, level), _regions(level)
        outcome, cause = (np.array(texts, object) for texts in zip(*OUTCOMES, strict=True))
        columns = {key: rows[key] for key in names if key in KEPT.names}
        columns |= {
            "service": name,
            "site": np.array([place["site"] for place in places], object)[rows["deployment"]],
            "gpu_type": np.array([place["gpu_type"] for place in places], object)[rows["deployment"]],
            "region": np.array(regions, object)[rows["region"]],
            "request": rows["number"],
            "outcome": outcome[rows["outcome"]],
            "cause": cause[rows["outcome"]],
        }
        return pd.DataFrame(columns, columns=names)

    def _deployments(self, name: str, level: ByRequest | Fluid) -> list[dict]:
        places = [self._names.pools[d.pool] for d in level.deployments]
        return [{"service": name, "site": site, "gpu_type": kind} for site, kind in places]

    def _pairs(self, name: str, level: ByRequest | Fluid) -> list[dict]:
        where = self._deployments(name, level)[: len(level.service.deployments)]
        return [one | {"region": region} for one in where for region in _regions(level)]


def _regions(level: ByRequest | Fluid) -> Sequence[str]:
    return list(level.service.users or {"": None})


def _counted(level: ByRequest) -> dict[str, np.ndarray]:
    """What has come of a service so far."""
    traffic = level.traffic
    pairs = len(traffic.outcomes)
    rows = traffic.deployments
    return {
        "demand": level.demand.copy(),
        "outcomes": traffic.outcomes.copy(),
        "sketch": traffic.sketch.reshape(pairs, len(MEASURES), -1).copy(),
        "sums_s": traffic.sums_s.reshape(pairs, len(MEASURES)).copy(),
        "counted": np.column_stack([rows[name] for name in COUNTED]),
        "gpu_s": np.array([[meter.gpu_s[use] for use in USES] for meter in level.meters]),
        "energy_j": np.array([meter.energy_j for meter in level.meters]),
    }


def _latencies(sketch: np.ndarray, sums_s: np.ndarray) -> tuple[int, np.ndarray]:
    """Requests that have ended, and of each measure mean and quantiles [s]."""
    number = sketch.sum(axis=1)
    means = np.where(number > 0, sums_s / np.maximum(number, 1), np.nan)
    quantiles = quantiles_s(sketch, np.array(list(QUANTILES.values())))
    return number[MEASURES.index("end_to_end_s")], np.column_stack([means, quantiles])


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Times, tokens and GPU-seconds as numbers, counts as whole ones, also of no rows."""
    whole = {*COUNTED, "requests", "request", "cached_tokens", "preemptions", "priority"}
    kinds = {
        column: "int64" if column in whole else "float64" if column.endswith(("_s", "_j")) else "str"
        for column in table
    }
    return table.astype(kinds)

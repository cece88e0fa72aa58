"""Anchors of the work itself: a Poisson process with a daily rate generated, published request traces read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gpusim.inputs.arrivals import poisson_arrivals
from gpusim.inputs.requests.formats import read_requests
from gpusim.inputs.requests.trace import Requests
from gpusim.units import DAY_S, HOUR_S
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import stream


class _Trace(NamedTuple):
    """Figures of a request trace as published: requests, requests/s, median and mean tokens of prompts and outputs."""

    requests: str
    rate_per_s: str
    prompt_median: str
    prompt_mean: str
    output_median: str
    output_mean: str


# Azure LLM inference traces of 16 November 2023 (Patel et al., Splitwise, ISCA 2024; Azure/AzurePublicDataset), whole
# and up to a time of day: copies cut there are in use.
_AZURE = {
    "code": (
        datetime(2023, 11, 16, 18, 51, tzinfo=UTC),
        _Trace("6463", "3.179", "1460", "2041", "13", "27"),
        _Trace("8819", "2.567", "1469", "2047.8", "13", "27.9"),
    ),
    "conv": (
        datetime(2023, 11, 16, 18, 50, tzinfo=UTC),
        _Trace("11997", "5.843", "1025", "1254", "116", "205"),
        _Trace("19366", "5.530", "1020", "1154.7", "129", "211.1"),
    ),
}


def request_traces(_effort: Effort, data: str | None = None) -> Iterator[Row]:
    """33: two published request traces, up to a cut and whole.

    Parameters
    ----------
    data : str, optional
        Folder that holds ``azure_llm_2023``; that of the environment variable GPUSIM_DATA if absent.
    """
    folder = Path(data or os.environ.get("GPUSIM_DATA", "")) / "azure_llm_2023"
    for service, (cut, start, whole) in _AZURE.items():
        files = sorted(folder.glob(f"AzureLLMInferenceTrace_{service}.csv*"))
        if not files:
            yield _skipped(f"Azure 2023 {service}", whole, "no file: set GPUSIM_DATA")
            continue
        trace = read_requests(files[0])
        before = trace.arrival_s < (cut - trace.origin).total_seconds()
        yield from _compare(f"Azure 2023 {service} to {cut:%H:%M}", start, trace, before)
        if before.all():
            yield _skipped(f"Azure 2023 {service} whole", whole, "this copy is cut")
        else:
            yield from _compare(f"Azure 2023 {service} whole", whole, trace, np.ones(len(trace), dtype=bool))


def _compare(name: str, theirs: _Trace, trace: Requests, rows: np.ndarray) -> Iterator[Row]:
    times_s, prompt, output = trace.arrival_s[rows], trace.prompt_tokens[rows], trace.output_tokens[rows]
    ours = (
        len(times_s), len(times_s) / (times_s[-1] - times_s[0]),
        np.median(prompt), prompt.mean(), np.median(output), output.mean(),
    )  # fmt: skip
    for field, text, value in zip(_Trace._fields, theirs, ours, strict=True):
        expected = float(text)
        half_digit = 0.5 * 10.0 ** -len(text.partition(".")[2])
        tolerance = half_digit / expected if field in ("rate_per_s", "prompt_mean", "output_mean") else 0.0
        yield Row(33, f"{name}: {field.replace('_', ' ')}", expected, float(value), tolerance)


def _skipped(name: str, theirs: _Trace, why: str) -> Row:
    return Row(33, f"{name}: requests", float(theirs.requests), float("nan"), 0.0, why)


def daily_rate(effort: Effort, swing: float = 0.4) -> Iterator[Row]:
    """34: Poisson arrivals at a rate of 27.8 (1 + 0.4 sin(2 pi t / 24 h)) per second.

    The spread of daily counts is that of a Poisson process, whose minutes are independent: it is taken from the
    squared deviations of all minutes, of which 16 days have enough.
    """
    minutes = np.arange(0.0, DAY_S + 1.0, 60.0)
    primitive = 27.8 * (minutes - 0.4 * DAY_S / (2 * np.pi) * (np.cos(2 * np.pi * minutes / DAY_S) - 1.0))
    expected = np.diff(primitive)

    def rate_per_s(times_s: np.ndarray) -> np.ndarray:
        return 27.8 * (1.0 + swing * np.sin(2 * np.pi * times_s / DAY_S))

    def one(run: int) -> tuple[float, float, float]:
        times_s = poisson_arrivals(rate_per_s, DAY_S, stream(34, run), most_per_s=27.8 * (1.0 + swing))
        counts, _edges = np.histogram(times_s, minutes)
        peak = np.count_nonzero(np.abs(times_s - 6 * HOUR_S) < 0.5 * HOUR_S)
        return len(times_s), peak, ((counts - expected) ** 2).sum()

    count, peak, variance = mean_of_runs(effort.runs(16), one)
    yield Row(34, "arrivals per day", 2_401_920.0, count, effort.widen(0.002))
    yield Row(34, "SD of arrivals per day", np.sqrt(2_401_920.0), np.sqrt(variance), effort.widen(0.015))
    peak_to_mean_hour = 1.0 + 0.4 * np.sin(np.pi / 24) / (np.pi / 24)
    yield Row(34, "peak hour over mean hour", peak_to_mean_hour, 24 * peak / count, effort.widen(0.002))

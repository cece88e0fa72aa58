"""Synthetic jobs: the streams of a scenario, each with random streams of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import reduce

import numpy as np

from gpusim import rng
from gpusim.inputs.arrivals import bursty_arrivals, daily_rate, poisson_arrivals
from gpusim.inputs.jobtable import JobTable, concatenate, divided
from gpusim.inputs.presets.preset import Preset, preset
from gpusim.scenario.steps import elapsed_s
from gpusim.scenario.workload import Exchange, Stream, Workload
from gpusim.units import DAY_S, HOUR_S

# Sizes of research jobs: powers of two with the weights of a published mix in shape (assumption).
DEFAULT_GPUS = {
    "1": 0.60, "2": 0.10, "4": 0.08, "8": 0.07, "16": 0.05,
    "32": 0.03, "64": 0.03, "128": 0.02, "256": 0.01, "512": 0.01,
}  # fmt: skip
DEFAULT_RUNTIME_MEDIAN_S = 600.0  # with the sigma: a mean of 11 times the median, as published clusters in shape
DEFAULT_RUNTIME_SIGMA = 2.2
A_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


def synthesize(workload: Workload, duration_s: float, seed: int, start: datetime = A_MONDAY) -> JobTable:
    """Jobs of all streams over ``duration_s`` [s]; changing one stream leaves the others as they were.

    Parameters
    ----------
    workload : Workload
        Its ``streams`` are read.
    seed : int
        Each part (arrivals, sizes, ...) of each stream draws from a random stream named after both.
    start : datetime
        Calendar time (UTC) of second 0: presets follow the week. The sinusoid of streams without one begins at hour
        0 whatever the start.
    """
    streams = workload.streams
    tables = {name: _stream(name, one, duration_s, seed, start) for name, one in streams.items() if not one.partner}
    halves = {
        name: _halves(name, one, tables[one.partner], seed) for name, one in streams.items() if one.partner is not None
    }
    return concatenate([(tables | halves)[name] for name in streams])


def _stream(name: str, spec: Stream, duration_s: float, seed: int, start: datetime) -> JobTable:
    def random(part: str) -> np.random.Generator:
        return rng.stream(seed, "workload", name, part)

    known = preset(spec.preset) if spec.preset else None
    submit_s = _arrivals(spec, known, duration_s, start, random)
    n = len(submit_s)
    gpus = _sizes(spec, known, n, random("sizes"))
    runtime_s = _runtimes(spec, known, gpus, random("runtimes"))
    return _table(spec, known, submit_s, gpus, runtime_s, random)


def _halves(name: str, spec: Stream, partner: JobTable, seed: int) -> JobTable:
    """The second half of each job of another stream."""
    gpus = partner.asked() * (1.0 if spec.partner_gpus is None else spec.partner_gpus)
    return _table(
        spec, None, partner["submit_s"], gpus, partner["runtime_s"],
        lambda part: rng.stream(seed, "workload", name, part),
    )  # fmt: skip


def _table(
    spec: Stream, known: Preset | None, submit_s: np.ndarray, gpus: np.ndarray, runtime_s: np.ndarray, random: Callable
) -> JobTable:
    n = len(submit_s)
    estimate_s = runtime_s * random("estimates").uniform(1.0, spec.estimate_factor_max, n)
    return JobTable.build(
        {
            "tenant": [spec.tenant],
            "job_class": [spec.job_class],
            "home": [spec.home],
            "gpu_types": ["|".join(spec.gpu_types)],
            "residency": ["|".join(spec.residency)],
            "final_state": known.states if known else ["completed"],
        },
        submit_s=submit_s,
        **divided(gpus),
        runtime_s=runtime_s,
        estimate_s=estimate_s,
        deadline_s=_deadlines(spec, runtime_s, random),
        priority=spec.priority,
        preemptible=spec.preemptible,
        data_bytes=spec.data_tb * 1e12,
        final_state=known.final_states(gpus * runtime_s, random("states")) if known else 0,
    )


def _deadlines(spec: Stream, runtime_s: np.ndarray, random: Callable) -> np.ndarray | float:
    """[s] After the submission of each job; 0: none."""
    if spec.deadline_slack is None:
        return spec.deadline_s or 0.0
    most = spec.deadline_slack if spec.deadline_slack_max is None else spec.deadline_slack_max
    return runtime_s * random("deadlines").uniform(spec.deadline_slack, most, len(runtime_s))


def _arrivals(spec: Stream, known: Preset | None, duration_s: float, start: datetime, random: Callable) -> np.ndarray:
    if spec.starts is not None:
        planned_s = np.sort([elapsed_s(when, start.astimezone(UTC)) for when in spec.starts])
        return planned_s[(planned_s >= 0.0) & (planned_s < duration_s)]
    if known is None:
        return daily_arrivals(
            spec.jobs_per_day, spec.peak_to_mean or 1.0, spec.utc_offset_h, duration_s, random("arrivals")
        )
    start = start.astimezone(UTC)
    start_h = start.weekday() * 24.0 + start.hour + (start.minute + start.second / 60.0) / 60.0 + spec.utc_offset_h
    return bursty_arrivals(
        known.bursts, known.hours, known.weekdays, spec.jobs_per_day, start_h, duration_s,
        lambda part: random(f"arrivals {part}"),
    )  # fmt: skip


def _sizes(spec: Stream, known: Preset | None, n: int, generator: np.random.Generator) -> np.ndarray:
    """GPUs of ``n`` jobs; fractions where the preset's cluster shared GPUs."""
    if known is not None and spec.gpus is None:
        return generator.choice(known.sizes, n, p=known.size_share)
    weights = spec.gpus or DEFAULT_GPUS
    chance = np.array(list(weights.values()), dtype=float)
    return generator.choice(np.array([float(size) for size in weights]), n, p=chance / chance.sum())


def _runtimes(spec: Stream, known: Preset | None, gpus: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Run times [s]: the preset's, unless the stream has a lognormal of its own."""
    if known is not None and spec.runtime_median_s is None:
        return known.runtimes_s(gpus, generator)
    median_s = DEFAULT_RUNTIME_MEDIAN_S if spec.runtime_median_s is None else spec.runtime_median_s
    sigma = DEFAULT_RUNTIME_SIGMA if spec.runtime_sigma is None else spec.runtime_sigma
    return median_s * np.exp(sigma * generator.standard_normal(len(gpus)))


def partners(workload: Workload, table: JobTable) -> np.ndarray:
    """Rows of jobs whose halves depend on one another, shape (pairs, 2): found by tenant, class and submission."""
    pairs = [
        _together([workload.streams[spec.partner], spec], table)
        for spec in workload.streams.values()
        if spec.partner is not None and workload.streams[spec.partner].exchange is None
    ]
    return np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)


def exchanging_runs(workload: Workload, table: JobTable) -> Iterator[tuple[Exchange, np.ndarray]]:
    """What the parts of runs at several sites exchange, and rows of their jobs, shape (runs, parts)."""
    for name, spec in workload.streams.items():
        if spec.exchange is not None:
            others = [one for one in workload.streams.values() if one.partner == name]
            yield spec.exchange, _together([spec, *others], table)


def _together(specs: list[Stream], table: JobTable) -> np.ndarray:
    """Rows of jobs of some streams that came at the same moment, shape (moments, streams)."""
    found = [_rows_of(spec, table) for spec in specs]
    moments = reduce(np.intersect1d, [table["submit_s"][rows] for rows in found])
    return np.column_stack([rows[np.searchsorted(table["submit_s"][rows], moments)] for rows in found])


def _rows_of(spec: Stream, table: JobTable) -> np.ndarray:
    mine = np.ones(len(table), bool)
    for name, value in (("tenant", spec.tenant), ("job_class", spec.job_class)):
        mine &= table[name] == (table.names[name].index(value) if value in table.names[name] else -1)
    return np.flatnonzero(mine)


def daily_arrivals(
    per_day: float, peak_to_mean: float, utc_offset_h: float, duration_s: float, generator: np.random.Generator
) -> np.ndarray:
    """Times [s] of a Poisson process whose rate follows the day: a sinusoid with its peak at 15 h local time."""
    rate = daily_rate(per_day, peak_to_mean, (15.0 - utc_offset_h) * HOUR_S)
    return poisson_arrivals(rate, duration_s, generator, most_per_s=per_day / DAY_S * peak_to_mean)

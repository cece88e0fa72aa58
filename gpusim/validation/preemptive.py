"""Anchor of preemptive orders: one GPU, against what theory says of time in system."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpusim.engine.description import Scheduling
from gpusim.kernels.state.codes import Order
from gpusim.policies import queue_orders
from gpusim.policies.indices import ServiceLevels
from gpusim.validation.anchor import Effort, Row, mean_of_runs
from gpusim.validation.cases import WARM_UP, Law, play_in_pieces, poisson_arrivals, responses_s, stream, work

LOAD = 0.8
SHORT, MEANS = 0.9, (0.5, 5.5)  # of the mixture: nine of ten jobs are short; its mean is 1, its squared variation 5.5
FINE = ServiceLevels(tuple(np.geomspace(0.01, 60.0, 60).tolist()), tuple(map(float, range(61))))
SRTF = Scheduling(order=Order.REMAINING, greedy=True)


def _exponential(random: np.random.Generator, n: int) -> np.ndarray:
    return random.exponential(1.0, n)


def _mixture(random: np.random.Generator, n: int) -> np.ndarray:
    return random.exponential(np.where(random.random(n) < SHORT, *MEANS))


def _least(parts: tuple[tuple[float, float], ...], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E[min(S, x)] and E[min(S, x)^2] of a mixture of exponentials (weight, mean)."""
    first = sum(weight * mean * -np.expm1(-x / mean) for weight, mean in parts)
    second = sum(2.0 * w * m * (m * -np.expm1(-x / m) - x * np.exp(-x / m)) for w, m in parts)
    return first, second


def foreground_background(parts: tuple[tuple[float, float], ...], load: float) -> float:
    """[s] Mean time in system of M/G/1 under least attained service (Kleinrock 1976, volume 2, 4.6); mean size 1."""
    x = np.linspace(1e-4, 40.0 * max(mean for _w, mean in parts), 400_000)
    first, second = _least(parts, x)
    free = 1.0 - load * first
    density = sum(weight / mean * np.exp(-x / mean) for weight, mean in parts)
    return float(np.trapezoid(density * (load * second / 2.0 / free**2 + x / free), x))


def shortest_remaining(parts: tuple[tuple[float, float], ...], load: float) -> float:
    """[s] The same under the shortest remaining time (Schrage and Miller 1966)."""
    x = np.linspace(1e-4, 40.0 * max(mean for _w, mean in parts), 400_000)
    density = sum(weight / mean * np.exp(-x / mean) for weight, mean in parts)
    longer = sum(weight * np.exp(-x / mean) for weight, mean in parts)
    first, second = _least(parts, x)
    free = 1.0 - load * (first - x * longer)  # of jobs up to x alone
    residence = np.concatenate([[0.0], np.cumsum(np.diff(x) * (1.0 / free[1:] + 1.0 / free[:-1]) / 2.0)])
    return float(np.trapezoid(density * (load * second / 2.0 / free**2 + residence), x))


def blind_and_seeing(effort: Effort, levels: ServiceLevels = FINE) -> Iterator[Row]:
    """5: FIFO, any order, least attained service and shortest remaining time, of exponential jobs and of a mixture.

    On exponential sizes nobody who does not know them does better than FIFO; on the mixture service so far tells.
    """
    service = Scheduling(order=Order.SERVICE, greedy=True, levels=levels)
    exponential, mixture = ((1.0, 1.0),), ((SHORT, MEANS[0]), (1.0 - SHORT, MEANS[1]))
    cases: list[tuple[str, Law, Scheduling, float, float]] = [
        ("M/M/1, FIFO", _exponential, Scheduling(), 1.0 / (1.0 - LOAD), 0.05),
        ("M/M/1, at random", _exponential, Scheduling(key=queue_orders.priority), 1.0 / (1.0 - LOAD), 0.05),
        ("M/M/1, least attained service", _exponential, service, 1.0 / (1.0 - LOAD), 0.05),
        ("M/M/1, shortest remaining time", _exponential, SRTF, shortest_remaining(exponential, LOAD), 0.023),
        ("mixture, least attained service", _mixture, service, foreground_background(mixture, LOAD), 0.05),
        ("mixture, shortest remaining time", _mixture, SRTF, shortest_remaining(mixture, LOAD), 0.03),
    ]
    for what, law, rules, expected, tolerance in cases:
        runs, n = effort.runs(4), WARM_UP + effort.size(4, 250_000)

        def one(run: int, law=law, rules=rules, n=n) -> tuple[float]:
            submit_s = poisson_arrivals(stream(5, law.__name__, run, "arrivals"), LOAD, n)
            drawn = stream(5, run, "priorities").integers(0, 2**31, n)
            jobs = work(
                submit_s, law(stream(5, law.__name__, run, "sizes"), n), preemptible=np.ones(n, bool), priority=drawn
            )
            return (play_in_pieces(jobs, [(1, 1)], responses_s, rules).mean(),)

        ours = mean_of_runs(runs, one)[0]
        yield Row(5, f"{what} at load {LOAD:g}: mean time in system", expected, ours, effort.widen(tolerance))

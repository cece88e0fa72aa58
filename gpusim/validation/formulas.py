"""Closed forms of queueing theory, service rate 1 per server unless said otherwise."""

from __future__ import annotations

import math


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals that a group without waiting room blocks (Erlang 1917; recursion on the servers)."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share of arrivals that wait in M/M/c (Erlang 1917): B / (1 - rho (1 - B))."""
    blocked = erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def mmc_wait(servers: int, load: float) -> float:
    """Mean wait of M/M/c, first come, first served: C / (c - a)."""
    return erlang_c(servers, load) / (servers - load)


def mmc_wait_quantile(servers: int, load: float, q: float) -> float:
    """Quantile of the wait of M/M/c: P(W > t) = C exp(-(c - a) t)."""
    return max(0.0, math.log(erlang_c(servers, load) / (1.0 - q)) / (servers - load))


def mg1_wait(load: float, cv2: float) -> float:
    """Mean wait of M/G/1 (Pollaczek 1930, Khinchine 1932) for run times of mean 1 and squared variation ``cv2``."""
    return load * (1.0 + cv2) / (2.0 * (1.0 - load))


def priority_waits(first: float, second: float) -> tuple[float, float]:
    """Mean waits of M/M/1 with classes of these loads, the first before the second, none interrupted (Cobham 1954)."""
    busy = first + second  # mean work left of the job in service, run times exponential
    return busy / (1.0 - first), busy / ((1.0 - first) * (1.0 - first - second))


def preemptive_responses(first: float, second: float) -> tuple[float, float]:
    """Mean response times of the same queue if the first class interrupts the second, which resumes where it was."""
    total = first + second
    return 1.0 / (1.0 - first), (1.0 / (1.0 - first)) * (1.0 + total / (1.0 - total))

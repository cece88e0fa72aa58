"""Several engines, and who gets which request."""

from __future__ import annotations

from gpusim.serving.deployment import Deployment
from tests.reference.requests.engine import Engine
from tests.reference.requests.group import Group, Pace
from tests.reference.requests.request import Request


def play(requests: list[Request], deployment: Deployment) -> list[int]:
    """Each request goes to an engine when it arrives, and all are served; the engine of each."""
    engines = play_engines(requests, deployment)
    where = {request: i for i, engine in enumerate(engines) for request in engine.served}
    return [where[request] for request in requests]


def play_engines(requests: list[Request], deployment: Deployment, **pace: Pace) -> list[Engine]:
    """The same; all engines."""
    groups = [Group(deployment, **pace) for _ in range(deployment.replicas // deployment.in_step)]
    engines = [engine for group in groups for engine in group.engines]
    first = sorted((request for request in requests if request.pending == 0), key=lambda one: one.arrival_s)
    for i, request in enumerate(first):
        for group in groups:
            group.advance(request.arrival_s)
        scores = [score(engine, request, deployment.router) for engine in engines]
        best = i % len(engines) if deployment.router == "round-robin" else scores.index(min(scores))
        engines[best].come(request)
    for group in groups:
        group.advance(float("inf"))
    return engines


def score(engine: Engine, request: Request, router: str) -> int:
    """The engine with the lowest gets the request."""
    if router == "least-requests":
        return engine.outstanding
    if router == "least-kv":
        return engine.load
    cached = engine.cached(request)
    return engine.load - len(cached) - len(engine.copies(request, cached))

"""What services by requests could have more of: replicas, KV cache, faster loading, other ways for their requests."""

from __future__ import annotations

from collections.abc import Iterator

from gpusim.scenario.costs import gpus_usd
from gpusim.scenario.faults import dotted
from gpusim.scenario.inference import Autoscaling, Objectives, Routing
from gpusim.scenario.scenario import Scenario
from gpusim.scenario.service import Service
from gpusim.studies.lever import Lever
from gpusim.studies.relief.counterfactual import Counterfactual

BY_LOAD = "least-kv"  # the router that looks at what is to be done, in place of how many there are


def service_reliefs(scenario: Scenario, step: float) -> Iterator[Counterfactual]:
    """Of each service by requests; the ledger of GPUs cannot see why a request was late."""
    for name, service in scenario.services.items():
        if service.by_request:
            yield _replicas(scenario, name, service, step)
            if service.prefill is not None:
                yield from _apart(scenario, name, service)
            yield from _faster(name, service)
            yield from _routes(name, service)


def _lever(name: str, *path: str, how: str = "set") -> Lever:
    return Lever(keys=[dotted(("services", name, *path))], how=how)


def _replicas(scenario: Scenario, name: str, service: Service, step: float) -> Counterfactual:
    if (service.scaling or Autoscaling()).policy == "static":
        each = sum(gpus_usd(scenario, one.gpu_type, service.gpus_per_replica) for one in service.deployments)
        return Counterfactual(
            "replicas", name, "replicas",
            f"one more replica of {name}{' that decodes' if service.prefill else ''} in each deployment",
            _lever(name, "scaling", "replicas", how="add"), 1.0, "replica", frozenset(), each, 1,
        )  # fmt: skip
    return Counterfactual(
        "replicas", name, "target_utilisation", f"replicas of {name} at {step:.0%} less load",
        _lever(name, "target_utilisation", how="scale"), 1.0 - step, "%", frozenset(),
    )  # fmt: skip


def _apart(scenario: Scenario, name: str, service: Service) -> Iterator[Counterfactual]:
    if (service.scaling or Autoscaling()).policy == "static":
        kinds = [service.prefill_type(one) for one in service.deployments]
        each = sum(gpus_usd(scenario, kind, service.gpus_per_replica) for kind in kinds)
        yield Counterfactual(
            "replicas", name, "prefill_replicas", f"one more replica of {name} that prefills in each deployment",
            _lever(name, "prefill", "replicas", how="add"), 1.0, "replica", frozenset(), each, 1,
        )  # fmt: skip
    yield Counterfactual(
        "KV cache", name, "prefill_gb_per_s", f"KV cache of {name} goes from prefill to decode twice as fast",
        _lever(name, "prefill", "gb_per_s", how="scale"), 2.0, "%", frozenset(),
    )  # fmt: skip


def _faster(name: str, service: Service) -> Iterator[Counterfactual]:
    if service.model.kv == "bf16":
        yield Counterfactual(
            "KV cache", name, "kv", f"the KV cache of {name} in half the bytes (FP8)",
            _lever(name, "model", "kv"), "fp8", "rule", frozenset(), 0.0,
        )  # fmt: skip
    if service.load_s > 0.0:
        yield Counterfactual(
            "loading", name, "load_s", f"replicas of {name} load twice as fast",
            _lever(name, "load_s", how="scale"), 0.5, "%", frozenset(),
        )  # fmt: skip


def _routes(name: str, service: Service) -> Iterator[Counterfactual]:
    routing = service.routing or Routing()
    if routing.replica != BY_LOAD:
        yield Counterfactual(
            "routing", name, "replica", f"requests of {name} go to the replica with the least KV cache in use",
            _lever(name, "routing", "replica"), BY_LOAD, "rule", frozenset(), 0.0,
        )  # fmt: skip
    if len(service.deployments) < 2:
        return
    if routing.deployments != "nearest" and any(one.round_trip_ms for one in (service.users or {}).values()):
        yield Counterfactual(
            "routing", name, "nearest", f"requests of {name} go to the nearest site",
            _lever(name, "routing", "deployments"), "nearest", "rule", frozenset(), 0.0,
        )  # fmt: skip
    if routing.spill_s is None:
        patience_s = (service.objectives or Objectives()).ttft_s / 2.0
        yield Counterfactual(
            "routing", name, "spill_s", f"requests of {name} go to another site where they would wait {patience_s:g} s",
            _lever(name, "routing", "spill_s"), patience_s, "rule", frozenset(), 0.0,
        )  # fmt: skip

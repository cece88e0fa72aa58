"""Replicas of a service's model on the GPU types where it runs: entries of the catalogue, and what they can do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from gpusim.engine.capping import slowness
from gpusim.engine.serving.arrivals import Arrivals, caches_prefixes
from gpusim.errors import ScenarioError, ServingError
from gpusim.scenario.faults import dotted
from gpusim.scenario.inference import Prefill, ServedModel
from gpusim.scenario.scenario import Scenario
from gpusim.serving.calibration import apply
from gpusim.serving.deployment import Deployment, PrefillPool
from gpusim.serving.engine_options import Lora, Speculation
from gpusim.serving.entry import Entry, entry
from gpusim.serving.kv_cache import kv_bytes_per_token
from gpusim.serving.replay import most_requests_per_s
from gpusim.serving.replica import Layout
from gpusim.serving.tabulation import deployment, offload

PROBES = 4000  # requests that say what a replica can put out, for each copy of its attention
NEVER_S = 1e12  # [s]
MOST_FEEDING = 64  # replicas that prefill for one
NO_DIFFERENCE = 0.02


@dataclass(frozen=True)
class ServingEngine:
    """One replica of a model on a GPU type.

    Attributes
    ----------
    entry : Entry
    deployment : Deployment
        One replica, with the copies of its attention in step.
    arrivals : Arrivals
        Whose requests it serves.
    role : str
        "prefill", "decode" where the two are apart.
    prefill : ServingEngine, optional
        Of one that decodes: that which prefills for it.
    """

    entry: Entry
    deployment: Deployment
    arrivals: Arrivals
    role: str = ""
    prefill: ServingEngine | None = None

    @cached_property
    def requests_per_s(self) -> float:
        """[1/s] that it serves, or prefills or decodes alone, while there are always more."""
        return self._most_per_s(1.0)

    def left_of(self, draw: float) -> float:
        """Share of this that a cap leaves which leaves so much of what its steps draw above idle."""
        if draw not in self._left:
            self._left[draw] = self._most_per_s(draw) / self.requests_per_s
        return self._left[draw]

    @cached_property
    def _left(self) -> dict[float, float]:
        return {1.0: 1.0}

    def _most_per_s(self, draw: float) -> float:
        """[1/s] While there are always more, under a cap."""
        prompts, outputs = self.requests(PROBES * self.deployment.in_step)
        if len(prompts) < 2:
            return 1.0
        if self.role == "decode":
            return _most_decoded_per_s(prompts, outputs, self.deployment, slowness(draw))
        outputs = np.ones_like(outputs) if self.role == "prefill" else outputs
        return most_requests_per_s(prompts, outputs, self.deployment, slowness(draw))

    @cached_property
    def tokens_per_s(self) -> float:
        """[tokens/s] of output that it puts out then."""
        return self.requests_per_s * self.output_tokens

    @cached_property
    def output_tokens(self) -> float:
        """Mean of a request."""
        _prompts, outputs = self.requests(PROBES)
        return float(outputs.mean()) if len(outputs) else 1.0

    @cached_property
    def prompt_tokens(self) -> float:
        """Mean of a request."""
        prompts, _outputs = self.requests(PROBES)
        return float(prompts.mean()) if len(prompts) else 1.0

    @property
    def read_per_token(self) -> float:
        """[bytes] Of KV cache, of whole prompts, that one that decodes reads per token put out."""
        return self.prompt_tokens / self.output_tokens * self.deployment.prefill.kv_bytes_per_token

    def requests(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of prompts and of outputs of up to so many requests, those that a replica has room for."""
        prompts, outputs = self.arrivals.sample(count)
        fits = prompts + outputs <= self.deployment.longest_request
        return prompts[fits], outputs[fits]


def serving_engines(scenario: Scenario, arrivals: dict[str, Arrivals]) -> dict[tuple[str, str], ServingEngine]:
    """Replicas by service and GPU type of all services with a model, of whose requests ``arrivals`` has each one's.

    Raises
    ------
    ScenarioError
        With every model, engine, format, layout or GPU that the catalogue does not know.
    """
    made, faults = {}, {}
    for name, service in scenario.services.items():
        for kind in dict.fromkeys(d.gpu_type for d in service.deployments) if service.model else ():
            try:
                made[name, kind] = _engine(service.model, kind, arrivals[name])
                if (apart := service.prefill) is not None:
                    other = _engine(service.model, apart.gpu_type or kind, arrivals[name])
                    made[name, kind] = _fed(made[name, kind], other, apart)
                    made.setdefault((name, apart.gpu_type or kind), made[name, kind].prefill)
            except ServingError as error:
                faults[f"{dotted(('services', name, 'model'))}: {error}"] = None
    if faults:
        raise ScenarioError(scenario.name, list(faults))
    return made


def _fed(decodes: ServingEngine, prefills: ServingEngine, spec: Prefill) -> ServingEngine:
    """A replica that decodes what another prefills, whose KV cache it reads."""
    first = replace(prefills, role="prefill", deployment=replace(prefills.deployment, speculation=None))
    pool = PrefillPool(
        first.deployment, float(kv_bytes_per_token(decodes.entry.replica)), spec.gb_per_s * 1e9, spec.latency_s,
        spec.holds_s,
    )  # fmt: skip
    return replace(decodes, role="decode", prefill=first, deployment=replace(decodes.deployment, prefill=pool))


def _most_decoded_per_s(
    prompts: np.ndarray, outputs: np.ndarray, deployment: Deployment, slowness: tuple[float, float]
) -> float:
    """[1/s] that a replica decodes while there are always more: prefilled by so many that more make no difference."""
    pool = deployment.prefill

    def per_s(others: int) -> float:
        feeding = replace(pool.deployment, replicas=others * pool.deployment.in_step)
        fed = replace(deployment, prefill=replace(pool, deployment=feeding, holds_s=NEVER_S))
        return most_requests_per_s(prompts, outputs, fed, slowness)

    most, others = per_s(1), 2
    while others <= MOST_FEEDING and (more := per_s(others)) > (1.0 + NO_DIFFERENCE) * most:
        most, others = more, 2 * others
    return most


def _engine(model: ServedModel, kind: str, arrivals: Arrivals) -> ServingEngine:
    """A replica with the engine's usual limits, or with those that the model's table gives."""
    layout = Layout(model.tp, model.pp, model.dp, model.ep)
    known = entry(model.name, kind, model.engine, layout, model.weights, model.experts, model.kv)
    if model.entry is not None:
        known = apply(known, Path(model.entry))
    limits: dict[str, object] = {}
    for name in ("max_requests", "max_batched_tokens", "prefix_caching"):
        if (value := getattr(model, name)) is not None:
            limits[name] = value
    if model.speculation is not None:
        limits["speculation"] = Speculation(**model.speculation.model_dump())
    if model.offload is not None:
        if not arrivals.block_tokens and caches_prefixes(model):
            raise ServingError(f"{kind}: offload keeps common prefixes of prompts; give a trace with hash_ids")
        limits["offload"] = offload(known, model.offload.gb_per_gpu * 1e9, model.offload.gb_per_s * 1e9)
    if model.lora is not None:
        one = model.lora
        limits["lora"] = Lora(one.max_loras, one.adapter_mb * 1e6, one.gb_per_s * 1e9)
    elif arrivals.adapters:
        raise ServingError("requests have adapters, but replicas have no slots for them; give the model lora")
    if arrivals.by_priority:
        limits["by_priority"] = True
    if arrivals.block_tokens:
        limits["block_tokens"] = arrivals.block_tokens
    return ServingEngine(known, deployment(known, **limits), arrivals)

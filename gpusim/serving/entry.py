"""One deployment whose step times and power are known: from runs of its pair of model and GPU, or from the roofline."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from gpusim import plugins
from gpusim.errors import ServingError
from gpusim.serving.adjustment import Adjustment
from gpusim.serving.closed_loop import Load, decode_step_s, token_time_s
from gpusim.serving.coefficients import LIKE, Coefficients, coefficients
from gpusim.serving.engine_options import PAUSING, V0, V0_LIMITS
from gpusim.serving.hardware import Gpu, gpu
from gpusim.serving.kv_cache import kv_blocks, running
from gpusim.serving.model import ModelShape, model_shape
from gpusim.serving.power import PowerDraw, draws, loop_power_w
from gpusim.serving.replica import Layout, Numbers, Replica, replica

EXPERTS_ONLY = ("nvfp4", "mxfp4", "int4")
"""Formats in which models with experts are published with all else in BF16 (quantization configs of nvidia's
DeepSeek-R1 and Qwen3.5, openai's gpt-oss, moonshotai's Kimi-K2)."""
REQUEST_S = 0.008
"""[s] Of a request outside of the engine: server, splitting into tokens, client. Of 11 load stages of vLLM on H100s
(inference-sim/training, raw aggregates) the median first token came 2.5 of a stage's own steps and 6.1 to 13.1 ms
after its request, 8.4 in the middle: half a step until the engine looks, one that is scheduled already, its own."""
LARGE_MEMORY_BYTES = 70 * 2**30
"""[B] from which on vLLM gives a step 8,192 tokens, else 2,048 (but on the A100; vllm/engine/arg_utils.py)."""
OTHER_ENGINE = 1.25
"""Factor by which times and power of an engine that was not measured may be off, either way, beyond those of models
that were not: an assumption, as for announced GPUs."""


@dataclass(frozen=True)
class ErrorRange:
    """Measured over predicted: the middle 80%."""

    low: float
    high: float

    def wider(self, factor: float) -> ErrorRange:
        """The same, wider by a factor at each end."""
        return ErrorRange(self.low / factor, self.high * factor)


@dataclass(frozen=True)
class Estimate:
    """A prediction, and where four of five measured values are expected."""

    value: Numbers
    low: Numbers
    high: Numbers


@dataclass(frozen=True)
class Entry:
    """A replica with its engine's coefficients, and their accuracy.

    Attributes
    ----------
    basis : str
        ``"pair"``: runs of this model on this GPU with this engine were measured. ``"other engine"``: with the one that
        it is taken to be like. ``"roofline"``: none were.
    runs : int
        Measured runs of the pair.
    source : str
        Where they are from.
    time, power : ErrorRange
        Of measured over predicted token times and power.
    """

    replica: Replica
    engine: str
    coefficients: Coefficients
    draws: PowerDraw
    basis: str
    runs: int
    source: str
    time: ErrorRange
    power: ErrorRange

    @property
    def like(self) -> str:
        """Engine whose runs stand for its own, of which none was measured; "" where its own were, or a log."""
        return LIKE.get(self.engine, "") if self.basis in ("other engine", "roofline") else ""

    @property
    def announced(self) -> bool:
        """Whether its GPU is known from announced figures alone."""
        return self.basis == "roofline" and self.replica.gpu.unmeasured != 1.0

    @property
    def request_s(self) -> float:
        """[s] Of a request outside of the engine, which its client waits for too."""
        return REQUEST_S

    @property
    def token_budget(self) -> int:
        """Most tokens of a step, unless said otherwise."""
        if self.engine == V0:
            return V0_LIMITS["max_batched_tokens"]
        of = self.replica.gpu
        return 8192 if of.memory_bytes >= LARGE_MEMORY_BYTES and of.name != "A100" else 2048

    @property
    def kv_blocks(self) -> int:
        """Blocks of 16 tokens that the memory of one copy of the attention has room for."""
        return kv_blocks(self.replica, self.token_budget)

    def load(self, batch: Numbers, prompt_tokens: Numbers, output_tokens: Numbers) -> Load:
        """A closed loop as this engine serves it."""
        return Load(batch, prompt_tokens, output_tokens, self.token_budget, self.engine in PAUSING)

    def decode_step_s(self, load: Load) -> Estimate:
        """[s] of a step without prefill: the median time from token to token while few requests begin."""
        return _within(decode_step_s(self.replica, self.coefficients, load, self._running(load)), self.time)

    def token_time_s(self, load: Load) -> Estimate:
        """[s] from token to token, mean, with the delays by the prefill of others."""
        return _within(token_time_s(self.replica, self.coefficients, load, self._running(load)), self.time)

    def power_w(self, load: Load) -> Estimate:
        """[W] of one GPU, mean."""
        drawn_w = loop_power_w(self.replica, self.coefficients, self.draws, load, self._running(load))
        return _within(drawn_w, self.power)

    def joules_per_token(self, load: Load) -> Estimate:
        """[J] of all GPUs per token put out; the interval as if power and time were off together."""
        time, power = self.token_time_s(load), self.power_w(load)
        gpus_per_token = self.replica.layout.gpus / self._running(load)
        return Estimate(*(gpus_per_token * a * b for a, b in zip(_parts(time), _parts(power), strict=True)))

    def _running(self, load: Load) -> Numbers:
        return running(self.replica, load)


def entry(
    model: str | ModelShape,
    on: str | Gpu,
    engine: str = "vllm",
    layout: Layout | None = None,
    weights: str = "bf16",
    experts: str = "",
    kv: str = "bf16",
    version: str = "",
) -> Entry:
    """The entry of a deployment: of the first package that knows it, else of gpusim's catalogue.

    Parameters
    ----------
    model : str or ModelShape
        Name of a published model, or its shape.
    on : str or Gpu
        GPU of the catalogue, or its properties.
    engine : str
        One of ``coefficients.engines()``, or "vllm-v0".
    layout : Layout, optional
        How the model is divided over GPUs; by default one GPU.
    weights, experts, kv : str
        Formats, as in ``replica``; a model with experts in one of ``EXPERTS_ONLY`` has the rest in BF16 unless
        ``experts`` says which are which.
    version : str
        Version of the engine, as named in its runs; without one, or if it was not measured, all versions together.

    Raises
    ------
    ServingError
        If a name is unknown, or the model cannot be divided this way or does not fit.
    """
    asked = (model, on, engine, layout or Layout(), weights, experts, kv, version)
    others = plugins.loaded(plugins.ENTRIES, Callable)
    return next((found for other in others if (found := other(*asked)) is not None), None) or catalogued(*asked)


def catalogued(
    model: str | ModelShape,
    on: str | Gpu,
    engine: str,
    layout: Layout,
    weights: str,
    experts: str,
    kv: str,
    version: str,
) -> Entry:
    """The entry of gpusim's own catalogue; parameters and errors as of ``entry``."""
    shape = model if isinstance(model, ModelShape) else model_shape(model)
    card = on if isinstance(on, Gpu) else gpu(on)
    if shape.heads % layout.tp:
        raise ServingError(
            f"layout: tp of {layout.tp} does not divide the {shape.heads} attention heads of {shape.name}"
        )
    if weights in EXPERTS_ONLY and not experts and shape.moe_layers:
        weights, experts = "bf16", weights
    made = replica(shape, card, layout, weights, experts, kv)
    c, d = coefficients(engine, card.name, weights, experts), draws(card.name)
    key = (shape.name, card.name, LIKE.get(engine, engine), weights, experts or weights)
    pair = _pairs().get((*key, version)) or _pairs().get((*key, ""))
    own = engine not in LIKE
    off = float(card.unmeasured) * (1.0 if own else OTHER_ENGINE)
    time, power = (one.wider(off) for one in intervals()[shape.kind])
    if pair is None:
        return Entry(made, engine, c, d, "roofline", 0, "fit to the runs of all models", time, power)
    adjustment = Adjustment(**{field.name: float(pair[field.name]) for field in fields(Adjustment)})
    if own:
        time = ErrorRange(float(pair["time_low"]), float(pair["time_high"]))
        power = ErrorRange(float(pair["power_low"]), float(pair["power_high"]))
    return Entry(
        made, engine, adjustment.of_times(c), adjustment.of_power(d), "pair" if own else "other engine",
        int(pair["runs"]), pair["source"], time, power,
    )  # fmt: skip


@cache
def intervals() -> dict[str, tuple[ErrorRange, ErrorRange]]:
    """Intervals of token time and of power for models of a kind that were left out of the fit."""
    return {
        row["kind"]: (
            ErrorRange(float(row["time_low"]), float(row["time_high"])),
            ErrorRange(float(row["power_low"]), float(row["power_high"])),
        )
        for row in _table("intervals")
    }


@cache
def _pairs() -> dict[tuple[str, ...], dict[str, str]]:
    keys = ("model", "gpu", "engine", "weights", "experts", "version")
    return {tuple(row[key] for key in keys): row for row in _table("pairs")}


def _table(name: str) -> list[dict[str, str]]:
    with (files("gpusim.serving") / "catalogue" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _within(value: Numbers, interval: ErrorRange) -> Estimate:
    return Estimate(value, value * interval.low, value * interval.high)


def _parts(estimate: Estimate) -> tuple[Numbers, Numbers, Numbers]:
    return estimate.value, estimate.low, estimate.high

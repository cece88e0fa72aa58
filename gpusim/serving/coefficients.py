"""How well serving engines do on GPUs: the few numbers between a roofline and a measured step."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from math import prod

from gpusim.errors import ServingError, did_you_mean
from gpusim.serving.engine_options import V0
from gpusim.serving.replica import Numbers


@dataclass(frozen=True)
class Coefficients:
    """Times that no peak rate explains, and shares of peak rates that are reached. Fields may hold arrays.

    Attributes
    ----------
    host_s, sequence_s : float
        [s] between steps, and for each sequence of a step (scheduling, sampling, sending).
    block_s : float
        [s] of small kernels in each block: norms, rotations, activations.
    expert_block_s, latent_block_s, recurrent_block_s, index_block_s : float
        [s] of further ones in a block of experts, of latent attention, with a recurrent state, with an index.
    passes : float
        Times that what a block works on is read or written between its products.
    exchange_s : float
        [s] to start an exchange between two GPUs.
    weight_read, expert_read, kv_read : float
        Shares of the memory bandwidth that reading weights, experts and the KV cache reach.
    weight_math, expert_math, decode_math, prefill_math : float
        Shares of the peak that products with weights, with experts, and attention in decode and prefill reach.
    skew : float
        By how much experts differ in the tokens that they get: standard deviation over mean.
    link : float
        Share of the link bandwidth.
    """

    host_s: Numbers
    sequence_s: Numbers
    block_s: Numbers
    expert_block_s: Numbers
    latent_block_s: Numbers
    recurrent_block_s: Numbers
    index_block_s: Numbers
    passes: Numbers
    exchange_s: Numbers
    weight_read: Numbers
    expert_read: Numbers
    kv_read: Numbers
    weight_math: Numbers
    expert_math: Numbers
    decode_math: Numbers
    prefill_math: Numbers
    skew: Numbers
    link: Numbers


NAMES = tuple(field.name for field in fields(Coefficients))
BY_WEIGHTS = ("weight_read", "weight_math")
BY_EXPERTS = ("expert_read", "expert_math", "expert_block_s")
"""Coefficients that also depend on the format of the weights, or of the experts."""
LIKE = {V0: "vllm"}
"""Engines of which no run was measured, and those whose runs stand for theirs."""


def coefficients(engine: str, gpu: str, weights: str = "bf16", experts: str = "") -> Coefficients:
    """Coefficients fitted to measured runs of all models: a base, times factors of engine, GPU and formats.

    Parameters
    ----------
    engine : str
        One of ``engines()``, or of ``LIKE``.
    gpu : str
        Name in the catalogue; a GPU without measured runs has no factor.
    weights, experts : str
        Formats; experts as the weights unless said.

    Raises
    ------
    ServingError
        If the engine is neither measured nor taken to be like one that is.
    """
    measured = LIKE.get(engine, engine)
    if measured not in engines():
        like = ", ".join(f"{one} has the step times of {other}" for one, other in LIKE.items())
        hint = did_you_mean(engine, [*engines(), *LIKE])
        raise ServingError(f"engine '{engine}'{hint}; measured are {', '.join(engines())}; {like}")
    table = _factors()

    def value(name: str) -> float:
        of = [("engine", measured), ("gpu", gpu)]
        of += [("format", weights)] if name in BY_WEIGHTS else []
        of += [("format", experts or weights)] if name in BY_EXPERTS else []
        return table[name, "base", ""] * prod(table.get((name, *key), 1.0) for key in of)

    return Coefficients(**{name: value(name) for name in NAMES})


def engines() -> list[str]:
    """Names of the engines that were measured, by version where that changed much."""
    return sorted({which for _, of, which in _factors() if of == "engine"})


@cache
def _factors() -> dict[tuple[str, str, str], float]:
    """Values and factors by coefficient, what they depend on ("base", "engine", "gpu", "format"), and which."""
    with (files("gpusim.serving") / "catalogue" / "coefficients.csv").open(encoding="utf-8") as file:
        return {(row["coefficient"], row["of"], row["which"]): float(row["value"]) for row in csv.DictReader(file)}

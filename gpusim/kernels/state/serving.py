"""Inference services: all arrays that their kernels see."""

from __future__ import annotations

from typing import ClassVar

from gpusim.kernels.state.bundle import Bundle, record

REPLICA = record(  # of an inference service
    [
        ("gpus", "i8"),
        ("tenant", "i8"),
        ("priority", "i8"),
        ("most_w", "f8"),  # above idle per GPU, if more than serving draws in its pool
        ("capped_w", "f8"),  # of that, what caps on power reach; 0: it is not capped
        ("cap_exponent", "f8"),  # of the curve by which a cap slows it most
        ("cap_group", "i8"),  # among all classes and replicas: those that a cap slows least come first
        ("holding", "i8"),  # row of `holdings` while it runs
    ]
)


class Serving(Bundle):
    """All state of inference services that kernels see."""

    ARRAYS: ClassVar = {"replicas": (REPLICA, 1)}
    __slots__ = (*ARRAYS, "table")

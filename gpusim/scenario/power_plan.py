"""What a planner reckons a node to draw when it decides how many nodes a grid connection carries."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from gpusim.scenario.hardware import GpuType


def _known(plan: object) -> object:
    if isinstance(plan, bool | int | float):
        is_known = not isinstance(plan, bool) and 50.0 <= plan <= 100.0
    else:
        is_known = plan in ("nameplate", "peak")
    if not is_known:
        raise ValueError('give "nameplate", "peak" or a percentile from 50 to 100')
    return plan


PowerPlan = Annotated[Literal["nameplate", "peak"] | Annotated[float, Field(ge=50, le=100)], BeforeValidator(_known)]

# Of the power of 8-GPU servers in production, as shares of the greatest, by percentile (Acme's Seren, August 2023:
# 2.52, 4.28, 4.85, 5.04, 5.42 and 6.55 kW; InternLM/AcmeTrace, Hu et al., NSDI 2024).
_PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 100.0)
_SHARES = (0.385, 0.654, 0.741, 0.769, 0.827, 1.0)


def planned_w(plan: PowerPlan, gpu: GpuType) -> float:
    """IT power [W] that a node is reckoned with, for each of its GPUs.

    Its rated power; what it draws while all its GPUs compute, which is less; or a percentile of what servers draw, as a
    share of the rated power.
    """
    if plan == "nameplate":
        return gpu.rated_it_w_per_gpu
    if plan == "peak":
        return gpu.node_base_w / gpu.gpus_per_node + max(gpu.compute_fraction * gpu.tdp_w, gpu.idle_w)
    return gpu.rated_it_w_per_gpu * float(np.interp(plan, _PERCENTILES, _SHARES))

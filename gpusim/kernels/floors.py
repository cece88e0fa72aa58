"""Floors: the time before which nothing of some number of GPUs fits on a node for some length of time.

Each node's line has one for each class of (GPUs, length), of which a class has those up to twice its least. Claims
leave floors true; what is given back pulls them down to where it begins to be of use. A search that starts at a floor
and not at the present passes over what was found to be too small before.

Writes: lines.
Reads: clock.
Units: s, GPUs.
"""

from __future__ import annotations

import math

import numpy as np

from gpusim.kernels._jit import inner
from gpusim.kernels.gaps import earliest, extremes, reach
from gpusim.kernels.state.plans import FLOOR_LENGTHS, FLOOR_SIZES


@inner
def floor_class(gpus, span_s):
    """Class of a job that takes ``gpus`` of a node for ``span_s``, of at least 1 s."""
    size = 0
    while size + 1 < FLOOR_SIZES and 2 << size <= gpus:
        size += 1
    _mantissa, exponent = math.frexp(span_s)
    return size * FLOOR_LENGTHS + min(max(exponent - 1, 0), FLOOR_LENGTHS - 1)


@inner
def clear_floors(f, n):
    """Nothing is known of line ``n``: any window may fit from any time on."""
    line = f.lines[n]
    for i in range(FLOOR_SIZES * FLOOR_LENGTHS):
        line.floor_s[i] = -math.inf


@inner
def earliest_on(f, n, floor, need, span_s, from_s, last_s):
    """``earliest`` on a node, for a need of class ``floor``."""
    line = f.lines[n]
    begin_s = max(line.floor_s[floor], from_s)
    if begin_s > last_s:
        return math.inf
    if from_s <= max(line.floor_s[floor], f.clock[0].now_s):
        least_gpus, least_s = 1 << floor // FLOOR_LENGTHS, float(1 << floor % FLOOR_LENGTHS)
        begin_s = earliest(f, n, least_gpus, least_s, begin_s, last_s)
        line.floor_s[floor] = min(begin_s, np.nextafter(last_s, math.inf))
        if begin_s == math.inf:
            return math.inf
    return earliest(f, n, need, span_s, begin_s, last_s)


@inner
def pull_floors(f, n, begin_s, end_s):
    """GPUs of a node were given back from when to when."""
    line, now = f.lines[n], f.clock[0].now_s
    begin_s = max(begin_s, now)
    if begin_s >= end_s:
        return
    _least, most = extremes(f, n, begin_s, end_s)
    for size in range(FLOOR_SIZES):
        if 1 << size > most:
            return
        low_s, high_s = reach(f, n, 1 << size, begin_s, end_s, now)
        for length in range(FLOOR_LENGTHS):
            if high_s - low_s < 1 << length:
                break
            floor = size * FLOOR_LENGTHS + length
            line.floor_s[floor] = min(line.floor_s[floor], low_s)

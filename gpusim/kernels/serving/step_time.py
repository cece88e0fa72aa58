"""How long a step takes: tables, linear between their knots.

A step of T tokens from R requests, of which D decode with a mean context of m tokens in the KV cache, and with C prompt
tokens after h others, takes dense(T) + batch(R) + attention(C, h, D, m). Below the first knot of an axis its value
holds, beyond the last the line goes on. Contexts of different lengths take more: with x the longest, a share of
attention(C, h, D, x) - attention(C, h, D, m) comes on top, where that is positive. Of replicas in step with each other
the longest part counts, and what they do together, gathered(T of all), comes on top.

Writes: nothing.
Reads: entries, numbers.
Units: s, tokens.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import inner, part


@part
def _between(numbers, at, knots, x):
    """Knot at or below ``x``, and how far ``x`` is on the way to the next (beyond the last: more than 1)."""
    if knots == 1 or x <= numbers[at]:
        return 0, 0.0
    low, left = 0, knots - 1
    while left > 1:  # without a branch, which no processor could foresee
        half = left >> 1
        low += half * (numbers[at + low + half] <= x)
        left -= half
    return low, (x - numbers[at + low]) / (numbers[at + low + 1] - numbers[at + low])


@part
def _near(numbers, at, knots, x, knot):
    """The same, which is probably this knot: steps make contexts longer by little."""
    if numbers[at + knot] < x and (knot + 2 == knots or x < numbers[at + knot + 1]):
        return knot, (x - numbers[at + knot]) / (numbers[at + knot + 1] - numbers[at + knot])
    return _between(numbers, at, knots, x)


@part
def _blend(numbers, at, step, way):
    return numbers[at] + way * (numbers[at + step] - numbers[at])


@part
def attention(numbers, e, chunk, before, decoding, context):
    """[s] Attention of a step whose contexts are even."""
    at, strides = e.attention, (e.knots[1] * e.knots[2] * e.knots[3], e.knots[2] * e.knots[3], e.knots[3], 1)
    i, chunk_way = _between(numbers, e.axis[0], e.knots[0], chunk)
    j, before_way = _between(numbers, e.axis[1], e.knots[1], before)
    k, decoding_way = _between(numbers, e.axis[2], e.knots[2], decoding)
    m, context_way = _between(numbers, e.axis[3], e.knots[3], context)
    at += i * strides[0] + j * strides[1] + k * strides[2] + m
    to_chunk = strides[0] if e.knots[0] > 1 else 0
    to_before = strides[1] if e.knots[1] > 1 else 0
    to_decoding = strides[2] if e.knots[2] > 1 else 0
    to_context = 1 if e.knots[3] > 1 else 0
    total = 0.0
    for c in range(2):
        for b in range(2):
            share = (chunk_way if c else 1.0 - chunk_way) * (before_way if b else 1.0 - before_way)
            if share != 0.0:  # on a knot, as prompts without a prefix are, half of the corners count for nothing
                corner = at + c * to_chunk + b * to_before
                low = _blend(numbers, corner, to_context, context_way)
                high = _blend(numbers, corner + to_decoding, to_context, context_way)
                total += share * (low + decoding_way * (high - low))
    return total


@inner
def _bucket(numbers, at, edges, x):
    """Bucket of ``x``, with its upper edge in it; the last has no end."""
    i = 0
    while i + 1 < edges and x > numbers[at + i]:
        i += 1
    return i


@inner
def _share(numbers, e, chunk, before, decoding, mean, longest, shortest):
    """Share of what the longest context would add, and how much longer the contexts may get until it changes."""
    evenness = (mean - shortest) / (longest - shortest)
    i = _bucket(numbers, e.edge[0], e.edges[0], chunk)
    i = i * e.edges[1] + _bucket(numbers, e.edge[1], e.edges[1], decoding)
    i = i * e.edges[2] + _bucket(numbers, e.edge[2], e.edges[2], evenness)
    length = _bucket(numbers, e.edge[3], e.edges[3], longest)
    i = i * e.edges[3] + length
    i = i * e.edges[4] + _bucket(numbers, e.edge[4], e.edges[4], before)
    room = numbers[e.edge[3] + length] - longest if length + 1 < e.edges[3] else math.inf
    return numbers[e.uneven + i], room


@part
def mixed_attention(numbers, e, chunk, before, decoding, mean, longest, shortest):
    """[s] Attention of a step with ``chunk`` prompt tokens."""
    even = attention(numbers, e, chunk, before, decoding, mean)
    if e.uneven >= 0 and decoding > 1 and longest > shortest:
        share, _room = _share(numbers, e, chunk, before, decoding, mean, longest, shortest)
        even += share * max(attention(numbers, e, chunk, before, decoding, longest) - even, 0.0)
    return even


@part
def other_time(numbers, e, tokens, requests, tokens_of_all):
    """[s] A step without its attention."""
    took_s = numbers[e.dense + tokens] + numbers[e.batch + requests]
    return took_s + numbers[e.gathered + tokens_of_all] if e.gathered >= 0 else took_s


@part
def _line(numbers, e, decoding, context, knot):
    """Decode attention at a mean context: [s], [s per token] as it grows, tokens for which that holds, and the knot."""
    at, knots, row = e.axis[3], e.knots[3], e.decode + decoding * e.knots[3]
    if knots == 1:
        return numbers[row], 0.0, math.inf, 0
    if context < numbers[at]:
        return numbers[row], 0.0, numbers[at] - context, 0
    i, way = _near(numbers, at, knots, context, knot)
    rise = numbers[row + i + 1] - numbers[row + i]
    room = numbers[at + i + 1] - context if i + 2 < knots else math.inf
    return numbers[row + i] + way * rise, rise / (numbers[at + i + 1] - numbers[at + i]), room, i


@part
def decode_line(numbers, e, decoding, mean, longest, shortest, knot):
    """Attention of steps without prompt tokens: [s] of the next, [s] more of each, further steps of which it holds.

    Also the knot of the mean context, which is looked for first at ``knot``, that of a step before or 0.
    """
    took, slope, room, knot = _line(numbers, e, decoding, mean, knot)
    if e.uneven >= 0 and decoding > 1 and longest > shortest:
        share, share_room = _share(numbers, e, 0, 0, decoding, mean, longest, shortest)
        most, most_slope, most_room, _knot = _line(numbers, e, decoding, longest, knot)
        gap, growth = most - took, most_slope - slope
        room = min(room, share_room, most_room)
        if gap * growth < 0.0:
            room = min(room, -gap / growth)
        if gap > 0.0 or (gap == 0.0 and growth > 0.0):
            took, slope = took + share * gap, slope + share * growth
    return took, slope, room, knot

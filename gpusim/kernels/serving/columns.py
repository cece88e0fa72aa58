"""Rows of requests from columns, and columns from rows: each row is met once, as it is long.

Writes: `counts`, `rows`, `times_s`.
Units: s, tokens.
"""

from __future__ import annotations

import math

from gpusim.kernels._jit import kernel
from gpusim.kernels.state.codes import NONE

TIMES = ("arrival_s", "queued_s", "scheduled_s", "first_token_s", "end_s")
SPANS = ("ttft_s", "time_per_output_token_s", "end_to_end_s")
COUNTS = ("replica", "cached_tokens", "preemptions")


@kernel
def fill(rows, arrival_s, prompt_tokens, output_tokens):
    """Fill ``rows``, zero so far, with requests to which nothing has happened."""
    for i in range(len(rows)):
        row = rows[i]
        row.arrival_s, row.prompt_tokens, row.output_tokens = arrival_s[i], prompt_tokens[i], output_tokens[i]
        row.queued_s = row.scheduled_s = row.first_token_s = row.end_s = row.ready_s = math.nan
        row.run = row.adapter = NONE


@kernel
def read(rows, order, times_s, counts):
    """``TIMES`` and ``SPANS`` into ``times_s`` [s], ``COUNTS`` into ``counts``: a column for each request of ``rows``.

    ``order`` has the column of each row.
    """
    for i in range(len(rows)):
        row, to = rows[i], order[i]
        times_s[0, to], times_s[1, to], times_s[2, to] = row.arrival_s, row.queued_s, row.scheduled_s
        times_s[3, to], times_s[4, to] = row.first_token_s, row.end_s
        times_s[5, to] = row.first_token_s - row.queued_s
        later = row.output_tokens - 1
        times_s[6, to] = (row.end_s - row.first_token_s) / later if later > 0 else math.nan
        times_s[7, to] = row.end_s - row.queued_s
        counts[0, to], counts[1, to], counts[2, to] = row.replica, row.cached_tokens, row.preemptions

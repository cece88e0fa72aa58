"""Slots for adapters (LoRA): whose requests run, which are loaded.

Of those that run, and of those whose seat is not free yet, no more adapters are in use than there are slots. One that
nobody uses stays in its slot until another needs it: the one that has not been used for longest gives way. Base model
and adapters run in the same steps.

Writes: adapters, engines.
Reads: requests.
"""

from __future__ import annotations

from gpusim.kernels._jit import inner
from gpusim.kernels.state.codes import NONE


@inner
def has_slot(s, r, row):
    """Whether a request could run with its adapter."""
    replica, a = s.engines[r], s.requests[row].adapter
    return a == NONE or s.adapters[r, a].users > 0 or replica.adapters_in_use < replica.max_loras


@inner
def _join_idle(s, r, a):
    replica, adapter = s.engines[r], s.adapters[r, a]
    adapter.previous, adapter.next = replica.last_idle, NONE
    if replica.last_idle == NONE:
        replica.first_idle = a
    else:
        s.adapters[r, replica.last_idle].next = a
    replica.last_idle = a
    adapter.idle = 1


@inner
def _quit_idle(s, r, a):
    replica, before, behind = s.engines[r], s.adapters[r, a].previous, s.adapters[r, a].next
    s.adapters[r, a].idle = 0
    if before == NONE:
        replica.first_idle = behind
    else:
        s.adapters[r, before].next = behind
    if behind == NONE:
        replica.last_idle = before
    else:
        s.adapters[r, behind].previous = before


@inner
def use_adapter(s, r, row):
    """A request runs: its adapter is in a slot, or comes into one before the step that is scheduled."""
    a = s.requests[row].adapter
    if a == NONE:
        return
    if not s.adapters[r, a].loaded:
        _load(s, r, a)
    hold_adapter(s, r, row)


@inner
def hold_adapter(s, r, row):
    """A request counts among those that run with its adapter, wherever that is."""
    a = s.requests[row].adapter
    if a == NONE:
        return
    adapter = s.adapters[r, a]
    if adapter.users == 0:
        s.engines[r].adapters_in_use += 1
        if adapter.idle:
            _quit_idle(s, r, a)
    adapter.users += 1


@inner
def _load(s, r, a):
    replica = s.engines[r]
    if replica.adapters_loaded == replica.max_loras:
        first = replica.first_idle
        _quit_idle(s, r, first)
        s.adapters[r, first].loaded = 0
        replica.adapters_loaded -= 1
    s.adapters[r, a].loaded = 1
    replica.adapters_loaded += 1
    replica.adapters_coming += 1
    replica.adapter_loads += 1


@inner
def leave_adapter(s, r, row):
    """A request runs no longer, and its seat is free."""
    replica, a = s.engines[r], s.requests[row].adapter
    if a == NONE:
        return
    adapter = s.adapters[r, a]
    adapter.users -= 1
    if adapter.users == 0:
        replica.adapters_in_use -= 1
        _join_idle(s, r, a)


@inner
def forget_adapters(s, r):
    """No adapter is loaded any more; nobody uses any."""
    replica = s.engines[r]
    while replica.first_idle != NONE:
        a = replica.first_idle
        _quit_idle(s, r, a)
        s.adapters[r, a].loaded = 0
    replica.adapters_loaded = replica.adapters_coming = 0

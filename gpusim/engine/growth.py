"""Room in the arrays of a fleet whose length is not known beforehand: each is replaced by a longer one."""

from __future__ import annotations

from gpusim.kernels.advance import SEGMENT_ROOM
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import CAP_MOVE
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.jobs import SEGMENT
from gpusim.kernels.state.plans import CHUNK, SEAT


def grow_segments(fleet: Fleet) -> None:
    """Room for the parts of runs: twice as much, and enough for all that runs to be cut short at once."""
    old = fleet.segments
    grown = records(SEGMENT, 2 * len(old) + SEGMENT_ROOM + 8 * int(fleet.clock[0].n_ends))
    grown[: len(old)] = old
    fleet.put("segments", grown)


def grow_cap_moves(fleet: Fleet) -> None:
    """Twice the room for moves of caps, and for one more of each site."""
    old = fleet.cap_moves
    grown = records(CAP_MOVE, 2 * len(old) + len(fleet.sites))
    grown[: len(old)] = old
    fleet.put("cap_moves", grown)


def grow_plans(fleet: Fleet) -> None:
    """Twice the room for the plans of conservative backfill."""
    clock = fleet.clock[0]
    for name, dtype, used in (("chunks", CHUNK, clock.n_chunks), ("seats", SEAT, clock.n_seats)):
        old = getattr(fleet, name)
        grown = records(dtype, 2 * len(old))
        grown[:used] = old[:used]  # what was never used takes no memory
        fleet.put(name, grown)

"""One clock for two planes: SimPy for what is rare and has a story, compiled kernels for what is dense."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush

import simpy
from simpy.events import URGENT

from gpusim.kernels import control
from gpusim.kernels.advance import (
    DEPARTED,
    FINISHED,
    PASSES,
    REACHED,
    SEGMENT_ROOM,
    SEGMENTS_FULL,
    advance,
    run_passes,
    run_planned_passes,
)
from gpusim.state import CHUNK, SEAT, SEGMENT, Backfill, Fleet, Status, records


class FleetEnvironment(simpy.Environment):
    """A SimPy environment that plays the fleet's dense events up to each SimPy event before that event fires.

    Whoever runs as a process therefore always finds the fleet exactly at ``env.now``.

    Attributes
    ----------
    fleet : Fleet
        The state that kernels work on.
    finished : simpy.Event
        Fires when every job has ended.
    sites : dict of str to SitePower
        By name: the grid limit and deliveries of each site, for control processes (filled by ``run``).
    links : dict of str to Link
        By name: the WAN links, for control processes (filled by ``run``).
    move : callable
        ``move(job, link)`` sees to it that the job's data cross a link (its row) from now on.
    log : callable
        ``log(time_s, site, kind, detail, value)``: one line of the run's story in the table of events.
    """

    def __init__(self, fleet: Fleet):
        super().__init__()
        self.fleet = fleet
        self.finished = self.event()
        self.sites: dict = {}
        self.links: dict = {}
        self.move: Callable[[int, int], None] = lambda _job, _link: None
        self.log: Callable[[float, str, str, str, float], None] = lambda *_line: None
        self._watched: dict[int, simpy.Event] = {}

    def step(self) -> None:
        """Play the dense events before the next SimPy event, then that event."""
        self._advance()
        super().step()

    def at(self, time_s: float) -> simpy.Event:
        """Event at exactly ``time_s`` [s]; ``timeout`` would reach it only to rounding."""
        event = self.event()
        event._ok, event._value = True, None
        heappush(self._queue, (max(time_s, self.now), URGENT, next(self._eid), event))
        return event

    def completion(self, job: int) -> simpy.Event:
        """Event that fires at the instant at which a job ends, at once if it has; its value is the job's row.

        A job that is rejected does not end.
        """
        if self.fleet.jobs[job].status in (Status.DONE, Status.TIMED_OUT):
            return self.event().succeed(job)
        self.fleet.jobs[job].watched = 1
        return self._watched.setdefault(job, self.event())

    def _advance(self) -> None:
        clock = self.fleet.clock[0]
        while True:
            # Control processes evict too: whatever they do, the runs cut short must find room.
            if len(self.fleet.segments) - clock.n_segments < SEGMENT_ROOM + 4 * clock.n_ends:
                self._grow_segments()
            reason = advance(self.fleet, float(self.peek()))
            if reason == REACHED:
                return
            if reason == SEGMENTS_FULL:
                continue
            if reason == PASSES:
                self._run_planned_passes(clock.now_s)
                continue
            if reason == FINISHED:
                if not self.finished.triggered:
                    self._fire(self.finished, None, clock.now_s)
                    return
                continue
            if reason == DEPARTED:
                self._depart()
                return
            for job in self.fleet.woken[: clock.n_woken].tolist():
                self._fire(self._watched.pop(job), job, clock.now_s)
            clock.n_woken = 0
            return

    def _depart(self) -> None:
        """Hand the jobs whose data must be moved over to ``move``, at the instant of their arrival."""
        clock = self.fleet.clock[0]
        departure = self.event()
        departure.callbacks.append(lambda event: [self.move(job, link) for job, link in event.value])
        self._fire(departure, self.fleet.departing[: clock.n_departing].tolist(), clock.now_s)
        clock.n_departing = 0

    def _fire(self, event: simpy.Event, value: object, time_s: float) -> None:
        event._ok, event._value = True, value
        heappush(self._queue, (float(time_s), URGENT, next(self._eid), event))

    def _grow_segments(self) -> None:
        old = self.fleet.segments
        room = 2 * len(old) + SEGMENT_ROOM + 8 * int(self.fleet.clock[0].n_ends)
        grown = records(SEGMENT, room)
        grown[: len(old)] = old
        self.fleet.put("segments", grown)

    def _run_planned_passes(self, now_s: float) -> None:
        while not run_planned_passes(self.fleet, float(now_s)):
            self._grow_plans()

    def _grow_plans(self) -> None:
        clock = self.fleet.clock[0]
        for name, dtype, used in (("chunks", CHUNK, clock.n_chunks), ("seats", SEAT, clock.n_seats)):
            old = getattr(self.fleet, name)
            grown = records(dtype, 2 * len(old))
            grown[:used] = old[:used]  # what was never used takes no memory
            self.fleet.put(name, grown)

    # What processes do to the fleet -----------------------------------------------------------------------------

    def set_nodes_on(self, pool: int, nodes: int) -> None:
        """Switch nodes of a pool on or off until ``nodes`` are on; what runs on those switched off is evicted."""
        control.set_nodes_on(self.fleet, pool, nodes, self.now)

    def fail_node(self, node: int) -> bool:
        """Fail a node: its jobs are evicted and its GPUs are down. False if it was not on."""
        return control.fail_node(self.fleet, node, self.now)

    def repair_node(self, node: int) -> bool:
        """Bring a failed node back. False if it was not down."""
        return control.repair_node(self.fleet, node, self.now)

    def land(self, job: int) -> None:
        """The data of a job have arrived: it joins the queue of its pool."""
        control.land(self.fleet, job, self.now)

    def run_passes(self) -> None:
        """A scheduling pass over every pool in which something changed (cycle mode)."""
        if self.fleet.clock[0].backfill == Backfill.CONSERVATIVE:
            self._run_planned_passes(self.now)
        else:
            run_passes(self.fleet, self.now)

    def settle(self) -> None:
        """Bring every running integral up to now."""
        control.settle_all(self.fleet, self.now)

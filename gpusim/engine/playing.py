"""The fleet's dense events, played between the events of SimPy, in arrays that grow as needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import simpy

from gpusim.engine import border
from gpusim.engine.clock import Clock, EventPriority
from gpusim.kernels.advance import (
    DEPARTED,
    FINISHED,
    MOVED,
    MOVES_FULL,
    PASSES,
    REACHED,
    SEGMENT_ROOM,
    SEGMENTS_FULL,
    TURNED,
    advance,
    advance_by_plan,
    advance_greedily,
)
from gpusim.kernels.passes import run_greedy_passes, run_passes, run_planned_passes
from gpusim.kernels.state.bundle import records
from gpusim.kernels.state.capacity import CAP_MOVE
from gpusim.kernels.state.codes import Backfill, Status
from gpusim.kernels.state.fleet import Fleet
from gpusim.kernels.state.jobs import SEGMENT
from gpusim.kernels.state.plans import CHUNK, SEAT

# Room in the arrays of a fleet whose length is not known beforehand: each is replaced by a longer one.


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


# The fleet's dense events, played between the events of SimPy.


class Decider(Protocol):
    """Who decides in Python in the midst of a kernel, which no error can leave.

    Attributes
    ----------
    error : BaseException or None
        What went wrong: nobody is asked any more.
    """

    error: BaseException | None


_NEVER = float("inf")


class PlayedClock(Clock):
    """A clock that plays the fleet's dense events up to each SimPy event before that event fires.

    Attributes
    ----------
    fleet : Fleet
        The state that kernels work on.
    finished : simpy.Event
        Fires when every job has ended.
    """

    def __init__(self, fleet: Fleet):
        super().__init__()
        self._fleet = fleet
        clock = np.asarray(fleet.clock)  # read at every step, for which a record is slow
        self._n_segments, self._n_ends = clock["n_segments"], clock["n_ends"]
        self._play = _player(fleet.scheduling[0])
        self._finished = self.event()
        self._watched: dict[int, simpy.Event] = {}
        self._deciders: list[Decider] = []
        self._move: Callable[[int, int], object] = lambda _job, _link: None
        self._heed: Callable[[], object] = lambda: None
        self._hear: Callable[[list[int]], object] = lambda _jobs: None

    fleet = property(lambda self: self._fleet)
    finished = property(lambda self: self._finished)

    def step(self) -> None:
        """Play the dense events before the next SimPy event, then that event."""
        if self.active_process is not None:
            raise border.refuse(self, "env.step: the run is under way; yield events to let time pass")
        self._advance()
        super().step()

    def completion(self, job: int) -> simpy.Event:
        """Event that fires at the instant at which a job ends, at once if it has; its value is the job's row.

        A job that is rejected does not end.
        """
        job = border.whole(self, "env.completion: job", job, len(self.fleet.jobs))
        if self.fleet.jobs[job].status in (Status.DONE, Status.TIMED_OUT):
            return self.event().succeed(job)
        self.fleet.jobs[job].watched = 1
        return self._watched.setdefault(job, self.event())

    def run_passes(self) -> None:
        """A scheduling pass over every pool in which something changed (cycle mode)."""
        if self.fleet.scheduling[0].backfill == Backfill.CONSERVATIVE:
            self._run_planned_passes(self.now)
        elif self.fleet.scheduling[0].greedy:
            run_greedy_passes(self.fleet, self.now)
        else:
            run_passes(self.fleet, self.now)
        self.raise_errors()

    def ask(self, decider: Decider) -> None:
        """Have kernels ask somebody in Python from now on."""
        self._deciders.append(decider)

    def raise_errors(self) -> None:
        """Raise what went wrong while a kernel asked somebody in Python."""
        for decider in self._deciders:
            if decider.error is not None:
                raise decider.error

    def _advance(self) -> None:
        until_s, priority = self._queue[0][:2] if self._queue else (_NEVER, EventPriority.CONTROL)
        while True:
            self.make_segment_room()
            reason = self._play(self._fleet, float(until_s), priority == EventPriority.PASSES)
            self.raise_errors()
            if reason == REACHED:
                return
            clock = self.fleet.clock[0]
            if reason == SEGMENTS_FULL:
                continue
            if reason == MOVES_FULL:
                grow_cap_moves(self.fleet)
                continue
            if reason == PASSES:
                self._run_planned_passes(clock.now_s)
                continue
            if reason == FINISHED:
                if not self.finished.triggered:
                    self._fire(self.finished, None, clock.now_s, EventPriority.OVER)
                    return
                continue
            if reason == DEPARTED:
                self._depart()
                return
            if reason == TURNED:
                self._turn()
                return
            if reason == MOVED:
                moved = self.event()
                moved.callbacks.append(lambda _event: self._heed())
                self._fire(moved, None, clock.now_s, EventPriority.SHARING)
                return
            for job in self.fleet.woken[: clock.n_woken].tolist():
                self._fire(self._watched.pop(job), job, clock.now_s)
            clock.n_woken = 0
            return

    def _depart(self) -> None:
        """Hand the jobs whose data must be moved over to ``move``, at the instant of their arrival."""
        clock = self.fleet.clock[0]
        departure = self.event()
        departure.callbacks.append(lambda event: [self._move(job, link) for job, link in event.value])
        self._fire(departure, self.fleet.departing[: clock.n_departing].tolist(), clock.now_s)
        clock.n_departing = 0

    def _turn(self) -> None:
        """Tell who hears of it which jobs have started or stopped, at that instant."""
        clock, turned = self.fleet.clock[0], self.event()
        jobs = self.fleet.turns[: clock.n_turns].tolist()
        self.fleet.jobs["turned"][jobs] = 0
        clock.n_turns = 0
        turned.callbacks.append(lambda _event: self._hear(jobs))
        self._fire(turned, None, clock.now_s)

    def make_segment_room(self) -> None:
        """Control processes evict too, and change rates: whatever they do, the parts of runs must find room."""
        if len(self._fleet.segments) - self._n_segments[0] < SEGMENT_ROOM + 5 * self._n_ends[0]:
            grow_segments(self.fleet)

    def _run_planned_passes(self, now_s: float) -> None:
        while not run_planned_passes(self.fleet, float(now_s)):
            grow_plans(self.fleet)


def _player(rules: np.record) -> Callable[[Fleet, float, bool], int]:
    """The kernel that plays dense events under some rules."""
    if rules.backfill == Backfill.CONSERVATIVE:
        return advance_by_plan
    return advance_greedily if rules.greedy else advance

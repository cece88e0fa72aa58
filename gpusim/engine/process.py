"""Control processes: generators of events, with errors that name them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

import simpy

from gpusim.engine import border
from gpusim.errors import ProcessError

MOST_AT_ONCE = 100_000  # times that a process may go on at one instant
EXAMPLE = "a process is a function of the environment that yields events, say: yield env.at(3600.0)"


class Process(simpy.Process):
    """A SimPy process whose generator is watched: it yields events of its environment, and lets time pass."""

    def __init__(self, env: simpy.Environment, generator: Generator):
        if not isinstance(generator, Generator):
            raise border.refuse(env, f"env.process: found {border.shown(generator)}, no generator; {EXAMPLE}")
        watched = _watched(env, generator)
        watched.__name__ = generator.__name__
        super().__init__(env, watched)


def start_all(env: simpy.Environment, processes: Iterable[Callable[[simpy.Environment], Generator]]) -> None:
    """Start the processes of the user's, by the functions that make their generators."""
    if not isinstance(processes, Iterable):
        raise ProcessError(f"processes: found {border.shown(processes)}; give a list of functions")
    for process in processes:
        if not callable(process):
            raise ProcessError(f"processes: found {border.shown(process)}; {EXAMPLE}")
        name = getattr(process, "__name__", type(process).__name__)
        try:
            generator = process(env)
        except ProcessError as error:
            raise ProcessError(f"process {name!r}: {error}") from None
        if not isinstance(generator, Generator):
            raise ProcessError(f"process {name!r}: it returned {border.shown(generator)} and yields nothing; {EXAMPLE}")
        env.process(generator)


def _watched(env: simpy.Environment, generator: Generator) -> Generator:
    """The same events, values and errors as ``generator``."""
    resume, news = generator.send, None
    last_s, times = env.now, 0
    while True:
        try:
            event = resume(news)
        except StopIteration as end:
            return end.value
        if not isinstance(event, simpy.Event) or event.env is not env:
            raise border.refuse(env, f"it yields {border.shown(event)}; yield events of the environment: env.at(...)")
        times = times + 1 if env.now == last_s else 0
        last_s = env.now
        if times > MOST_AT_ONCE:
            raise border.refuse(env, "it loops without letting time pass; yield an event that does")
        try:
            resume, news = generator.send, (yield event)
        except Exception as thrown:  # an interrupt, or the failure of what it waited for
            resume, news = generator.throw, thrown

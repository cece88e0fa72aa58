"""Worker processes of this machine, of which each may die without harm to the work of the others."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue

from gpusim.errors import WorkerDied

ATTEMPTS = 2  # at a call whose worker dies
_starting = threading.Lock()  # held while a process starts


class Processes(Executor):
    """Calls made in processes of their own.

    Each process makes one call at a time, so that it is clear whose doing it was when one dies: that call is made once
    more, in a new process, and then given up. ``concurrent.futures.ProcessPoolExecutor`` gives up all calls instead.

    Parameters
    ----------
    workers : int
        Processes at most; they start when there is work for them.
    """

    def __init__(self, workers: int):
        self._most = workers
        self._calls: SimpleQueue[tuple[Future, Callable] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._processes: set[multiprocessing.Process] = set()
        self._over = False

    def submit(self, fn: Callable, /, *args: object, **kwargs: object) -> Future:
        """The future of a call; it raises ``WorkerDied`` if the process that makes the call dies, again and again."""
        if self._over:
            raise RuntimeError("cannot take a call after shutdown")
        future: Future = Future()
        self._calls.put((future, partial(fn, *args, **kwargs)))
        if len(self._threads) < self._most:
            thread = threading.Thread(target=self._delegate, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls, and let the processes end after those that were taken."""
        self._over = True
        while cancel_futures:
            try:
                item = self._calls.get_nowait()
            except Empty:
                break
            if item:
                item[0].cancel()
        for _thread in self._threads:
            self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def terminate(self) -> None:
        """End the processes at once, whatever they do."""
        self.shutdown(wait=False, cancel_futures=True)
        for process in tuple(self._processes):
            process.terminate()

    def _delegate(self) -> None:
        """Have calls made, one after the other, by a process that is this thread's own."""
        line, process = None, None
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            for attempt in range(ATTEMPTS):
                try:
                    if line is None:
                        line, process = self._start()
                    line.send(call)
                    found, error = line.recv()
                except (EOFError, ConnectionError):
                    if process is not None:
                        process.terminate()  # if it has but closed its end
                        process.join()
                    line, found, error = None, None, WorkerDied(DIED)
                    if self._over or attempt == ATTEMPTS - 1:
                        break
                except Exception as unsendable:
                    found, error = None, unsendable
                    break
                else:
                    break
            future.set_exception(error) if error else future.set_result(found)
        if line is not None:
            line.close()  # which ends it
            process.join()

    def _start(self) -> tuple[Connection, multiprocessing.Process]:
        """A new process, and our end of the line to it."""
        ours, theirs = multiprocessing.Pipe()
        process = _context().Process(target=serve, args=(theirs,), daemon=True)
        with _starting:
            with sigint_blocked(), _without_main():
                process.start()
            self._processes = {other for other in self._processes if other.is_alive()} | {process}
        theirs.close()
        if self._over:
            process.terminate()
        return ours, process


DIED = (
    f"its worker process died {ATTEMPTS} times while it ran, perhaps out of memory (try fewer workers), or ended by"
    " a policy"
)


def serve(line: Connection) -> None:
    """Life of a worker process: make the calls that come, until none comes or the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.freeze()  # what is loaded by now stays, and collections need not look at it
    while True:
        try:
            answer = line.recv()(), None
        except (EOFError, ConnectionError):
            return
        except Exception as error:
            answer = None, error
        try:
            line.send(answer)
        except ConnectionError:
            return
        except Exception as error:  # what cannot be pickled
            line.send((None, RuntimeError(f"the answer of a worker cannot be sent: {error}")))
        del answer
        gc.collect()  # a simulation is a ring of objects with large tables: Python alone would let several gather


def _end_with_parent() -> None:
    """End this process when its parent has, however that ended: their line is closed then."""
    parent = multiprocessing.parent_process()
    if sys.platform == "linux":  # this thread waits while a kernel runs, a signal does not
        import fcntl

        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, os.O_ASYNC)
    parent.join()
    os._exit(1)


def _context() -> multiprocessing.context.BaseContext:
    """How processes start: never forked from this one, whose threads and locks would come along."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gpusim.studies.sweeps.preload"])
    return context


@contextmanager
def sigint_blocked() -> Iterator[None]:
    """Processes that start now inherit it, and do not break off halfway when Ctrl-C comes."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # or it would start now, and unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that start now do not run the user's script again, be it guarded or not: nothing of it is needed."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main

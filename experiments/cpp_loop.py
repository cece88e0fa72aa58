"""How much slower is the engine than a loop written by hand?
==========================================================

The million jobs of ``speed.py`` in the engine, with its energy and its ledger, and in ``loop/loop.cpp``, which has
neither; all starts must be identical. The two alternate; the best time of each counts.

::

    python experiments/cpp_loop.py            # 5 turns of each
    python experiments/cpp_loop.py 100000 9   # so many jobs, so many turns
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from speed import EASY, play, workload

from gpusim.engine.description import Scheduling, Work

SOURCE = Path(__file__).parent / "loop" / "loop.cpp"
NODES, LOAD = 1000, 0.9
CASES = {"fifo": Scheduling(), "easy": EASY}


def compiled(folder: str) -> ctypes.CDLL:
    """The loop, compiled into a folder."""
    compiler = shutil.which("g++")
    if compiler is None:
        sys.exit("cpp_loop.py: no g++ found; install it to compile the loop")
    library = Path(folder) / "loop.so"
    options = ["-std=c++17", "-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run([compiler, *options, "-o", library, SOURCE], check=True)
    found = ctypes.CDLL(str(library))
    for name in CASES:
        getattr(found, name).restype = ctypes.c_double
    return found


def loop(library: ctypes.CDLL, name: str, work: Work) -> tuple[np.ndarray, float]:
    """Starts [s] of all jobs by the loop, and the CPU seconds that it took, as ``play`` of the engine."""
    columns = [work.submit_s, work.gpus.astype("i8"), work.runtime_s, work.estimate_s, np.empty(len(work.submit_s))]
    addresses = (ctypes.c_void_p(column.ctypes.data) for column in columns)
    seconds = getattr(library, name)(NODES, len(work.submit_s), *addresses)
    return columns[-1], seconds


def compare(library: ctypes.CDLL, name: str, work: Work, turns: int) -> None:
    """Play one case by turns, check that all starts are the same and print the ratio of the best times."""
    best = {"engine": np.inf, "loop": np.inf}
    for _ in range(turns):
        env, engine_s = play(work, NODES, CASES[name])
        start_s, loop_s = loop(library, name, work)
        assert np.array_equal(env.fleet.jobs["start_s"], start_s), f"{name}: starts differ"
        best = {"engine": min(best["engine"], engine_s), "loop": min(best["loop"], loop_s)}
    n = len(work.submit_s)
    times = "   ".join(f"{who} {1e6 * seconds / n:5.3f} us/job" for who, seconds in best.items())
    print(f"{name:5} {n:9,} jobs   {times}   engine/loop {best['engine'] / best['loop']:4.2f}", flush=True)


def main(n_jobs: int = 1_000_000, turns: int = 5) -> None:
    work = workload(n_jobs, NODES, LOAD)
    with TemporaryDirectory() as folder:
        library = compiled(folder)
        for name, rules in CASES.items():
            play(workload(1000, 10, LOAD), 10, rules)  # compile, or read from disk, before any clock starts
            compare(library, name, work, turns)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How long one waits before anything happens: the best of five starts, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time

HEAVY = ("numba", "pandas", "matplotlib", "pyarrow", "simpy", "pydantic")


def best_of_five_s(*arguments: str) -> float:
    """[s] Least wall time of a Python process with these arguments."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return min(times)


def loaded_by(code: str) -> set[str]:
    """Heavy libraries in memory after running some code."""
    show = f"import sys; sys.stderr.write(' '.join(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{show}"], check=True, capture_output=True, text=True)
    return set(done.stderr.split())


def test_help_within_half_a_second() -> None:
    assert best_of_five_s("-c", "from gpusim.cli import main; main()", "--help") <= 0.5


def test_import_within_a_second() -> None:
    assert best_of_five_s("-c", "import gpusim") <= 1.0


def test_neither_loads_heavy_libraries() -> None:
    assert loaded_by("import gpusim") == set()
    assert loaded_by("import sys; from gpusim.cli import cli; cli(['--help'], standalone_mode=False)") == set()


def test_reading_a_scenario_loads_neither_kernels_nor_pandas() -> None:
    code = "import gpusim; gpusim.Scenario.from_toml('seeds/small.toml')"
    assert loaded_by(code) == {"pydantic"}

"""Fixtures of all tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import numba
import pytest

from tests.checked_rows import check_bundles
from tests.compile import STAGES

hypothesis.settings.register_profile("suite", derandomize=True)  # the same cases on every run
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    """Before the workers of the whole suite start, compile what each would compile for itself, side by side.

    Where kernels are run as plain Python, every index of theirs is checked.
    """
    if numba.config.DISABLE_JIT:
        check_bundles()
    whole = config.args == config.getini("testpaths")
    if whole and getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        root = Path(__file__).parents[1]
        for stage in STAGES:
            compilers = [
                subprocess.Popen([sys.executable, "-m", "tests.compile", *kinds.split()], cwd=root) for kinds in stage
            ]
            for compiler in compilers:
                compiler.wait()


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of published data that is not part of gpusim; without it the test is skipped."""
    folder = os.environ.get("GPUSIM_DATA")
    if not folder:
        pytest.skip("needs published data: set GPUSIM_DATA to the folder that holds them")
    return Path(folder)

"""Fixtures of all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of published data that is not part of gpusim; without it the test is skipped."""
    folder = os.environ.get("GPUSIM_DATA")
    if not folder:
        pytest.skip("needs published data: set GPUSIM_DATA to the folder that holds them")
    return Path(folder)

"""Fixtures of comparisons with other simulators."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the recorded results, beside that of the published data."""
    data = os.environ.get("GPUSIM_DATA")
    folder = Path(data).parent / "golden" if data else None
    if folder is None or not folder.is_dir():
        pytest.skip("needs recorded results of other simulators: a folder 'golden' beside the folder GPUSIM_DATA")
    return folder

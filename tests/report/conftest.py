"""Figures in both of their forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from gpusim.report.figures.width import narrowed


@pytest.fixture(params=["wide", "phone"])
def form(request: pytest.FixtureRequest) -> Iterator[str]:
    """Figures of the test are drawn in this form."""
    with narrowed() if request.param == "phone" else nullcontext():
        yield request.param

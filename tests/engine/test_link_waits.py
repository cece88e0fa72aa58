"""Mean delays of a fluid service on full links, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gpusim.engine.serving.roads import LinkWaits


def at(value: float) -> np.ndarray:
    return np.array([[value]])


def test_delays_grow_and_end():
    """0 to 6 s in 30 s, back to 0 within 10 s more, none for 20 s: 0.5 (6 x 30 + 6 x 10) over 60 s."""
    waits = LinkWaits(1, 1)
    waits.set(0.0, at(0.0), at(0.2))
    waits.set(30.0, at(6.0), at(-0.6))
    later_s, down = waits.read(60.0)
    assert later_s.item() == pytest.approx(120.0 / 60.0)
    assert down.item() == 0.0
    assert waits.read(70.0)[0].item() == 0.0


def test_a_link_that_is_down_counts_apart():
    """A quarter of the time nothing is carried; the mean is of the rest."""
    waits = LinkWaits(1, 1)
    waits.set(0.0, at(2.0), at(0.0))
    waits.set(30.0, at(math.inf), at(0.0))
    waits.set(40.0, at(0.0), at(0.0))
    later_s, down = waits.read(40.0)
    assert later_s.item() == pytest.approx(2.0)
    assert down.item() == pytest.approx(0.25)
    assert [one.item() for one in waits.read(50.0)] == [0.0, 0.0]

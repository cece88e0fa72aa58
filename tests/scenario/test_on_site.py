"""Faults of generation and storage on site."""

from __future__ import annotations

from tests.scenario.kit import changed, faults, starter


def test_the_sun_needs_a_place() -> None:
    """Without one it would shine as at 0 degrees north and east, whatever the region."""
    data = changed(starter(), "sites.texas.on_site", {"solar": {"mw": 1.0, "capacity_factor": 0.25}})
    data["sites"]["texas"] |= {"latitude": 0.0, "longitude": -97.5}
    assert faults(data) == []
    data["sites"]["texas"]["longitude"] = 0.0
    assert faults(data) == ["sites.texas: on_site.solar shines by where the site is; give latitude and longitude"]

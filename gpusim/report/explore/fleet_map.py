"""Maps of the fleet: windows on the US, Europe and, where sites are elsewhere, the world.

Outlines of countries: Natural Earth, 1:110 million, public domain (naturalearthdata.com), here to a tenth of a degree.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import pandas as pd

from gpusim.results.tables.record import Record
from gpusim.units import WATT_PER_MW


class MapWindow(NamedTuple):
    """A part of the world: its bounds [degrees], and how it is projected: to so many radians from side to side."""

    title: str
    west: float
    east: float
    south: float
    north: float
    projection: dict
    extent: tuple[float, float]  # width and height [rad]

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a place is in it."""
        return self.south <= latitude <= self.north and self.west <= longitude <= self.east


def _around(longitude: float, latitude: float) -> dict:
    """Lambert's azimuthal equal-area projection around a point."""
    return {"type": "azimuthalEqualArea", "rotate": [-longitude, -latitude]}


WINDOWS = {
    "us": MapWindow("United States", -130.0, -60.0, 22.0, 52.0, _around(-96.0, 38.0), (0.84, 0.52)),
    "europe": MapWindow("Europe", -26.0, 36.0, 33.0, 72.0, _around(8.0, 53.0), (0.78, 0.72)),
    "world": MapWindow("World", -180.0, 180.0, -90.0, 90.0, {"type": "equalEarth"}, (5.6, 2.8)),
}


def places(result: Record) -> pd.DataFrame:
    """Sites that have coordinates: site, window, lat, lon, planned gpus, peak and limit [MW].

    0 degrees north and east, which scenarios have where they give none, is no place of a site.
    """
    sites = result.manifest["scenario"].get("sites", {})
    where = {name: (site.get("latitude", 0.0), site.get("longitude", 0.0)) for name, site in sites.items()}
    table = result.sites[["site", "planned_gpus"]].rename(columns={"planned_gpus": "gpus"})
    table["lat"], table["lon"] = ([where.get(site, (0.0, 0.0))[i] for site in table["site"]] for i in (0, 1))
    power = result.power.groupby("site")
    table["peak"] = table["site"].map(power["facility_w"].max() / WATT_PER_MW)
    table["limit"] = table["site"].map(power["limit_w"].max() / WATT_PER_MW)
    table = table[(table["lat"] != 0.0) | (table["lon"] != 0.0)]
    return table.assign(window=[_window_of(lat, lon) for lat, lon in zip(table["lat"], table["lon"])])


def land(windows: list[str]) -> list[dict]:
    """Outlines of countries that reach into a window, one feature each."""
    return [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": rings}}
        for rings in _outlines()
        if any(_reaches(rings[0], WINDOWS[name]) for name in windows)
    ]


def _window_of(lat: float, lon: float) -> str:
    """The first window with a place."""
    return next(name for name, one in WINDOWS.items() if one.holds(lat, lon))


def _reaches(ring: list[list[float]], one: MapWindow) -> bool:
    lons, lats = zip(*ring)
    return min(lons) <= one.east and max(lons) >= one.west and min(lats) <= one.north and max(lats) >= one.south


@cache
def _outlines() -> list[list[list[list[float]]]]:
    text = (files("gpusim.report") / "explore" / "land.json").read_text(encoding="utf-8")
    return json.loads(text)["coordinates"]

"""What other packages add to gpusim: objects that their entry points name, imported when first asked for."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import TypeVar, cast

from gpusim.errors import PluginError

POLICIES = "gpusim.policies"
TRACES = "gpusim.traces"
REQUESTS = "gpusim.requests"
GRIDS = "gpusim.grids"
SECTIONS = "gpusim.sections"
ENTRIES = "gpusim.entries"
GROUPS = (POLICIES, TRACES, REQUESTS, GRIDS, SECTIONS, ENTRIES)
T = TypeVar("T")


@cache
def found(group: str) -> dict[str, EntryPoint]:
    """Entry points of a group by name, in the order of names.

    Raises
    ------
    PluginError
        If two packages give one name.
    """
    by_name: dict[str, EntryPoint] = {}
    for point in sorted(_installed().select(group=group), key=lambda point: (point.name, _package(point))):
        if (other := by_name.setdefault(point.name, point)) is not point:
            raise PluginError(
                f"{group}: packages {_package(other)} and {_package(point)} both have a {point.name!r}; uninstall one"
            )
    return by_name


@cache
def loaded(group: str, kind: type[T]) -> tuple[T, ...]:
    """The objects of a group, in the order of their names.

    Raises
    ------
    PluginError
        If one cannot be imported, or is not of the kind that its group has.
    """
    return tuple(_load(point, kind) for point in found(group).values())


def packages() -> dict[str, str]:
    """Versions of the packages that add anything, by name."""
    points = [point for group in GROUPS for point in found(group).values()]
    dists = [point.dist for point in sorted(points, key=_package)]
    return {dist.name: dist.version for dist in dists if dist}


@cache
def _installed() -> EntryPoints:
    """Of all packages: a file of each is read."""
    return cast(EntryPoints, entry_points())  # before Python 3.12 another kind, with the same ``select``


def _load(point: EntryPoint, kind: type[T]) -> T:
    what = f"{point.group}: {point.name!r} of package {_package(point)}"
    try:
        thing = point.load()
    except Exception as error:  # whatever a package raises while it is imported
        raise PluginError(f"{what}: {point.value} cannot be imported ({type(error).__name__}: {error})") from error
    if not isinstance(thing, kind):
        raise PluginError(f"{what}: {point.value} is {type(thing).__name__!r}, not {kind.__name__}")
    return thing


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "(unknown)"

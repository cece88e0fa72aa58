"""Contradictions about what is to cross links: data of jobs, and what the parts of a run exchange."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted
from gpusim.scenario.link import Link, paths
from gpusim.scenario.references import find
from gpusim.scenario.workload import Stream


def unmovable(data: dict) -> Iterator[str]:
    """A fault for each contradiction in nested tables; streams and links that are not valid are passed over."""
    streams = {}
    for (*_place, name), table in find(data, ("workload", "streams", "*")):
        try:
            streams[name] = Stream.model_validate(table)
        except ValidationError:
            continue
    for name, stream in streams.items():
        place = ("workload", "streams", name)
        yield from _one_way_to_data(data, place, stream)
        if stream.exchange is not None:
            yield from _parts(data, place, streams)


def _one_way_to_data(data: dict, place: tuple, stream: Stream) -> Iterator[str]:
    """The jobs' data are a data set of many or their own."""
    named = [name for _place, name in find(data, ("workload", "classes", stream.job_class, "data_set"))]
    if named and stream.data_tb > 0.0:
        yield (
            f"{dotted((*place, 'data_tb'))}: found {stream.data_tb:g} for jobs of class {stream.job_class}, which read"
            f" data set {named[0]}; remove data_tb, or {dotted(('workload', 'classes', stream.job_class, 'data_set'))}"
        )


def _parts(data: dict, place: tuple, streams: dict[str, Stream]) -> Iterator[str]:
    """Parts of a run at several sites say where they are, and links lead from the first to the others."""
    key, first = dotted((*place, "exchange")), place[-1]
    sites_of: dict[str, list[str]] = {}
    for name, stream in streams.items():
        if first in (name, stream.partner):
            where = ("workload", "classes", stream.job_class, "sites")
            sites_of[name] = [site for _place, site in find(data, (*where, "*")) if isinstance(site, str)]
            if not sites_of[name]:
                yield f"{dotted(where)}: found none, where {key} needs the sites of {name}; give them"
    links = {}
    for (_links, name), table in find(data, ("links", "*")):
        try:
            links[name] = Link.model_validate(table)
        except ValidationError:
            return
    region = {site: one for (_s, site, _r), one in find(data, ("sites", "*", "region")) if isinstance(one, str)}
    joined = paths(links)
    pairs = [
        (name, region[here], region[there])
        for name in sites_of
        for here in sites_of[first]
        for there in sites_of[name]
        if links and name != first and here in region and there in region
    ]
    for name, here, there in pairs:
        if here != there and frozenset((here, there)) not in joined:
            yield (
                f"{key}: no links lead from {kinds.in_toml(here)} to {kinds.in_toml(there)}, where {name} may run;"
                f" add one with between = [{kinds.in_toml(here)}, {kinds.in_toml(there)}], or remove these sites"
            )

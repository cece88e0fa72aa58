"""Names that point to something elsewhere in the scenario, and the names themselves.

Works on the nested tables as they stand in the file, so that these faults are reported together with all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gpusim.errors import did_you_mean
from gpusim.scenario import kinds
from gpusim.scenario.faults import dotted

# Where a name stands -> where the names that it may be are defined. "*" is any key or index, "@" the keys themselves.
REFERENCES = {
    "sites.*.pools.@": "gpus.@",
    "tenants.*.quota_gpus.@": "gpus.@",
    "workload.reference_gpu": "gpus.@",
    "workload.classes.*.speeds.@": "gpus.@",
    "workload.classes.*.data_set": "data_sets.@",
    "workload.classes.*.sites.*": "sites.@",
    "workload.trace_gpu_types.*": "gpus.@",
    "workload.streams.*.tenant": "tenants.@",
    "workload.streams.*.job_class": "workload.classes.@",
    "workload.contracted.job_class": "workload.classes.@",
    "workload.streams.*.gpu_types.*": "gpus.@",
    "workload.streams.*.residency.*": "sites.*.jurisdiction",
    "services.*.tenant": "tenants.@",
    "services.*.tokens_per_s_per_gpu.@": "gpus.@",
    "services.*.deployments.*.site": "sites.@",
    "services.*.prefill.site": "sites.@",
    "services.*.users.*.round_trip_ms.@": "sites.@",
    "services.*.users.*.residency.*": "sites.*.jurisdiction",
    "failures.causes.*.gpu_types.*": "gpus.@",
    "failures.causes.*.sites.*": "sites.@",
    "failures.causes.*.repair.@": "failures.repairs.@",
    "failures.maintenance.*.gpu_types.*": "gpus.@",
    "failures.maintenance.*.sites.*": "sites.@",
    "rules.*.sites.*": "sites.@",
    "rules.*.tenants.*": "tenants.@",
    "projects.*.site": "sites.@",
    "projects.*.adds.gpus.@": "gpus.@",
    "projects.*.tasks.*.supply": "supplies.@",
    "shocks.*.supply": "supplies.@",
    "shocks.*.jurisdiction": "sites.*.jurisdiction",
    "shocks.*.projects.*": "projects.@",
    "shocks.*.tenant": "tenants.@",
    "shocks.*.contracts.*": "contracts.@",
    "rivals.*.orders.@": "supplies.@",
    "rivals.*.lets.gpus.@": "gpus.@",
    "rivals.*.lets.supplies.@": "gpus.@",
    "rivals.*.lets.supplies.*": "supplies.@",
    "contracts.*.tenant": "tenants.@",
    "contracts.*.gpu_types.*": "gpus.@",
    "contracts.*.sites.*": "sites.@",
    "contracts.*.regions.*": "sites.*.region",
    "contracts.*.residency.*": "sites.*.jurisdiction",
    "money.loans.*.tenants.*": "tenants.@",
    "money.resale.usd_per_gpu.@": "gpus.@",
    "market.index.supplies.@": "gpus.@",
    "market.index.supplies.*": "supplies.@",
    "market.demand.gpus.@": "gpus.@",
    "market.ageing.per_year.@": "gpus.@",
}
OPTIONS = {  # the same of options of policies, by order
    "mast": {"scheduler.options.quotas.@": "sites.@|sites.*.region", "scheduler.options.quotas.*.@": "tenants.@"},
    "slo": {"scheduler.options.strict.*": "tenants.@|workload.classes.@"},
    "leases": {"scheduler.options.strict.*": "tenants.@|workload.classes.@"},
    "reservations": {
        "scheduler.options.reservations.*.site": "sites.@",
        "scheduler.options.reservations.*.gpu_type": "gpus.@",
    },
}
NAMED = (
    "sites", "links", "data_sets", "gpus", "tenants", "services", "services.*.users", "workload.classes",
    "workload.streams", "failures.causes", "failures.repairs", "failures.maintenance", "plan.options", "projects",
    "projects.*.tasks", "supplies", "shocks", "rivals", "contracts", "money.loans", "sites.*.tariff.agreements",
)  # fmt: skip
_LETTERS = "a letter or digit, then up to 63 letters, digits, spaces and _.+-()"
_NAME = re.compile(r"[^\W_][\w .()+-]{0,63}")


def find(data: object, pattern: Sequence[str], place: tuple = ()) -> Iterator[tuple[tuple, object]]:
    """(place, value) of all that stands in nested tables where a pattern says; nothing where nothing stands."""
    if not pattern:
        yield place, data
        return
    first, *rest = pattern
    if first == "@" and isinstance(data, dict):
        yield from (((*place, key), key) for key in data)
    elif first == "*" and isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from find(value, rest, (*place, key))
    elif isinstance(data, dict) and first in data:
        yield from find(data[first], rest, (*place, first))


def unknown_names(data: dict) -> Iterator[str]:
    """A fault for each name that points nowhere."""
    order = next((order for _place, order in find(data, ("scheduler", "order")) if isinstance(order, str)), "")
    for pattern, home in (REFERENCES | OPTIONS.get(order, {})).items():
        homes = [found for one in home.split("|") for found in find(data, one.split("."))]
        known = list(dict.fromkeys(name for _place, name in homes if isinstance(name, str)))
        for place, name in find(data, pattern.split(".")):
            if isinstance(name, str) and name not in known and (known or "*" not in home):
                yield unknown(place, name, known, home)
    yield from _regions(data)
    for place, deployment in find(data, ("services", "*", "deployments", "*")):
        yield from _deployment(data, place, deployment)
    for place, kind in find(data, ("services", "*", "prefill", "gpu_type")):
        yield from _prefill_type(data, place, kind)
    for place, site in find(data, ("services", "*", "prefill", "site")):
        yield from _prefill_site(data, place, site)


def _prefill_type(data: dict, place: tuple, kind: object) -> Iterator[str]:
    """Replicas that prefill need a pool at their site, or at each where the service runs."""
    own = list(find(data, (*place[:-1], "site")))
    for _place, site in own or find(data, (*place[:2], "deployments", "*", "site")):
        pools = [str(pool) for _place, pool in find(data, ("sites", str(site), "pools", "@"))]
        if isinstance(kind, str) and pools and kind not in pools:
            yield f"{unknown(place, kind, pools)} (at {site})"


def _prefill_site(data: dict, place: tuple, site: object) -> Iterator[str]:
    """A site that prefills for others has a pool of each type on which they run, unless a type is given."""
    if list(find(data, (*place[:-1], "gpu_type"))):
        return
    pools = [str(pool) for _place, pool in find(data, ("sites", str(site), "pools", "@"))]
    for where, kind in find(data, (*place[:2], "deployments", "*", "gpu_type")):
        if isinstance(kind, str) and pools and kind not in pools:
            yield (
                f"{dotted(place)}: found {kinds.in_toml(site)}, which has no {kind}, the type of"
                f" {dotted(where[:-1])}; give prefill.gpu_type, one of {', '.join(pools)}, or another site"
            )


def unknown(place: Sequence[str | int], name: str, known: Sequence[str], home: str = "") -> str:
    """The fault of a name that is none of those known."""
    if not known:
        table = home.removesuffix(".@")
        return f"{dotted(place)}: unknown name {kinds.in_toml(name)}; there is none, add [{table}.{dotted([name])}]"
    return f"{dotted(place)}: unknown name {kinds.in_toml(name)}{did_you_mean(name, known)}; known: {', '.join(known)}"


def bad_names(data: dict) -> Iterator[str]:
    """A fault for each name of a site, GPU type, ... that could not stand in a table, file name or list."""
    for table in NAMED:
        for place, name in find(data, (*table.split("."), "@")):
            if isinstance(name, str) and not _NAME.fullmatch(name):
                yield f"{dotted(place)}: name not allowed; give {_LETTERS}"
    for place, code in find(data, ("sites", "*", "jurisdiction")):
        if isinstance(code, str) and not _NAME.fullmatch(code):
            yield f'{dotted(place)}: found {kinds.in_toml(code)}; give a short code of letters and digits, say "EU"'


def _regions(data: dict) -> Iterator[str]:
    """A link joins regions where there is something, GPUs or data; data that are to move are at the end of a link."""
    links = [end for _place, end in find(data, ("links", "*", "between", "*")) if isinstance(end, str)]
    sites = [region for _place, region in find(data, ("sites", "*", "region")) if isinstance(region, str)]
    homes = {}
    for place, stream in find(data, ("workload", "streams", "*")):
        if isinstance(stream, dict) and stream.get("data_tb") and isinstance(home := stream.get("home"), str) and home:
            homes[(*place, "home")] = home
    users = find(data, ("services", "*", "users", "*", "region"))
    for place, region in [*find(data, ("data_sets", "*", "regions", "*")), *users]:
        if isinstance(region, str):
            homes[place] = region
    for place, region in find(data, ("links", "*", "between", "*")):
        known = list(dict.fromkeys([*sites, *homes.values()]))
        if isinstance(region, str) and known and region not in known:
            yield unknown(place, region, known)
    for place, home in homes.items():
        known = list(dict.fromkeys([*sites, *links]))
        if links and home not in known:
            yield unknown(place, home, known)


def _deployment(data: dict, place: tuple, deployment: object) -> Iterator[str]:
    """A deployment needs a pool at its site, and a rate for its GPU type.

    Not looked at where a name of pools or rates is unknown: that fault is told, and this may be its consequence.
    """
    if not isinstance(deployment, dict) or not isinstance(kind := deployment.get("gpu_type"), str):
        return
    known = {name for _place, name in find(data, ("gpus", "@"))}
    pools = [str(pool) for _place, pool in find(data, ("sites", str(deployment.get("site")), "pools", "@"))]
    if pools and kind not in pools:
        if known.issuperset(pools):
            yield unknown((*place, "gpu_type"), kind, pools)
        return
    rates = next((table for _place, table in find(data, (*place[:2], "tokens_per_s_per_gpu"))), None)
    if any(find(data, (*place[:2], "model"))):
        return
    if isinstance(rates, dict) and kind not in rates and known.issuperset(rates):
        table = dotted((*place[:2], "tokens_per_s_per_gpu"))
        yield f"{dotted((*place, 'gpu_type'))}: no rate for {kinds.in_toml(kind)} in {table}; add {kind} = TOKENS_PER_S"

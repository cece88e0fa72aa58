"""Places of the ledger: pools at sites, and what is booked in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gpusim.scenario.scenario import Scenario


def pools_at(scenario: Scenario, sites: Collection[str]) -> list[str]:
    """Pools of some sites, as ``SITE/TYPE``."""
    return [f"{site}/{kind}" for site, spec in scenario.sites.items() if site in sites for kind in spec.pools]


def booked(pools: Collection[str], *causes: str) -> frozenset[tuple[str, str]]:
    """(pool, cause) of the ledger, for all of both."""
    return frozenset((pool, cause) for pool in pools for cause in causes)


def pools_of(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """(site, type, pool) of all pools."""
    for site, spec in scenario.sites.items():
        for kind in spec.pools:
            yield site, kind, f"{site}/{kind}"

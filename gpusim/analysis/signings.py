"""Contracts that were checked before they were signed, in words."""

from __future__ import annotations

from gpusim.analysis.wording import share
from gpusim.tables.record import Record
from gpusim.units import number_of


def asked(result: Record) -> list[str]:
    """A sentence for each contract of a result that was checked before it was signed, in order of time."""
    return [
        f"{row.contract} was checked on {row.asked_utc.day} {row.asked_utc:%B %Y}: each milestone is met within grace"
        f" with a probability of {share(row.probability)} or more, over {number_of(row.replications, 'replication')}"
        f" of what was not known then. It needed {share(row.admit)}, so it was {'' if row.signed else 'not '}signed."
        for row in result.contract_signings.itertuples()
    ]

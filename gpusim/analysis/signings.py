"""Contracts that asked before they were signed, in words."""

from __future__ import annotations

from gpusim.analysis.wording import share
from gpusim.tables.record import Record
from gpusim.units import number_of


def asked(result: Record) -> list[str]:
    """A sentence for each contract of a result that asked whether it can be delivered, in order of time."""
    return [
        f"{row.contract} asked on {row.asked_utc.day} {row.asked_utc:%B %Y} whether it can be delivered: each milestone"
        f" within grace with a probability of {share(row.probability)} or more, in"
        f" {number_of(row.replications, 'replication')} of what was not known that day. {share(row.admit)} was called"
        f" for, so it was {'' if row.signed else 'not '}signed."
        for row in result.contract_signings.itertuples()
    ]

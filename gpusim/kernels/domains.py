"""Domains of a gang: which of them it takes, whatever its nodes are idle for.

A gang of k nodes, n to a domain, takes k // n wholly idle domains and k % n nodes of the domain that has the fewest
idle nodes but so many; ties to the lowest. Domains stand in sets by their idle nodes, of which there are families:
nodes outside the reservation and all nodes, which ``placement`` counts as they come and go, and those that conservative
backfill finds free from some time on.

Writes: picked, words.
Reads: pools.
"""

from __future__ import annotations

from gpusim.kernels import bitset
from gpusim.kernels._jit import inner

OPEN, ALL, LATER = 0, 1, 2  # families of idle nodes
N_FAMILY = 3


@inner
def _sets_of(pool, family):
    """Offset in ``words`` of a family's sets, by number of idle nodes."""
    return pool.domain_sets + family * (pool.nodes_per_domain + 1) * pool.domain_words


@inner
def set_idle(f, pool, domain, family, before, idle):
    """A domain has ``idle`` idle nodes now; ``before``: as many as before, less than 0 if it was in no set."""
    sets = _sets_of(pool, family)
    if before >= 0:
        bitset.remove(f.words, sets + before * pool.domain_words, pool.n_domains, domain)
    bitset.insert(f.words, sets + idle * pool.domain_words, pool.n_domains, domain)


@inner
def clear_idle(f, pool, family):
    """Take all domains out of the sets of a family."""
    sets = _sets_of(pool, family)
    for word in range(sets, sets + (pool.nodes_per_domain + 1) * pool.domain_words):
        f.words[word] = 0


@inner
def pick_domains(f, pool, k, family, first, last):
    """Of domains [first, last) those of a gang of ``k`` nodes, in turn, into ``picked``; their number, 0: too few."""
    size, sets = pool.nodes_per_domain, _sets_of(pool, family)
    whole, rest = k // size, k % size
    d = first - 1
    for i in range(whole):
        d = bitset.next_from(f.words, sets + size * pool.domain_words, pool.n_domains, d + 1)
        if d < 0 or d >= last:
            return 0
        f.picked[i] = d
    if rest == 0:
        return whole
    for idle in range(rest, size + 1):
        after = d + 1 if idle == size else first  # the wholly idle ones up to d are taken
        e = bitset.next_from(f.words, sets + idle * pool.domain_words, pool.n_domains, after)
        if 0 <= e < last:
            f.picked[whole] = e
            return whole + 1
    return 0

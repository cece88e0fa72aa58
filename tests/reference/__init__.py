"""A plain simulator of the same fleets: slow, obvious, and independent of the compiled kernels.

It follows ``docs/semantics.md`` and nothing else. Jobs, nodes and pools are Python objects that are searched anew at
every question: no heaps, no bit sets, no caches, nothing that is carried on from one pass to the next but EASY's one
reservation, which the rules themselves keep. With the engine it shares the descriptions that go in (``PoolSpec``,
``Scheduling``, ``ClassSpec``) and the names of choices (``Order``, functions of ``queue_orders``, ``Backfill``, ...),
not a line that decides anything.

Read in this order:

- ``case``: what goes in and what comes out
- ``world``: jobs, nodes, pools; ``times``: how long a job runs and what an eviction leaves
- ``placement``, ``queueing``, ``dispatch``, ``power``, ``preemption``: one rule each
- ``easy``, ``conservative``: what may pass a blocked head; ``promises``: the power that heads were promised
- ``moment``: what comes first at one instant; ``links``: how long data are on their way
- ``fleet``: all of that together, and whether a job may start
- ``passes``, ``conservative_pass``, ``redispatch``, ``rounds``: who starts, and when that is asked
- ``changes``: what happens to nodes, limits and jobs
- ``serving``: replicas of services, and the tokens that they serve; ``shortage``: why some are missing
- ``waiting``: why jobs wait, and how long for what
- ``simulator``: one SimPy process per job; ``meter``: energy and money

``tests/engine/test_reference.py`` asks of random small cases that every job has the same status, pool, starts, end and
number of evictions here and there and waits as long for the same causes, and that replicas are missing as long and for
the same causes. Times in these cases are multiples of a quarter second and watts are whole, so that sums are exact and
equality means equality; tokens of services, which are shares, are equal to rounding, and so are energy and money
(``tests/engine/test_energies.py``).
"""

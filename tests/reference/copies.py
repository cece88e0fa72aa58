"""Copies of data sets at one site at the end of one link, written plainly: in fractions, from one moment to the next.

The site has GPUs for all, so that a job starts when its data are there. At one moment runs end first, then data
arrive, then jobs come.
"""

from __future__ import annotations

from fractions import Fraction


def play(
    jobs: list[tuple[int, int, int]], sizes: list[int], rate: int, room: int | None
) -> tuple[list[float], list[tuple[int, float, bool, float]]]:
    """Starts of the jobs, and the copies brought.

    Parameters
    ----------
    jobs : list of tuple of int
        When each comes, how long it runs, which set it reads; sorted.
    sizes : list of int
        Of the sets; a link of ``rate`` a second brings them, in equal parts.
    room : int or None
        What the site can keep.

    Returns
    -------
    list of float
        Start of each job.
    list of tuple
        Of each copy its set, when it came, whether it was kept, when it was dropped (inf: never).
    """
    start: list[Fraction | None] = [None] * len(jobs)
    copies: list[list] = []  # set, arrival, kept, dropped
    coming: dict[int, Fraction] = {}  # what is left of each set that is on its way
    order: list[int] = []
    kept: dict[int, int] = {}  # set -> row of its copy
    now, submitted = Fraction(0), 0

    def over(j):
        return start[j] is not None and start[j] + jobs[j][1] <= now

    def needs(d):
        return any(jobs[j][2] == d and not over(j) for j in range(submitted))

    def last_use(d):
        return max([copies[kept[d]][1], *(start[j] + jobs[j][1] for j in range(submitted) if jobs[j][2] == d)])

    def arrive(d):
        row = order[d]
        copies[row][1] = now
        idle = sorted((e for e in kept if not needs(e)), key=lambda e: (last_use(e), kept[e]))
        taken = sum(sizes[e] for e in kept)
        if room is None or taken - sum(sizes[e] for e in idle) + sizes[d] <= room:
            while room is not None and taken + sizes[d] > room:
                taken -= sizes[idle[0]]
                copies[kept.pop(idle[0])][3] = now
                idle.pop(0)
            kept[d], copies[row][2] = row, True
        for j in range(submitted):
            if jobs[j][2] == d and start[j] is None:
                start[j] = now

    order = [0] * len(sizes)
    while submitted < len(jobs) or coming:
        each = Fraction(rate, len(coming)) if coming else Fraction(0)
        moments = [Fraction(jobs[submitted][0])] if submitted < len(jobs) else []
        moments += [now + left / each for left in coming.values()]
        then = min(moments)
        coming = {d: left - each * (then - now) for d, left in coming.items()}
        now = then
        for d in sorted((d for d, left in coming.items() if left == 0), key=lambda d: order[d]):
            del coming[d]
            arrive(d)
        while submitted < len(jobs) and jobs[submitted][0] == now:
            d = jobs[submitted][2]
            submitted += 1
            if d in kept:
                start[submitted - 1] = now
            elif d not in coming:
                coming[d], order[d] = Fraction(sizes[d]), len(copies)
                copies.append([d, None, False, float("inf")])
    return [float(one) for one in start], [(d, float(at), held, float(gone)) for d, at, held, gone in copies]

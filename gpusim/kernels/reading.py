"""Reading the fleet at one moment: running integrals, and what runs have come to.

Writes: `out`, `work_s`, `writes_s`.
Reads: classes, jobs, lanes, pools, sites.
Units: s, W.
"""

from __future__ import annotations

from gpusim.kernels._jit import kernel
from gpusim.kernels.course import checkpoint_time, draw, kept_of, place_in_course, since, speed_in, work_left
from gpusim.kernels.gang import worth
from gpusim.kernels.ledger import settle_lane, settle_pool, settle_site


@kernel
def settle_all(f, now):
    """Bring every running integral up to ``now``."""
    for p in range(len(f.pools)):
        settle_pool(f.pools, p, now)
    for s in range(len(f.sites)):
        settle_site(f.sites, s, now)
    for i in range(len(f.lanes)):
        settle_lane(f.lanes, i, now)


@kernel
def energies_of(f, rows, now, out):
    """[J] of the GPUs of running jobs at their rates of now, idle power included, into ``out``, shape as ``rows``."""
    for i in range(len(rows)):
        j = rows[i]
        p = f.jobs[j].pool
        out[i] = (draw(f, j, p) + f.pools[p].idle_w * worth(f.jobs[j])) * (now - since(f, j))


@kernel
def courses_of(f, rows, work_s, writes_s):
    """Work and checkpoints in the courses of jobs' last runs [s], into ``work_s`` and ``writes_s``, as ``rows``."""
    for i in range(len(rows)):
        j = rows[i]
        p, c = f.jobs[j].pool, f.jobs[j].job_class
        work = work_left(f, j) / speed_in(f, j, p)
        work_s[i], writes_s[i] = work, checkpoint_time(f.classes, c, work)


@kernel
def kept_now(f, j, now, out):
    """What a run would keep if it were cut short now: work, and time of the checkpoints with it [s of its course].

    Both into ``out``, shape (2,).
    """
    kept_s, checkpoint_s, _load_s = kept_of(f, j, place_in_course(f, j, now))
    out[0], out[1] = kept_s, checkpoint_s

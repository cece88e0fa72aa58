"""Records of queues: a lane per tenant, and what a policy in Python sees."""

from __future__ import annotations

from gpusim.kernels.state.bundle import record
from gpusim.kernels.state.codes import N_WAIT

SIZES = 20  # columns of what a long queue holds by size: see `kernels/shortlist.py`
LONG_QUEUE = 64  # jobs from which on a queue is searched by size
LANE = record(  # the jobs of one tenant in one pool's queue; one lane for all where tenants do not matter
    [
        ("tenant", "i8"),
        ("set", "i8"),  # offset in `words` of the positions of those that wait
        ("fresh_set", "i8"),  # conservative: of those that no reservation was sought for yet
        ("n_positions", "i8"),
        ("order_base", "i8"),  # offset in `by_position`
        ("queued", "i8"),
        ("queued_gpus", "i8"),
        ("inbound", "i8"),
        ("inbound_gpus", "i8"),
        ("held", "i8"),  # GPUs its jobs hold in this pool
        ("cpu_memory", "i8", (2,)),  # thousandths of CPUs, and MB, that they hold
        ("share", "f8"),
        ("cursor", "i8"),  # scratch of a pass: next position to look at
        ("cause", "i1"),
        ("left_out", "i1"),  # scratch of a pass: at its quota
        ("settled_s", "f8"),
        ("blocked_s", "f8", (N_WAIT,)),  # running integral: time under each cause
        ("job_s", "f8", (N_WAIT,)),
        ("gpu_s", "f8", (N_WAIT,)),
    ]
)
SUBMITTED = record(  # what a policy in Python sees of jobs before the run, when it gives them keys
    [
        ("job", "i8"),  # row in `jobs`, in order of submission
        ("submit_s", "f8"),
        ("gpus", "f8"),  # parts of one GPU as fractions
        ("runtime_s", "f8"),  # on the reference type: what no scheduler knows, for orders that are to be compared with
        ("estimate_s", "f8"),
        ("deadline_s", "f8"),  # after its submission; 0: none of its own
        ("priority", "i8"),
        ("tenant", "i8"),
        ("job_class", "i8"),
        ("preemptible", "?"),
    ]
)
CHOICE = record(  # what a policy in Python sees of the nodes of a pool, to place a job on some
    [
        ("free", "i8"),  # GPUs of it that the job may take; 0: none, it may not go there
        ("state", "i1"),
        ("domain", "i4"),  # within the pool
        ("reserved", "?"),  # for the head of the queue
        ("cpus", "f8"),  # left, where nodes limit them; else 0
        ("memory_gb", "f8"),
    ]
)
QUEUE = record(  # what a policy in Python sees of the jobs that wait, and run
    [
        ("job", "i8"),  # row in `jobs`
        ("submit_s", "f8"),
        ("pool", "i8"),  # row in `pools`
        ("gpus", "i8"),  # that it runs with, or asks for
        ("submitted_gpus", "i8"),  # that it was submitted with
        ("min_gpus", "i8"),  # fewest with which it may run
        ("max_gpus", "i8"),  # most
        ("held", "i8"),  # that it holds, or would: whole nodes for gangs
        ("n_nodes", "i8"),  # of how many nodes
        ("cpus", "f8"),  # likewise, where nodes limit them; else 0
        ("memory_gb", "f8"),
        ("estimate_s", "f8"),  # expected wall time of what is left, in this pool
        ("deadline_s", "f8"),  # after its submission; 0: none of its own
        ("priority", "i8"),
        ("tenant", "i8"),
        ("job_class", "i8"),
        ("run_s", "f8"),  # time on GPUs so far (of a job that was evicted)
        ("evictions", "i8"),
        ("preemptible", "?"),
        ("running", "?"),
    ]
)

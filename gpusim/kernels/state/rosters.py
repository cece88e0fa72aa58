"""Records of rosters: who waits and who runs in a pool, each in the order in which they shall have GPUs."""

from __future__ import annotations

from gpusim.kernels.state.bundle import record

NO_LEAST = 1 << 60  # nobody waits

ENTRY = record(  # of a job, where a better one takes the GPUs of a worse
    [
        ("key", "f8"),  # by which its roster has it; less goes first
        ("first_key", "f8"),  # by what it was submitted with, where that is all that its order asks
        ("served", "f8"),  # service had before it was promoted [s, or GPU s]
        ("since_s", "f8"),  # when it joined its queue
        ("next_noted", "i8"),
        ("pool", "i8"),
        ("level", "i4"),  # of service
        ("list", "i1"),  # the list that has it
        ("noted", "i1"),  # it came, started, stopped or ended since
    ]
)
ROSTER = record(  # of a pool: two lists by (key, job), each a slice of three arrays
    [
        ("waiting", "i8"),  # how many
        ("running", "i8"),
        ("first_waiting", "i8"),  # offset in `roster_keys`, `roster_jobs` and `roster_gpus`
        ("first_running", "i8"),
        ("least_gpus", "i8"),  # none that waits asks for less
    ]
)

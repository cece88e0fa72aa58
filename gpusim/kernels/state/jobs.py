"""Records of jobs: what they are, how they run, where they may run."""

from __future__ import annotations

from gpusim.kernels.state.bundle import record
from gpusim.kernels.state.codes import N_WAIT

JOB = record(  # what every event touches comes first
    [
        ("submit_s", "f8"),
        ("runtime_s", "f8"),  # work on the reference type
        ("estimate_s", "f8"),  # estimate on the reference type
        ("saved_s", "f8"),  # work on the reference type kept by checkpoints of earlier runs
        ("first_start_s", "f8"),  # NaN until the first start
        ("start_s", "f8"),  # latest start
        ("end_s", "f8"),  # end of the latest run, planned while running; NaN before
        ("expected_end_s", "f8"),  # end of the latest run by the estimate
        ("run_s", "f8"),  # time on GPUs in all runs
        ("pool", "i8"),
        ("holding", "i8"),  # row of `holdings` while it runs
        ("gpus", "i4"),  # that it asks for, a part of one rounded up: work is in seconds with so many
        ("held", "i4"),  # GPUs held: whole nodes for gangs of more than a node
        ("tenant", "i4"),
        ("job_class", "i4"),
        ("lane_position", "i4"),  # position among the jobs of its tenant
        ("rank", "i4"),  # position in the order of the queue among all jobs
        ("paced", "i1"),  # its run has not always gone at rate 1: see `paces`
        ("status", "i1"),
        ("outruns", "i1"),  # killed at its estimate
        ("watched", "i1"),  # a control process waits for its end
        ("milli", "i2"),  # thousandths of the GPU that it shares with others; 0: it shares none
        ("preemptible", "i1"),
        ("turned", "i1"),  # it is in `turns`
        ("route", "i4"),  # row of `routes`
        ("priority", "i4"),
        ("evictions", "i4"),
        ("promised_s", "f8"),  # first start promised by backfill; NaN if none
        ("lost_gpu_s", "f8"),  # GPU-seconds held for work that evictions undid
        ("energy_j", "f8"),  # energy of its GPUs
        ("data_bytes", "f8"),  # data that must be where it runs
        ("waits", "f8", (N_WAIT,)),  # waiting by cause; holds minus the lane's integral while queued
    ]
)
PACE = record(  # of a run that has not always gone at rate 1
    [
        ("own_rate", "f8"),  # set for this run; what it draws above idle, of its draw at rate 1
        ("own_draw", "f8"),
        ("spread", "f8"),  # what its nodes' being apart leaves of its rate, and of its draw
        ("rate", "f8"),  # with its pool's
        ("draw", "f8"),
        ("cap_step", "i8"),  # of `cap_draws` and `cap_rates`; 0: no cap
        ("by_feeder", "i8"),  # a feeder asked for that, and its site for less
        ("storage_rate", "f8"),  # given by storage that jobs share, whatever it would be otherwise; 0: not now
        ("storage_until_s", "f8"),  # how far along its course storage gives it
        ("stored", "i8"),  # checkpoints of the run that shared storage has, written while work went on
        ("since_s", "f8"),  # when it got these
        ("progress_s", "f8"),  # in its course then
        ("last_segment", "i8"),
    ]
)
SEGMENT = record(  # part of a run at one rate: all of one that was cut short, of others all but the part that is last
    [
        ("job", "i8"),
        ("pool", "i8"),
        ("previous", "i8"),  # of the same run
        ("gpus", "f8"),
        ("held", "f8"),
        ("start_s", "f8"),
        ("end_s", "f8"),
        ("runs_before", "i8"),  # of the job
        ("progress_s", "f8"),  # in the run's course when it began
        ("rate", "f8"),
        ("cap_rate", "f8"),  # of that, what a cap on its power left
        ("by_feeder", "i8"),  # a feeder asked for it
        ("by_storage", "i8"),  # storage that jobs share gave the rate
        ("power_w", "f8"),  # of its GPUs, idle power included; an average over loading, work and checkpoints
        ("load_s", "f8"),  # of the run's course
        ("kept_s", "f8"),  # up to where the run's work was kept; inf: it was not cut short
        ("checkpoint_s", "f8"),  # of the run's checkpoints, those that were finished when it was cut short
    ]
)
CLASS = record(
    [
        ("communication_share", "f8"),
        ("checkpoint_interval_s", "f8"),
        ("checkpoint_write_s", "f8"),
        ("checkpoint_background_s", "f8"),
        ("load_s", "f8"),
        ("stored", "i1"),  # a checkpoint counts when shared storage has it: see `paces`
        ("told", "i1"),  # somebody outside is to hear at once when its jobs start and stop
        ("cap_group", "i8"),  # among all classes and replicas: those that a cap slows least come first
    ]
)
ROUTE = record([("start", "i8"), ("n_home", "i8"), ("count", "i8")])
LINK = record([("bytes_per_s", "f8")])  # a WAN link: what it carries now, all transfers together
TRANSFER = record([("job", "i8"), ("link", "i8")])

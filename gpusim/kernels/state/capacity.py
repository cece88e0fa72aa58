"""Records of what jobs and replicas run on: sites, pools, nodes, and who holds GPUs of these."""

from __future__ import annotations

from gpusim.kernels.state.bundle import record
from gpusim.kernels.state.codes import N_CAUSE, N_LOCALITY, N_PHASE, N_TIER, N_WAIT

NEVER = 1 << 60  # a priority that nobody has

NODE = record(  # in a line of cache
    [
        (
            "idle_s",
            "f8",
        ),  # EASY: last expected end of its jobs, -1 when idle (its heap: or sooner); conservative: scratch
        ("pool", "i8"),
        ("first_holding", "i8"),
        ("next_held", "i8"),
        ("next_reserved", "i8"),
        ("free", "i4"),
        ("spare", "i4"),  # GPUs that jobs may take without hurting the reservation; a whole node's when not reserved
        ("domain", "i4"),  # within the pool
        ("future_free", "i4"),  # scratch of the reservation
        ("epoch", "i4"),  # scratch: when future_free was written
        ("state", "i1"),
        ("reserved", "i1"),
        ("absent_for", "i1"),  # of a node that is down: the cause, of those of absent GPUs
    ]
)
POOL = record(
    [
        ("site", "i8"),
        ("gpu_type", "i8"),
        ("first_node", "i8"),
        ("n_nodes", "i8"),
        ("gpus_per_node", "i8"),
        ("cpu_memory", "i8", (2,)),  # of a node: thousandths of CPUs, MB; 0: not limited
        ("share", "i8", (2,)),  # of these, for each of its GPUs
        ("beside_head", "i8", (2,)),  # of the same on the node kept for a part of it: what others may have
        ("nodes_per_domain", "i8"),
        ("n_domains", "i8"),
        ("first_domain", "i8"),
        ("domains_per_pod", "i8"),
        ("n_pods", "i8"),
        ("exchange", "f8", (N_LOCALITY,)),  # time that gangs take to exchange data by `Locality`, in any unit
        ("feeder_nodes", "i8", (N_TIER,)),  # nodes on each feeder, by `Tier`; 0: there are none
        ("first_feeder", "i8", (N_TIER,)),
        ("gpu_step", "i8"),  # by which the limit of its GPUs asks for runs to be capped
        ("fed", "i1"),  # there are feeders, or such a limit
        ("node_sets", "i8"),  # offset in `words` of the nodes by free count, open then reserved
        ("node_words", "i8"),  # that each of these sets takes
        ("domain_sets", "i8"),  # offset in `words` of the domains by idle nodes, open then all
        ("domain_words", "i8"),
        ("release_base", "i8"),  # offset of its heap of expected ends
        ("idle_base", "i8"),  # offset of its heap of nodes by idle_s
        ("n_releases", "i8"),
        ("n_idle_heap", "i8"),
        ("first_lane", "i8"),
        ("n_lanes", "i8"),
        ("planned", "i8"),  # GPUs when complete
        ("ordered", "i8"),  # of these, GPUs delivered or still to come: without those taken out for good
        ("energised", "i8"),  # GPUs of nodes switched on, failed ones included
        ("spare", "i8"),  # GPUs of nodes that are on and kept free for those that fail
        ("busy", "i8"),  # GPUs held by jobs
        ("padding", "i8"),  # of these, GPUs that gangs hold beyond what they asked for
        ("unshared", "i8"),  # of these, thousandths of GPUs that jobs share which none of them has
        ("first_host", "i8"),  # offset in `hosts`
        ("n_hosts", "i8"),  # GPUs that jobs share
        ("serving", "i8"),  # GPUs held by replicas
        ("free", "i8"),
        ("idle_open", "i8"),  # wholly idle nodes outside the reservation
        ("idle_all", "i8"),
        ("queued", "i8"),
        ("queued_gpus", "i8"),
        ("inbound", "i8"),  # jobs whose data are on their way here
        ("inbound_gpus", "i8"),  # GPUs that these will hold
        ("missing_gpus", "i8"),  # GPUs of replicas that are wanted and do not run
        ("asked", "i8", (N_WAIT,)),  # GPUs that all these ask for, by what they wait for
        ("running", "i8"),
        ("reserved_job", "i8"),
        ("first_reserved", "i8"),
        ("open_gpus", "i8"),  # scratch of a pass: largest job that may start, whatever it lasts
        ("fit_gpus", "i8"),  # scratch of a pass: largest job that may start if it ends by `clear_by_s`
        ("arrived", "i8"),  # the one job that arrived since the last pass, or SEVERAL
        ("dirty", "i1"),
        ("released", "i1"),  # GPUs came free, or capacity changed, since the last pass
        ("opened", "i1"),  # after such a pass nobody is queued: jobs of other queues may find room here
        ("unsettled", "i1"),  # what came free or changed since may bear on the reservation
        ("reserved_whole", "i1"),  # the reservation is of whole nodes
        ("power_held", "i1"),  # the promise hangs on 0: nodes; 1: power alone; 2: nodes, and power later than these
        ("listed", "i1"),  # its queue's rows of `least_wall_s` and `least_draw_w` hold
        ("n_reserved", "i8"),  # conservative: waiting jobs that have a reservation
        ("first_hole", "i8"),  # chain of the nodes of which GPUs came free since all who wait were last looked at
        ("first_due", "i8"),  # chain of the jobs whose reservations are due now
        ("last_due", "i8"),
        ("spared_s", "f8"),  # first time at which power or quota that somebody may have lacked came free
        ("spared_power", "i8"),  # least power that was there then
        ("spared_quota", "i8"),
        ("switched", "i1"),  # nodes came or went since
        ("late", "i1"),  # a reservation was due, and what it reserved was not there
        ("doubt", "i1"),  # somebody took nodes without asking the plan
        ("shadow_s", "f8"),
        ("promised_w", "f8"),  # of IT power, from `shadow_s` on
        ("promised_wall_s", "f8"),  # for so long
        ("relief_w", "f8"),  # of running jobs that are expected to end by `shadow_s`; NaN: not looked at yet
        ("clear_by_s", "f8"),  # scratch of a pass: when jobs must have ended that would else be in the head's way
        ("queued_work", "f8"),  # GPU x s of expected wall time, queued or inbound
        ("running_work", "f8"),
        ("serving_busy", "f8"),  # GPUs' worth of serving that demand fills
        ("serving_drawn_w", "f8"),
        ("serving_spared_w", "f8"),  # what the same would draw more without caps
        ("serving_most_w", "f8"),  # what its replicas may draw above idle, under the deepest caps
        ("serving_j", "f8"),  # above idle, of replicas that serve by requests; less what caps spared of fluids
        ("rate", "f8"),  # of its runs, the site's included; and what these draw above idle, of their draw at rate 1
        ("draw", "f8"),
        ("own_rate", "f8"),  # without the site's
        ("own_draw", "f8"),
        ("rated_w_per_gpu", "f8"),  # for dispatch by price and carbon
        ("idle_w", "f8"),  # per GPU
        ("compute_w", "f8"),  # per GPU, above idle
        ("communication_w", "f8"),
        ("checkpoint_w", "f8"),
        ("serving_w", "f8"),
        ("node_idle_w", "f8"),  # an energised node: base and its GPUs' idle power
        ("settled_s", "f8"),
        ("absent", "i8", (N_CAUSE,)),  # GPUs that are absent, by cause
        ("ledger", "f8", (N_CAUSE,)),  # [GPU s] by cause; jobs' GPUs all under TRAINING until the run is over
        ("asked_s", "f8", (N_WAIT,)),  # [GPU s] asked for in vain, by what was waited for; of these:
        ("free_s", "f8", (N_WAIT,)),  # [GPU s] that stood free
        ("least_yield", "i8"),  # of its holdings, or less
        ("padding_s", "f8", (N_WAIT,)),  # [GPU s] that gangs held without having asked for them
        ("short_s", "f8", (N_WAIT,)),  # [GPU s] that were at work for others, or absent, as the wait says
        ("retired_s", "f8"),  # [GPU-s] that were planned once and are not any more
        ("queued_job_s", "f8"),
        ("running_job_s", "f8"),
    ]
)
SITE = record(
    [
        ("first_pool", "i8"),
        ("n_pools", "i8"),
        ("limit_w", "f8"),  # facility power that it may draw
        ("grid_w", "f8"),  # what the grid connection gives: the limit, but for caps and cooling
        ("cap_wait", "i8"),  # `Wait` of those whom a limit below the connection keeps waiting
        ("overhead", "f8"),  # facility watts per IT watt now
        ("peak_overhead", "f8"),  # the same at the run's hottest hour, at full load
        ("square_per_w", "f8"),  # facility watts per IT watt, for each IT watt drawn
        ("fixed_w", "f8"),  # drawn at any load
        ("rate", "f8"),  # of all its runs
        ("draw", "f8"),
        ("capping", "i8"),  # `Capping`
        ("fed", "i1"),  # some of its pools hang on feeders
        ("cap_steps", "i8"),  # by which a group of its runs can be capped
        ("cap_step", "i8"),  # where it is on its ladder: the groups before are capped by all steps, one by the rest
        ("uncapped", "i8"),  # what it draws, or may draw, has changed since it looked at its caps
        ("floor", "f8"),  # of what a run draws above idle, what the deepest cap leaves; 1: none is capped
        ("yielding_w", "f8"),  # of what its runs draw, what the deepest caps would take
        ("price_usd_per_j", "f8"),
        ("carbon_g_per_j", "f8"),  # average, by which emissions are booked
        ("followed_g_per_j", "f8"),  # average or marginal, by which dispatch and policies go
        ("it_w", "f8"),
        ("late_w", "f8"),  # facility power, of what was told after it was drawn
        ("serving_headroom_w", "f8"),  # what replicas may draw beyond what they draw now, under the deepest caps
        ("headroom", "i8"),  # conservative: microwatts of IT power that jobs may draw, as its line knows
        ("drawn", "i8"),  # microwatts that running jobs draw
        ("metered", "i1"),  # its power has a line
        ("phase_w", "f8", (N_PHASE,)),
        ("settled_s", "f8"),
        ("energy_j", "f8", (N_PHASE,)),
        ("facility_j", "f8"),
        ("cost_usd", "f8"),
        ("carbon_g", "f8"),
        ("peak_w", "f8"),
    ]
)
CAP_MOVE = record([("time_s", "f8"), ("site", "i8"), ("cap_step", "i8")])  # from when on a site was where on its ladder
HOLDING = record(  # GPUs of a job or a replica, from its start to its end
    [
        ("expected_end_s", "f8"),  # by the estimate; of a replica: inf
        ("since_s", "f8"),
        ("owner", "i8"),  # row of `jobs`, or of `replicas`
        ("order", "i8"),  # among all owners: jobs, then replicas
        ("pool", "i8"),  # NONE: it is over
        ("first_node", "i8"),  # global index, the rest by nodes.next_held
        ("gpus", "i4"),  # asked for
        ("held", "i4"),  # whole nodes for gangs of more than a node
        ("tenant", "i4"),
        ("milli", "i2"),  # thousandths of a GPU: of a guest those it has, of a host those nobody has; of others 0
        ("kind", "i1"),  # of its owner: `Owner`
        ("yields_to", "i8"),  # it is evicted for owners of a greater priority than this; NEVER: for none
        ("compute_w", "f8"),  # that a job adds to its site's power, by phase
        ("communication_w", "f8"),
        ("checkpoint_w", "f8"),
        ("counted_w", "f8"),  # what its site's limit counts of a job's: under the deepest cap, if there are caps
        ("priority", "i4"),
        ("cap_group", "i4"),  # among those that its site caps one after the other
        ("cap_round", "i4"),  # in which it was last looked at, node by node
        ("host", "i4"),  # of a guest its host, of a host the first of its guests; of others nothing
        ("next_on_node", "i4"),  # chain of the holdings that share a node; of those that are over: the next one
        ("previous_on_node", "i4"),  # of guests both are of those that share their GPU
    ]
)

"""Records of feeders: what nodes, racks, busways and halls may draw, between the GPUs of a pool and their site."""

from __future__ import annotations

from gpusim.kernels.state.bundle import record

FEEDER = record(  # what it draws stands in `feeder_w`
    [
        ("pool", "i8"),
        ("tier", "i8"),  # `Tier`
        ("first_node", "i8"),  # all its nodes lie side by side
        ("n_nodes", "i8"),
        ("limit_w", "f8"),  # of IT power, that it carries for ever
        ("cap_steps", "i8"),  # by which runs on it can be capped
        ("cap_step", "i8"),  # by which they are
        ("stirred", "i1"),  # what it draws has changed since it looked at that
        ("asked_w", "f8"),  # the most that would have been drawn without caps
        ("since_s", "f8"),  # when it began to cap, if it does
        ("capped_s", "f8"),  # how long it did before
    ]
)

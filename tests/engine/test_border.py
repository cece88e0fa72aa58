"""Nothing that a control process hands over reaches a kernel unchecked, and errors name the process."""

import inspect
import math

import numpy as np
import pytest
import simpy

import gpusim
from gpusim.engine.clock import EventPriority
from gpusim.engine.description import PoolSpec, Scheduling, Work
from gpusim.engine.environment import FleetEnvironment
from gpusim.engine.layout.fleet import allocate
from gpusim.engine.links import Network
from gpusim.engine.power import SitePower
from gpusim.errors import GpusimError, ProcessError
from gpusim.kernels.state.codes import Cause, Tier, Wait

SCENARIO = gpusim.Scenario.from_toml("seeds/small.toml").with_({"run.days": 0.1})
HUGE = 10**5000
NO_NUMBER = [None, "1", "", math.nan, True, np.True_, 1j, HUGE, -HUGE, [], object(), np.array([1.0, 2.0])]
BAD = {  # kind of a parameter -> values that it must refuse
    "index": [*NO_NUMBER, -1, 10**6, 2**63, 1.0, 1.5, math.inf],
    "index or none": [*NO_NUMBER[1:], -1, 0, 10**6, 2**63, 1.0, 1.5, math.inf],  # not below the index before it
    "amount": [*NO_NUMBER, -1, -0.001, -math.inf],  # infinite is no limit
    "finite": [*NO_NUMBER, -1, -0.001, math.inf, -math.inf],
    "real": [*NO_NUMBER, math.inf, -math.inf],
    "past": [*NO_NUMBER, -1, 1.001, 1e30, math.inf],  # of a run that is at 1 s
    "share": [*NO_NUMBER[1:], -1, -0.001, math.inf, -math.inf],
    "number": NO_NUMBER,
    "event priority": [None, 0, 1, "CONTROL", math.nan],
    "priority": [*NO_NUMBER, 0.5, 100, -100],
    "text": [None, 1, math.nan, b"x", True],
    "site": [None, 1, "texa", b"texas"],
    "function": [None, 1, "f"],
    "generator": [None, 1, "f", len, [1], iter([1])],
    "event": [None, 1, "f", len],
    "events": [None, 1, "f", len, [None], [1]],
    "wait": [None, "rule", Wait.POWER],
    "cause": [None, "down", Cause.NOT_DELIVERED],
    "until": [*NO_NUMBER[1:], -1, math.inf],
    "any": [],
}
# Every public method, and what it takes: (kind, a value that it accepts) by parameter.
ENVIRONMENT = {
    "all_of": {"events": ("events", [])},
    "any_of": {"events": ("events", [])},
    "ask": {"decider": ("any", None)},
    "at": {"time_s": ("finite", 5.0), "priority": ("event priority", EventPriority.CONTROL)},
    "completion": {"job": ("index", 0)},
    "connect": {"parts": ("function", len)},
    "depart": {"job": ("index", 0), "pool": ("index", 0)},
    "detach": {},
    "event": {},
    "fail_node": {"node": ("index", 0), "cause": ("cause", Cause.DOWN)},
    "jobs_on": {"node": ("index", 0)},
    "land": {"job": ("index", 1)},
    "log": {
        "time_s": ("past", 0.0), "site": ("site", "texas"), "kind": ("text", "k"), "detail": ("text", "d"),
        "value": ("number", 1.0), "unit": ("text", "MW"),
    },
    "make_segment_room": {},
    "metered": {"site": ("index", 0)},
    "peek": {},
    "process": {"generator": ("generator", None)},
    "raise_errors": {},
    "repair_node": {"node": ("index", 0)},
    "run": {"until": ("until", 1.0)},
    "run_passes": {},
    "schedule": {"event": ("event", None), "priority": ("priority", 1), "delay": ("finite", 0.0)},
    "set_feeder_limit": {"pool": ("index", 0), "tier": ("index", Tier.HALL), "limit_w": ("finite", 1.0)},
    "set_job_gpus": {"job": ("index", 0), "gpus": ("index", 1)},
    "set_job_rate": {"job": ("index", 0), "rate": ("finite", 0.5), "draw": ("share", 0.5)},
    "set_limit": {"site": ("index", 0), "grid_w": ("amount", 1.0), "cap_w": ("amount", 1.0)},
    "set_nodes_on": {"pool": ("index", 0), "nodes": ("index", 1)},
    "set_pool_rate": {"pool": ("index", 0), "rate": ("finite", 0.5), "draw": ("share", 0.5)},
    "set_site_rate": {"site": ("index", 0), "rate": ("finite", 0.5), "draw": ("share", 0.5)},
    "set_storage_rate": {"job": ("index", 0), "rate": ("finite", 0.5), "until_s": ("finite", 1.0)},
    "settle": {},
    "share_demand": {},
    "step": {},
    "timeout": {"delay": ("finite", 1.0), "value": ("any", None)},
}  # fmt: skip
SITE = {
    "close": {},
    "connect": {"plant": ("any", None)},
    "deliver": {"pool": ("index", 0), "nodes": ("index", 1), "most": ("index or none", 2)},
    "expect": {"grid_w": ("amount", 1.0)},
    "from_grid_j": {},
    "own_changed": {},
    "own_varies": {},
    "set_cap": {"cap_w": ("amount", 1.0), "by": ("text", "me"), "wait": ("wait", Wait.RULE)},
    "set_cooling": {"cooled_w": ("amount", 1.0)},
    "set_grid": {"grid_w": ("amount", 1.0)},
    "set_halls": {"hall_w": ("amount", 1.0)},
    "under": {"cap_w": ("amount", 1.0)},
}
LINK = {"send": {"size_bytes": ("finite", 1.0)}, "set_rate": {"bytes_per_s": ("finite", 1.0)}}
OBJECTS = {"environment": ENVIRONMENT, "site": SITE, "link": LINK}


def _objects() -> dict:
    """A small fleet's environment, site and link; job 0 runs, job 1 waits for its data."""
    work = Work(*(np.array(column) for column in ([0.0, 0.0], [1, 1], [9.0, 9.0], [9.0, 9.0], [0, 1])), [([0], 0)] * 2,
                data_bytes=np.array([0.0, 8.0]), route_links=[[-1], [0]])  # fmt: skip
    fleet = allocate([PoolSpec(0, 0, 2, 4)], 1, work, Scheduling(), n_links=1)
    env = FleetEnvironment(fleet)
    env.sites["texas"], env.links["wan"] = SitePower(env, 0, 1.0), Network(env, [(0,)]).links[0]
    env.sites["texas"].deliver(0, 2)
    env.run(until=1.0)
    return {"environment": env, "site": env.sites["texas"], "link": env.links["wan"]}


def _methods(thing: object) -> dict:
    names = [name for name in dir(type(thing)) if not name.startswith("_")]
    found = {name: getattr(thing, name) for name in names}
    return {name: value for name, value in found.items() if callable(value) and not isinstance(value, simpy.Event)}


@pytest.mark.parametrize("kind", OBJECTS)
def test_every_method_refuses_what_cannot_be(kind):
    """Found by introspection: a new method or parameter is missing in the tables above, and fails here."""
    thing, table = _objects()[kind], OBJECTS[kind]
    env = thing if kind == "environment" else thing.env
    methods = _methods(thing)
    assert set(methods) == set(table)
    for name, parameters in table.items():
        assert set(inspect.signature(methods[name]).parameters) == set(parameters), name
        for wrong, (what, _good) in parameters.items():
            given = {other: env.event() if of == "event" else good for other, (of, good) in parameters.items()}
            for bad in BAD[what]:
                arguments = {**given, wrong: bad} if name != "connect" else {"move": bad}
                before = env.fleet.pools.tobytes(), env.fleet.nodes.tobytes(), len(env._queue)
                with pytest.raises(ProcessError) as error:
                    methods[name](**arguments)
                assert len(str(error.value)) < 300
                assert "found" in str(error.value) or "unknown" in str(error.value), (name, wrong)
                assert (env.fleet.pools.tobytes(), env.fleet.nodes.tobytes(), len(env._queue)) == before


@pytest.mark.parametrize("kind", OBJECTS)
def test_what_is_seen_is_not_set(kind):
    """Attributes that a kernel would not hear of cannot be assigned."""
    thing = _objects()[kind]
    seen = [name for name in dir(type(thing)) if isinstance(getattr(type(thing), name, None), property)]
    assert len(seen) >= 2
    for name in seen:
        with pytest.raises(AttributeError):
            setattr(thing, name, 1.0)


def test_numbers_of_numpy_are_numbers():
    env = _objects()["environment"]
    assert env.fail_node(np.int32(1))
    assert not env.fail_node(1)
    assert env.repair_node(np.uint8(1))
    env.sites["texas"].set_cap(np.float32(5.0))
    assert env.sites["texas"].cap_w == 5.0
    assert env.at(np.int64(7)).env is env


def test_a_job_lands_once():
    env = _objects()["environment"]
    env.land(1)
    with pytest.raises(ProcessError, match="job 1 is queued; give one whose data are on their way"):
        env.land(1)


def test_a_job_departs_from_a_queue_only():
    env = _objects()["environment"]
    for job, status in ((0, "running"), (1, "fetching")):
        with pytest.raises(ProcessError, match=f"job {job} is {status}; give one that waits in a queue"):
            env.depart(job, 0)


def _yields_nothing(env):
    env.fail_node(0)


def _yields_none(env):
    yield


def _yields_a_number(env):
    yield 3600.0


def _yields_of_another(env):
    yield simpy.Environment().event()


def _goes_back(env):
    yield env.at(3600.0)
    yield env.at(60.0)


def _stays(env):
    while True:
        yield env.at(3600.0)


def _caps_below_zero(env):
    yield env.at(60.0)
    env.sites["texas"].set_cap(-1.0)


def _caps_elsewhere(env):
    yield env.at(60.0)
    env.sites["texass"].set_cap(1.0)


def _fails_beyond(env):
    yield env.timeout(60.0)
    env.fail_node(1_000_000)


def _runs(env):
    yield env.at(60.0)
    env.run(until=100.0)


def _steps(env):
    yield env.at(60.0)
    env.step()


def _gives_away(env):
    yield env.at(60.0)
    env.detach()


@pytest.mark.parametrize(
    ("process", "says"),
    [
        (_gives_away, "process '_gives_away', 60 s into the run: env.detach: the run is still under way"),
        (_yields_nothing, "process '_yields_nothing': it returned None and yields nothing; a process is a function"),
        (_yields_none, "process '_yields_none', 0 s into the run: it yields None; yield events"),
        (_yields_a_number, "process '_yields_a_number', 0 s into the run: it yields 3600.0; yield events"),
        (_yields_of_another, "process '_yields_of_another', 0 s into the run: it yields <Event"),
        (_goes_back, "process '_goes_back', 3,600 s into the run: env.at: time_s: found 60.0; give a number of s"),
        (_stays, "process '_stays', 3,600 s into the run: it loops"),
        (_caps_below_zero, "process '_caps_below_zero', 60 s into the run: set_cap: cap_w: found -1.0; give a num"),
        (
            _caps_elsewhere,
            "process '_caps_elsewhere', 60 s into the run: env.sites: unknown name 'texass' (did you mean 'texas'?);"
            " known: texas, frankfurt",
        ),
        (_fails_beyond, "process '_fails_beyond', 60 s into the run: env.fail_node: node: found 1000000; give a whole"),
        (_runs, "process '_runs', 60 s into the run: env.run: the run is under way"),
        (_steps, "process '_steps', 60 s into the run: env.step: the run is under way"),
        (lambda env: 5, "process '<lambda>': it returned 5 and yields nothing"),
        (17, "processes: found 17; a process is a function"),
    ],
)  # fmt: skip
def test_errors_name_the_process(process, says):
    with pytest.raises(GpusimError) as error:
        gpusim.run(SCENARIO, processes=[process])
    assert str(error.value).startswith(says)


def test_errors_before_a_process_has_begun():
    def hasty(env):
        env.fail_node(-1)

    with pytest.raises(ProcessError, match="^process 'hasty': env.fail_node: node: found -1; give a whole number"):
        gpusim.run(SCENARIO, processes=[hasty])
    with pytest.raises(ProcessError, match="^processes: found <function _goes_back at .*>; give a list of functions"):
        gpusim.run(SCENARIO, processes=_goes_back)


def test_what_a_process_raises_itself_is_its_own():
    def divides(env):
        yield env.at(60.0)
        yield env.at(1.0 / 0.0)

    with pytest.raises(ZeroDivisionError):
        gpusim.run(SCENARIO, processes=[divides])


def test_a_process_hears_of_interrupts_and_failures():
    """As in SimPy: the watch over what is yielded changes nothing else."""
    heard = []

    def listens(env):
        try:
            yield env.at(600.0)
        except simpy.Interrupt as interrupt:
            heard.append((env.now, interrupt.cause))
        try:
            yield env.event().fail(KeyError("gone"))
        except KeyError as error:
            heard.append(error.args[0])
        return 7

    def interrupts(env):
        other = env.process(listens(env))
        yield env.at(60.0)
        other.interrupt("why")
        heard.append((yield other))

    gpusim.run(SCENARIO, processes=[interrupts])
    assert heard == [(60.0, "why"), "gone", 7]


def test_arrays_of_the_fleet_are_not_swapped_for_others():
    """Kernels have their addresses and lengths."""
    fleet = _objects()["environment"].fleet
    with pytest.raises(AttributeError, match="'jobs' cannot be assigned"):
        fleet.jobs = fleet.jobs[:1]
    for wrong in (fleet.jobs[:1], fleet.nodes, fleet.jobs[::2]):
        with pytest.raises(TypeError, match="fleet array 'jobs'"):
            fleet.put("jobs", wrong)
    fleet.put("jobs", fleet.jobs.copy())

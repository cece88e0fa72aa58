"""From an import path in a scenario to a policy."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from gpusim.errors import PolicyError, did_you_mean
from gpusim.policies.policy import Keyed, Policy, decides_in_rounds

ASKED = {"dispatch": "jobs, pools, allowed, now_s", "place": "job, nodes, now_s"}  # with what, at these doors


def load_policy(path: str, **options: object) -> Policy:
    """The policy at ``"module:Class"``, an instance or a plain function too, looked up from the working directory too.

    ``options`` are the arguments of its class, or of the function beside the jobs.

    Raises
    ------
    PolicyError
        If the module or the name is not there, or it is no policy.
    """
    found = _found(path, _decides)
    _check_options(path, found, options)
    if inspect.isfunction(found) and _decides(found):
        return Keyed(found, **options)
    policy = _made(path, found, **options)
    if not _decides(policy):
        keys = {"dispatch": "scheduler.dispatch", "place": "scheduler.placement"}
        named = [f"{keys[door]} may name it for its {door!r}" for door in keys if _has(policy, door)]
        raise PolicyError(
            f"policy {path!r}: it has no method 'key(self, jobs)', nor 'order(self, queue, now_s)', nor"
            " 'allocate(self, jobs, now_s)', nor 'assign(self, jobs, pools, allowed, speeds, now_s)'; or give a plain"
            f" function of the jobs{'; '.join(['', *named])}"
        )
    if _has(policy, "key") and decides_in_rounds(policy):
        raise PolicyError(
            f"policy {path!r}: it has 'key', which is asked once, and a method that is asked in every round; keep one"
        )
    if _has(policy, "assign") and _has(policy, "dispatch"):
        raise PolicyError(f"policy {path!r}: it has 'assign', which dispatches too, and 'dispatch'; keep one")
    return policy


def load_door(path: str, door: str) -> Policy:
    """Who decides at one door alone, ``dispatch`` or ``place``: a plain function, or a class with that method.

    Raises
    ------
    PolicyError
        If the module or the name is not there, or it is no such function or class.
    """
    found = _found(path, lambda what: _opens(what, door))
    policy = cast(Policy, SimpleNamespace(**{door: found})) if inspect.isfunction(found) else _made(path, found)
    name = path.partition(":")[2]
    if not _has(policy, door):
        raise PolicyError(
            f"policy {path!r}: it has no method '{door}(self, {ASKED[door]})'; add it, or give a plain function of"
            f" ({ASKED[door]})"
        )
    if not _takes(getattr(policy, door), door):
        what = name if inspect.isfunction(found) else door
        raise PolicyError(
            f"policy {path!r}: {what} is asked with ({ASKED[door]}); it takes"
            f" {inspect.signature(getattr(policy, door))}"
        )
    return policy


def _found(path: str, decides: Callable[[object], bool]) -> object:
    """What there is at an import path; if there is nothing, the error names what else there decides."""
    module_name, _colon, name = path.partition(":")
    here = _look_here_too()
    try:
        module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the user's module raises while it is imported
        raise PolicyError(
            f"policy {path!r}: cannot import {module_name!r} from {here} or the Python path: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not hasattr(module, name):
        known = [other for other, what in vars(module).items() if decides(what) and _is_of(what, module_name)]
        raise PolicyError(
            f"policy {path!r}: {module_name} has no {name!r}{did_you_mean(name, known)};"
            f" policies there: {', '.join(known) or 'none'}"
        )
    return getattr(module, name)


def _made(path: str, found: object, **options: object) -> Policy:
    """An instance of a class; another object as it is."""
    try:
        return found(**options) if isinstance(found, type) else found
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        name = path.partition(":")[2]
        raise PolicyError(f"policy {path!r}: {name}() raised {type(error).__name__}: {error}") from error


def _opens(found: object, door: str) -> bool:
    """Whether it may decide at a door: by a method, or as a plain function."""
    return _takes(found, door) if inspect.isfunction(found) else _has(found, door)


def _takes(function: Callable, door: str) -> bool:
    """Whether it can be called as it is at a door."""
    try:
        inspect.signature(function).bind(*ASKED[door].split(", "))
    except TypeError:
        return False
    except ValueError:  # of what has no signature, its call will tell
        return True
    return True


def _check_options(path: str, found: object, options: Mapping[str, object]) -> None:
    """Options that its class does not take are an error with those that it does."""
    try:
        taken = inspect.signature(found).parameters if isinstance(found, type) or inspect.isfunction(found) else {}
        if inspect.isfunction(found):
            taken = dict(list(taken.items())[1:])  # the first are the jobs
    except (TypeError, ValueError):  # of what has no signature, its call will tell
        return
    if any(taken[name].kind is inspect.Parameter.VAR_KEYWORD for name in taken):
        return
    for name in options:
        if name not in taken:
            raise PolicyError(
                f"policy {path!r}: scheduler.options.{name}: unknown option{did_you_mean(name, taken)};"
                f" it takes {', '.join(taken) or 'none'}"
            )


def _is_of(found: object, module_name: str) -> bool:
    """Whether a plain function is a module's own: most that it imports are no policies."""
    return not inspect.isfunction(found) or found.__module__ == module_name


def _has(policy: object, door: str) -> bool:
    return callable(getattr(policy, door, None))


def _decides(policy: object) -> bool:
    """Whether it says who starts: by a method, or as a plain function of the jobs."""
    if inspect.isfunction(policy):
        needed = [one for one in inspect.signature(policy).parameters.values() if one.default is one.empty]
        return len(needed) > 0 and needed[0].kind in (needed[0].POSITIONAL_ONLY, needed[0].POSITIONAL_OR_KEYWORD)
    return _has(policy, "key") or decides_in_rounds(policy)


def has_key(path: str) -> bool:
    """Whether what there is at ``"module:Class"`` is asked for keys; False, too, where nothing can be imported."""
    module_name, _colon, name = path.partition(":")
    _look_here_too()
    try:
        found = getattr(importlib.import_module(module_name), name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # whatever the user's module raises: who loads the policy will tell
        return False
    return _has(found, "key") or inspect.isfunction(found)


def source_of(path: str) -> Path | None:
    """File of the module of the policy at ``"module:Class"``, which is not imported; None if there is none."""
    _look_here_too()
    spec, name, where = None, "", None
    for part in path.partition(":")[0].split("."):
        name = f"{name}.{part}" if name else part
        spec = next(filter(None, (finder.find_spec(name, where) for finder in sys.meta_path)), None)
        if spec is None:
            return None
        where = spec.submodule_search_locations
    return Path(spec.origin) if spec.origin and Path(spec.origin).is_file() else None


def _look_here_too() -> str:
    """Have modules found in the working directory; which that is."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return here

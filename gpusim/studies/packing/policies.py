"""Names of the policies that choose a node, with their rules and sources."""

from __future__ import annotations

from typing import NamedTuple

from gpusim.errors import GpusimError, did_you_mean
from gpusim.kernels.state.codes import Placement


class About(NamedTuple):
    """A policy: its code, what it does, and where it is from."""

    code: Placement
    rule: str
    source: str


POLICIES = {
    "random": About(Placement.RANDOM, "any node that fits, any GPU that has room", ""),
    "dot-product": About(
        Placement.DOT_PRODUCT, "least product of what is free and what is asked", "Grandl et al., Tetris, SIGCOMM 2014"
    ),
    "clustering": About(
        Placement.CLUSTERING,
        "nodes with pods that ask for as many GPUs, then empty ones",
        "Xiao et al., Gandiva, OSDI 2018",
    ),
    "packing": About(
        Placement.PACKING, "GPUs in use, then idle GPUs of nodes in use, then idle nodes", "Amaral et al., SC 2017"
    ),
    "best-fit": About(Placement.LEAST_LEFT, "least CPU and GPU left over", "Hadary et al., Protean, OSDI 2020"),
    "fgd": About(
        Placement.FGD, "fragments grow least: GPU that typical pods could not use", "Weng et al., FGD, ATC 2023"
    ),
}


def named(text: str) -> list[str]:
    """Policies of a list such as ``"fgd,best-fit"``, each once.

    Raises
    ------
    GpusimError
        Naming every entry that is no policy.
    """
    names = list(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    unknown = [f"'{name}'{did_you_mean(name, POLICIES)}" for name in names if name not in POLICIES]
    if unknown:
        raise GpusimError(f"--policies: no policy {', '.join(unknown)}; known: {', '.join(POLICIES)}")
    return names

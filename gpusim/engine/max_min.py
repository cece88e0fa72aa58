"""Max-min fair shares of links by transfers whose paths have several of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Share = tuple[float, int]  # what a link had left [bytes/s], and how many divide it equally


def max_min(
    paths: Mapping[int, Sequence[int]], transfers: Mapping[int, int], capacity: Sequence[float]
) -> dict[int, Share]:
    """What each transfer on each path gets, as the part that it has of its bottleneck.

    Progressive filling (Bertsekas and Gallager, Data Networks, 1992, 6.5.2): the link that gives its transfers least is
    divided among them; what they take of other links is gone; and so on with the links and transfers that are left.

    Parameters
    ----------
    paths : mapping of int to sequence of int
        The links of each path.
    transfers : mapping of int to int
        On each path, at least 1.
    capacity : sequence of float
        [bytes/s] Of each link.
    """
    left, found, open_paths = list(capacity), {}, dict.fromkeys(paths)
    users = [sum(transfers[path] for path in paths if link in paths[path]) for link in range(len(left))]
    while open_paths:
        narrow = min((link for link in range(len(left)) if users[link]), key=lambda link: left[link] / users[link])
        share = (left[narrow], users[narrow])
        for path in [path for path in open_paths if narrow in paths[path]]:
            found[path] = share
            del open_paths[path]
            for link in paths[path]:
                users[link] -= transfers[path]
                if link != narrow:
                    left[link] = max(0.0, left[link] - transfers[path] * share[0] / share[1])
    return found

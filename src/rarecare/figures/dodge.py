"""Labels kept from lying on one another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def dodge(
    wanted: Sequence[float], heights: Sequence[float], *, low: float, high: float
) -> list[float]:
    """Return the centres of labels, as near to the wanted ones as they go without overlap.

    Parameters
    ----------
    wanted
        Centres wished for, in px.
    heights
        Heights of the labels, in px.
    low, high
        Ends of the space; where it is too short, the labels run past ``high``.

    Returns
    -------
    centres
        In the order given: the least squares of displacement, by pooling adjacent violators
        (Ayer et al., Annals of Mathematical Statistics 1955;26:641).

    Examples
    --------
    >>> dodge([50, 52, 90], [18, 18, 18], low=0, high=200)
    [42.0, 60.0, 90.0]
    """
    if not wanted:
        return []
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    offsets = [0.0]
    for a, b in pairwise(order):
        offsets.append(offsets[-1] + (heights[a] + heights[b]) / 2)
    pools: list[tuple[float, int]] = []
    for i, offset in zip(order, offsets, strict=True):
        mean, size = wanted[i] - offset, 1
        while pools and pools[-1][0] > mean:
            before, number = pools.pop()
            mean, size = (before * number + mean * size) / (number + size), number + size
        pools.append((mean, size))
    places = [mean for mean, size in pools for _ in range(size)]
    first = low + heights[order[0]] / 2
    last = max(first, high - heights[order[-1]] / 2 - offsets[-1])
    centres = [0.0] * len(order)
    for i, offset, place in zip(order, offsets, places, strict=True):
        centres[i] = min(max(place, first), last) + offset
    return centres

"""What is withheld of ways through care.

Categories that divide the same patients are shown where none of them is few; those that are, are
put together until they are not. Of countries, those are shown whose numbers are all none or enough;
what the pooled row leaves of the others, taken together, is then none or enough as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_SAME = 1e-6


def few(counts: Floats, threshold: int) -> Flags:
    """Return which counts are some, but fewer than the threshold.

    >>> few(np.array([0, 1, 4, 5]), 5).tolist()
    [False, True, True, False]
    """
    return np.asarray((counts > _SAME) & (counts < threshold - _SAME))


def alone(counts: Floats, threshold: int, *, first: Flags | None = None) -> Flags:
    """Return which categories are shown one by one; the others, together, are not few.

    Parameters
    ----------
    counts
        Of each category, one row or more, all of which must hold, shape (n_rows, n_categories).
    threshold
        Smallest number that may be shown.
    first
        Categories that may stand alone; by default all.

    Examples
    --------
    The two small ones would follow from the total, so that the next smallest joins them:

    >>> alone(np.array([[60, 30, 7, 2, 1]]), 5).tolist()
    [True, True, False, False, False]
    """
    own: Flags = ~np.any(few(counts, threshold), axis=0)
    if first is not None:
        own = own & first
    while few(counts[:, ~own].sum(axis=1), threshold).any():
        sizes = np.where(own & (counts[0] > _SAME), counts[0], np.inf)
        if not np.isfinite(sizes).any():
            return np.zeros_like(own)
        own[int(np.argmin(sizes))] = False
    return own


def shown_areas(cells: Floats, sizes: Ints, allowed: Flags, members: Ints, threshold: int) -> Flags:
    """Return which areas are shown beside their total.

    Parameters
    ----------
    cells
        Every number that the rows of an area tell, shape (n_areas, n_cells).
    sizes
        Patients of each area, shape (n_areas,).
    allowed
        Areas that may be shown.
    members
        Countries that each area stands for: 1, or more where they are put together.
    threshold
        Smallest number that may be shown.

    Examples
    --------
    The last one has few; alone it would follow from the total, so that the second smallest goes
    with it:

    >>> cells = np.array([[20, 30], [9, 8], [12, 2]])
    >>> shown_areas(cells, cells.sum(axis=1), np.ones(3, bool), np.ones(3, int), 5).tolist()
    [True, False, False]
    """
    shown: Flags = allowed & ~np.any(few(cells, threshold), axis=1)
    for place in np.argsort(sizes, kind="stable"):
        gone = ~shown & (sizes > 0)
        total, together = int(sizes[gone].sum()), int(members[gone].sum())
        safe = together > 1 and total >= threshold and total > together
        if not gone.any() or (safe and not few(cells[gone].sum(axis=0), threshold).any()):
            break
        shown[place] = False
    return shown

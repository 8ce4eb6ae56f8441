"""Great-circle distances.

Haversine formula: Sinnott, *Sky and Telescope* 1984;68:159. The sphere has the mean radius of the
Earth, (2a + b)/3 of GRS 80: Moritz, *Journal of Geodesy* 2000;74:128-133. Roads are longer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from rarecare.errors import CaseError, ColumnError

EARTH_RADIUS_KM = 6371.0088
PLACE = ("latitude", "longitude")


def great_circle(
    latitude: ArrayLike, longitude: ArrayLike, to_latitude: ArrayLike, to_longitude: ArrayLike
) -> NDArray[np.float64]:
    """Return the distances between points, in km; arguments in degrees, broadcast together.

    Examples
    --------
    A quarter of the equator is π/2 radii:

    >>> round(float(great_circle(0, 0, 0, 90)), 3)
    10007.557
    """
    a, b, c, d = (
        np.radians(np.asarray(value, dtype=np.float64))
        for value in (latitude, longitude, to_latitude, to_longitude)
    )
    h = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1))))


def checked_places(table: pl.DataFrame, name: str, what: str) -> pl.DataFrame:
    """Return places with both coordinates: the name, ``latitude``, ``longitude``.

    Raises
    ------
    ColumnError
        A column is missing.
    CaseError
        A place stands twice, or its coordinates are none on Earth.
    """
    for column in (name, *PLACE):
        if column not in table.columns:
            raise ColumnError(f"the {what} lack a column", value=column, allowed=table.columns)
    own = table.select(
        pl.col(name).cast(pl.String), *(pl.col(part).cast(pl.Float64) for part in PLACE)
    )
    twice = own.filter(own[name].is_duplicated())
    if twice.height:
        raise CaseError(f"one of the {what} stands twice", value=twice[name][0])
    known = own.drop_nulls()
    for part, end in (("latitude", 90), ("longitude", 180)):
        far = known.filter(~(pl.col(part).abs() <= end))
        if far.height:
            raise CaseError(
                f"a {part} is none", value=f"{far[name][0]}: {far[part][0]:g}",
                allowed=f"-{end} to {end} degrees",
            )  # fmt: skip
    return known


def between(one: pl.DataFrame, other: pl.DataFrame) -> NDArray[np.float64]:
    """Return the distances from each row to each row, shape (n_one, n_other), in km."""
    parts: Sequence[NDArray[np.float64]] = [one[name].to_numpy() for name in PLACE]
    ends = [other[name].to_numpy() for name in PLACE]
    return great_circle(parts[0][:, None], parts[1][:, None], ends[0], ends[1])

"""Standard populations and the International Cancer Survival Standards.

Sources: Segi 1960 as modified by Doll 1966; European 1976 and 2013; WHO 2000-2025; Nordic 2000;
ICSS: Corazziari, Quinn, Capocaccia, Eur J Cancer 2004;40:2307-2316. Each row of the tables says
its source and how sure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from rarecare.codes.packaged import packaged_table
from rarecare.errors import CodeError, UsageError


@dataclass(frozen=True, slots=True)
class StandardPopulation:
    """Weights by age group, on any positive scale.

    Attributes
    ----------
    name
        As ``"esp2013"``.
    age_lower
        Lower bound of each age group in years, ascending; the last group is open.
    weights
        One per age group. Divide by their sum before use: the rounded WHO standard
        does not add to 100 000.
    source
        Where the weights are from.
    """

    name: str
    age_lower: tuple[int, ...]
    weights: tuple[float, ...]
    source: str

    def collapse(self, age_lower: Sequence[int]) -> StandardPopulation:
        """Return the standard in wider age groups, whose weights are sums.

        Parameters
        ----------
        age_lower
            Lower bounds, ascending, all of them bounds of this standard and the first
            its own first, so that no weight is lost; the last group is open.

        Raises
        ------
        UsageError
            The bounds are not such.

        Examples
        --------
        >>> standard_population("esp2013").collapse((0, 15, 45)).weights
        (16000.0, 38000.0, 46000.0)
        """
        bounds = tuple(age_lower)
        if (
            not set(bounds) <= set(self.age_lower)
            or list(bounds) != sorted(set(bounds))
            or bounds[:1] != self.age_lower[:1]
        ):
            raise UsageError(
                f"the standard {self.name} cannot be brought to these age groups",
                value=", ".join(map(str, bounds)),
                allowed=f"{self.age_lower[0]} first, then ascending bounds among "
                f"{', '.join(map(str, self.age_lower[1:]))}",
                remedy="Give weights of your own for other age groups.",
            )
        own = list(zip(self.age_lower, self.weights, strict=True))
        ends = (*bounds[1:], self.age_lower[-1] + 1)
        sums = (
            sum(weight for age, weight in own if lower <= age < end)
            for lower, end in zip(bounds, ends, strict=True)
        )
        return StandardPopulation(self.name, bounds, tuple(sums), self.source)


def standard_population(name: str) -> StandardPopulation:
    """Return a standard population of 18 age groups, 0-4 to 85 and over.

    Parameters
    ----------
    name
        ``esp2013``, ``esp1976``, ``segi``, ``who2000`` (exact, in per cent),
        ``who2000_rounded`` or ``nordic2000``.

    Raises
    ------
    CodeError
        There is no such standard.

    Examples
    --------
    >>> standard_population("segi").weights[:3]
    (12000.0, 10000.0, 9000.0)
    """
    return _chosen(_read("standard_populations"), name, "standard population")


def icss(standard: int) -> StandardPopulation:
    """Return ICSS 1, 2 or 3 in 18 five-year age groups, per 100 000; 0 below age 15.

    Raises
    ------
    CodeError
        There is no such standard.
    """
    return _chosen(_read("icss", groups="five-year"), f"icss{standard}", "ICSS")


def icss_classes(standard: int | str) -> StandardPopulation:
    """Return ICSS 1, 2, 3 or ``"prostate"`` in its five age classes, in per cent.

    The classes are 15-44, 45-54, 55-64, 65-74, 75 and over; for prostate 15-54, 55-64,
    65-74, 75-84, 85 and over.

    Raises
    ------
    CodeError
        There is no such standard.

    Examples
    --------
    >>> icss_classes(2).weights
    (28.0, 17.0, 21.0, 20.0, 14.0)
    """
    name = f"icss {standard}" if standard == "prostate" else f"icss{standard}"
    return _chosen(_read("icss", groups="classes"), name, "ICSS")


def _chosen(known: dict[str, StandardPopulation], name: str, kind: str) -> StandardPopulation:
    if name not in known:
        raise CodeError(f"there is no {kind} of this name", value=name, allowed=list(known))
    return known[name]


@cache
def _read(table: str, *, groups: str | None = None) -> dict[str, StandardPopulation]:
    frame = packaged_table(f"tables/{table}.csv").with_columns(
        pl.col("age_lower").cast(pl.Int64), pl.col("weight").cast(pl.Float64)
    )
    if groups is not None:
        frame = frame.filter(groups=groups)
    return {
        str(name): StandardPopulation(
            str(name), tuple(part["age_lower"]), tuple(part["weight"]), part["source"][0]
        )
        for (name,), part in frame.group_by("name", maintain_order=True)
    }

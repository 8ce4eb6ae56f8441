"""What a reader can work out from a published table: other equations than what protected it.

It sees only what is shown, and knows that a count that is not listed is 0. Every relation of
totals and parts is an equation; a withheld count can be anything between its least and its
greatest value over all tables that agree with them. Beside the equations it looks for what needs
none: small counts that are shown, numbers beside a withheld count, remarks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import polars as pl

from rarecare.disclosure.attack import CLEAR, PlainReader, Reader, reader_of
from rarecare.disclosure.cells import Lattice, measure_of
from rarecare.disclosure.rule import DEFAULT_THRESHOLD, DisclosureRule
from rarecare.disclosure.times import Times
from rarecare.disclosure.web import Cutter, Flags, Integers, Reals, blocks, published
from rarecare.errors import DisagreementError
from rarecare.results import OWN_WITHHELD

_KEY = ("entity_id", "area", "sex", "age_group", "period")
_COUNTS = ("n", "events", "at_risk")
_NUMBERS = ("estimate", "se", "lower", "upper")
_FOUND: dict[str, Any] = {
    **dict.fromkeys(("measure", *_KEY), pl.String),
    "time_years": pl.Float64,
    "count": pl.String,
    "least": pl.Int64,
    "greatest": pl.Int64,
    "certain": pl.Boolean,
    "how": pl.String,
}


def audit(
    estimates: pl.DataFrame,
    areas: pl.DataFrame,
    entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD,
    *,
    overlapping: Collection[str] = (),
) -> pl.DataFrame:
    """Return every withheld count that what is shown narrows too far; empty is good.

    Parameters
    ----------
    estimates, areas, entities
        Tables of a release, in the columns of ``study.schema``; a null count is withheld, but for
        ``events`` and ``at_risk`` of a measure that has none.
    threshold
        The smallest positive count that may be shown.
    overlapping
        Measures of which the parts of an entity need not add up to it.

    Returns
    -------
    DataFrame
        ``measure``, ``entity_id``, ``area``, ``sex``, ``age_group``, ``period``, ``time_years``:
        where. ``count``: ``n``, ``events`` or ``at_risk``. ``least``, ``greatest``: what it must
        lie between. ``certain``: it is small. ``how``, in words. A count is listed where it may be
        small and cannot be 0, and is below twice the threshold; or where it is 1 at most.

    Raises
    ------
    UsageError
        The threshold is not a whole number from 1.
    DisagreementError
        As ``protect``; or the counts shown contradict one another.
    """
    return _found(estimates, None, areas, entities, threshold, overlapping=overlapping)


def _found(
    estimates: pl.DataFrame, wanted: pl.DataFrame | None, areas: pl.DataFrame,
    entities: pl.DataFrame, threshold: int, *, overlapping: Collection[str],
) -> pl.DataFrame:  # fmt: skip
    """Return what ``audit`` does, by equations of the counts alone that are wanted."""
    DisclosureRule.of(threshold)
    found = [pl.DataFrame(schema=_FOUND)]
    tables = estimates.partition_by("measure", maintain_order=True)
    seen: dict[int, list[pl.DataFrame]] = {}
    for rows in sorted(tables, key=lambda table: (-table.height, table["measure"][0])):
        name = rows["measure"][0]
        cases = rows.group_by(_KEY).agg(pl.col("n").max()).sort(_KEY)
        alike = seen.setdefault(int(cases.hash_rows().sum() or 0), [])
        again = any(cases.equals(other) for other in alike)
        alike.append(cases)
        timed = rows.select(pl.col("events", "at_risk").is_not_null().any()).row(0)
        counts = ["n", *(c for c, held in zip(_COUNTS[1:], timed, strict=True) if held)]
        parts = [*_shown(rows, counts, threshold), *_across_rows(rows, counts)]
        asked = None if wanted is None else wanted.filter(measure=name)
        narrowed = _by_equations(
            rows, asked, areas, entities, threshold, cases=not again,
            overlapping=name in overlapping,
        )  # fmt: skip
        parts.append(narrowed)
        found += [part.with_columns(measure=pl.lit(name)) for part in parts if part.height]
    certain = (pl.col("greatest") < threshold) & (pl.col("greatest") > 0)
    listed = [
        part.with_columns(
            pl.lit(None).alias(column) for column in _FOUND if column not in part.columns
        ).select(pl.col(column).cast(dtype) for column, dtype in _FOUND.items())
        for part in found
    ]
    return pl.concat(listed).with_columns(certain=certain).unique(maintain_order=True)


def _shown(rows: pl.DataFrame, counts: list[str], threshold: int) -> Iterator[pl.DataFrame]:
    """Yield small counts that are shown, and numbers beside a withheld count."""
    for count in counts:
        value = pl.col(count)
        yield rows.filter(value.is_between(1, threshold - 1)).select(
            *_KEY,
            "time_years",
            count=pl.lit(count),
            least=value,
            greatest=value,
            how=pl.lit("it is shown"),
        )
        numbers = pl.any_horizontal(pl.col(_NUMBERS).is_not_null())
        guess = pl.col("estimate") * pl.col("person_years") / 100_000
        foretold = pl.col("method") == OWN_WITHHELD  # of other counts, all of them shown
        yield rows.filter(value.is_null() & numbers & ~foretold).select(
            *_KEY,
            "time_years",
            count=pl.lit(count),
            least=guess.round() if count == "n" else pl.lit(None),
            greatest=guess.round() if count == "n" else pl.lit(None),
            how=pl.lit("a statistic built on it is shown: rate × person-years is cases"),
        )
    if len(counts) == 3:
        one, other = pl.col("events"), pl.col("at_risk")
        yield rows.filter(one.is_null() != other.is_null(), pl.col("n").is_not_null()).select(
            *_KEY,
            "time_years",
            count=pl.when(one.is_null()).then(pl.lit("events")).otherwise(pl.lit("at_risk")),
            least=pl.lit(0),
            greatest=pl.col("n") - pl.coalesce(one, other),
            how=pl.lit("n less the other is shown, and nobody may have been lost"),
        )


def _across_rows(rows: pl.DataFrame, counts: list[str]) -> Iterator[pl.DataFrame]:
    """Yield counts withheld in one row and shown in another of the same cell."""
    for count in counts:
        by = [*_KEY] if count == "n" else [*_KEY, "time_years"]
        if not rows[count].null_count():
            continue
        missing = rows.filter(pl.col(count).is_null()).select(by).unique()
        both = rows.filter(pl.col(count).is_not_null()).join(
            missing, on=by, how="semi", nulls_equal=True
        )
        yield both.select(
            *_KEY,
            "time_years",
            count=pl.lit(count),
            least=pl.col(count),
            greatest=pl.col(count),
            how=pl.lit("another row of the same cell shows it"),
        )
    remark = pl.col("reason").str.extract(r" of (\d+) cases", 1).cast(pl.Int64)
    told = rows.filter(remark.is_not_null()).with_columns(_told=remark)
    if told.height:
        whole = rows.filter(pl.col("n").is_null(), age_group="all").select(_KEY).unique()
        yield (
            told.drop("age_group")
            .join(whole, on=[k for k in _KEY if k != "age_group"])
            .select(
                *_KEY,
                "time_years",
                count=pl.lit("n"),
                least="_told",
                greatest="_told",
                how=pl.lit("a remark on unknown ages tells it"),
            )
        )


def _by_equations(
    rows: pl.DataFrame, wanted: pl.DataFrame | None, areas: pl.DataFrame, entities: pl.DataFrame,
    threshold: int, *, cases: bool, overlapping: bool,
) -> pl.DataFrame:  # fmt: skip
    """Return the counts that the equations of one measure narrow too far.

    ``wanted``: of each row, which of its counts are asked for; all by default. ``cases``: whether
    cases are looked at, beside deaths and persons at risk.
    """
    measure = measure_of(rows, areas=areas, entities=entities)
    parts = []
    for lattice in measure.lattices:
        if not lattice.timed and not cases:
            continue
        falling = lattice.timed and lattice is measure.lattices[-1]
        counted = "n" if not lattice.timed else "at_risk" if falling else "events"
        place = measure.unit if lattice.timed else measure.cell
        asked = np.zeros(len(lattice.values), dtype=bool)
        asked[place if wanted is None else place[wanted[counted].to_numpy()]] = True
        if not lattice.timed:
            narrowed = _narrowed(
                lattice,
                measure.n_hidden,
                measure.rest,
                threshold,
                asked,
                overlapping=overlapping,
                of=f"cases of {rows['measure'][0]}",
            )
        else:
            gone = measure.follow_up_hidden
            rest = measure.rest[measure.unit_cell]
            times = Times(lattice.values, measure, measure.n_hidden, falling=falling)
            bounds = times.bounds(gone, np.arange(len(gone)))
            narrowed = _narrowed(
                lattice, gone, rest, threshold, asked, bounds=bounds, overlapping=overlapping,
                of=f"{counted} of {rows['measure'][0]}",
            )  # fmt: skip
        at, first = np.unique(place, return_index=True)
        places, least, greatest = narrowed
        kept = np.isin(places, at)
        row = first[np.searchsorted(at, places[kept])]
        time = pl.col("time_years") if lattice.timed else pl.lit(None, pl.Float64)
        where = rows[row].select(*_KEY, time_years=time)
        parts.append(
            where.with_columns(
                pl.lit(counted).alias("count"),
                pl.Series("least", np.ceil(least[kept] - CLEAR).astype(np.int64)),
                pl.Series("greatest", np.floor(greatest[kept] + CLEAR).astype(np.int64)),
                how=pl.lit("the totals and parts shown leave no more"),
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame(schema=_FOUND)


def _narrowed(
    lattice: Lattice, hidden: Flags, rest: Flags, threshold: int, asked: Flags, *, of: str,
    bounds: tuple[Reals, Reals] | None = None, overlapping: bool = False,
) -> tuple[Integers, Reals, Reals]:  # fmt: skip
    """Return the positions of counts that are narrowed too far, their least and greatest.

    ``asked``: of which counts. ``of``: which counts they are, in words.
    """
    found: dict[int, tuple[float, float]] = {}
    views = [
        published(lattice, hidden, rest, bounds=bounds, overlapping=also, whole=whole)
        for also in ([True] if overlapping else [False, True])
        for whole in (True, False)
    ]
    if bounds is not None:  # where persons enter late, those at risk may rise
        views.append(published(lattice, hidden, rest, overlapping=True, whole=False))
    cutters = [(Cutter(web), unknown) for web, unknown in views]
    for block in blocks(lattice, views[0][1]):
        for cutter, unknown in cutters:  # the first that some table agrees with
            place = block[unknown[block]]
            readers = _readers(cutter, unknown, place, asked)
            if readers is not None:
                break
        else:
            raise DisagreementError(
                "the counts shown contradict one another", value=f"{len(place)} of {of}",
                remedy="Check the totals of the table.",
            )  # fmt: skip
        for own, reader in readers:
            at = place[own]
            wide = np.minimum(reader.web.ceiling, 2.0 * threshold)
            own_asked = np.flatnonzero(asked[at])
            reader.look(own_asked, np.zeros(len(at)), wide)
            for count in own_asked:
                limits = _limits(reader, int(count), wide[count], threshold)
                if limits is not None:
                    found[int(at[count])] = limits
    places = np.array(sorted(found), dtype=np.int64)
    limits_ = np.array([found[place] for place in places], dtype=float).reshape(-1, 2)
    return places, limits_[:, 0], limits_[:, 1]


def _readers(
    cutter: Cutter, unknown: Flags, place: Integers, asked: Flags
) -> list[tuple[Integers, Reader | PlainReader]] | None:  # fmt: skip
    """Return readers of the pieces of a block that hold a count asked for.

    Nothing where no table agrees.
    """
    part = cutter.part(place, unknown)
    pieces = Cutter(part)
    readers = []
    for piece in part.pieces(np.ones(len(place), dtype=bool)):
        if not asked[place[piece]].any():
            continue
        reader = reader_of(pieces.part(piece), known=False)
        if not reader.agrees():
            return None
        readers.append((piece, reader))
    return readers


def _limits(
    reader: Reader | PlainReader, count: int, reach: float, threshold: int
) -> tuple[float, float] | None:  # fmt: skip
    """Return the least and greatest of a count that is narrowed too far, or nothing.

    Too far: it may be small, is below the reach, and cannot be 0, or is 1 at most.
    """
    low, high = reader.least_seen, reader.greatest_seen
    if high[count] >= 2.0 * threshold - CLEAR:
        return None
    if low[count] < CLEAR and high[count] >= min(reach, 2.0) - CLEAR:
        return None
    least = float(low[count]) if low[count] < CLEAR else reader.extreme(count, 1.0)
    if least >= threshold - CLEAR:
        return None
    far = (2.0 * threshold if least > CLEAR else min(reach, 2.0)) - CLEAR
    greatest = float(high[count]) if high[count] >= far else reader.extreme(count, -1.0)
    if greatest < 1 - CLEAR or greatest >= far:
        return None
    return least, greatest


def narrowed_small(
    shown: pl.DataFrame, truth: pl.DataFrame, *, areas: pl.DataFrame, entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD, overlapping: Collection[str] = (),
    asked: pl.Series | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Return what ``audit`` finds that is right, of counts that are small.

    Parameters
    ----------
    shown
        What is to be published.
    truth
        The same rows before protection, in the same order.
    areas, entities, threshold, overlapping
        As for ``audit``.
    asked
        Of which rows the counts are looked for by equations, booleans; of all by default.

    Raises
    ------
    DisagreementError
        The rows of the two are not of the same counts.
    """
    if not shown.select("measure", *_KEY).equals(truth.select("measure", *_KEY)):
        raise DisagreementError(
            "what is shown and what is true are not the same rows",
            value=f"{shown.height} and {truth.height} rows",
            allowed="the same measures and cells, row by row",
            remedy="Give both in the same order.",
        )
    small = truth.with_columns(
        pl.col(name).is_between(1, threshold - 1).fill_null(value=False) for name in _COUNTS
    )
    if asked is not None:
        small = small.with_columns(pl.col(name) & asked for name in _COUNTS)
    found = _found(shown, small, areas, entities, threshold, overlapping=overlapping)
    keys = ["measure", *_KEY]
    cases = truth.group_by(keys).agg(pl.col("n").max().alias("_n"))
    timed = truth.group_by(*keys, "time_years").agg(pl.col("events", "at_risk").max())
    known = found.join(cases, on=keys, how="left").join(
        timed, on=[*keys, "time_years"], how="left", nulls_equal=True
    )
    true = (
        pl.when(pl.col("count") == "n").then("_n")
        .when(pl.col("count") == "events").then("events").otherwise("at_risk")
    )  # fmt: skip
    right = true.is_between(pl.col("least"), pl.col("greatest"))
    return known.filter(true.is_between(1, threshold - 1), right).select(found.columns)


def refuse_narrowed(
    shown: pl.DataFrame, truth: pl.DataFrame, *, areas: pl.DataFrame, entities: pl.DataFrame,
    threshold: int = DEFAULT_THRESHOLD, overlapping: Collection[str] = (),
) -> None:  # fmt: skip
    """Refuse estimates from which a reader works out a small count.

    Parameters
    ----------
    shown, truth, areas, entities, threshold, overlapping
        As for ``narrowed_small``.

    Raises
    ------
    DisagreementError
        A count of 1 to threshold − 1 is narrowed too far.
    """
    told = narrowed_small(
        shown, truth, areas=areas, entities=entities, threshold=threshold, overlapping=overlapping
    )
    if told.height:
        row = told.row(0, named=True)
        named = ("measure", *_KEY, "time_years", "count")
        where = ", ".join(f"{name} {row[name]}" for name in named)
        raise DisagreementError(
            f"what is shown would give away {told.height} counts below {threshold}",
            value=f"{where}: {row['how']}",
            allowed="no count that is known to be above 0 and small",
            remedy="Leave out the breakdown that tells it, or raise the threshold.",
        )

"""Needs: treatments, follow-up and centres, from expected new cases and the shares treated.

Need = Σ cases × share; the limits are those of both, put together from each one's own limits
(MOVER: Zou & Donner, *Statistics in Medicine* 2008;27:1693-1702), on the log scale for a product,
the two being independent. Centres = need / threshold, rounded up. Source: PUBLISHED_METHODS H; the
rule for the limits is this project's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.concentration import checked_level
from rarecare.care.thresholds import PER_YEAR, Threshold
from rarecare.care.volumes import hashed
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.files import read_table
from rarecare.results import NOT_ESTIMABLE, OK, Provenance, Result

Floats = NDArray[np.float64]
NEED, CENTRES, LOAD = "patients to be treated", "centres needed", "persons in follow-up"
METHOD = "cases × share, limits by MOVER"
LOADS = ("0-1", "1-5")
"""Windows of prevalence, years since diagnosis, beside the last: treatment, follow-up."""

_LIMITED = ("estimate", "lower", "upper")


def care_needs(
    expected: pl.DataFrame, shares: pl.DataFrame, *, by: Sequence[str] = ("country",),
    entity: str | None = None, level: float = 0.95,
) -> Result:  # fmt: skip
    """Return the patients to be treated in a year, by kind of treatment.

    Parameters
    ----------
    expected
        Rows of ``rarecare.expected_cases``: the strata, ``estimate``, ``lower``, ``upper``,
        ``level``, ``status`` and, where there is one, ``unit``.
    shares
        ``treatment``, ``estimate``, ``lower``, ``upper``, ``level``, where asked for the
        entity, ``source`` and ``status``: those of a high-resolution study.
    by
        Strata of the needs, columns of the expected cases.
    entity
        Column that both have: each entity's share is its own. Cases of one share are added
        first, for their share errs in the same direction.
    level
        That of both tables.

    Returns
    -------
    Result
        The strata, ``treatment``, ``measure``, ``cases`` (expected), ``estimate``,
        ``se`` (null), ``lower``, ``upper``, ``level``, ``unit``, ``method``, ``status``,
        ``reason``. The limits are those of the mean; a single year varies more.

    Raises
    ------
    UsageError
        A level is another.
    ColumnError, CaseError
        A column is missing, a share stands twice, is not between 0 and 1 or not within its
        limits, or an entity has no share.
    """
    checked_level(level)
    own = [entity] if entity else []
    cases, treated = _limited(expected, [*by, *own], "expected cases", level), _limited(
        shares, ["treatment", *own], "shares", level
    )  # fmt: skip
    _check_shares(treated, own)
    lacking = set(cases[entity]) - set(treated[entity]) if entity else set()
    if lacking:
        raise CaseError("an entity has no share treated", value=str(min(map(str, lacking))),
                        allowed=treated[entity or ""].unique().sort().to_list())  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    kinds = treated["treatment"].unique(maintain_order=True).to_list()
    blocks = cases.group_by(by, maintain_order=True) if by else [((), cases)]
    for key, block in blocks:
        for kind in kinds:
            rows.append((*key, kind, *_need(block, treated, kind, entity)))
    schema = {name: cases.schema[name] for name in by} | {
        "treatment": pl.String, "cases": pl.Float64, "estimate": pl.Float64,
        "lower": pl.Float64, "upper": pl.Float64, "reason": pl.String,
    }  # fmt: skip
    table = pl.DataFrame(rows, schema=schema, orient="row")
    ok = pl.col("estimate").is_not_null()
    table = table.select(
        *by, "treatment", "cases", "estimate", "lower", "upper", "reason",
        measure=pl.lit(NEED), se=pl.lit(None, dtype=pl.Float64), level=pl.lit(level),
        unit=pl.lit(PER_YEAR), method=pl.lit(METHOD),
        status=pl.when(ok).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
    ).select(*by, "treatment", "measure", "cases", "estimate", "se", "lower", "upper", "level",
             "unit", "method", "status", "reason")  # fmt: skip
    sources = shares["source"].drop_nulls().unique().sort().to_list() if (
        "source" in shares.columns
    ) else []  # fmt: skip
    plan = {"by": list(by), "entity": entity, "level": level, "sources": sources}
    told = Provenance(
        statistic="Needs of treatment", plan=plan, plan_hash=hashed(plan),
        inputs=(read_table(expected).source, read_table(shares).source),
        exclusions=pl.DataFrame({"reason": ["rows of expected cases"], "records": [cases.height]}),
        notes=(
            f"shares treated: {'; '.join(map(str, sources)) or 'source not given'}",
            "limits are those of the mean number; a single year varies more",
            "cases and shares are taken as independent; so are shares of different entities",
        ),
    )  # fmt: skip
    return Result(table, told)


def _limited(table: pl.DataFrame, needed: Sequence[str], what: str, level: float) -> pl.DataFrame:
    for name in (*needed, *_LIMITED, "level"):
        if name not in table.columns:
            raise ColumnError(f"the {what} lack a column", value=name, allowed=table.columns)
    others = table.filter((pl.col("level") - level).abs() > 1e-9)["level"]
    if len(others):
        raise UsageError(f"the {what} have limits of another level", value=others[0],
                         allowed=f"{level:g}")  # fmt: skip
    held = pl.col("status") == OK if "status" in table.columns else pl.lit(value=True)
    known = held & pl.all_horizontal(pl.col(_LIMITED).is_not_null())
    made = table.with_columns(pl.when(known).then(pl.col(name).cast(pl.Float64)).alias(name)
                              for name in _LIMITED)  # fmt: skip
    bad = made.filter(
        (pl.col("lower") < 0) | (pl.col("lower") > pl.col("estimate") * (1 + 1e-9))
        | (pl.col("estimate") > pl.col("upper") * (1 + 1e-9))
    )  # fmt: skip
    if bad.height:
        row = bad.row(0, named=True)
        raise CaseError(
            f"{what} are negative, or not within their limits",
            value=" / ".join(f"{row[name]:g}" for name in _LIMITED),
            allowed="0 or more: estimate / lower / upper",
        )  # fmt: skip
    return made


def _check_shares(shares: pl.DataFrame, own: Sequence[str]) -> None:
    keys = ["treatment", *own]
    twice = shares.filter(shares.select(keys).is_duplicated())
    if twice.height:
        raise CaseError(
            "a share stands twice", value=", ".join(map(str, twice.select(keys).row(0)))
        )
    far = shares.filter(pl.col("upper") > 1 + 1e-9)
    if far.height:
        raise CaseError("a share is above 1", value=far["upper"][0], allowed="0 to 1",
                        remedy="Give shares, not percent.")  # fmt: skip


def _need(
    block: pl.DataFrame, shares: pl.DataFrame, kind: str, entity: str | None
) -> tuple[float | None, float | None, float | None, float | None, str | None]:
    """Return cases, need with its limits, and why not."""
    own = shares.filter(treatment=kind)
    if entity:
        own = own.filter(pl.col(entity).is_in(block[entity].unique().implode()))
    parts = []
    total = 0.0
    for share in own.iter_rows(named=True):
        mine = block.filter(pl.col(entity) == share[entity]) if entity else block
        if mine["estimate"].null_count():
            return None, None, None, None, "expected cases are not estimable"
        number = summed(*(mine[name].to_numpy() for name in _LIMITED))
        total += number[0]
        if share["estimate"] is None:
            return None, None, None, None, "the share treated is not known"
        parts.append(product(number, (share["estimate"], share["lower"], share["upper"])))
    if entity and own.height < block[entity].n_unique():
        return None, None, None, None, "an entity has no share of this treatment"
    if not parts:
        return None, None, None, None, "no share of this treatment"
    whole = summed(*(np.array(values) for values in zip(*parts, strict=True)))
    return total, *whole, None


def summed(estimate: Floats, lower: Floats, upper: Floats) -> tuple[float, float, float]:
    """Return a sum of independent parts with its limits: Σ ∓ √Σ(distance to the limit)².

    >>> summed(np.array([10.0, 20.0]), np.array([7.0, 16.0]), np.array([13.0, 24.0]))
    (30.0, 25.0, 35.0)
    """
    whole = float(estimate.sum())
    below = float(np.sqrt(((estimate - lower) ** 2).sum()))
    above = float(np.sqrt(((upper - estimate) ** 2).sum()))
    return whole, max(whole - below, 0.0), whole + above


def product(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return a product of two independent numbers with its limits.

    On the log scale; where a number or its limit is 0, the product of the limits (too wide).

    >>> product((100.0, 100.0, 100.0), (0.5, 0.4, 0.6))
    (50.0, 40.0, 60.0)
    """
    value = one[0] * other[0]
    limits = []
    for side in (1, 2):
        if value <= 0 or one[side] <= 0 or other[side] <= 0:
            limits.append(one[side] * other[side])
            continue
        far = np.hypot(np.log(one[side] / one[0]), np.log(other[side] / other[0]))
        limits.append(float(value * np.exp(far if side == 2 else -far)))
    return value, float(min(limits[0], value)), float(max(limits[1], value))


def centres_needed(needs: Result, thresholds: Sequence[Threshold]) -> Result:
    """Return the centres that treat the needs at a threshold, rounded up, with limits.

    Parameters
    ----------
    needs
        Of ``care_needs``.
    thresholds
        Each for a kind of treatment, or for all; its group is not looked at.

    Returns
    -------
    Result
        The rows of the needs with ``measure`` ``"centres needed"``, ``threshold``, and unit
        ``"centres"``; ``reason`` says where the needs fall short of one centre.

    Raises
    ------
    UsageError
        There is no threshold, or it is for a treatment that the needs have not.
    """
    if not thresholds:
        raise UsageError("centres need a threshold", remedy="Give one, with its unit and source.")
    table = needs.table
    parts = []
    for own in thresholds:
        mine = table if own.treatment is None else table.filter(treatment=own.treatment)
        if mine.is_empty():
            raise UsageError("the needs have no such treatment", value=own.treatment,
                             allowed=table["treatment"].unique().to_list())  # fmt: skip
        # a need above a whole number by rounding alone asks for no further centre
        ceil = [(pl.col(name) / own.value - 1e-9).ceil().clip(0).alias(name) for name in _LIMITED]
        short = (pl.col("estimate") < own.value) & (pl.col("estimate") > 0)
        parts.append(
            mine.with_columns(
                measure=pl.lit(CENTRES), threshold=pl.lit(own.label), unit=pl.lit("centres"),
                method=pl.lit("need / threshold, rounded up"),
                reason=pl.when(short).then(pl.lit("fewer patients than one centre should treat"))
                .otherwise(pl.col("reason")),
            ).with_columns(ceil)
        )  # fmt: skip
    told = needs.provenance
    plan = told.plan | {
        "thresholds": [{name: getattr(own, name) for name in own.__slots__} for own in thresholds]
    }
    notes = [f"threshold {own.label}: source {own.source or 'not given'}, sureness "
             f"{own.sureness or 'not given'}" for own in thresholds]  # fmt: skip
    provenance = Provenance(
        statistic="Centres needed", inputs=told.inputs, plan=plan, plan_hash=hashed(plan),
        exclusions=told.exclusions, notes=(*told.notes, *notes),
    )  # fmt: skip
    return Result(pl.concat(parts), provenance)


def follow_up_loads(
    prevalence: pl.DataFrame, *, by: Sequence[str] = ("country",),
    windows: Sequence[str] = (*LOADS, "5-20"), measure: str = "prevalent persons",
    visits: dict[str, float] | None = None, visits_source: str = "",
) -> Result:  # fmt: skip
    """Return the persons in follow-up by time since diagnosis: first year, to five, beyond.

    Parameters
    ----------
    prevalence
        Rows of ``rarecare.prevalence`` or ``expected_prevalence``: the strata, ``measure``,
        ``window``, ``estimate``, ``se``, ``lower``, ``upper``, ``level``, ``status``,
        ``reason``.
    by
        Strata, which with the window name one row.
    windows
        Years since diagnosis, apart from one another: ask for these of ``prevalence``.
    measure
        Which of its measures.
    visits, visits_source
        Visits a year in each window and where they are from; none are assumed.

    Returns
    -------
    Result
        The strata, ``measure``, ``window``, ``estimate``, ``se``, ``lower``, ``upper``,
        ``level``, ``unit`` (persons, or visits per year), ``status``, ``reason``.

    Raises
    ------
    ColumnError, CaseError
        A column or a window is missing, or a stratum stands twice.
    UsageError
        Visits without their source, or of a window that there is not, or negative.
    """
    needed = (*by, "measure", "window", "estimate", "se", "lower", "upper", "level", "status",
              "reason")  # fmt: skip
    for name in needed:
        if name not in prevalence.columns:
            raise ColumnError("the prevalence lacks a column", value=name,
                              allowed=prevalence.columns)  # fmt: skip
    own = prevalence.filter(pl.col("measure") == measure)
    for name in ("age_group", "phase"):
        if name in own.columns:
            own = own.filter(pl.col(name).fill_null("all") == "all")
    for window in windows:
        if window not in own["window"].to_list():
            raise CaseError("the prevalence lacks a window", value=window,
                            allowed=own["window"].unique().sort().to_list())  # fmt: skip
    own = own.filter(pl.col("window").is_in(list(windows)))
    twice = own.filter(own.select(*by, "window").is_duplicated())
    if twice.height:
        raise CaseError("a stratum and window stand twice", allowed="one row for each",
                        value=", ".join(map(str, twice.select(*by, "window").row(0))))  # fmt: skip
    if visits is not None:
        bad = [name for name, value in visits.items() if name not in windows or value < 0]
        if bad or set(visits) != set(windows) or not visits_source:
            raise UsageError(
                "visits lack a window or their source, or are negative",
                value=bad[0] if bad else visits_source or "no source", allowed=list(windows),
            )  # fmt: skip
    place = pl.col("window").cast(pl.Enum(list(windows))).to_physical()
    persons = own.sort(*by, place).select(
        *by, "window", "estimate", "se", "lower", "upper", "level", "status", "reason",
        measure=pl.lit(LOAD), unit=pl.lit("persons"),
    )  # fmt: skip
    parts = [persons]
    if visits is not None:
        times = pl.col("window").replace_strict(visits, return_dtype=pl.Float64)
        parts.append(persons.with_columns(
            pl.col("estimate", "se", "lower", "upper") * times, measure=pl.lit("follow-up visits"),
            unit=pl.lit("visits per year"),
        ))  # fmt: skip
    plan = {"by": list(by), "windows": list(windows), "measure": measure, "visits": visits,
            "visits_source": visits_source}  # fmt: skip
    told = Provenance(
        statistic="Follow-up loads", inputs=(read_table(prevalence).source,), plan=plan,
        plan_hash=hashed(plan),
        exclusions=pl.DataFrame({"reason": ["rows of prevalence"], "records": [own.height]}),
        notes=tuple([f"visits a year: {visits_source}"] if visits else []),
    )  # fmt: skip
    order = [*by, "measure", "window", "estimate", "se", "lower", "upper", "level", "unit",
             "status", "reason"]  # fmt: skip
    return Result(pl.concat(parts).select(order), told)

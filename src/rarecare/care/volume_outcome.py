"""Volume and outcome: excess hazards of patients against the volume of their hospital.

d ~ Poisson(d* + y·exp(f(volume) + case mix + u_hospital)), f a natural cubic spline of the log
volume, u normal: excess-hazard ratios against a reference volume, for the hospital's volume does
not change within it. Follow-up counts from a landmark, of those then alive and already treated, as
whoever lives to be treated has lived so long. An association: volume was not allotted. Sources:
Dickman, Sloggett, Hills, Hakulinen, *Statistics in Medicine* 2004;23:51-64 (model); Anderson, Cain,
Gelber, *Journal of Clinical Oncology* 1983;1:710-719 (landmark); METHODS 7 and 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.concentration import checked_level
from rarecare.care.thresholds import PER_YEAR
from rarecare.care.unit_rows import HOME, events_of_cases, in_groups, placed
from rarecare.care.volumes import Units, hashed
from rarecare.errors import CaseError, ModelError, UsageError
from rarecare.models import PoissonFit, excess_cells, fit_poisson
from rarecare.population.life_table import LifeTable
from rarecare.registry.preparation import as_it_stands
from rarecare.results import OK, Provenance, Result

Floats = NDArray[np.float64]
LANDMARK = 90
HOSPITAL, LOG_VOLUME, CLASS = "hospital", "log_volume", "volume_class"
_OF_GROUP = "hospital_of_group"  # whose volume is that of the group
ASSOCIATION = (
    "an association: patients were not allotted to hospitals, and case mix that is not in the "
    "model may differ between them"
)


@dataclass(frozen=True, slots=True)
class VolumeOutcome:
    """Excess hazard against the volume of the hospital.

    Attributes
    ----------
    curve
        One row per volume: ``volume``, ``reference``, and ``estimate``, the ratio of excess
        hazards to that at the reference volume, with its limits.
    classes
        One row per class of volume: ``volume_class``, ``n``, ``hospitals``, ``deaths``, and the
        ratio to the reference class.
    fit, class_fit
        The two models, each with a hospital intercept.
    test
        Wald's test that the spline of the volume is flat: ``statistic``, ``df``, ``p_value``.
    spread
        Standard deviation of the hospitals' log ratios, beside the volume.
    """

    curve: Result
    classes: Result
    fit: PoissonFit
    class_fit: PoissonFit | None
    test: dict[str, float]
    spread: float


def volume_outcome(
    cases: Any, units: Units, events: Any, life_table: LifeTable, *, treatment: str = "surgery",
    case_mix: Sequence[str] = (), breaks: str | Sequence[float] = "0(1)5", df: int = 3,
    at: Sequence[float] | None = None, reference: float | None = None,
    classes: Sequence[float] = (), reference_class: int = 0, landmark: int = LANDMARK,
    level: float = 0.95, **choices: Any,
) -> VolumeOutcome:  # fmt: skip
    """Return the excess hazard of patients against the volume of the hospital treating them.

    Parameters
    ----------
    cases
        A frame of those that count in survival: one row per tumour, with ``died`` and
        follow-up; one referral group, or several with ``group`` in the case mix. Columns named
        ``group``, ``hospital``, ``volume``, ``volume_class`` or ``row`` are not looked at.
    units, events
        Of ``treatment_units``, which gives the volumes, and the events it was made of.
    life_table, breaks, **choices
        As for ``excess_cells``.
    treatment
        Kind whose first hospital is the patient's, and whose volume counts.
    case_mix
        Columns of the cases, beside the interval: sex, age group, stage, group.
    df
        Columns of the spline of the log volume, knots at quantiles over patients.
    at
        Volumes of the curve, per year; by default 25 from the smallest to the largest.
    reference
        Volume that the ratios refer to; by default the median over patients.
    classes
        Bounds of classes of volume, rising, each the first of its class: ``(10, 20)``.
    reference_class
        Number of the class that the ratios refer to, 0 the smallest.
    landmark
        Days after diagnosis; who is not treated by then is left out and counted.
    level
        Confidence level.

    Returns
    -------
    VolumeOutcome

    Raises
    ------
    UsageError
        There is no such kind of treatment, or classes do not rise, or a volume is not above 0.
    CaseError
        No patient is treated by the landmark in a known hospital.
    ModelError
        Fewer than two hospitals, or see ``fit_poisson``.
    """
    checked_level(level)
    cases = as_it_stands(cases).table
    kinds = units.plan["treatments"]
    if treatment not in kinds:
        raise UsageError("there is no such kind of treatment", value=treatment, allowed=kinds)
    bounds = _bounds(classes, reference_class)
    bad = [v for v in (*(at or ()), *(() if reference is None else (reference,))) if not v > 0]
    if bad:
        raise UsageError("a volume is not above 0", value=bad[0], allowed=PER_YEAR)
    table, accounting, source = _treated(cases, units, events, treatment, landmark)
    if table[HOSPITAL].n_unique() < 2:
        raise ModelError("there is one hospital: no volumes to compare", value=table[HOSPITAL][0])
    labels = _labels(bounds)
    table = table.with_columns(
        pl.Series(CLASS, np.searchsorted(bounds, table["volume"].to_numpy(), side="right"))
    )
    cells = excess_cells(
        table, life_table, covariates=(*case_mix, _OF_GROUP), breaks=breaks, landmark=landmark,
        **choices,
    )  # fmt: skip
    more = table.select(_OF_GROUP, HOSPITAL, "volume", CLASS).unique(_OF_GROUP).with_columns(
        pl.col("volume").log().alias(LOG_VOLUME),
        pl.col(CLASS).replace_strict(dict(enumerate(labels)), return_dtype=pl.Enum(labels)),
    )  # fmt: skip
    merged = replace(
        cells, table=cells.table.join(more, on=_OF_GROUP, how="left"),
        cases=cells.cases.join(more, on=_OF_GROUP, how="left"),
    )  # fmt: skip
    mix = "".join(f" + {name}" for name in ("C(interval)", *case_mix))[3:]
    knots = _knots(np.log(table["volume"].to_numpy()), df)
    spline = f"ns({LOG_VOLUME}, knots=[{', '.join(f'{k!r}' for k in knots)}])"
    spline = spline if len(knots) or df > 1 else LOG_VOLUME
    formula = f"~ {mix} + {spline}"
    fit = fit_poisson(merged, formula, group=HOSPITAL, level=level)
    own = np.sort(more["volume"].to_numpy())
    middle = float(table["volume"].median()) if reference is None else float(reference)  # type: ignore[arg-type]
    points = np.geomspace(own[0], own[-1], 25) if at is None else np.array([float(v) for v in at])
    curve = _curve(fit, merged.table, points, middle, (own[0], own[-1]), level)
    class_fit, rows = None, pl.DataFrame(schema={CLASS: pl.String})
    if len(bounds):
        class_fit, rows = _by_class(merged, mix, table, labels, reference_class, level)
    plan = {
        "treatment": treatment, "case_mix": list(case_mix), "breaks": list(cells.breaks), "df": df,
        "knots": list(np.exp(knots)), "reference": middle, "classes": list(bounds),
        "reference_class": reference_class, "landmark": landmark, "level": level,
        "formula": formula, "units": units.plan,
    }  # fmt: skip
    sd = float(np.exp(fit.coefficients[-1]))
    told = Provenance(
        statistic=f"Excess hazard by volume of the hospital, {treatment}",
        inputs=(*source, *units.inputs, *cells.provenance.inputs[1:]), plan=plan,
        plan_hash=hashed(plan), exclusions=accounting,
        notes=(ASSOCIATION, f"follow-up from day {landmark}, of those treated by then",
               f"volumes are {treatment} of {units.years[0]} to {units.years[1]}, {PER_YEAR}",
               f"spread of the hospitals' log ratios beside the volume: {sd:.4f}",
               *fit.remarks),
    )  # fmt: skip
    terms = [name for name in fit.design.names if LOG_VOLUME in name]
    return VolumeOutcome(
        Result(curve, told), Result(rows, told), fit, class_fit, _flat(fit, terms), sd
    )


def _bounds(classes: Sequence[float], reference_class: int) -> Floats:
    bounds = np.array([float(bound) for bound in classes])
    if (bounds <= 0).any() or (np.diff(bounds) <= 0).any():
        raise UsageError("bounds of classes do not rise from above 0", value=list(classes))
    if not 0 <= reference_class <= len(bounds):
        raise UsageError("there is no such class", value=reference_class,
                         allowed=f"0 to {len(bounds)}")  # fmt: skip
    return bounds


def _labels(bounds: Floats) -> list[str]:
    """Return the names of classes: ``["below 10", "10 to below 20", "20 or more"]``."""
    said = [f"{bound:g}" for bound in bounds]
    if not said:
        return ["all"]
    between = [f"{a} to below {b}" for a, b in pairwise(said)]
    return [f"below {said[0]}", *between, f"{said[-1]} or more"]


def _treated(
    cases: Any, units: Units, events: Any, treatment: str, landmark: int
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[Any, ...]]:
    """Return the cases treated by the landmark, their hospital and its volume, and who is not."""
    joined = events_of_cases(
        cases, events, (*units.areas, units.plan["entity"]),
        kinds=dict.fromkeys(units.plan["treatments"][treatment], treatment),
    )  # fmt: skip
    told = in_groups(joined, units.plan["entity"], units.plan["groups"])
    found = placed(told, units.areas, units.hospitals, [treatment])
    made = (
        "row",
        "group",
        "volume",
        HOSPITAL,
        CLASS,
        LOG_VOLUME,
        _OF_GROUP,
    )  # the cases' own of these names give way
    whole = cases.drop(made, strict=False).with_row_index("row")
    late = pl.col("date") > pl.col("incidence_date") + pl.duration(days=landmark)
    dated = found.table.filter(pl.col("date").is_not_null() & ~late)
    dated = dated.with_columns(
        *found.cells[dated["cell"]].get_columns(),
        hospital_id=found.hospitals.gather(dated["hospital"]),
    )
    first = dated.sort("row", "date", "hospital_id", maintain_order=True).unique(
        "row", keep="first", maintain_order=True
    )
    home = first.filter(pl.col("place") == HOME)
    volumes = (
        units.volumes()
        .filter(pl.col("treatment") == treatment)
        .with_columns(volume=pl.col("n") / units.n_years)
    )
    keys = [*units.areas, "group", "hospital_id"]
    mine = home.select("row", *keys).join(volumes.select(*keys, "volume"), on=keys, how="left")
    known = mine.filter(pl.col("volume").is_not_null()).select(
        "row", "group", "volume",
        pl.concat_str([*units.areas, "hospital_id"], separator=" ").alias(HOSPITAL),
        pl.concat_str([*units.areas, "hospital_id", "group"], separator=" ").alias(_OF_GROUP),
    )  # fmt: skip
    if known.is_empty():
        raise CaseError("no patient is treated by the landmark in a known hospital",
                        value=f"{whole.height} cases, day {landmark}")  # fmt: skip
    table = whole.join(known, on="row", how="inner").drop("row")
    accounting = pl.DataFrame(
        {
            "reason": ["cases read", "in no referral group",
                       f"{treatment} not by day {landmark}, or undated",
                       "hospital unknown or abroad", "hospital without a volume in the years",
                       "cases treated by the landmark"],
            "records": [whole.height, whole.height - told.cases.height,
                        told.cases.height - first.height, first.height - home.height,
                        home.height - known.height, known.height],
        }
    )  # fmt: skip
    return table, accounting, told.inputs


def _knots(log_volumes: Floats, df: int) -> list[float]:
    """Return inner knots at quantiles over patients, between the smallest and the largest."""
    if df < 1:
        raise UsageError("degrees of freedom are out of range", value=df, allowed="1 or more")
    inner = np.quantile(log_volumes, np.linspace(0, 1, df + 1)[1:-1])
    low, high = log_volumes.min(), log_volumes.max()
    knots = np.unique(inner[(inner > low) & (inner < high)])
    if len(knots) < df - 1:
        raise ModelError("too few volumes for so many knots", value=df,
                         allowed=f"up to {len(knots) + 1}")  # fmt: skip
    return [float(knot) for knot in knots]


def _curve(  # noqa: PLR0917 - the parts of one curve
    fit: PoissonFit, cells: pl.DataFrame, points: Floats, reference: float,
    ends: tuple[float, float], level: float,
) -> pl.DataFrame:  # fmt: skip
    """Return the ratio at each volume, from the contrast of two rows of the design."""
    profile = cells[[0] * (len(points) + 1)].with_columns(
        pl.Series(LOG_VOLUME, np.log([*points, reference]))
    )
    matrix = fit.design.matrix(profile)
    contrast = matrix[:-1] - matrix[-1]
    return _ratios(fit, contrast, level).with_columns(
        pl.Series("volume", points), reference=pl.lit(reference),
        reason=pl.Series(
            [None if ends[0] * (1 - 1e-9) <= v <= ends[1] * (1 + 1e-9) else "beyond the volumes "
             "of the data: the line is drawn on" for v in points], dtype=pl.String,
        ),
    ).select("volume", "reference", "measure", "estimate", "se", "lower", "upper", "level", "unit",
             "method", "status", "reason")  # fmt: skip


def _ratios(fit: PoissonFit, contrast: Floats, level: float) -> pl.DataFrame:
    """Return exp(c·β) with limits on the log scale; ``se`` is of the logarithm."""
    size = contrast.shape[1]
    log = contrast @ fit.beta
    variance = np.einsum("ni,ij,nj->n", contrast, fit.covariance[:size, :size], contrast)
    se = np.sqrt(np.maximum(variance, 0))
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return pl.DataFrame(
        {"estimate": np.exp(log), "se": se, "lower": np.exp(log - z * se),
         "upper": np.exp(log + z * se)}
    ).with_columns(
        measure=pl.lit("excess-hazard ratio"), level=pl.lit(level), unit=pl.lit("ratio"),
        method=pl.lit("Poisson, hospital intercept; se of the logarithm"), status=pl.lit(OK),
        reason=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


def _by_class(  # noqa: PLR0917 - the parts of one model
    cells: Any, mix: str, table: pl.DataFrame, labels: Sequence[str], reference: int, level: float
) -> tuple[PoissonFit, pl.DataFrame]:
    """Return the model by classes of volume, and each class's ratio to the reference."""
    held = [name for k, name in enumerate(labels) if (table[CLASS] == k).any()]
    if labels[reference] not in held or len(held) < 2:
        raise ModelError("classes of volume have no patients", value=", ".join(held) or "none",
                         allowed=list(labels))  # fmt: skip
    order = [labels[reference], *(name for name in held if name != labels[reference])]
    own = replace(cells, table=cells.table.with_columns(
        pl.col(CLASS).cast(pl.String).cast(pl.Enum(order))
    ))  # fmt: skip
    fit = fit_poisson(own, f"~ {mix} + {CLASS}", group=HOSPITAL, level=level)
    profile = own.table[[0] * len(order)].with_columns(pl.Series(CLASS, order, pl.Enum(order)))
    matrix = fit.design.matrix(profile)
    made = _ratios(fit, matrix - matrix[0], level).with_columns(pl.Series(CLASS, order))
    counts = (
        table.group_by(CLASS)
        .agg(n=pl.len().cast(pl.Int64), hospitals=pl.col(HOSPITAL).n_unique().cast(pl.Int64))
        .with_columns(pl.col(CLASS).replace_strict(dict(enumerate(labels)), return_dtype=pl.String))
    )
    deaths = own.table.group_by(pl.col(CLASS).cast(pl.String)).agg(pl.col("deaths").sum())
    rows = made.join(counts, on=CLASS).join(deaths, on=CLASS).with_columns(
        reference=pl.lit(labels[reference]),
        _place=pl.col(CLASS).cast(pl.Enum(labels)).to_physical(),
    ).sort("_place")  # fmt: skip
    return fit, rows.select(
        CLASS, "reference", "measure", "n", "hospitals", "deaths", "estimate", "se", "lower",
        "upper", "level", "unit", "method", "status", "reason",
    )  # fmt: skip


def _flat(fit: PoissonFit, terms: Sequence[str]) -> dict[str, float]:
    from rarecare.models.fitted import tested  # noqa: PLC0415 - private to the room of models

    places = [fit.names.index(name) for name in terms]
    own = fit.coefficients[places]
    statistic = own @ np.linalg.solve(fit.covariance[np.ix_(places, places)], own)
    return tested(float(statistic), len(places))

"""Care in a study: indicators, centralisation, needs, hospitals and centres, as a release has them.

Indicators are kept as counts that add (``care_tally``) and estimated area by area; hospitals are
looked at country by country, for a hospital is one of its country. What would tell a small number
is withheld here (``care_protection``) before the release's own rule looks at everything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.compute import comparator_table
from rarecare.care.limits import share_limits
from rarecare.care.measures import COUNTED, WITHIN
from rarecare.disclosure import Link, Together
from rarecare.disclosure.rule import DisclosureRule
from rarecare.rates.intervals import poisson_exact
from rarecare.results import OK, WITHHELD
from rarecare.study import care_rows, care_volumes, schema
from rarecare.study.care_criteria import criteria_rows, evidence_of_volumes
from rarecare.study.care_protection import (
    hidden,
    pooled,
    small_complements,
    withheld_parts,
)
from rarecare.study.care_tally import HOSPITAL, REGISTRY, Answered, Asking
from rarecare.study.care_volumes import VOLUME, Treated, volume_measure
from rarecare.study.config import Study
from rarecare.study.entities import Groups
from rarecare.study.incidence import Counts, study_period

SMALLER = "smaller hospitals"


@dataclass(slots=True)
class CareArea:
    """What the registries of one area told of care."""

    answered: Answered = field(default_factory=Answered)
    treated: Treated = field(default_factory=Treated)


@dataclass(slots=True)
class CareMade:
    """What the areas have given so far."""

    indicators: list[pl.DataFrame] = field(default_factory=list)
    volumes: list[pl.DataFrame] = field(default_factory=list)
    hospitals: list[pl.DataFrame] = field(default_factory=list)
    treated: list[pl.DataFrame] = field(default_factory=list)
    counts: dict[str, Counts] = field(default_factory=dict)
    evidence: list[pl.DataFrame] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CareTables:
    """The care of a release: rows of estimates, and the tables beside them."""

    estimates: pl.DataFrame
    care: pl.DataFrame
    comparators: pl.DataFrame
    hospitals: pl.DataFrame
    criteria: pl.DataFrame
    notes: list[str]
    together: list[Together]

    @property
    def overlapping(self) -> list[str]:
        """Measures whose parts may exceed their total: a patient of two cancers is of both."""
        return self.care.filter(pl.col("topic") != "indicator")["measure"].to_list()

    @property
    def beside(self) -> dict[str, Any]:
        """The tables beside the estimates, by their names in a release."""
        return {"care": self.care, "comparators": self.comparators, "hospitals": self.hospitals,
                "criteria": self.criteria}  # fmt: skip

    def links(self, study: Study) -> list[Link]:
        """Return that each row goes with the cases of incidence, which indicators show."""
        stratum = pl.col("statistic").str.contains(care_rows.OF_STRATUM)
        own = self.care.filter(data=REGISTRY).select(
            "measure", _same=(pl.col("topic") == "indicator") & ~stratum.fill_null(value=False),
            _year=pl.col("statistic").str.extract(r" of (\d{4})$"),
        )  # fmt: skip
        whole = study_period(study)
        return [
            *(Link(name, schema.INCIDENCE, whole, same=same) for name, same, _ in own.iter_rows()),
            *(Link(name, schema.INCIDENCE, year, same=False)
              for name, _, year in own.drop_nulls("_year").iter_rows()),
        ]  # fmt: skip


def wanted(groups: Groups, study: Study) -> list[str]:
    """Return the entities that care is reported of: those asked for, or families and above."""
    assert study.care is not None
    if study.care.entities:
        return list(dict.fromkeys(study.care.entities))
    broad = groups.table.filter(pl.col("tier") <= 0)["entity_id"].to_list()
    return broad or groups.table["entity_id"].to_list()


def close_area(
    area_of: CareArea, made: CareMade, asking: Asking, groups: Groups, study: Study, *, area: str,
    country: bool,
) -> None:  # fmt: skip
    """Add the rows of one area; of a country also its hospitals."""
    own = wanted(groups, study)
    rule = DisclosureRule.of(study.disclosure.threshold)
    made.indicators.append(
        care_rows.indicator_rows(area_of.answered, asking, groups, own, study, area=area)
    )
    if not country:
        return
    made.hospitals += _indicators_by_hospital(
        area_of.answered, asking, groups, own, study, area=area, rule=rule
    )
    found = care_volumes.volume_rows(area_of.treated, groups, own, study, area=area)
    if found is None:
        return
    made.volumes.append(_few_hospitals(found.rows, found.hospitals, rule))
    made.treated.append(found.treated)
    made.evidence += evidence_of_volumes(found.named, study, area=area, rule=rule)
    made.hospitals += _volumes_by_hospital(found.hospitals, study, area=area, rule=rule)


def care_tables(
    made: CareMade, whole: Answered, asking: Asking, groups: Groups, study: Study
) -> CareTables:
    """Return the care of a release, what would tell a small number withheld."""
    assert study.care is not None
    rule = DisclosureRule.of(study.disclosure.threshold)
    indicators = pl.concat(made.indicators)
    explained = care_rows.explained(whole, asking, indicators)
    indicators = care_rows.with_all_categories(indicators, explained, study)
    divisions = care_rows.parts_of(indicators, explained)
    rows = small_complements(indicators, rule)
    others = list(made.volumes)
    if study.care.needs is not None and made.counts:
        treated = pl.concat(made.treated) if made.treated else _NO_TREATED
        own = wanted(groups, study)
        others.append(care_volumes.need_rows(made.counts, treated, groups, own, study))
    if others:
        volumes = pl.concat(others)
        by_hospital = pl.concat(made.hospitals).select("measure", "unit") if made.hospitals else (
            volumes[:0].select("measure", "unit")
        )  # fmt: skip
        told = pl.concat([volumes.select("measure", "unit"), by_hospital]).unique(
            "measure", maintain_order=True
        ).filter(~pl.col("measure").is_in(explained["measure"].implode()))  # fmt: skip
        explained = pl.concat([explained, care_volumes.explained(told, study)])
        rows = pl.concat([rows, small_complements(volumes, rule)])
    criteria, notes = criteria_rows(study, made.evidence)
    sets = {of.id: of for data, _ in whole.counts for of in asking.definitions(data)}
    hospitals = pl.concat(made.hospitals) if made.hospitals else pl.DataFrame(
        schema=schema.HOSPITALS
    )  # fmt: skip
    return CareTables(
        rows,
        explained,
        comparator_table(list(sets.values())),
        hospitals,
        criteria,
        notes,
        [Together(tuple(names), cases=" by " in key) for key, names in divisions.items()],
    )


_NO_TREATED = pl.DataFrame(
    schema={"treatment": pl.String, "n": pl.Int64, "denominator": pl.Int64, "entity_id": pl.String}
)


def _few_hospitals(rows: pl.DataFrame, volumes: pl.DataFrame, rule: DisclosureRule) -> pl.DataFrame:
    """Return rows of volumes, those withheld that describe few hospitals of which one is small.

    Of two hospitals the Herfindahl index and the patients give each one's volume.
    """
    treatment = pl.col("measure").str.extract(r"^[^:]*: ([^,]*)")
    few = volumes.group_by("entity_id", _treatment="treatment").agg(
        _few=(pl.len() < rule.threshold) & (pl.col("n").min() < rule.threshold)
    )
    wide = rows.with_columns(_treatment=treatment).join(
        few, on=["entity_id", "_treatment"], how="left", maintain_order="left"
    )
    describes = pl.col("unit").is_in(["patients per year", "0 to 1"]) | pl.col(
        "measure"
    ).str.starts_with("hospitals that together")
    gone = describes & pl.col("_few") & (pl.col("status") == OK)
    return hidden(wide, gone, rule.reason).drop("_treatment", "_few")


def _volumes_by_hospital(
    volumes: pl.DataFrame, study: Study, *, area: str, rule: DisclosureRule
) -> list[pl.DataFrame]:
    """Return hospitals without names: those of few patients as one."""
    years = study.study.period[1].year - study.study.period[0].year + 1
    parts = []
    for (entity, treatment), own in volumes.group_by("entity_id", "treatment", maintain_order=True):
        n = np.sort(own["n"].to_numpy())[::-1]
        first = pooled(n, rule.threshold)
        rest = n[first:]
        counts = np.append(n[:first], rest.sum()) if len(rest) else n
        several = [1] * first + ([len(rest)] if len(rest) else [])
        names = [str(k + 1) for k in range(first)] + ([SMALLER] if len(rest) else [])
        lower, upper = poisson_exact(counts, level=study.level)
        few = counts < rule.threshold
        divided = np.array(several) * years
        parts.append(
            _as_hospitals(
                study, entity_id=entity, area=area, measure=volume_measure(VOLUME, treatment, None),
                hospital=names, hospitals=several, n=counts, events=None, few=few,
                estimate=counts / divided, lower=lower / divided, upper=upper / divided,
                unit="patients per year", rule=rule,
            )
        )  # fmt: skip
    return parts


def _indicators_by_hospital(
    answered: Answered, asking: Asking, groups: Groups, entities: list[str], study: Study, *,
    area: str, rule: DisclosureRule,
) -> list[pl.DataFrame]:  # fmt: skip
    """Return shares by hospital of first treatment, without names."""
    assert study.care is not None
    parts = []
    listed = groups.table["entity_id"].to_list()
    for of in asking.sets:
        for one in of.indicators:
            if one.id not in study.care.hospitals or not answered.counts.get((REGISTRY, one.id)):
                continue
            within = one.threshold.value if one.kind == "time" and one.threshold else None
            if one.kind != "proportion" and within is None:
                continue
            hit = pl.col("value") == 1 if within is None else pl.col("value") <= within
            name = "share" if within is None else WITHIN
            frame = answered.of((REGISTRY, one.id)).filter(
                pl.col(HOSPITAL).is_not_null(), state=COUNTED
            )
            for entity in entities:
                held = groups.members[listed.index(entity)][frame["leaf"].to_numpy()]
                own = frame.filter(held).group_by(HOSPITAL).agg(
                    n=pl.col("n").sum(), events=pl.col("n").filter(hit).sum()
                ).sort("n", HOSPITAL, descending=[True, False])  # fmt: skip
                if own.height:
                    measure = care_rows.measure_name(one.id, name, None, REGISTRY)
                    parts.append(_shares_by_hospital(own, study, entity, area, measure, rule))
    return parts


def _shares_by_hospital(  # noqa: PLR0917 - the parts of one comparison
    own: pl.DataFrame, study: Study, entity: str, area: str, measure: str, rule: DisclosureRule
) -> pl.DataFrame:
    assert study.care is not None
    n, hits = own["n"].to_numpy(), own["events"].to_numpy()
    first = pooled(n, rule.threshold)
    rest = len(n) - first
    several = [1] * first + ([rest] if rest else [])
    names = [str(k + 1) for k in range(first)] + ([SMALLER] if rest else [])
    if rest:
        n = np.append(n[:first], n[first:].sum())
        hits = np.append(hits[:first], hits[first:].sum())
    gone = withheld_parts(hits, n, rule.threshold)
    lower, upper = share_limits(hits / n, n, interval=study.care.interval, level=study.level)
    return _as_hospitals(
        study, entity_id=entity, area=area, measure=measure, hospital=names, hospitals=several,
        n=n, events=hits, few=gone, estimate=hits / n, lower=lower, upper=upper, unit="share",
        rule=rule,
    )  # fmt: skip


def _as_hospitals(
    study: Study, *, few: NDArray[np.bool_], rule: DisclosureRule, **columns: Any
) -> pl.DataFrame:  # fmt: skip
    """Return rows in the columns of ``schema.HOSPITALS``, numbers of few withheld."""
    fixed = {name: value for name, value in columns.items() if isinstance(value, str)}
    lists = {name: list(value) for name, value in columns.items()
             if value is not None and not isinstance(value, str)}  # fmt: skip
    gone = pl.Series(few)
    table = pl.DataFrame(lists).with_columns(
        *(pl.lit(value).alias(name) for name, value in fixed.items()),
        *([pl.lit(None, dtype=pl.Int64).alias("events")] if columns.get("events") is None else []),
        period=pl.lit(study_period(study)), level=pl.lit(study.level),
        synthetic=pl.lit(study.study.synthetic),
        status=pl.when(gone).then(pl.lit(WITHHELD)).otherwise(pl.lit(OK)),
        reason=pl.when(gone).then(pl.lit(rule.reason)),
    )  # fmt: skip
    small = gone & (pl.Series(columns["n"]) < rule.threshold)
    withheld = ("events", "estimate", "lower", "upper")
    return table.with_columns(
        *(pl.when(~gone).then(pl.col(name)).alias(name) for name in withheld),
        pl.when(~small).then(pl.col("n")).alias("n"),
    ).select([pl.col(name).cast(dtype) for name, dtype in schema.HOSPITALS.items()])

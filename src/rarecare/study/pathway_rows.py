"""The ways through care of a release: paths, waiting times and states, of all areas and by country.

Numbers are those of ``care.pathway_tables`` and ``care.occupancy``; what would tell a small number
is withheld (``pathway_protection``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from rarecare.care.measures import QUANTILES
from rarecare.care.occupancy import occupancy
from rarecare.care.occupancy_states import stays
from rarecare.care.pathway_steps import Steps
from rarecare.care.pathway_tables import OTHERS, shares, waiting_times
from rarecare.care.pathways import Pathways
from rarecare.disclosure.rule import DisclosureRule
from rarecare.results import NOT_ESTIMABLE, OK, WITHHELD
from rarecare.study import schema
from rarecare.study.care_config import Ways
from rarecare.study.care_pathways import AREA, AskedPathways, Traced, joined
from rarecare.study.config import Study
from rarecare.study.incidence import study_period
from rarecare.study.pathway_protection import Flags, Floats, Ints, alone, shown_areas
from rarecare.study.pathway_schema import PATH, PATHWAYS, STATE, WAIT

_REST = "countries not shown"
_AFTER, _BEFORE, _NEVER, _NOT_ASKED = "after", "before", "never", "not asked"
_DAY = "day of "
_NOBODY = "nobody came to this step afterwards"
_NOT_FOLLOWED = "nobody is followed"
_NUMBERS = ("estimate", "se", "lower", "upper")


def pathway_rows(
    traced: Traced, asked: AskedPathways, study: Study, withheld: Collection[tuple[str, str]]
) -> tuple[pl.DataFrame, list[str]]:
    """Return ``pathways.parquet``, and what is to be said of it.

    Parameters
    ----------
    traced
        The patients of all registries.
    asked
        Of the same study.
    withheld
        Entity and area of which the release withholds the incidence.
    """
    assert study.care is not None
    assert study.care.pathways is not None
    parts, notes = [pl.DataFrame(schema=PATHWAYS)], []
    for entity in asked.entities:
        if not traced.parts.get(entity):
            continue
        whole = joined(traced.parts[entity])
        if whole.patients.is_empty():
            notes.append(f"pathways of {entity}: no patient has a path")
            continue
        gone = {area for one, area in withheld if one == entity}
        made = _Made(study.care.pathways, study.disclosure.threshold, study.level,
                     study.study.days_per_year)  # fmt: skip
        parts += [_in_columns(each, entity, study) for each in made.rows(whole, gone)]
        left = stays(whole)[1].filter(pl.col("records") > 0)
        notes += [f"pathways of {entity}: {records:,} patients are in no state, {reason}"
                  for reason, records in left.iter_rows()]  # fmt: skip
    if len(parts) > 1:
        notes.append(f"pathways: {asked.steps.note()}")
    return pl.concat(parts), notes


def _in_columns(rows: pl.DataFrame, entity: str, study: Study) -> pl.DataFrame:
    fixed = {"entity_id": entity, "period": study_period(study), "level": study.level,
             "synthetic": study.study.synthetic}  # fmt: skip
    whole = rows.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())
    missing = [pl.lit(None).alias(name) for name in PATHWAYS if name not in whole.columns]
    return whole.with_columns(missing).select(
        [pl.col(name).cast(dtype) for name, dtype in PATHWAYS.items()]
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """One way to divide the patients into areas: all of them, or by country.

    Attributes
    ----------
    of
        The patients; ``area`` is one of ``members``.
    names
        Paths shown one by one, the most frequent first.
    members
        Countries that each area stands for; those not shown are one.
    listed
        Areas that have rows.
    """

    of: Pathways
    names: list[str]
    members: Mapping[str, int]
    listed: list[str]

    @property
    def areas(self) -> list[str]:
        return list(self.members)

    def shown(self, cells: Floats, threshold: int, *, allowed: Flags | None = None) -> Flags:
        """Return which areas are shown, by the numbers that their rows would tell."""
        if self.areas == [schema.ALL]:
            return np.array([alone(cells, threshold).all()])
        own: Flags = np.array([area != _REST for area in self.areas])
        if allowed is not None:
            own = own & allowed
        members: Ints = np.array(list(self.members.values()))
        sizes = cells.sum(axis=1).round().astype(np.int64)
        return shown_areas(cells, sizes, own, members, threshold)


@dataclass(frozen=True, slots=True)
class _Made:
    """What makes the rows of one entity."""

    asked: Ways
    threshold: int
    level: float
    days_per_year: float

    @property
    def _reason(self) -> str:
        return DisclosureRule.of(self.threshold).reason

    def rows(self, whole: Pathways, gone: Collection[str]) -> Iterator[pl.DataFrame]:
        """Yield paths, waiting times and states, in the columns that they have."""
        if schema.ALL in gone or whole.patients.height < self.threshold:
            row = {AREA: schema.ALL, "step": OTHERS, "order": None, "n": None, "denominator": None}
            types = dict.fromkeys(("order", "n", "denominator"), pl.Int64)
            yield self._shares(pl.DataFrame([row], schema_overrides=types))
            return
        levels = self._levels(whole, gone)
        yield self._shares(pl.concat([_path_counts(level) for level in levels]))
        yield from self._waits(levels)
        if len(stays(whole)[0].rows):
            yield from self._states(levels)

    def _levels(self, whole: Pathways, gone: Collection[str]) -> tuple[_Level, _Level]:
        """Return all areas together, and those countries of which all paths may be shown."""
        people, threshold = whole.patients, self.threshold
        ranked = people.group_by("path").agg(n=pl.len()).sort("n", "path", descending=[True, False])
        first = np.arange(ranked.height) < self.asked.most
        own = alone(ranked["n"].to_numpy()[None, :].astype(float), threshold, first=first)
        names = ranked.filter(own)["path"].to_list()
        fewer = names[: self.asked.most_by_country]
        countries = sorted(people[AREA].unique())
        cells = _cells(people.group_by(AREA, _label(fewer)).agg(n=pl.len()), countries)
        allowed = np.array([area not in gone for area in countries])
        ones: Ints = np.ones(len(countries), dtype=np.int64)
        sizes = cells.sum(axis=1).astype(np.int64)
        shown = shown_areas(cells, sizes, allowed, ones, threshold)
        kept = [area for area, one in zip(countries, shown, strict=True) if one]
        rest = len(countries) - len(kept)
        members = ({_REST: rest} if rest else {}) | dict.fromkeys(kept, 1)
        area = pl.when(pl.col(AREA).is_in(kept)).then(AREA).otherwise(pl.lit(_REST)).alias(AREA)
        of_all = pl.lit(schema.ALL).alias(AREA)
        return (
            _Level(replace(whole, patients=people.with_columns(of_all)), names, {schema.ALL: 1},
                   [schema.ALL]),
            _Level(replace(whole, patients=people.with_columns(area)), fewer, members, countries),
        )  # fmt: skip

    def _shares(self, rows: pl.DataFrame) -> pl.DataFrame:
        made = shares(rows, self.level, self._reason)
        return made.with_columns(
            kind=pl.lit(PATH), statistic=pl.lit("share"), unit=pl.lit("share"), events=pl.col("n"),
            n=pl.col("denominator"),
        ).drop("denominator")  # fmt: skip

    def _waits(self, levels: Sequence[_Level]) -> Iterator[pl.DataFrame]:
        """Yield the days from each step asked for to every other that anybody came to.

        How many had a step stands in the rows to it and in those from it: areas of either are
        among those of which this number may be shown.
        """
        table = levels[0].of.steps
        pooled: dict[tuple[str, str], bool] = {}
        for level in levels:
            first = level is levels[0]
            days = _first_days(level)
            may = {
                step: level.shown(_cells(_came(days, step, step), level.areas), self.threshold)
                for step in table.names
            }
            found = {
                since: waiting_times(
                    level.of, since=since, by=[AREA], smallest=1, level=self.level
                ).table
                for since in self.asked.since
            }
            for since, step in self._pairs(table):
                if not (first or (since, step) in pooled):
                    continue
                came = _came(days, since, step)
                if first and _AFTER not in came["outcome"]:
                    continue
                shown = level.shown(_cells(came, level.areas), self.threshold,
                                    allowed=may[since] & may[step])  # fmt: skip
                if first:
                    pooled[since, step] = bool(shown.all())
                quantiles = found[since].filter(step=step)
                rows = _days(level, came, quantiles, shown & pooled[since, step])
                yield self._withheld(rows).with_columns(
                    kind=pl.lit(WAIT), from_step=pl.lit(since), step=pl.lit(step),
                    order=pl.lit(table.names.index(step) + 1), unit=pl.lit("days"),
                    method=pl.lit("order statistics"),
                )  # fmt: skip

    def _pairs(self, table: Steps) -> Iterator[tuple[str, str]]:
        """Yield each step asked for with every other that may come after it."""
        for since in self.asked.since:
            earlier = table.rows[table.names.index(since)].not_before
            for step in table.names:
                if step != since and step not in earlier:
                    yield since, step

    def _states(self, levels: Sequence[_Level]) -> Iterator[pl.DataFrame]:
        """Yield the shares in each state at each time; states nobody is ever in are left out."""
        times = {round(time * self.days_per_year): time for time in self.asked.at}
        states: list[str] = []
        apart: dict[int, list[str]] = {}
        for level in levels:
            found = occupancy(
                level.of, times=list(times), by=[AREA], smallest=1, level=self.level
            ).table.with_columns(_expected=(pl.col("estimate") * pl.col("n")).fill_null(0.0))
            if level is levels[0]:
                some = found.filter((pl.col("at_risk") > 0) | (pl.col("_expected") > 0))
                met = some["state"].unique().to_list()
                states = [name for name in found["state"].unique(maintain_order=True)
                          if name in met]  # fmt: skip
            for day, time in times.items():
                own = found.filter(pl.col("state").is_in(states), time_days=day)
                if level is levels[0]:
                    counts = own.select("at_risk", "_expected").to_numpy().T
                    kept = alone(counts.astype(float), self.threshold)
                    apart[day] = own["state"].filter(pl.Series(kept)).to_list()
                rows = self._at(level, own, states, apart[day])
                yield rows.with_columns(time_years=pl.lit(float(time)))

    def _at(
        self, level: _Level, own: pl.DataFrame, states: Sequence[str], apart: Sequence[str]
    ) -> pl.DataFrame:
        """Return the states at one time in each area; those not ``apart`` are withheld together."""
        label = pl.when(pl.col("state").is_in(apart)).then("state").otherwise(pl.lit(""))
        counted = own.group_by(AREA, label).agg(pl.col("at_risk", "_expected").sum())
        cells = np.hstack([
            _cells(counted.select(AREA, "state", n=name), level.areas)
            for name in ("at_risk", "_expected")
        ])  # fmt: skip
        shown = level.shown(cells, self.threshold)
        grid = _grid(level, shown).join(
            pl.DataFrame({"step": states, "order": range(1, len(states) + 1)}), how="cross",
            maintain_order="left",
        )  # fmt: skip
        numbers = own.select(AREA, pl.col("state").alias("step"), "n", pl.col("at_risk").alias(
            "events"), *_NUMBERS, "status", "reason")  # fmt: skip
        rows = grid.join(numbers, on=[AREA, "step"], how="left", maintain_order="left")
        rows = rows.with_columns(
            pl.when("_shown").then("n").alias("n"),
            pl.col("status").fill_null(NOT_ESTIMABLE), pl.col("reason").fill_null(
                pl.when(pl.col("status").is_null()).then(pl.lit(_NOT_FOLLOWED))),
            _shown=pl.col("_shown") & pl.col("step").is_in(apart),
        )  # fmt: skip
        return self._withheld(rows).with_columns(
            kind=pl.lit(STATE), statistic=pl.lit("share"), unit=pl.lit("share"),
            method=pl.lit("Aalen-Johansen"),
        )  # fmt: skip

    def _withheld(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows without the numbers of those that are not ``_shown``."""
        shown = pl.col("_shown")
        numbers = [name for name in ("events", *_NUMBERS) if name in rows.columns]
        return rows.with_columns(
            *(pl.when(shown).then(name).alias(name) for name in numbers),
            status=pl.when(shown).then("status").otherwise(pl.lit(WITHHELD)),
            reason=pl.when(shown).then("reason").otherwise(pl.lit(self._reason)),
        ).drop("_shown")  # fmt: skip


def _label(names: Sequence[str]) -> pl.Expr:
    """Return the path of each patient where it is shown alone, else that it is another."""
    return pl.when(pl.col("path").is_in(list(names))).then("path").otherwise(
        pl.lit(OTHERS)
    ).alias("path")  # fmt: skip


def _cells(counted: pl.DataFrame, areas: Sequence[str]) -> Floats:
    """Return ``n`` by area and by what else is counted, shape (n_areas, n_cells)."""
    others = [name for name in counted.columns if name not in {AREA, "n"}]
    cells = counted.select(others).unique(maintain_order=True).with_row_index("_cell")
    placed = counted.join(cells, on=others, nulls_equal=True)
    made = np.zeros((len(areas), cells.height))
    rows = [areas.index(area) for area in placed[AREA]]
    made[rows, placed["_cell"].to_numpy()] = placed["n"].to_numpy()
    return made


def _grid(level: _Level, shown: Flags) -> pl.DataFrame:
    """Return the areas that have rows, and whether they are ``_shown``."""
    kept = [area for area, one in zip(level.areas, shown, strict=True) if one]
    return pl.DataFrame({AREA: level.listed}).with_columns(_shown=pl.col(AREA).is_in(kept))


def _path_counts(level: _Level) -> pl.DataFrame:
    """Return the patients of each path, null in countries that are not shown."""
    counted = level.of.patients.group_by(AREA, _label(level.names).alias("step")).agg(
        n=pl.len().cast(pl.Int64)
    )
    listed: list[tuple[str, int | None]] = [(name, k + 1) for k, name in enumerate(level.names)]
    listed += [(OTHERS, None)] if OTHERS in counted["step"] else []
    names = pl.DataFrame(listed, schema={"step": pl.String, "order": pl.Int64}, orient="row")
    rows = pl.DataFrame({AREA: level.listed}).join(names, how="cross", maintain_order="left")
    shown = pl.col(AREA).is_in(level.areas)
    return (
        rows.join(counted, on=[AREA, "step"], how="left", maintain_order="left")
        .with_columns(n=pl.when(shown).then(pl.col("n").fill_null(0)))
        .with_columns(denominator=pl.when(shown).then(pl.col("n").sum().over(AREA)))
    )


def _first_days(level: _Level) -> pl.DataFrame:
    """Return the area and path of each patient, and the first day of each step, by its name."""
    people = level.of.patients.select(AREA, _label(level.names)).with_row_index("patient").cast(
        {"patient": pl.Int32}
    )  # fmt: skip
    for step in level.of.steps.names:
        own = level.of.courses.filter(pl.col("step") == step).group_by("patient").agg(
            pl.min("first_day").alias(_DAY + step)
        )  # fmt: skip
        people = people.join(own, on="patient", how="left")
    return people


def _came(days: pl.DataFrame, since: str, step: str) -> pl.DataFrame:
    """Return how many came to a step after another, or before it, by area and path."""
    day, begin = pl.col(_DAY + step), pl.col(_DAY + since)
    outcome = (
        pl.when(begin.is_null()).then(pl.lit(_NOT_ASKED)).when(day.is_null()).then(pl.lit(_NEVER))
        .when(day < begin).then(pl.lit(_BEFORE)).otherwise(pl.lit(_AFTER)).alias("outcome")
    )  # fmt: skip
    return days.group_by(AREA, "path", outcome).agg(n=pl.len().cast(pl.Int64))


def _days(level: _Level, came: pl.DataFrame, found: pl.DataFrame, shown: Flags) -> pl.DataFrame:
    """Return the quantiles of each area, with who had the first step and who came to this one."""
    asked = pl.col("outcome") != _NOT_ASKED
    counts = came.group_by(AREA).agg(
        n=pl.col("n").filter(asked).sum(), events=pl.col("n").filter(outcome=_AFTER).sum()
    )
    quantiles = found.select(
        AREA, pl.col("measure").alias("statistic"), "estimate", "lower", "upper"
    )
    rows = (
        _grid(level, shown)
        .join(counts, on=AREA, how="left", maintain_order="left")
        .join(pl.DataFrame({"statistic": list(QUANTILES)}), how="cross", maintain_order="left")
        .join(quantiles, on=[AREA, "statistic"], how="left", maintain_order="left")
    )
    some = pl.col("events") > 0
    return rows.with_columns(
        n=pl.when("_shown").then("n"),
        status=pl.when(some).then(pl.lit(OK)).otherwise(pl.lit(NOT_ESTIMABLE)),
        reason=pl.when(~some).then(pl.lit(_NOBODY)),
    )

"""From ``study.toml`` to a release: read, exclude, classify, tally, estimate, protect, write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from rarecare.codes.countries import region_of
from rarecare.codes.rare_cancers import RareCancerList, chosen_list
from rarecare.errors import LifeTableError, PopulationError, UsageError
from rarecare.results import WITHHELD
from rarecare.study import schema
from rarecare.study.care import CareTables, care_tables
from rarecare.study.care_pathways import AskedPathways
from rarecare.study.care_tally import Asking, ask
from rarecare.study.care_volumes import add_treated, checked_thresholds, inhabitants
from rarecare.study.complete import Registered, registered
from rarecare.study.conditional import conditional_rows
from rarecare.study.config import Registry, Study, read_study
from rarecare.study.entities import LEAF, Groups
from rarecare.study.incidence import Counts, count, study_period
from rarecare.study.levels import Level, Made
from rarecare.study.listing import listed_areas, listed_entities
from rarecare.study.models import gather, model_rows
from rarecare.study.outlook import (
    expected_rows,
    shrunken_rows,
    years_ahead,
)
from rarecare.study.pathway_rows import pathway_rows
from rarecare.study.pathway_schema import PATHWAYS
from rarecare.study.prevalence import count_alive
from rarecare.study.protection import protected
from rarecare.study.quality import QualityCounts, entity_rows, quality_rows
from rarecare.study.release import REPORT, Release, write_release
from rarecare.study.shrunken import of_what_is_shown
from rarecare.study.sources import Submission, read_submission, target_population
from rarecare.study.stages import stage_rows
from rarecare.study.survival import (
    survival_period,
    tally_registry,
)
from rarecare.tally.engines import Engine

Progress = Callable[[str, int, int], None]


def run_study(
    path: str | Path,
    folder: str | Path,
    *,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Release:
    """Run a study and write its release.

    Parameters
    ----------
    path
        The ``study.toml``.
    folder
        Where the release goes; it appears whole or not at all.
    progress
        Called with (what is being done, steps done, steps in all).
    engine
        Where sums are made.

    Raises
    ------
    InputError, UsageError
        A file or the study cannot be used.
    OSError
        The release cannot be written.
    """
    from rarecare.study.report import report_html  # noqa: PLC0415 - slow to import

    study, study_hash = read_study(path)
    entities = chosen_list(study.study.classification)
    release = make_release(study, entities, progress=progress, engine=engine)
    release.manifest["study_sha256"] = study_hash
    say = progress or _silent
    steps = len(study.registries) + 3
    say("report", steps - 1, steps)
    report = report_html(release).encode()
    written = write_release(release, folder, extra={REPORT: report})
    say("written", steps, steps)
    return written


def make_release(
    study: Study,
    entities: RareCancerList,
    *,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> Release:
    """Return the protected tables of a study, not yet written; parameters as ``run_study``."""
    say = progress or _silent
    steps = len(study.registries) + 3
    groups = Groups.of(entities.entities, study.wanted_entities)
    made = Made()
    if study.care is not None:
        checked_thresholds(study, groups)
        made.asking = Asking.of(study.care)
        made.ways = AskedPathways.of(study, groups)
        made.inputs += made.ways.inputs if made.ways else []
    order = sorted(study.registries, key=lambda r: (region_of(r.country), r.country, r.id))
    whole, region, country = Level(schema.ALL), Level(""), Level("")
    for done, registry in enumerate(order):
        say(f"{registry.id}", done, steps)
        place = region_of(registry.country)
        if registry.country != country.area:
            country.close(made, groups, study, within=region)
            country = Level(registry.country)
        if place != region.area:
            region.close(made, groups, study, within=whole)
            region = Level(place)
        submission = read_submission(registry, study, entities)
        levels = (country, region, whole)
        _add(submission, study, groups, made, levels=levels, engine=engine)
    country.close(made, groups, study, within=region)
    region.close(made, groups, study, within=whole)
    say("all areas", steps - 3, steps)
    whole.close(made, groups, study)
    if study.incidence.shrunken and made.by_country:
        made.estimates += shrunken_rows(made.by_country, groups, study)
    if study.expected is not None and whole.counts is not None:
        target = target_population(study.expected)
        rows, made.targets = expected_rows(whole.counts, target, groups, study)
        made.estimates.append(rows)
        made.inputs.append(
            {"registry": study.expected.name, "name": target.source.name,
             "sha256": target.source.sha256, "records": target.source.rows}
        )  # fmt: skip
    if study.models is not None:
        fitted = model_rows(
            made.cells, study, period=survival_period(study),
            progress=lambda entity: say(f"model of {entity}", steps - 3, steps),
        )  # fmt: skip
        made.estimates += fitted.estimates
        made.notes += fitted.notes
        made.models = fitted.files
    say("disclosure control", steps - 2, steps)
    both = whole.counts is not None and set(whole.counts.sexes) == {"female", "male"}
    care = None
    if made.asking is not None:
        care = care_tables(made.care, whole.care.answered, made.asking, groups, study)
        made.estimates.append(care.estimates)
        made.notes += care.notes
    if made.stages.arrays:
        made.estimates.append(stage_rows(made.stages, groups, study))
    return _protected(made, groups, study, entities, judged=both, care=care)


def _add(
    submission: Submission,
    study: Study,
    groups: Groups,
    made: Made,
    *,
    levels: tuple[Level, ...],
    engine: Engine | None,
) -> None:
    """Tally one registry into the levels it belongs to."""
    registry, file = submission.registry, submission.cases.source.name
    counted, accounting = submission.counted(study)
    counted = counted.with_columns(groups.leaf_codes(counted).alias(LEAF))
    made.exclusions.append(_accounted(accounting, registry, "incidence"))
    closing = study.study.closing_date
    made.quality.append(
        quality_rows(
            registry.id, counted, closing_date=closing, level=study.level,
            threshold=study.disclosure.threshold,
        )
    )  # fmt: skip
    made.quality_counts = made.quality_counts or QualityCounts.of(groups)
    made.quality_counts.add(counted, groups, closing_date=closing)
    made.notes += [f"{registry.id}: {note}" for note in submission.cases.notes]
    made.inputs += [
        {"registry": registry.id, "name": s.name, "sha256": s.sha256, "records": s.rows}
        for s in submission.sources
    ]
    if made.asking is not None:
        _add_care(submission, counted, study, made, made.asking, levels=levels)
    if schema.INCIDENCE in study.study.measures:
        if submission.population is None:
            made.notes.append(f"{registry.id}: no population, so not in incidence")
        else:
            own = _counted(counted, submission, study, groups, file)
            ahead = years_ahead(submission.projected or submission.population, own, registry.id)
            for level in levels:
                level.counts = own if level.counts is None else level.counts + own
                level.ahead.add(ahead)
    if schema.PREVALENCE in study.study.measures:
        _add_alive(submission, study, groups, made, levels=levels)
    if schema.NET_SURVIVAL in study.study.measures:
        if submission.life_table is None:
            made.notes.append(f"{registry.id}: no life table, so not in survival")
            return
        followed, accounting = submission.followed(study)
        made.exclusions.append(_accounted(accounting, registry, "survival"))
        if followed.is_empty():
            made.notes.append(f"{registry.id}: no case could be followed")
            return
        followed = followed.with_columns(groups.leaf_codes(followed).alias(LEAF))
        sums = tally_registry(followed, submission.life_table, study, engine=engine)
        _check_outside(sums.arrays, submission, study, made)
        levels[0].sums.add(sums)
        made.stages.add(followed, submission.life_table, groups, study, engine=engine)
        if study.models is not None:
            gather(
                made.cells, followed, submission.life_table, groups, study, country=registry.country
            )


def _add_care(
    submission: Submission, counted: pl.DataFrame, study: Study, made: Made, asking: Asking, *,
    levels: tuple[Level, ...],
) -> None:  # fmt: skip
    """Ask one registry's cases, and keep its treatments for its country's hospitals."""
    registry = submission.registry
    given = ask(submission, counted, study, asking)
    made.notes += [f"{registry.id}: {note}" for note in given.notes]
    for (purpose,), part in given.exclusions.group_by("purpose", maintain_order=True):
        table = part.select("reason", "records", note=pl.lit(None, dtype=pl.String))
        made.exclusions.append(
            _accounted(table.with_row_index("order"), registry, f"indicator {purpose}")
        )
    for level in levels:
        level.care.answered.add(given.answered)
    people = inhabitants(submission.population, study)
    add_treated(levels[0].care.treated, counted, submission, people)
    if made.ways is not None:
        left, notes = made.traced.add(submission, counted, made.ways)
        made.notes += [f"{registry.id}: {note}" for note in notes]
        table = left.select("reason", "records", note=pl.lit(None, dtype=pl.String))
        made.exclusions.append(_accounted(table.with_row_index("order"), registry, "pathways"))


def _add_alive(
    submission: Submission, study: Study, groups: Groups, made: Made, *, levels: tuple[Level, ...]
) -> None:
    """Count one registry's prevalent into the levels it belongs to."""
    alive, accounting, notes = count_alive(submission, groups, study)
    made.exclusions.append(_accounted(accounting, submission.registry, "prevalence"))
    made.notes += notes
    own = registered(submission, groups, study) if study.prevalence.complete else Registered()
    for level in levels:
        level.alive.add(alive)
        level.registered.add(own)


def _counted(
    counted: pl.DataFrame, submission: Submission, study: Study, groups: Groups, file: str
) -> Counts:
    assert submission.population is not None
    try:
        return count(counted, submission.population, groups, study)
    except PopulationError as error:
        raise PopulationError(f"registry {submission.registry.id}, {file}: {error}") from None


def _check_outside(arrays: Any, submission: Submission, study: Study, made: Made) -> None:
    """Note, or refuse, person-days outside the life table."""
    outside, total = (int(arrays[name].sum()) for name in ("person_days_outside", "person_days"))
    if not outside:
        return
    table = submission.life_table
    assert table is not None
    said = (
        f"{outside:,} of {total:,} person-days ({outside / total:.2%}) lie outside the life table"
    )
    if outside / total > study.survival.allow_outside:
        raise LifeTableError(
            f"registry {submission.registry.id}: {said}",
            file=table.source.name,
            allowed=f"up to {study.survival.allow_outside:.0%}; the table has years "
            f"{table.years[0]} to {table.years[-1]}",
            remedy="Give a longer life table, or allow it in [survival].",
        )
    made.notes.append(f"{submission.registry.id}: {said}: the nearest age or year was taken")


def _accounted(accounting: pl.DataFrame, registry: Registry, purpose: str) -> pl.DataFrame:
    return accounting.with_columns(registry=pl.lit(registry.id), purpose=pl.lit(purpose)).select(
        [pl.col(name).cast(dtype) for name, dtype in schema.EXCLUSIONS.items()]
    )


def _protected(
    made: Made, groups: Groups, study: Study, entities: RareCancerList, *, judged: bool,
    care: CareTables | None,
) -> Release:  # fmt: skip
    """Return the release of everything made, small counts withheld.

    ``judged``: whether the populations hold both sexes, which the rule of rarity needs.
    """
    if not made.estimates:
        raise UsageError(
            "the study has nothing to estimate",
            value=", ".join(study.study.measures),
            remedy="Give populations for incidence and life tables for survival.",
        )
    confidence = groups.table.select("entity_id", classification_confidence="codes_confidence")
    columns = [pl.col(name).cast(dtype) for name, dtype in schema.ESTIMATES.items()]
    estimates = pl.concat(
        [
            part.join(confidence, on="entity_id", how="left").select(columns)
            for part in made.estimates
        ]
    ).sort(schema.KEY)
    listed = listed_entities(groups, estimates if judged else estimates.clear())
    listed = listed.filter(pl.col("entity_id").is_in(estimates["entity_id"].unique().implode()))
    areas = listed_areas(study, estimates, made.targets)
    shown, said = protected(estimates, groups, study, areas=areas, entities=listed, care=care)
    assert made.quality_counts is not None
    cells = shown.estimates.filter(
        measure=schema.INCIDENCE, status=WITHHELD, period=study_period(study), sex=schema.ALL,
        age_group=schema.ALL,
    ).select("entity_id", "area").unique()  # fmt: skip
    gone = cells.filter(area=schema.ALL)
    pathways = pl.DataFrame(schema=PATHWAYS)
    if made.ways is not None:
        pathways, notes = pathway_rows(made.traced, made.ways, study, cells.rows())
        made.notes += notes
    made.quality.append(
        entity_rows(
            made.quality_counts, groups, listed, threshold=study.disclosure.threshold,
            level=study.level, withheld=gone["entity_id"].unique().to_list(),
        )
    )  # fmt: skip
    about = study.study
    manifest = {
        "schema_version": schema.VERSION,
        "study": {
            "name": about.name,
            "title": about.title,
            "synthetic": about.synthetic,
            "period": [day.isoformat() for day in about.period],
            "closing_date": about.closing_date and about.closing_date.isoformat(),
            "days_per_year": about.days_per_year,
            "measures": list(about.measures),
            "caveats": list(about.caveats),
        },
        "choices": study.model_dump(
            mode="json", exclude={"study": True, "registries": True, "disclosure": {"earlier"}}
        ),
        "registries": [
            {"id": r.id, "name": r.name or r.id, "country": r.country} for r in study.registries
        ],
        "list_version": entities.version,
        "list_sha256": entities.hash,
        "inputs": made.inputs,
        "notes": made.notes,
        "software": f"rarecare {version('rarecare')}",
        "disclosure": said,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    release = Release(
        estimates=pl.concat(
            [
                of_what_is_shown(shown.estimates, made.by_country, groups, study).select(
                    list(schema.ESTIMATES)
                ),
                conditional_rows(shown.estimates, study),
            ]
        ).sort(schema.KEY),
        entities=listed,
        areas=areas,
        exclusions=pl.concat(made.exclusions),
        quality=pl.concat(made.quality),
        manifest=manifest,
        models=made.models,
        pathways=pathways,
    )
    return replace(release, **care.beside) if care else release


def _silent(_what: str, _done: int, _steps: int) -> None:
    pass

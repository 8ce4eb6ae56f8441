"""``rarecare criteria``, ``consensus``, ``needs``, ``scenario`` and ``sample``: care planned."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases, read_numbers
from rarecare.cli.options import Output, Reading
from rarecare.errors import UsageError

if TYPE_CHECKING:
    from rarecare.care.criteria import CriteriaSet


def criteria(
    *,
    use: str,
    evidence: Path | None = None,
    cases: Path | None = None,
    events: Path | None = None,
    centre: str = "hospital_dx",
    group: str | None = None,
    on: str | None = None,
    scores: bool = False,
    evidence_out: Path | None = None,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Show what is known of centres for each criterion: declared, computed or certified.

    Parameters
    ----------
    use
        The criteria: general, sarcoma, testis, head_neck, gep_net, or a TOML file.
    evidence
        What centres declare or others certify: centre, criterion, value, kind, date, source.
    cases
        With --events: indicators and volumes are computed, and added as evidence.
    events
        Dated events with hospitals.
    centre
        Column of the cases with the hospital that indicators are computed for.
    group
        Tier-1 entity whose volumes count, as 08.01.
    on
        The day, YYYY-MM-DD; today by default. Evidence after it or expired does not count.
    scores
        Scores with their parts instead. A score designates no one.
    evidence_out
        File for the evidence that was computed.
    """
    from rarecare.care.criteria import read_criteria  # noqa: PLC0415
    from rarecare.care.evidence import COLUMNS, as_texts, read_evidence  # noqa: PLC0415
    from rarecare.care.profile import profile_table, score  # noqa: PLC0415
    from rarecare.files import read_table  # noqa: PLC0415

    output.check_all_writable(output_to)
    output.check_writable(evidence_out)
    if (cases is None) != (events is None) or (cases is None and evidence is None):
        raise UsageError("criteria need evidence", allowed="--evidence FILE, or --cases FILE with "
                         "--events FILE, or all three")  # fmt: skip
    version = read_criteria(use)
    day = _day(on, "--on") or date.today()
    parts = []
    if cases is not None and events is not None:
        made = _computed(
            version, cases, events, reading=reading, centre=centre, group=group, day=day
        )
        if evidence_out is not None:
            output.write_table(made, evidence_out)
        parts.append(made)
    given = None if evidence is None else read_table(evidence).frame
    if given is not None and not parts:
        read = read_evidence(given, version)
    else:
        declared = [] if given is None else [as_texts(given, COLUMNS).drop("row")]
        read = read_evidence(pl.concat([*declared, *parts]), version)
    _say(read.findings, "evidence left out")
    profile = profile_table(version, read, on=day)
    output.show(score(profile) if scores else profile, output_to)


def _computed(
    version: CriteriaSet, cases: Path, events: Path, *, reading: Reading, centre: str,
    group: str | None, day: date,
) -> pl.DataFrame:  # fmt: skip
    """Return the evidence that registry data give; what they cannot give is printed."""
    from rarecare.care.compute import indicators  # noqa: PLC0415
    from rarecare.care.computed_evidence import computed_evidence  # noqa: PLC0415
    from rarecare.care.definitions import packaged  # noqa: PLC0415
    from rarecare.care.volumes import (  # noqa: PLC0415
        hospital_volumes,
        new_case_volumes,
        treatment_units,
    )
    from rarecare.registry.events import read_events  # noqa: PLC0415

    table = read_cases(cases, reading, (centre, "entity_tier1"))
    happened = read_events(events)
    sets = ["core", *([version.id] if version.id in packaged() else [])]
    with output.step("counting"):
        made = computed_evidence(
            version, on=day, centre=centre, group=group,
            indicators=indicators(table, happened, sets, by=[centre]),
            volumes=hospital_volumes(treatment_units(table, happened, areas=[])),
            new_cases=new_case_volumes(table, happened, areas=[]),
        )  # fmt: skip
    _say(made.left, "not computed")
    return made.table


def consensus(
    file: Path,
    *,
    use: str,
    ratings: Path,
    show: Literal["agreement", "rounds", "stability"] = "agreement",
    output_to: Output = Output(),
) -> None:
    """Count how participants rated the proposed criteria, and what was agreed.

    Parameters
    ----------
    file
        The consensus, TOML: the version proposed, the rule, participants, rounds.
    use
        The criteria proposed: a TOML file, or the name of a set of the package.
    ratings
        Round, participant, criterion, rating (1 to 9), comment.
    show
        What was decided; how each round was rated, by role; or how far ratings moved.
    """
    from rarecare.care import consensus as rated  # noqa: PLC0415
    from rarecare.care.consensus_model import read_consensus  # noqa: PLC0415
    from rarecare.care.criteria import read_criteria  # noqa: PLC0415

    output.check_all_writable(output_to)
    one, version = read_consensus(file), read_criteria(use)
    given = one.read_ratings(ratings, version)
    _say(given.findings, "ratings left out")
    output.show(getattr(rated, show)(one, given, version), output_to)


def needs(
    expected: Path | None = None,
    *,
    shares: Path | None = None,
    prevalence: Path | None = None,
    by: str = "country",
    entity: str | None = None,
    threshold: float | None = None,
    treatment: str | None = None,
    level: float = 0.95,
    output_to: Output = Output(),
) -> None:
    """Estimate patients to be treated in a year, the centres that takes, or persons in follow-up.

    Parameters
    ----------
    expected
        Expected cases: what rarecare incidence --target wrote.
    shares
        Share treated: treatment, estimate, lower, upper, level, status, source.
    prevalence
        Instead: what rarecare prevalence --windows 0-1,1-5,5-20 wrote; gives the persons in
        follow-up by time since diagnosis.
    by
        Strata of the expected cases, by commas.
    entity
        Column of both, where each entity has shares of its own.
    threshold
        Patients per year that a centre should treat: the centres needed instead.
    treatment
        With --threshold: the kind of treatment it is for; all by default.
    level
        That of both files.
    """
    from rarecare.care.needs import care_needs, centres_needed, follow_up_loads  # noqa: PLC0415
    from rarecare.care.thresholds import PER_YEAR, Threshold  # noqa: PLC0415

    output.check_all_writable(output_to)
    if treatment is not None and threshold is None:
        raise UsageError("--treatment goes with --threshold", value=treatment)
    if prevalence is not None and expected is None and shares is None:
        output.show(follow_up_loads(read_numbers(prevalence), by=values.words(by)), output_to)
        return
    if expected is None or shares is None or prevalence is not None:
        raise UsageError("needs takes a file of expected cases and --shares, or --prevalence alone",
                         allowed="one of the two")  # fmt: skip
    tables = [read_numbers(file) for file in (expected, shares)]
    result = care_needs(*tables, by=values.words(by), entity=entity, level=level)
    if threshold is not None:
        result = centres_needed(result, [Threshold(threshold, PER_YEAR, treatment=treatment)])
    output.show(result, output_to)


def scenario(
    cases: Path,
    *,
    events: Path,
    hospitals: Path,
    areas: Path,
    by: str = "region",
    group: str | None = None,
    treatment: str = "surgery",
    years: str | None = None,
    largest: int | None = None,
    choose: Literal["travel", "volume"] = "travel",
    assignment: Literal["stay", "nearest"] = "stay",
    threshold: float | None = None,
    hospitals_out: Path | None = None,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Concentrate care in k hospitals: volumes reached, patients moved, travel.

    Parameters
    ----------
    cases
        File of cases.
    events
        Dated events with hospitals.
    hospitals
        hospital_id, latitude, longitude.
    areas
        area, latitude, longitude: the middle of the people of each area of residence.
    by
        Column of the cases with the area of residence.
    group
        Tier-1 entity, as 08.01; needed where the cases have several.
    treatment
        surgery, radiotherapy, systemic or "any treatment".
    years
        First and last year of diagnosis, as 2000-2007.
    largest
        Most hospitals; all that treat by default.
    choose
        The k of least total travel, or of the largest volume today.
    assignment
        Move only those whose hospital no longer treats, or send all to the nearest.
    threshold
        Patients per year per hospital: share treated at or above.
    hospitals_out
        File for the hospitals chosen, with their volumes, for each k.
    """
    from rarecare.care.scenario import concentrate  # noqa: PLC0415
    from rarecare.care.thresholds import PER_YEAR, Threshold  # noqa: PLC0415
    from rarecare.care.volumes import treatment_units  # noqa: PLC0415
    from rarecare.registry.events import read_events  # noqa: PLC0415

    output.check_all_writable(output_to)
    output.check_writable(hospitals_out)
    table = read_cases(cases, reading, (by, "entity_tier1"))
    span = None
    if years is not None:
        first, last = values.ages(years, "--years") or (0, 0)
        span = (first, last)
    units = treatment_units(table, read_events(events), areas=[by], years=span)
    flows = units.volumes().filter(treatment=treatment)
    if flows.is_empty():
        raise UsageError("nobody was treated so", value=treatment, allowed=list(units.kinds))
    groups = flows["group"].unique().sort().to_list()
    wanted = groups[0] if group is None and len(groups) == 1 else group
    if wanted not in groups:
        raise UsageError("a scenario is of one group of cancers", value=wanted, allowed=groups,
                         remedy="Give it with --group.")  # fmt: skip
    asked = None if threshold is None else Threshold(threshold, PER_YEAR)
    with output.step("searching"):
        found = concentrate(
            flows.filter(group=wanted).select(pl.col(by).cast(pl.String).alias("area"),
                                              "hospital_id", "n"),
            *(read_numbers(file) for file in (hospitals, areas)),
            years=units.n_years, largest=largest, choose=choose, assignment=assignment,
            threshold=asked,
        )  # fmt: skip
    if hospitals_out is not None:
        output.write_table(found.hospitals, hospitals_out)
    output.show(found.result, output_to)


def sample(
    cases: Path,
    *,
    out: Path,
    by: str = "",
    size: int | None = None,
    fraction: float | None = None,
    each: int | None = None,
    seed: int = 1,
) -> None:
    """Draw cases for a high-resolution study: stratified, without replacement, with weights.

    Parameters
    ----------
    cases
        The population: registry, patient_id, tumour_id, and the strata.
    out
        File for the cases drawn, with their weights.
    by
        Columns that make the strata, by commas.
    size
        Cases in all, in proportion to the strata.
    fraction
        Instead: share of all.
    each
        Instead: cases of each stratum.
    seed
        The same seed and cases give the same sample.
    """
    from rarecare.care.sampling import draw_sample  # noqa: PLC0415

    output.check_writable(out)
    drawn = draw_sample(cases, by=values.words(by), size=size, fraction=fraction, each=each,
                        seed=seed)  # fmt: skip
    output.write_table(drawn.table, out)
    output.print_table(drawn.strata.drop("stratum", "collected"), title="Strata")
    for note in drawn.notes:
        output.err.print(note, style="dim", highlight=False)


def _say(table: pl.DataFrame, what: str) -> None:
    """Name on standard error, row by row, what was left out."""
    for row in table.head(_SHOWN).iter_rows(named=True):
        said = ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)
        output.err.print(f"{what}: {said}", highlight=False, markup=False, soft_wrap=True)
    if table.height > _SHOWN:
        output.err.print(f"{what}: {table.height - _SHOWN} more", highlight=False)


_SHOWN = 20


def _day(text: str | None, flag: str) -> date | None:
    if text is None:
        return None
    found = values.dates(f"{text}:{text}", flag)
    return None if found is None else found[0]

"""``rarecare volume-outcome``."""

from __future__ import annotations

from pathlib import Path

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases, with_age_groups
from rarecare.cli.options import Counting, Output, Reading, Text


def volume_outcome(
    cases: Path,
    *,
    events: Path,
    life_table: Path,
    treatment: str = "surgery",
    by: str = "country",
    entity: str = "entity_tier1",
    case_mix: str = "",
    classes: str = "",
    reference: float | None = None,
    df: int = 3,
    breaks: str = "0(1)5",
    landmark: int = 90,
    age_groups: str | None = None,
    level: float = 0.95,
    ages: str = "15-99",
    allow_outside: float = 0.05,
    life_table_columns: Text = (),
    life_table_codes: Text = (),
    reading: Reading = Reading(),
    counting: Counting = Counting(),
    output_to: Output = Output(),
) -> None:
    """Excess hazard of patients against the volume of the hospital that treats them.

    An association, not an effect: patients are not drawn to hospitals by lot.

    Parameters
    ----------
    cases
        File of cases of one referral group, or of several with group in the case mix.
    events
        Dated events with hospitals (events.parquet).
    life_table
        Life table of the general population.
    treatment
        The kind of treatment whose volume counts.
    by
        Areas in which volumes are counted, by commas.
    entity
        Column whose values are the referral groups.
    case_mix
        Columns to adjust for, by commas: sex,stage.
    classes
        Instead of the curve: classes of yearly volume, by their lower bounds: 10,20.
    reference
        Volume that the ratios refer to; the median over patients when not given.
    df
        Columns of the spline of the log volume.
    breaks
        Intervals of follow-up, as in strs.
    landmark
        Days after diagnosis; who is not treated by then is left out and counted.
    age_groups
        Lower bounds of age groups, made as the column age_group and adjusted for.
    level
        Confidence level.
    ages
        Ages counted, as 15-99, or all.
    allow_outside
        Largest share of person-days that may lie outside the life table.
    life_table_columns
        As --columns, for the life table.
    life_table_codes
        As --codes, for the life table: sex:0=male,1=female.
    """
    from rarecare.care import volume_outcome as outcome  # noqa: PLC0415
    from rarecare.care.volumes import treatment_units  # noqa: PLC0415
    from rarecare.population.life_table import LifeTable  # noqa: PLC0415
    from rarecare.registry import exclude, read_events  # noqa: PLC0415

    output.check_all_writable(output_to)
    areas, mix = values.words(by), values.words(case_mix)
    table, mix = with_age_groups(
        read_cases(cases, reading, (*areas, entity, *mix)), mix, age_groups
    )
    with output.step(f"reading {life_table.name}"):
        lives = LifeTable.read(
            life_table, columns=values.columns(life_table_columns),
            codes=values.code_maps(life_table_codes),
        )  # fmt: skip
    with output.step("fitting"):
        dated = read_events(events)
        units = treatment_units(table, dated, areas=areas, entity=entity)
        kept, _ = exclude(table, counting.rules("survival", ages), bad_rows=counting.bad_rows)
        found = outcome.volume_outcome(
            kept, units, dated, lives, treatment=treatment, case_mix=mix, breaks=breaks, df=df,
            reference=reference, classes=values.numbers(classes, "--classes") or (),
            landmark=landmark, level=level, days_per_year=reading.days_per_year,
            allow_outside=allow_outside,
        )  # fmt: skip
    output.show(found.classes if classes else found.curve, output_to)

"""``rarecare kit``, ``indicators``, ``volumes`` and ``pathways``: care in two tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from cyclopts import Parameter

from rarecare.cli import output, values
from rarecare.cli.cases import read_cases, read_numbers
from rarecare.cli.options import Output, Reading
from rarecare.disclosure.rule import DEFAULT_THRESHOLD
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.registry import Cases
from rarecare.results import Result
from rarecare.writing import write_whole

Kit = Literal["core", "sarcoma", "testis", "head_neck", "gep_net"]


def kit(
    name: Kit,
    *,
    out: Path | None = None,
    check: Path | None = None,
    columns: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    findings: Path | None = None,
) -> None:
    """Write the kit of a high-resolution study, or check data that came in for it.

    Parameters
    ----------
    name
        The study.
    out
        Folder to write to: data dictionary for REDCap, blank template, JSON schema, entry form
        and documentation.
    check
        Instead: a file of data to read and check.
    columns
        With --check: our variables to the file's columns, NAME=COLUMN, several by commas.
    findings
        With --check: a file for what was found, row by row.
    """
    from rarecare.care.dictionary_reading import study_kit  # noqa: PLC0415

    if (out is None) == (check is None):
        raise UsageError("kit takes --out FOLDER, or --check FILE", allowed="one of the two")
    dictionary = study_kit(name)
    if check is not None:
        _check(check, name, values.columns(columns), findings)
        return
    from rarecare.care.form import entry_form  # noqa: PLC0415
    from rarecare.care.kit_documentation import documentation_html  # noqa: PLC0415
    from rarecare.care.redcap import redcap_csv  # noqa: PLC0415
    from rarecare.care.template import blank_template, json_schema_text  # noqa: PLC0415

    assert out is not None
    out.mkdir(parents=True, exist_ok=True)
    for suffix, text in (
        ("redcap.csv", redcap_csv(dictionary)), ("template.csv", blank_template(dictionary)),
        ("schema.json", json_schema_text(dictionary)), ("form.html", entry_form(dictionary)),
        ("documentation.html", documentation_html(dictionary)),
    ):  # fmt: skip
        write_whole(out / f"{name}_{suffix}", text.encode())
        output.err.print(f"written: {out / f'{name}_{suffix}'}", style="dim", highlight=False)


def _check(file: Path, name: Kit, columns: dict[str, str], findings: Path | None) -> None:
    from rarecare.care.dictionary_reading import study_kit  # noqa: PLC0415
    from rarecare.care.incoming import read_incoming  # noqa: PLC0415

    output.check_writable(findings)
    with output.step(f"reading {file.name}"):
        found = read_incoming(file, study_kit(name), columns=columns)
    output.print_table(found.accounting.select("reason", "records"), title="Records")
    said = found.findings.group_by("severity", "rule", "variable").agg(
        records=pl.len(), first=pl.col("row").min()
    )
    if said.height:
        output.print_table(said.sort("severity", "records", descending=[False, True]),
                           title="What was found")  # fmt: skip
    if findings is not None:
        output.write_table(found.findings, findings)
    wrong = found.findings.filter(pl.col("severity") != "warning")
    if wrong.height:
        raise CaseError(
            "the data have errors", file=file.name, value=f"{wrong.height} findings",
            allowed="none", remedy="Correct the rows named, or give --findings FILE for the list.",
        )  # fmt: skip


def indicators(
    cases: Path,
    *,
    events: Path | None = None,
    use: str = "core",
    by: str = "country",
    weights: str | None = None,
    interval: Literal["wilson", "exact"] = "wilson",
    level: float = 0.95,
    closing_date: str | None = None,
    only: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    funnel: str | None = None,
    adjust: str | None = None,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Quality indicators of diagnosis, treatment and follow-up, with what they are compared with.

    Parameters
    ----------
    cases
        File of cases, with the variables of a study kit.
    events
        Dated events (events.parquet).
    use
        Sets of indicators, by commas: core, sarcoma, testis, head_neck, gep_net, or TOML files.
    by
        Strata, by commas: columns of the cases such as country,registry,hospital_dx,stage; year
        is that of diagnosis, treated_at the hospital of the first treatment.
    weights
        Column of weights of a sample.
    interval
        Limits of shares.
    level
        Confidence level.
    closing_date
        Up to which vital status was sought, YYYY-MM-DD.
    only
        Ids of indicators, by commas; a figure is of one.
    funnel
        Instead: the indicator (its id) of each unit of --by, one column, within funnel limits.
    adjust
        With --funnel: the case mix, as "~ age + stage": shares unadjusted and adjusted (mixed
        logistic), odds ratios, and ranks with their intervals, instead; the figure is of ranks.
    """
    from rarecare.care.answering import DERIVED  # noqa: PLC0415
    from rarecare.care.compute import indicators as computed  # noqa: PLC0415

    output.check_all_writable(output_to)
    strata = values.words(by)
    table = read_cases(cases, reading, tuple(name for name in strata if name not in DERIVED))
    closing = None
    if closing_date:
        closing = values.dates(f"{closing_date}:{closing_date}", "--closing-date")
    ids = [each for one in only for each in values.words(one)]
    if adjust is not None and funnel is None:
        raise UsageError("--adjust goes with --funnel", value=adjust)
    if funnel is not None:
        output.show(
            _compared(table, None if events is None else _events(events), values.words(use),
                      by=strata, indicator=funnel, adjust=adjust, level=level,
                      closing_date=None if closing is None else closing[1]),
            output_to,
        )  # fmt: skip
        return
    with output.step("counting"):
        result = computed(
            table, None if events is None else _events(events), list(values.words(use)), by=strata,
            weights=weights, interval=interval, level=level,
            closing_date=None if closing is None else closing[1],
        )  # fmt: skip
    output.show(_only(result, ids, drawn=output_to.figure is not None), output_to)


def _only(result: Result, ids: Sequence[str], *, drawn: bool) -> Result:
    """Return the indicators asked for, all without ids; a figure needs one."""
    known = result.table["indicator"].unique(maintain_order=True).to_list()
    for one in ids:
        if one not in known:
            raise UsageError("there is no such indicator", value=one, allowed=known)
    if drawn and len(ids) != 1:
        raise UsageError("a figure is of one indicator", value=",".join(ids) or None,
                         allowed=known, remedy="Name it: --only D4.")  # fmt: skip
    if not ids:
        return result
    table = result.table.filter(pl.col("indicator").is_in(list(ids)))
    assert result.draw is not None
    draw = partial(result.draw, indicator=ids[0]) if len(ids) == 1 else None
    return replace(result, table=table, draw=draw)


def _compared(
    table: Cases, events: pl.DataFrame | None, use: Sequence[str], *, by: Sequence[str],
    indicator: str, adjust: str | None, level: float, closing_date: date | None,
) -> Result:  # fmt: skip
    """Return the units of one indicator beside one another."""
    from rarecare.care.comparison import adjusted_comparison, indicator_funnel  # noqa: PLC0415
    from rarecare.care.compute import indicators as computed  # noqa: PLC0415
    from rarecare.care.compute import outcomes  # noqa: PLC0415
    from rarecare.care.definitions import read_definitions  # noqa: PLC0415

    if len(by) != 1:
        raise UsageError("units are compared by one column", value=",".join(by), allowed="--by "
                         "with one column")  # fmt: skip
    sets = [read_definitions(one) for one in use]
    known = {one.id: (of, one) for of in sets for one in of.indicators}
    shares = [name for name, (_, one) in known.items() if one.kind == "proportion"]
    if indicator not in shares:
        raise UsageError("--funnel takes an indicator that is a share", value=indicator,
                         allowed=shares)  # fmt: skip
    of, asked = known[indicator]
    with output.step("counting"):
        if adjust is not None:
            data = outcomes(table, events, of, indicator=indicator, closing_date=closing_date)
            return adjusted_comparison(data, unit=by[0], outcome="answer", formula=adjust,
                                       level=level)  # fmt: skip
        made = computed(table, events, [of], by=by, level=level, closing_date=closing_date)
        rows = made.table.filter(pl.col("indicator") == indicator)
        found = indicator_funnel(rows.drop_nulls(by[0]), unit=by[0], level=level)
        assert found.draw is not None
        return replace(
            found, provenance=replace(found.provenance, inputs=made.provenance.inputs),
            draw=partial(found.draw, title=asked.title),
        )  # fmt: skip


def volumes(
    cases: Path,
    *,
    events: Path,
    by: str = "country",
    entity: str = "entity_tier1",
    groups: Path | None = None,
    hospitals: Path | None = None,
    threshold: float | None = None,
    years: str | None = None,
    inhabitants: Path | None = None,
    show: Literal["centralisation", "trend", "hospitals"] = "centralisation",
    level: float = 0.95,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Volumes of hospitals and how far care is centralised.

    Parameters
    ----------
    cases
        File of cases; classified where they lack the entity.
    events
        Dated events with hospitals (events.parquet).
    by
        Areas, by commas.
    entity
        Column whose values are the referral groups.
    groups
        File with columns entity and group: entities of one referral pattern, counted together;
        those in no group are left out and counted.
    hospitals
        File with columns hospital_id and country: residents treated abroad are then told apart.
    threshold
        Patients a year per hospital, treatment and group: share treated at or above.
    years
        First and last year of diagnosis, as 2000-2007.
    inhabitants
        File with the areas and their inhabitants: measures per 10 million of them too.
    show
        Measures of centralisation, their mean yearly change, or one row per hospital.
    level
        Confidence level.
    """
    from rarecare.care.thresholds import PER_YEAR, Threshold  # noqa: PLC0415
    from rarecare.care.volume_tables import volumes as counted  # noqa: PLC0415

    output.check_all_writable(output_to)
    areas = values.words(by)
    table = read_cases(cases, reading, (*areas, entity))
    span = None
    if years is not None:
        first, last = values.ages(years, "--years") or (0, 0)
        span = (first, last)
    with output.step("counting"):
        result = counted(
            table, _events(events), by=areas, entity=entity, years=span, show=show,
            groups=None if groups is None else _groups(groups),
            hospitals=None if hospitals is None else _table(hospitals, ("hospital_id", "country")),
            inhabitants=None if inhabitants is None else read_numbers(inhabitants),
            thresholds=[] if threshold is None else [Threshold(threshold, PER_YEAR)], level=level,
        )  # fmt: skip
    output.show(result, output_to)


def pathways(
    cases: Path,
    *,
    events: Path,
    show: Literal["paths", "waits", "flows", "occupancy"] = "paths",
    by: str = "",
    smallest: int = DEFAULT_THRESHOLD,
    most: int = 20,
    level: float = 0.95,
    reading: Reading = Reading(),
    output_to: Output = Output(),
) -> None:
    """Trace patients' ways through care: frequent paths, waiting times, flows, states over time.

    Parameters
    ----------
    cases
        File of cases with follow-up.
    events
        Dated events (events.parquet).
    show
        The most frequent paths; waiting times of each step; flows between steps (the figure is a
        Sankey diagram); or the share of patients in each state over time.
    by
        Strata, by commas; treated_at is the hospital of the first treatment.
    smallest
        Paths and flows of fewer patients are grouped, and withheld where they would follow.
    most
        With paths: how many are listed.
    level
        Confidence level.
    """
    from rarecare.care import occupancy as states  # noqa: PLC0415
    from rarecare.care import pathway_flows, pathway_tables  # noqa: PLC0415
    from rarecare.care.pathways import pathways as traced  # noqa: PLC0415

    output.check_all_writable(output_to)
    strata = values.words(by)
    table = read_cases(cases, reading, tuple(name for name in strata if name != "treated_at"))
    with output.step("tracing"):
        found = traced(_events(events), table.table, inputs=(table.source,))
        common = {"by": strata, "smallest": smallest, "level": level}
        if show == "paths":
            result = pathway_tables.frequent_paths(found, most=most, **common)  # type: ignore[arg-type]
        elif show == "waits":
            result = pathway_tables.waiting_times(found, **common)  # type: ignore[arg-type]
        elif show == "flows":
            result = pathway_flows.pathway_flows(found, **common)  # type: ignore[arg-type]
        else:
            result = states.occupancy(found, **common)  # type: ignore[arg-type]
    output.show(result, output_to)


def _groups(path: Path) -> dict[str, str]:
    """Return the referral group of each entity."""
    table = _table(path, ("entity", "group"))
    twice = table.filter(table["entity"].is_duplicated())
    if twice.height:
        raise CaseError("an entity is in two groups", file=path.name, column="entity",
                        value=twice["entity"][0], allowed="one group")  # fmt: skip
    return dict(table.iter_rows())


def _table(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Return these columns of a file as text, rows with a blank refused."""
    from rarecare.files import read_table  # noqa: PLC0415

    raw = read_table(path)
    for name in columns:
        if name not in raw.frame.columns:
            raise ColumnError("the file lacks a column", file=path.name, value=name,
                              allowed=raw.frame.columns)  # fmt: skip
    text = raw.frame.select(
        pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in columns
    )
    for name in columns:
        blank = text[name].is_null().arg_true()
        if len(blank):
            raise CaseError("a value is blank", file=path.name, row=int(blank[0]) + 2, column=name,
                            allowed="a value in every row")  # fmt: skip
    return text


def _events(path: Path) -> pl.DataFrame:
    from rarecare.registry.events import read_events  # noqa: PLC0415

    with output.step(f"reading {path.name}"):
        return read_events(path)

"""Real hospital data as cases and events: how each column is read, and what is derived from it.

None of these data are part of this repository. lyDATA (six European hospitals, CC BY-SA 4.0) and
its follow-up file of Groningen. What a code means that its source does not say is
inferred, and said to be so. Only intervals are shown, no date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from rarecare.registry.events import COLUMNS

_SITES = {"oropharynx": "C10.9", "larynx": "C32.9", "hypopharynx": "C13.9", "oral cavity": "C06.9"}


@dataclass(frozen=True, slots=True)
class CareData:
    """One source, read.

    Attributes
    ----------
    name, title, about
        Short name; title; who the patients are, as a sentence.
    sets
        Indicator sets that concern them.
    cases, events
        As ``rarecare.indicators`` takes them.
    derivations
        Variable to how it was made from the source's columns.
    no_meaning
        Indicators that would be computed and say nothing here, with the reason.
    """

    name: str
    title: str
    about: str
    sets: tuple[str, ...]
    cases: pl.DataFrame
    events: pl.DataFrame
    derivations: Mapping[str, str]
    no_meaning: Mapping[str, str] = field(default_factory=dict)


def text(path: Path) -> pl.DataFrame:
    """Return a file's columns as stripped text, null where blank."""
    raw = pl.read_csv(path, infer_schema_length=0)
    return raw.with_columns(pl.all().str.strip_chars().replace("", None))


def events(*parts: pl.DataFrame, registry: str | None = None) -> pl.DataFrame:
    """Return parts of ``patient_id``, ``event`` and more as one table of events."""
    made = []
    for part in parts:
        lacking = [name for name in COLUMNS if name not in part.columns]
        own = part.with_columns(
            pl.lit(None).cast(COLUMNS[name]).alias(name) for name in lacking
        ).with_columns(
            date_precision=pl.when(pl.col("date").is_not_null()).then(pl.lit("day")),
            tumour_id=pl.lit("1"),
        )
        if registry is not None:
            own = own.with_columns(registry=pl.lit(registry))
        made.append(own.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items()))
    return pl.concat(made)


def _stage(t: pl.Expr, n: pl.Expr, m1: pl.Expr, m0: pl.Expr) -> pl.Expr:
    """Return stage I to IV of larynx, hypopharynx, oral cavity and oropharynx without HPV.

    TNM, 7th and 8th edition: I T1 N0, II T2 N0, III T3 N0 or T1-3 N1, IV T4 or N2-3 or M1.
    """
    return (
        pl.when(m1 | (t == 4) | (n >= 2)).then(pl.lit("IV"))
        .when(~m0 | t.is_null() | n.is_null() | (t == 0)).then(None)
        .when((n == 1) | (t == 3)).then(pl.lit("III"))
        .when(t == 2).then(pl.lit("II"))
        .when(t == 1).then(pl.lit("I"))
    )  # fmt: skip


def _stage_hpv(t: pl.Expr, n: pl.Expr, m1: pl.Expr, m0: pl.Expr, pathological: pl.Expr) -> pl.Expr:
    """Return stage I to IV of oropharynx with HPV, TNM 8th edition, clinical or pathological.

    Clinical: I T0-2 N0-1, II T3 or N2, III T4 or N3. Pathological: I T0-2 N0-1, II T3-4 N0-1 or
    T0-2 N2, III T3-4 N2. IV is M1 in both.
    """
    clinical = (
        pl.when((t == 4) | (n == 3)).then(pl.lit("III"))
        .when((t == 3) | (n == 2)).then(pl.lit("II")).otherwise(pl.lit("I"))
    )  # fmt: skip
    on_specimen = (
        pl.when((t >= 3) & (n == 2)).then(pl.lit("III"))
        .when((t >= 3) | (n == 2)).then(pl.lit("II")).otherwise(pl.lit("I"))
    )  # fmt: skip
    return (
        pl.when(m1).then(pl.lit("IV"))
        .when(~m0 | t.is_null() | n.is_null()).then(None)
        .when(pathological).then(on_specimen).otherwise(clinical)
    )  # fmt: skip


def _extent(t: pl.Expr, n: pl.Expr, m1: pl.Expr, m0: pl.Expr) -> pl.Expr:
    """Return localised, regional (nodes, or T4) or distant."""
    return (
        pl.when(m1).then(pl.lit("distant"))
        .when(~m0).then(None)
        .when((n >= 1) | (t == 4)).then(pl.lit("regional"))
        .when((t >= 1) & (n == 0)).then(pl.lit("localised"))
    )  # fmt: skip


def groningen(folder: Path) -> CareData:
    """Larynx and hypopharynx in Groningen: radiotherapy, surgery of the neck, recurrences."""
    raw = text(folder / "head_and_neck" / "hnscc_groningen_followup.csv").rename(
        {"id": "patient_id"}
    )
    dated = raw.with_columns(pl.col("^date_.*$").str.to_date())
    operated = pl.col("dataset").str.contains("surgery")
    code = {name: pl.col(f"c{name}_code").cast(pl.Int64, strict=False) for name in "TNM"}
    t = pl.when(code["T"].is_between(1, 4)).then(code["T"])
    n = pl.when(code["N"].is_between(0, 5)).then(code["N"])
    m1, m0 = (code["M"] == 1).fill_null(value=False), (code["M"] == 0).fill_null(value=False)
    cases = dated.select(
        "patient_id", "country", "sex", tumour_id=pl.lit("1"), registry=pl.lit("UMCG"),
        cancer=pl.lit("head_neck"), stage_tnm=_stage(t, n, m1, m0), stage=_extent(t, n, m1, m0),
        vital_status=pl.col("status_code").replace_strict(
            {"1": "alive", "2": "alive", "3": "dead", "4": "dead"}, default=None),
        last_date=pl.col("date_term"), incidence_date=pl.col("date_pathology"),
        treatment_intent=pl.col("intention_code").replace_strict(
            {"0": "curative", "1": "palliative"}, default=None),
    )  # fmt: skip
    before = pl.col("date_neck_surgery") <= pl.col("date_rt_start")
    happened = events(
        dated.filter(pl.col("date_pathology").is_not_null()).select(
            "patient_id", event=pl.lit("pathology"), date="date_pathology"),
        dated.filter(pl.col("date_neck_surgery").is_not_null() | operated).select(
            "patient_id", event=pl.lit("surgery"), date="date_neck_surgery"),
        dated.filter(pl.col("date_rt_start").is_not_null()).select(
            "patient_id", event=pl.lit("radiotherapy"), date="date_rt_start",
            value=pl.when(operated & before).then(pl.lit("adjuvant"))
            .when(~operated & pl.col("date_neck_surgery").is_null()).then(pl.lit("definitive"))),
        *(
            dated.filter(pl.col(flag) == "1").select(
                "patient_id", event=pl.lit("recurrence"), date=day, value=pl.lit(where))
            for flag, day, where in (
                ("local_rec", "date_local_rec", "local"), ("reg_rec", "date_reg_rec", "regional"),
                ("mets", "date_mets", "distant"))
        ),
        registry="UMCG",
    )  # fmt: skip
    return CareData(
        "groningen",
        "Groningen: larynx and hypopharynx",
        "Patients of one hospital who had radiotherapy, 130 of them after surgery.",
        ("core", "head_neck"),
        cases,
        happened,
        {
            "stage_tnm": "TNM of cT_code, cN_code, cM_code. cN_code is inferred from order and "
            "frequency: 0 N0, 1 N1, 2–4 N2a–c, 5 N3; codes 8 and 9 are unknown",
            "stage": "distant: M1; regional: N1–3 or T4; localised: the others with T, N and M0",
            "vital_status": "status_code 1, 2 alive; 3, 4 dead (inferred); 5 unclear, unknown",
            "treatment_intent": "intention_code 0 curative, 1 palliative (inferred: all 18 with "
            "code 1 died, most had metastases, and their radiotherapy was short)",
            "surgery": "date_neck_surgery; patients of the surgery file without it had surgery on "
            "an unknown day",
            "radiotherapy": "date_rt_start; adjuvant where the patient is of the surgery file and "
            "the surgery of the neck is not later; definitive without any surgery; else unknown",
            "recurrence": "local_rec, reg_rec, mets with their dates",
            "not used": "loctum_code, modality_code: their meaning could not be established",
        },
        {
            "D3a": "only the day of pathology is recorded: all with a day have a report",
            "HN-surgery": "the patients were chosen because they had radiotherapy",
            "HN-untreated": "the patients were chosen because they had radiotherapy",
            "HN-multi": "systemic therapy is not recorded: only a yes could be seen",
            "T3": "of surgery only that of the neck has a day: see HN-3c, the same interval",
            "HN-biopsy": "pathology is known by its day alone: without a day it is not known "
            "whether there was any",
        },
    )


def lydata(folder: Path) -> CareData:
    """Head-and-neck patients of six hospitals: TNM, site, HPV."""
    raw = text(folder / "head_and_neck" / "hnscc_lydata_core.csv").rename({"id": "patient_id"})
    t, n, m = (pl.col(f"{x}_stage").cast(pl.Float64) for x in "tnm")
    in_situ = pl.col("t_stage_suffix").fill_null("") == "is"
    t = pl.when(~in_situ).then(t)
    # MX (-1) is taken as M0, as TNM does; blank is unknown
    m1, m0 = (m == 1).fill_null(value=False), m.is_in([0.0, -1.0]).fill_null(value=False)
    hpv = (
        (pl.col("location") == "oropharynx") & (pl.col("tnm_edition") == "8")
        & (pl.col("hpv_status") == "True").fill_null(value=False)
    )  # fmt: skip
    pathological = pl.col("t_stage_prefix").str.to_lowercase() == "p"
    cases = raw.select(
        "patient_id", "country", "sex", tumour_id=pl.lit("1"),
        registry="institution", hospital_dx="institution", cancer=pl.lit("head_neck"),
        topography=pl.coalesce("subsite", pl.col("location").replace_strict(_SITES)),
        behaviour=pl.when(in_situ).then(2).otherwise(3),
        stage_tnm=pl.when(hpv).then(_stage_hpv(t, n, m1, m0, pathological))
        .otherwise(_stage(t, n, m1, m0)),
        stage=_extent(t, n, m1, m0),
        hpv=pl.col("hpv_status").replace({"True": "positive", "False": "negative"}),
    )  # fmt: skip
    kinds = (("date_CT", "CT"), ("date_MRI", "MRI"), ("date_PET", "PET"),
             ("date_sonography", "ultrasound"))  # fmt: skip
    named = raw.with_columns(registry="institution", hospital_id="institution")
    happened = events(
        named.filter(pl.col("date_pathology").is_not_null()).select(
            "patient_id", "registry", event=pl.lit("pathology"),
            date=pl.col("date_pathology").str.to_date()),
        *(
            named.filter(pl.col(column).is_not_null()).select(
                "patient_id", "registry", "hospital_id", event=pl.lit("imaging"),
                date=pl.col(column).str.to_date(), value=pl.lit(kind))
            for column, kind in kinds
        ),
    )  # fmt: skip
    return CareData(
        "lydata", "lyDATA: head and neck, six hospitals",
        "Patients of six European hospitals, chosen for studies of lymph nodes. The 983 of "
        "Groningen are those of the follow-up file under other pseudonyms: the two are never "
        "added.",
        ("core", "head_neck"), cases, happened,
        {
            "stage_tnm": "TNM of t_stage, n_stage, m_stage; oropharynx with HPV by the 8th "
            "edition's own table where the edition is 8 (clinical or pathological by the prefix "
            "of T). M not assessed (−1) is taken as M0, a blank is unknown; IV needs no M where T4 "
            "or N2–3 decide it",
            "stage": "distant: M1; regional: N1–3 or T4; localised: N0 with T1–3",
            "behaviour": "2, in situ, where the suffix of T is “is”",
            "hpv": "hpv_status true or false; blank is not known",
            "hospital_dx": "institution",
            "imaging, pathology": "the dates of CT, MRI, PET, sonography and pathology; there are "
            "no dates of treatment to compare them with",
            "not used": "neck_dissection: it has no date, and no other treatment is recorded",
        },
        {"D3a": "only the day of pathology is recorded: all with a day have a report"},
    )  # fmt: skip

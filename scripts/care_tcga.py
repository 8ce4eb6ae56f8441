"""Clinical tables of TCGA as cases and events: sarcoma, head and neck, testis.

Open tier, not part of this repository. The results are in whole or part based upon data generated
by the TCGA Research Network. Days count from diagnosis, which stands on an arbitrary day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
from care_sources import CareData, events, text

DAY_0 = date(2000, 1, 1)
"""Stands for the day of diagnosis."""
_TCGA = "days from diagnosis, counted from an arbitrary first day"


def _core(folder: Path, cohort: str) -> pl.DataFrame:
    return text(folder / "tcga" / "tcga_rare_core.csv").filter(cohort=cohort)


def _long(folder: Path, name: str, cohort: str) -> pl.DataFrame:
    return text(folder / "tcga" / f"{name}.csv.gz").filter(cohort=cohort)


def _on(days: str) -> pl.Expr:
    return pl.lit(DAY_0) + pl.duration(days=pl.col(days).cast(pl.Int64, strict=False))


def _tcga(
    folder: Path, cohort: str, cancer: str, *, operated: pl.Expr, margins: pl.Expr,
    more: Mapping[str, pl.Expr],
) -> tuple[pl.DataFrame, pl.DataFrame]:  # fmt: skip
    """Return cases and events of a TCGA cohort.

    ``registry`` stands for what a patient's forms say: radiotherapy, drugs, both or neither, so
    that a treatment the form does not speak of is unknown, and not none.
    """
    core = _core(folder, cohort)
    follow_ups = _long(folder, "follow_ups_long", cohort)
    courses = _long(folder, "radiations_long", cohort)
    drugs = _long(folder, "drugs_long", cohort)
    relapses = _long(folder, "new_tumor_events_long", cohort)
    told = follow_ups.group_by("patient_id").agg(
        later_rt=pl.col("radiation_therapy").max(),  # yes where any form says yes
        later_drug=pl.col("postoperative_rx_tx").drop_nulls().first(),
        reason=pl.col("patient_death_reason").drop_nulls().first(),
    )
    first_relapse = relapses.group_by("patient_id").agg(
        relapse=pl.col("days_to_new_tumor_event_after_initial_treatment")
        .cast(pl.Int64, strict=False).min()
    )  # fmt: skip
    has = {
        "course": pl.col("patient_id").is_in(courses["patient_id"].unique().implode()),
        "drug": pl.col("patient_id").is_in(drugs["patient_id"].unique().implode()),
    }
    people = core.join(told, on="patient_id", how="left", maintain_order="left").with_columns(
        rt_told=has["course"] | pl.any_horizontal(
            pl.col("radiation_therapy", "later_rt").is_not_null()),
        drug_told=has["drug"] | pl.any_horizontal(
            pl.col("postop_drug", "later_drug").is_not_null()),
    ).with_columns(
        registry=pl.format("TCGA; radiotherapy {}, drugs {}",
                           *(pl.when(name).then(pl.lit("told")).otherwise(pl.lit("not told"))
                             for name in ("rt_told", "drug_told"))),
    )  # fmt: skip
    registry = people.select("patient_id", "registry")
    followed = pl.col("os_days").cast(pl.Float64, strict=False).cast(pl.Int64)
    cases = people.select(
        "patient_id", "registry", "sex", tumour_id=pl.lit("1"), cancer=pl.lit(cancer),
        country=pl.lit("TCGA"), incidence_date=pl.lit(DAY_0),
        vital_status=pl.col("os_event").replace_strict({"0": "alive", "1": "dead"}, default=None),
        last_date=pl.lit(DAY_0) + pl.duration(days=followed), cause_of_death="reason", **more,
    )  # fmt: skip
    setting = (
        pl.when(pl.col("regimen_indication") == "adjuvant").then(pl.lit("adjuvant"))
        .when(pl.col("regimen_indication") == "palliative").then(pl.lit("palliative"))
        .when(pl.col("regimen_indication_notes").is_in(["neoadjuvant", "primary: induction",
                                                        "induction"]))
        .then(pl.lit("neoadjuvant"))
        .when(pl.col("regimen_indication_notes").str.starts_with("primary"))
        .then(pl.lit("definitive"))
    )  # fmt: skip
    # of patients whose tumour was resected without treatment before: what came before a relapse
    # and names no other purpose came after surgery
    resected_first = people.filter(operated & (pl.col("neoadjuvant") == "no"))["patient_id"]
    after_surgery = (
        pl.col("patient_id").is_in(resected_first.implode()) & pl.col("_on").is_not_null()
        & pl.col("regimen_indication").is_null() & pl.col("regimen_indication_notes").is_null()
    )  # fmt: skip
    setting = pl.when(after_surgery).then(pl.lit("adjuvant")).otherwise(setting)
    later = pl.col("regimen_indication").is_in(["recurrence", "progression"]).fill_null(value=False)
    kind = pl.col("therapy_types.therapy_type").replace_strict(
        {"chemotherapy": "chemotherapy", "targeted molecular therapy": "targeted",
         "immunotherapy": "immunotherapy", "vaccine": "immunotherapy",
         "hormone therapy": "hormonal"}, default=None,
    )  # fmt: skip

    def first_course(table: pl.DataFrame, day: str) -> pl.DataFrame:
        joined = table.join(first_relapse, on="patient_id", how="left").with_columns(
            _on=pl.col(day).cast(pl.Int64, strict=False)
        )
        relapsed = (pl.col("_on") >= pl.col("relapse")).fill_null(value=False)
        return joined.filter(~later & ~relapsed)

    rt, dg = "days_to_radiation_therapy_start", "days_to_drug_therapy_start"
    yes = pl.any_horizontal(
        (pl.col(name) == "yes").fill_null(value=False) for name in ("radiation_therapy", "later_rt")
    )
    parts = (
        people.filter(operated).select(
            "patient_id", event=pl.lit("surgery"), date=pl.lit(None, pl.Date), value=margins),
        first_course(courses, rt).select(
            "patient_id", event=pl.lit("radiotherapy"), date=_on(rt), value=setting),
        people.filter(yes & ~has["course"]).select(
            "patient_id", event=pl.lit("radiotherapy"), date=pl.lit(None, pl.Date)),
        first_course(drugs, dg).with_columns(event=kind).filter(
            pl.col("event").is_not_null()).select(
            "patient_id", "event", date=_on(dg), value=setting),
        people.filter((pl.col("postop_drug") == "yes").fill_null(value=False) & ~has["drug"])
        .select("patient_id", event=pl.lit("systemic"), date=pl.lit(None, pl.Date)),
        relapses.filter(pl.col("new_neoplasm_event_type") != "new primary tumor").select(
            "patient_id", event=pl.lit("recurrence"),
            date=_on("days_to_new_tumor_event_after_initial_treatment"),
            value=pl.col("new_neoplasm_event_type").replace_strict(
                {"distant metastasis": "distant"}, default=None)),
    )  # fmt: skip
    happened = events(*(part.join(registry, on="patient_id") for part in parts))
    return cases, happened


_TREATMENTS = {
    "registry": "whether a patient's forms speak of radiotherapy and of drugs: what they do not "
    "speak of is unknown",
    "radiotherapy, drugs": "courses of the radiotherapy and drug tables by their stated "
    "indication; those for recurrence or progression, or begun after the first new tumour event, "
    "are left out. Without a stated indication a dated course before any relapse is adjuvant where "
    "the tumour was resected and nothing was given before (inferred). A form that says yes without "
    "a course: radiotherapy on an unknown day",
    "recurrence": "new tumour events other than new primary tumours",
    "dates": _TCGA,
    "vital_status, last_date": "os_event and os_days, which take in the later forms",
    "cause_of_death": "patient_death_reason, in words",
}
_CHOSEN = "patients were taken in because a resected tumour was at hand"


def sarcoma(folder: Path) -> CareData:
    """Soft-tissue sarcomas of TCGA: margins, depth, size, treatment."""
    site = pl.col("site").fill_null("")
    cases, happened = _tcga(
        folder, "SARC", "sarcoma",
        operated=pl.col("residual_tumor").is_not_null(),
        margins=pl.col("residual_tumor").str.to_uppercase(),
        more={
            "margins": pl.col("residual_tumor").str.to_uppercase(),
            "behaviour": pl.when(pl.col("histology") == "desmoid tumor").then(1).otherwise(3),
            "site_group": pl.when(site.str.contains("extremity")).then(pl.lit("limbs"))
            .when(site.str.contains("superficial trunk|chest wall")).then(pl.lit("trunk_wall"))
            .when(site.str.contains("abdom|pelvic")).then(pl.lit("intra_abdominal"))
            .when(site.str.contains("gynecological")).then(pl.lit("genito_urinary"))
            .when(site != "").then(pl.lit("other")),
            "topography": pl.when(site.str.ends_with("- retroperitoneum")).then(pl.lit("C48.0"))
            .when(site.str.ends_with("- uterus")).then(pl.lit("C55.9"))
            .when(site != "").then(pl.lit("C49.9")),
            "histology_name": pl.col("histology"),
            "depth": pl.col("tumor_depth"),
            "tumour_size_cm": pl.col("path_tumor_length").cast(pl.Float64, strict=False),
        },
    )  # fmt: skip
    return CareData(
        "tcga-sarcoma", "TCGA: soft-tissue sarcoma",
        "Adults whose resected tumour was studied, mostly in the United States.",
        ("core", "sarcoma"), cases, happened,
        {"margins": "residual_tumor; surgery on an unknown day where it is stated",
         "behaviour": "1 for desmoid tumours, so that they are excluded; 3 for the others",
         "site_group": "extremity: limbs; superficial trunk and chest wall: trunk wall; abdomen "
         "and pelvis: intra-abdominal; gynaecological: genito-urinary",
         "topography": "C48.0 retroperitoneum, C55.9 uterus, C49.9 all other sites stated",
         "tumour_size_cm": "path_tumor_length", **_TREATMENTS},
        {"STS-surgery": _CHOSEN, "STS-RX": "the source states margins of all it calls resected"},
    )  # fmt: skip


def _tcga_stage() -> pl.Expr:
    """Return the pathological stage, or the clinical where there is none: ``IVA``."""
    own = pl.coalesce("path_stage", "clin_stage")
    return own.str.strip_prefix("stage ").str.to_uppercase()


def head_neck(folder: Path) -> CareData:
    """Head-and-neck cancers of TCGA: stage, margins, HPV, radiotherapy and drugs."""
    margins = pl.col("margin_status").replace_strict(
        {"negative": "R0", "positive": "R1"}, default=None)  # fmt: skip
    oropharynx = pl.col("subsite").is_in(["tonsil", "base of tongue", "oropharynx"])
    n_known = pl.coalesce("pN", "cN")
    cases, happened = _tcga(
        folder, "HNSC", "head_neck", operated=pl.col("margin_status").is_not_null(),
        margins=margins,
        more={
            "margins": margins, "stage_tnm": _tcga_stage(),
            "stage": pl.when(_tcga_stage() == "IVC").then(pl.lit("distant"))
            .when(n_known.str.contains("n[123]") | pl.coalesce("pT", "cT").str.starts_with("t4"))
            .then(pl.lit("regional")).when(n_known == "n0").then(pl.lit("localised")),
            "site_group": pl.when(oropharynx).then(pl.lit("oropharynx")).otherwise(
                pl.col("subsite").fill_null("unknown")),
            "hpv": pl.col("hpv_p16"),
        },
    )  # fmt: skip
    return CareData(
        "tcga-head-neck", "TCGA: head and neck",
        "Adults whose resected tumour was studied, mostly in the United States.",
        ("core", "head_neck"), cases, happened,
        {"margins": "margin_status: negative R0, positive R1 (the source does not tell R1 from "
         "R2); close, 50 patients, is neither and stands as not known",
         "stage_tnm": "path_stage, else clin_stage",
         "stage": "distant: IVC; regional: N1–3 or T4; localised: N0",
         "hpv": "hpv_p16, of p16 alone", **_TREATMENTS},
        {"HN-surgery": _CHOSEN, "HN-untreated": _CHOSEN,
         "T2a-all": "the source tells negative, close and positive only",
         "D4": "the day of surgery is not recorded", "HN-3a": "the day of surgery is not recorded",
         "HN-3b": "the day of surgery is not recorded"},
    )  # fmt: skip


def testis(folder: Path) -> CareData:
    """Testicular germ-cell tumours of TCGA: stage, radiotherapy, drugs."""
    stage = _tcga_stage()
    cases, happened = _tcga(
        folder, "TGCT", "testis", operated=pl.lit(value=False), margins=pl.lit(None, pl.String),
        more={
            "stage_tnm": stage,
            "histology_group": pl.when(pl.col("histology").str.starts_with("seminoma"))
            .then(pl.lit("seminoma")).otherwise(pl.lit("non_seminoma")),
            "p_t": pl.col("pT").str.to_uppercase(),
        },
    )  # fmt: skip
    return CareData(
        "tcga-testis", "TCGA: testis",
        "Men whose orchidectomy specimen was studied: the Netherlands, the United States, Brazil, "
        "Croatia, Russia.",
        ("core", "testis"), cases, happened,
        {"stage_tnm": "path_stage, else clin_stage; IS, markers raised after orchidectomy, is "
         "counted in stage I, though its use here is more frequent than in practice",
         "histology_group": "histology",
         "p_t": "pT", **_TREATMENTS},
        {"TT-orchidectomy": _CHOSEN,
         "T2a": "margins are not an item of orchidectomy", "T2b": "nothing is said of re-excision"},
    )  # fmt: skip

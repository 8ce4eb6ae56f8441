"""Indicators on real head-and-neck and sarcoma data, beside counts made directly."""

import numpy as np
import polars as pl
import pytest

from rarecare.care.compute import indicators

SITES = {"oropharynx": "C10.9", "larynx": "C32.9", "hypopharynx": "C13.9", "oral cavity": "C06.9"}


def events_of(table, **kinds):
    """Events of dated columns: ``imaging=("date_CT", "CT")``, several by a list."""
    parts = [
        table.select("patient_id", event=pl.lit(kind), date=pl.col(column).str.to_date(),
                     value=pl.lit(value, dtype=pl.String)).drop_nulls("date")
        for kind, columns in kinds.items() for column, value in columns
    ]  # fmt: skip
    return pl.concat(parts)


@pytest.fixture(scope="module")
def groningen(shared_data):
    path = shared_data / "head_and_neck" / "hnscc_groningen_followup.csv"
    raw = pl.read_csv(path, infer_schema_length=0).with_columns(
        pl.col(pl.String).str.strip_chars().replace("", None)
    )
    table = raw.rename({"id": "patient_id"})
    cases = table.select(
        "patient_id", "country", cancer=pl.lit("head_neck"),
        died=pl.col("status_code").replace_strict(
            {"1": False, "2": False, "3": True, "4": True}, default=None, return_dtype=pl.Boolean),
        last_date=pl.col("date_term").str.to_date(),
        incidence_date=pl.col("date_pathology").str.to_date(),
    )  # fmt: skip
    return cases, events_of(table, pathology=[("date_pathology", None)],
                            radiotherapy=[("date_rt_start", None)])  # fmt: skip


def test_groningen_from_pathology_to_radiotherapy(groningen):
    cases, events = groningen
    found = indicators(cases, events, ["core", "head_neck"])
    wide = cases.select("patient_id").join(
        events.pivot(on="event", index="patient_id", values="date"), on="patient_id", how="left"
    )
    days = (wide["radiotherapy"] - wide["pathology"]).dt.total_days()
    positive = days.filter(days >= 0).to_numpy()
    rows = {row["measure"]: row
            for row in found.table.filter(indicator="D4").iter_rows(named=True)}  # fmt: skip
    median = rows["median"]
    assert (median["n"], median["denominator"]) == (983, len(positive))
    assert median["negative"] == (days < 0).sum() == found.negative.filter(indicator="D4").height
    assert median["unknown"] == wide.filter(
        pl.col("radiotherapy").is_not_null() & pl.col("pathology").is_null()
    ).height  # fmt: skip
    assert median["not_eligible"] == wide["radiotherapy"].null_count()
    for measure, share in (("median", 0.5), ("lower quartile", 0.25), ("90th percentile", 0.9)):
        wanted = np.quantile(positive, share, method="averaged_inverted_cdf")
        assert rows[measure]["estimate"] == wanted
    assert rows["share within threshold"]["estimate"] == pytest.approx((positive <= 30).mean())
    assert median["verdict"] == "not met"
    assert found.table.filter(indicator="HN-3a", measure="median")["comparators"][0].startswith(
        "32 days, median"
    )
    said = dict(found.table.filter(status="not estimable").select("indicator", "reason").rows())
    assert "events imaging" in said["D1"]
    assert "column margins" in said["T2a"]


def test_groningen_potential_follow_up(groningen):
    cases, events = groningen
    own = indicators(cases, events, "core", by=()).table.filter(indicator="F3a", measure="median")
    known = cases.drop_nulls(["died", "incidence_date", "last_date"]).with_columns(
        days=(pl.col("last_date") - pl.col("incidence_date")).dt.total_days()
    ).filter(pl.col("days") >= 0)  # fmt: skip
    assert own["denominator"].item() == known.height
    survival = 1.0
    for day in sorted(known["days"].unique()):
        at_risk = (known["days"] >= day).sum()
        alive = known.filter((pl.col("days") == day) & ~pl.col("died")).height
        survival *= 1 - alive / at_risk
        if survival <= 0.5:
            break
    assert own["estimate"].item() == day


def test_six_hospitals_stage_and_hpv(shared_data):
    path = shared_data / "head_and_neck" / "hnscc_lydata_core.csv"
    raw = pl.read_csv(path, infer_schema_length=0).rename({"id": "patient_id"})
    cases = raw.select(
        "patient_id", "country", cancer=pl.lit("head_neck"),
        topography=pl.col("location").replace_strict(SITES),
        hpv=pl.col("hpv_status").replace({"True": "positive", "False": "negative"}),
    )  # fmt: skip
    events = events_of(raw, pathology=[("date_pathology", None)],
                       imaging=[("date_CT", "CT"), ("date_MRI", "MRI"),
                                ("date_PET", "PET")])  # fmt: skip
    found = indicators(cases, events, "head_neck").table
    own = found.filter(indicator="HN-p16")
    direct = (
        raw.filter(location="oropharynx").group_by("country")
        .agg(known=pl.col("hpv_status").is_not_null().sum(), n=pl.len())
    )  # fmt: skip
    for country, known, n in direct.iter_rows():
        row = own.filter(country=country).row(0, named=True)
        assert (row["numerator"], row["denominator"]) == (known, n)
    # there are no treatments: what is asked of the treated is not known, not nought
    treated = found.filter(pl.col("indicator").is_in(["HN-D1", "HN-biopsy", "HN-surgery"]))
    assert set(treated["status"]) == {"not estimable"}
    assert treated["reason"].str.contains("events treatment|events surgery").all()


def test_sarcomas_of_tcga_by_margin(shared_data):
    raw = pl.read_csv(shared_data / "tcga" / "tcga_rare_core.csv", infer_schema_length=0)
    own = raw.filter(cohort="SARC")
    cases = own.select("patient_id", cancer=pl.lit("sarcoma"), country=pl.lit("TCGA"),
                       margins=pl.col("residual_tumor").str.to_uppercase(),
                       vital_status="vital_status")  # fmt: skip
    table = indicators(cases, None, ["core", "sarcoma"]).table
    counts = dict(own["residual_tumor"].drop_nulls().value_counts().iter_rows())
    row = table.filter(indicator="T2a").row(0, named=True)
    assert row["numerator"] == counts["r0"]
    assert row["denominator"] == counts["r0"] + counts["r1"] + counts["r2"]
    assert row["excluded"] == counts["rx"]
    assert row["eligibility_unknown"] == own["residual_tumor"].null_count()
    shares = table.filter(indicator="T2a-all").select("category", "numerator")
    assert dict(shares.rows()) == {name.upper(): n for name, n in counts.items()}

"""Quality, codes and groups of real files against counts made another way."""

from datetime import date

import polars as pl
import pytest

from rarecare.codes.iccc import to_iccc
from rarecare.codes.icd10 import to_icd10
from rarecare.registry import read_cases
from rarecare.registry.quality import quality

RCAN = "iarc_rcan_individual_example.csv.gz"


@pytest.fixture(scope="module")
def raw(shared_data):
    return pl.read_csv(shared_data / RCAN)


@pytest.fixture(scope="module")
def cases(shared_data):
    names = {
        "registry": "regcode", "incidence_date": "doi", "topography": "site",
        "morphology": "histo", "behaviour": "beh", "basis_of_diagnosis": "basis",
    }  # fmt: skip
    return read_cases(shared_data / RCAN, columns=names, date_format="%Y%m%d").table


def test_quality_of_the_iarc_example(raw, cases):
    table = quality(cases.filter(behaviour=3), by=["all", "year"])
    own = raw.filter(beh=3)
    expected = {
        "death certificate only": own.filter(basis=0).height,
        "microscopically verified": own.filter(pl.col("basis").is_between(5, 8)).height,
        "unspecified morphology": own.filter(pl.col("histo").is_between(8000, 8005)).height,
        "unknown primary site": own.filter(pl.col("site").str.starts_with("C80")).height,
        "age unknown": own.filter(age=999).height,
        "basis of diagnosis unknown": own.filter(basis=9).height,
    }
    assert own.height == 17_691
    for name, counted in expected.items():
        row = table.filter(indicator=name, period="all").row(0, named=True)
        assert (row["numerator"], row["denominator"]) == (counted, 17_691)
        assert counted > 0
        year = table.filter(indicator=name, period="2010").row(0, named=True)
        assert year["denominator"] == own.filter(pl.col("doi") // 10_000 == 2010).height


def test_every_tumour_of_the_iarc_example_has_an_icd10_code(raw, cases):
    found = to_icd10(cases)
    assert found["icd10"].null_count() == 0
    three = found["icd10"].str.slice(0, 3)
    # malignant tumours of the cervix and in situ ones, counted from the file as it stands
    cervix = raw.filter(pl.col("site").str.starts_with("C53"), pl.col("histo") < 9590)
    assert (three == "C53").sum() == cervix.filter(beh=3).height
    assert (three == "D06").sum() == cervix.filter(beh=2).height == 1_195
    melanoma = raw.filter(
        pl.col("site").str.starts_with("C44"), pl.col("histo").is_between(8720, 8790), beh=3
    )
    elsewhere = raw.filter(pl.col("histo").is_between(8720, 8790), beh=3, site="C809")
    assert (three == "C43").sum() == melanoma.height + elsewhere.height > 0


def test_childhood_cancers_of_the_iarc_example(cases):
    """379 tumours under 15, leukaemias first and central nervous system second, as anywhere."""
    children = cases.filter(pl.col("age") < 15)
    groups = to_iccc(children)["iccc_group"]
    assert (children.height, groups.null_count()) == (379, 1)
    counts = groups.drop_nulls().value_counts(sort=True)
    assert counts["iccc_group"].to_list()[:3] == ["I", "III", "II"]


def test_follow_up_of_colon_cancers_in_finland(shared_data):
    cases = read_cases(
        shared_data / "biostat3_colon.csv",
        columns={
            "patient_id": "id", "incidence_date": "dx", "last_date": "exit",
            "vital_status": "status",
        },
        codes={
            "vital_status": {
                "Alive": "alive", "Dead: cancer": "dead", "Dead: other": "dead",
                "Lost to follow-up": "lost",
            }
        },
    )  # fmt: skip
    table = quality(cases, by=["all"], closing_date=date(1995, 12, 31))
    raw = pl.read_csv(shared_data / "biostat3_colon.csv", try_parse_dates=True)
    lost = table.filter(indicator="lost to follow-up").row(0, named=True)
    assert lost["numerator"] == raw.filter(status="Lost to follow-up").height == 4
    early = table.filter(indicator="censored before 5 years").row(0, named=True)
    due = raw.filter(pl.col("dx") <= date(1990, 12, 31))
    by_hand = [
        row
        for row in due.iter_rows(named=True)
        if not row["status"].startswith("Dead")
        and (row["exit"].year, row["exit"].month, row["exit"].day)
        < (row["dx"].year + 5, row["dx"].month, row["dx"].day)
    ]
    assert (early["numerator"], early["denominator"]) == (len(by_hand), due.height)

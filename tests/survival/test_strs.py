"""Interval life tables beside published Stata output, R by hand, and R's popEpi.

published_strs_stnet.csv holds the printed output of strs on the authors' teaching data (colon);
every row is compared at its printed digits.
"""

import polars as pl
import pytest

from rarecare import LifeTable
from rarecare.survival import interval_survival

STRS = {
    "cr_e1": ("ederer1", "estimate"),
    "cr_e2": ("ederer2", "estimate"),
    "lo_cr_e2": ("ederer2", "lower"),
    "hi_cr_e2": ("ederer2", "upper"),
    "cr_hak": ("hakulinen", "estimate"),
    "cns_pp": ("pohar-perme", "estimate"),
    "lo_cns_pp": ("pohar-perme", "lower"),
    "hi_cns_pp": ("pohar-perme", "upper"),
    "cp": ("observed", "estimate"),
    "n": ("observed", "n"),
    "d": ("observed", "deaths"),
    "w": ("observed", "withdrawn"),
    "y": ("observed", "person_years"),
    "p": ("observed", "observed"),
    "p_star": ("observed", "expected"),
    "r": ("observed", "relative"),
}
METHODS = ("observed", "ederer2", "ederer1", "hakulinen", "pohar-perme")


def read(path, **types):
    return pl.read_csv(path, comment_prefix="#", schema_overrides=types)


def popmort_table(folder):
    """The authors' life table; its column rate is in single precision: strs and R take prob."""
    return LifeTable.read(folder / "biostat3_popmort.csv", columns={"px": "prob"})


def colon_cases(folder):
    """The authors' teaching data."""
    raw = pl.read_csv(folder / "biostat3_colon.csv", try_parse_dates=True)
    days = (pl.col("exit") - pl.col("dx")).dt.total_days()
    return raw.with_columns(
        pl.col("sex").str.to_lowercase(),
        died=pl.col("status").str.starts_with("Dead"),
        months=pl.col("surv_mm") / 12,
        days=days / 365.24,
        age_years=pl.col("age").cast(pl.Float64),
        diagnosis_year=pl.col("yydx").cast(pl.Float64),
    )


@pytest.fixture(scope="module")
def popmort(shared_data):
    return popmort_table(shared_data)


@pytest.fixture(scope="module")
def colon(shared_data):
    return colon_cases(shared_data)


@pytest.fixture(scope="module")
def published(shared_reference):
    return read(shared_reference / "published_strs_stnet.csv", value=pl.String)


def cells(table, keys):
    """{(key…, start, end, variable): number} of a result, in the names of strs."""
    rows = {}
    for variable, (method, column) in STRS.items():
        for row in table.filter(method=method).iter_rows(named=True):
            at = (*(row[key] for key in keys), round(row["start"], 9), round(row["end"], 9))
            rows[(*at, variable)] = row[column]
            if variable == "cp" and rows.get((*at, "cr_e2")):  # expected survival, as in_style
                rows[(*at, "cp_e2")] = row[column] / rows[(*at, "cr_e2")]
    return rows


def compared(published, ours, group):
    """How far each row lies off, in units of its last printed digit."""
    off = []
    for row in published.iter_rows(named=True):
        key = (*group(row["group"]), float(row["start"]), float(row["end"]), row["variable"])
        text = row["value"]
        off.append(abs(ours[key] - float(text)) * 10 ** len(text.partition(".")[2]))
    return off


def published_rows(colon, popmort, published):
    """How far every row of the published output lies off, in units of its last digit."""
    localised = colon.filter(stage="Localised")
    seen = []
    # strs on months, whole years of diagnosis and completed ages, by sex
    by_sex = interval_survival(
        localised.with_columns(time_years="months"), popmort, by="sex", breaks="0(1)10",
        method=("observed", "ederer2"),
    ).table  # fmt: skip
    seen += compared(
        published.filter(pl.col("page") == "software/strs/survival"), cells(by_sex, ["sex"]),
        lambda group: [group.removeprefix("sex = ").lower()],
    )  # fmt: skip
    # four methods, on days; potential follow-up to 31 December 1995
    closing = (pl.date(1995, 12, 31) - pl.col("dx")).dt.total_days() / 365.24
    four = interval_survival(
        localised.with_columns(
            time_years="days",
            potential_years=pl.when("died").then(closing).otherwise("days"),
        ),
        popmort, by="year8594", breaks="0(1)20", method=METHODS,
    ).table  # fmt: skip
    seen += compared(
        published.filter(pl.col("page") == "software/stata/four-methods-nonparametric"),
        cells(four, ["year8594"]), lambda group: [group.removeprefix("year8594 = ")],
    )  # fmt: skip
    # the hazard form, without and with late entry at one year
    conditional = published.filter(pl.col("page") == "software/stata/conditional-survival")
    for table, entry in ((1, 0.0), (2, 1.0)):
        whole = interval_survival(
            colon.with_columns(time_years="days", entry_years=pl.lit(entry)), popmort,
            breaks="0(1)10", form="hazard", method=("observed", "pohar-perme"),
        ).table  # fmt: skip
        seen += compared(conditional.filter(table=table), cells(whole, []), lambda _: [])
    return seen


def test_every_published_row_of_strs(colon, popmort, published):
    off = published_rows(colon, popmort, published)
    assert len(off) == published.height == 551
    assert max(off) < 0.5 + 1e-4  # the number printed is the rounded number


def test_every_row_of_the_table_made_in_r(colon, popmort, shared_reference):
    """handR: the colon rows; its melanoma data are not among the real data."""
    reference = read(shared_reference / "handR_strs_ederer2_lifetables.csv")
    rows = reference.filter(data="colon")
    localised = colon.filter(stage="Localised").with_columns(time_years="months")
    seen = 0
    for sex in ("all", "Male", "Female"):
        own = localised if sex == "all" else localised.filter(sex=sex.lower())
        part = rows.filter(sex=sex)
        breaks = [0.0, *part["end"].to_list()]
        table = interval_survival(own, popmort, breaks=breaks, method=("observed", "ederer2")).table
        observed, relative = table.filter(method="observed"), table.filter(method="ederer2")
        pairs = {
            "n": observed["n"], "d": observed["deaths"], "w": observed["withdrawn"],
            "p": observed["observed"], "p_star": observed["expected"], "r": observed["relative"],
            "cp": observed["estimate"], "cr_e2": relative["estimate"], "se_cp": observed["se"],
            "lo_cr_e2": relative["lower"], "hi_cr_e2": relative["upper"],
        }  # fmt: skip
        for name, ours in pairs.items():
            # z as 1.959964, 1.6e-8 off, moves a limit by that times its standard error (< 0.1)
            printed = 1.6e-9 if name in ("lo_cr_e2", "hi_cr_e2") else 1e-10
            assert (ours - part[name]).abs().max() < printed, name
        seen += part.height
    assert seen == rows.height == 60
    assert reference.height - seen == 60  # melanoma


YEAR = 365.242199
SIRE_BREAKS = {
    "month": "0(1/12)15", "year": "0(1)15", "vary": "0,1/12,0.25,0.5,1,2,3,5,10,15"
}  # fmt: skip
FORMS = {"hazard": "hazard", "lifetable": "actuarial"}


def fractional(name):
    return pl.col(name).dt.year() + (pl.col(name).dt.ordinal_day() - 1) / YEAR


@pytest.fixture(scope="module")
def finland(shared_data):
    raw = pl.read_csv(shared_data / "popEpi_popmort.csv").rename({"agegroup": "age"})
    return LifeTable.read(raw, codes={"sex": {"0": "male", "1": "female"}})


@pytest.fixture(scope="module")
def sire(shared_data):
    raw = pl.read_csv(shared_data / "popEpi_sire.csv", try_parse_dates=True)
    return raw.filter(pl.col("dg_date") < pl.col("ex_date")).select(
        sex=pl.col("sex").replace_strict({0: "male", 1: "female"}),
        diagnosis_year=fractional("dg_date"),
        exit_year=fractional("ex_date"),
        time_years=fractional("ex_date") - fractional("dg_date"),
        age_years="dg_age",
        died=pl.col("status") > 0,
    )


def largest(ours, theirs):
    return (ours - theirs).abs().max()


def test_popepi_overall(sire, finland, shared_reference):
    """Ederer II and observed to rounding, Pohar Perme up to the sign of its half interval.

    One censoring lies on a break: popEpi's actuarial form counts it in the interval that ends
    there (6e-6).
    popEpi 0.5.0 lowers the weight of a record by half its hazard where it should raise it: 7e-3 at
    yearly breaks, below 1e-3 at monthly ones.
    """
    reference = read(shared_reference / "popEpi_survtab_sire_overall.csv")
    seen = 0
    for (breaks, method, form), part in reference.group_by(
        "breaks", "relsurv.method", "surv.method", maintain_order=True
    ):
        own = {"e2": "ederer2", "pp": "pohar-perme"}[method]
        table = interval_survival(
            sire, finland, breaks=SIRE_BREAKS[breaks], convention="popepi", form=FORMS[form],
            method=("observed", own),
        ).table  # fmt: skip
        observed, relative = table.filter(method="observed"), table.filter(method=own)
        exact = 1e-8 if form == "hazard" else {"month": 1e-6, "year": 1e-5, "vary": 1e-9}[breaks]
        assert largest(observed["deaths"], part["d"]) == 0
        assert largest(observed["estimate"], part["surv.obs"]) < exact
        assert largest(observed["lower"], part["surv.obs.lo"]) < exact
        assert largest(observed["se"], part["SE.surv.obs"]) < exact
        if method == "e2":
            for name, theirs in (("estimate", "rs"), ("lower", "rs.lo"), ("upper", "rs.hi"),
                                 ("se", "SE.rs")):  # fmt: skip
                assert largest(relative[name], part[theirs]) < exact, (breaks, form, name)
        else:
            sign = {"month": 1e-3, "year": 1e-2, "vary": 6e-2}[breaks]
            assert 1e-5 < largest(relative["estimate"], part["rs"]) < sign
        seen += part.height
    assert seen == reference.height == 816

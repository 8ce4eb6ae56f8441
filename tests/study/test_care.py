"""Care of a study beside the functions themselves, what is withheld, and what goes wrong."""

import re
from datetime import date, timedelta
from html import unescape

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare import ExclusionRules, Population, classify
from rarecare.care.centralisation import centralisation
from rarecare.care.compute import indicators
from rarecare.care.criteria import read_criteria
from rarecare.care.dictionary_reading import study_kit
from rarecare.care.evidence import read_evidence
from rarecare.care.incoming import read_incoming
from rarecare.care.kit_events import to_events
from rarecare.care.profile import profile_table
from rarecare.care.thresholds import Threshold
from rarecare.care.volumes import treatment_units
from rarecare.codes.rare_cancers import default_list
from rarecare.demo import write_demo
from rarecare.errors import FileError, RarecareError, UsageError
from rarecare.registry.encr import read_encr
from rarecare.registry.events import read_events
from rarecare.registry.exclusions import exclude
from rarecare.study import open_release, run_study, schema
from rarecare.study.care_protection import pooled, withheld_parts
from rarecare.study.config import read_study, study_of
from rarecare.study.pipeline import make_release
from rarecare.study.report import care as told
from rarecare.study.report import numbers

COUNTRIES = ("DK", "SI")
PERIOD = (date(1995, 1, 1), date(2007, 12, 31))
NUMBERS = ("estimate", "lower", "upper")


def same(one, other):
    """Whether two numbers agree, or there is neither."""
    return one == other if other is None else one == pytest.approx(other, rel=1e-12)


def only_care(text):
    """The demo's study with incidence and care alone, nothing withheld."""
    head, registries = text.split("[[registries]]", 1)
    start, care = head.split("[incidence]", 1)
    care = "[care]" + care.split("[care]", 1)[1]
    measures = 'measures = ["incidence", "net survival", "prevalence", "trend"]'
    assert measures in start
    start = start.replace(measures, 'measures = ["incidence"]')
    return f"{start}{care}\n[disclosure]\nthreshold = 1\n\n[[registries]]{registries}"


@pytest.fixture(scope="module")
def data(made_once):
    def make(folder):
        data = write_demo(folder / "data", cases=12_000, countries=list(COUNTRIES))
        text = only_care((data / "study.toml").read_text(encoding="utf-8"))
        assert 'stages = ["D4"]' in text
        both = 'stages = ["D3b", "D4"]\nyears = ["D3b", "D4"]'
        text = text.replace('stages = ["D4"]', both, 1)
        (data / "study.toml").write_text(text, encoding="utf-8")
        protected = text.replace("threshold = 1\n", "threshold = 5\n", 1)
        (data / "protected.toml").write_text(protected, encoding="utf-8")

    return made_once("care-data", make) / "data"


@pytest.fixture(scope="module")
def release(made_once, data):
    folder = made_once("care-open", lambda out: run_study(data / "study.toml", out / "r"))
    return open_release(folder / "r")


@pytest.fixture(scope="module")
def protected(made_once, data):
    folder = made_once("care-protected", lambda out: run_study(data / "protected.toml", out / "r"))
    return open_release(folder / "r")


def beside(data, tmp_path, text):
    """Write a study beside the data, under a name that no other worker has."""
    path = data / f"{tmp_path.parent.name}-{tmp_path.name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def counted(data, country):
    cases = classify(read_encr(data / country / "incidence.csv"))
    own, _ = exclude(
        cases, ExclusionRules(purpose="incidence", period=PERIOD, needed=()), bad_rows="exclude"
    )
    return own.with_columns(
        leaf=pl.coalesce("entity_tier2", "entity_tier1"),
        country=pl.lit(country),
        registry=pl.lit(country),
    )


@pytest.fixture(scope="module")
def both(data):
    cases = pl.concat([counted(data, code) for code in COUNTRIES], how="diagonal_relaxed")
    events = pl.concat([read_events(data / code / "events.parquet") for code in COUNTRIES])
    return cases, events


def test_indicators_are_those_of_the_function(release, both):
    """Sarcomas of Slovenia and of both countries, every measure of every indicator."""
    cases, events = both
    sarcomas = cases.filter(pl.col("leaf").str.starts_with("08."))
    asked = set(release.manifest["choices"]["care"]["only"])
    compared = 0
    for area, own in (("all", sarcomas), ("SI", sarcomas.filter(country="SI"))):
        found = indicators(own, events, "core", by=(), closing_date=date(2008, 12, 31))
        ours = release.estimates.filter(entity_id="08", area=area)
        for row in found.table.filter(pl.col("indicator").is_in(list(asked))).iter_rows(named=True):
            category = f", {row['category']}" if row["category"] else ""
            name = f"{row['indicator']}: {row['measure']}{category}"
            (mine,) = ours.filter(measure=name).to_dicts()
            assert (mine["n"], mine["at_risk"]) == (row["n"], row["denominator"]), name
            assert mine["status"] == row["status"], name
            for number in NUMBERS:
                assert same(mine[number], row[number]), (name, number)
            if row["numerator"] is not None:
                assert mine["events"] == row["numerator"], name
            unknown = ours.filter(measure=f"{row['indicator']}: share not known")["events"][0]
            assert unknown == row["unknown"] + row["eligibility_unknown"], name
            compared += row["status"] == "ok"
    assert compared > 30


def test_stages_and_years_are_those_of_the_function(release, both):
    """Sarcomas of both countries, by stage and by year, beside the function on the same cases."""
    cases, events = both
    sarcomas = cases.filter(pl.col("leaf").str.starts_with("08.")).with_columns(
        stage=pl.col("stage").fill_null("not known"), year=pl.col("incidence_date").dt.year()
    )
    rows = release.estimates.filter(entity_id="08", area="all")
    compared = {"stage": 0, "year": 0}
    for by, word in (("stage", "stage "), ("year", "")):
        found = indicators(sarcomas, events, "core", by=[by], closing_date=date(2008, 12, 31))
        main = ["share", "median", "share within threshold"]
        asked = found.table.filter(
            pl.col("indicator").is_in(["D3b", "D4"]) & pl.col("measure").is_in(main)
        )
        for row in asked.iter_rows(named=True):
            name = f"{row['indicator']}: {row['measure']} of {word}{row[by]}"
            (mine,) = rows.filter(measure=name).to_dicts()
            assert mine["period"] == (str(row[by]) if by == "year" else "1995-2007")
            assert (mine["n"], mine["at_risk"]) == (row["n"], row["denominator"]), name
            assert mine["status"] == row["status"], name
            for number in NUMBERS:
                assert same(mine[number], row[number]), (name, number)
            compared[by] += row["status"] == "ok"
    assert compared["stage"] > 6
    assert compared["year"] > 30


def test_strata_of_one_cell_are_shown_together_or_not_at_all(protected, release):
    """What the stages, or the years, leave of a total that is shown is never one small stratum."""
    shown = 0
    for indicator, statistic in (("D3b", "share"), ("D4", "median")):
        for pattern in (r"of stage .+$", r"of \d{4}$"):
            own = pl.col("measure").str.contains(f"^{indicator}: {statistic} {pattern}")
            rows, whole = protected.estimates.filter(own), release.estimates.filter(own)
            cells = rows.group_by("entity_id", "area").agg(
                gone=(pl.col("status") == "withheld").sum(), size=pl.len(), n=pl.col("n").count()
            )
            assert ((cells["gone"] == 0) | (cells["gone"] == cells["size"])).all()
            assert (cells.filter(pl.col("gone") > 0)["n"] == 0).all()
            small = pl.any_horizontal(
                *(pl.col(name).is_between(1, 4) for name in ("n", "events", "at_risk"))
            )
            few = whole.filter(small).select("entity_id", "area").unique()
            assert cells.filter(gone=0).join(few, on=["entity_id", "area"]).is_empty()
            shown += cells.filter(gone=0).height
    assert shown > 0


def test_exclusions_are_counted_by_registry_and_reason(release, both):
    cases, events = both
    own = cases.filter(country="SI")
    found = indicators(own, events, "core", by=()).excluded
    table = release.exclusions.filter(registry="SI", purpose="indicator D4")
    expected = found.filter(pl.col("kind") == "excluded", indicator="D4")
    for reason, records in expected.select("reason", "records").iter_rows():
        assert table.filter(reason=reason)["records"].to_list() == [records]
    assert table["records"].sum() > 0


def test_centralisation_is_that_of_the_function(release, both, data):
    cases, events = both
    own = cases.filter(pl.col("leaf").str.starts_with("08."), country="DK")
    units = treatment_units(
        own, events, areas=("country",), entity="leaf",
        groups=dict.fromkeys(own["leaf"].unique(), "08"), years=(1995, 2007),
    )  # fmt: skip
    limit = Threshold(10, "patients per year", "08", "surgery")
    ours = {row["measure"]: row for row in release.estimates.filter(
        entity_id="08", area="DK").iter_rows(named=True)}  # fmt: skip
    compared = 0
    people = Population.read(data / "DK" / "population.csv").table["person_years"].sum() / 13
    inhabitants = pl.DataFrame({"country": ["DK"], "inhabitants": [people]})
    found = centralisation(units, thresholds=[limit], inhabitants=inhabitants)
    for row in found.table.iter_rows(named=True):
        name = f"{row['measure']}: {row['treatment']}"
        name += f", {row['threshold']}" if row["threshold"] else ""
        if row["measure"].startswith(("mean volume of", "smallest volume of")):
            assert name not in ours
            continue
        for number in NUMBERS:
            assert same(ours[name][number], row[number]), (name, number)
        compared += 1
    assert compared > 40
    rank = release.hospitals.filter(measure="hospital volume: surgery", entity_id="08", area="DK")
    volumes = units.volumes().filter(treatment="surgery")["n"].sort(descending=True).to_list()
    assert rank["n"].to_list() == volumes
    assert rank["estimate"].to_list() == pytest.approx([n / 13 for n in volumes])


def test_patients_treated_abroad_are_those_of_the_function(both, data, tmp_path):
    """Denmark's busiest hospital said to be in Sweden: its patients are treated abroad."""
    cases, events = both
    ids = events["hospital_id"].drop_nulls().unique().sort()
    busiest = events.filter(registry="DK", event="surgery")["hospital_id"].mode()[0]
    home = events.filter(registry="SI")["hospital_id"].drop_nulls().unique().implode()
    listed = pl.DataFrame({"hospital_id": ids}).with_columns(
        country=pl.when(pl.col("hospital_id").is_in(home)).then(pl.lit("SI"))
        .when(pl.col("hospital_id") == busiest).then(pl.lit("SE")).otherwise(pl.lit("DK"))
    )  # fmt: skip
    places = data / f"{tmp_path.parent.name}-hospitals.csv"
    listed.write_csv(places)
    text = (data / "study.toml").read_text(encoding="utf-8")
    new = f'[care]\nentities = ["08"]\nvolumes.hospitals = "{places.name}"\n'
    study, _ = read_study(beside(data, tmp_path, text.replace("[care]\n", new, 1)))
    release = make_release(study, default_list())
    own = cases.filter(pl.col("leaf").str.starts_with("08."), country="DK")
    found = centralisation(treatment_units(
        own, events, areas=("country",), entity="leaf", years=(1995, 2007), hospitals=listed,
        groups=dict.fromkeys(own["leaf"].unique(), "08"),
    )).table  # fmt: skip
    compared = 0
    for row in found.filter(measure="share treated abroad").iter_rows(named=True):
        name = f"share treated abroad: {row['treatment']}"
        (mine,) = release.estimates.filter(measure=name, entity_id="08", area="DK").to_dicts()
        assert mine["events"] == row["n"] > 0
        for number in NUMBERS:
            assert same(mine[number], row[number])
        compared += 1
    assert compared == 4


def test_needs_are_new_cases_times_the_share_treated(release):
    """Sarcomas of Slovenia: cases / 13 years × the share operated on in both countries."""
    rows = release.estimates.filter(entity_id="08")
    treated = rows.filter(measure="share treated: surgery")
    share = treated["events"].sum() / treated["at_risk"].sum()
    cases = rows.filter(
        measure=schema.INCIDENCE, area="SI", sex="all", age_group="all", standard="none",
        period="1995-2007",
    )["n"][0]  # fmt: skip
    need = rows.filter(measure="patients to be treated: surgery", area="SI")
    assert need["n"][0] == cases
    assert need["estimate"][0] == pytest.approx(cases / 13 * share, rel=1e-12)
    centres = rows.filter(
        measure="centres needed: surgery, at least 10 patients per year", area="SI"
    )
    assert centres["estimate"][0] == np.ceil(cases / 13 * share / 10)


def test_hospitals_of_an_indicator_are_those_of_the_cases(release, both):
    """Second readings in Denmark's hospitals, counted here by another way."""
    cases, events = both
    own = cases.filter(pl.col("leaf").str.starts_with("08."), country="DK")
    keys = ["registry", "patient_id", "tumour_id"]
    kinds = ["surgery", "radiotherapy", "systemic"]
    first = events.filter(pl.col("event").is_in(kinds)).sort("date").unique(keys, keep="first")
    review = events.filter(event="pathology_review").select(keys).with_columns(read=True)
    verified = own.filter(pl.col("basis_of_diagnosis") >= 5)
    joined = verified.join(first, on=keys).join(review, on=keys, how="left")
    expected = joined.group_by("hospital_id").agg(n=pl.len(), events=pl.col("read").sum())
    found = release.hospitals.filter(measure="D3b: share", entity_id="08", area="DK")
    assert sorted(found.select("n", "events").rows()) == sorted(
        expected.select("n", "events").rows()
    )


def test_criteria_are_the_profile_of_the_evidence(release, data):
    sarcoma = read_criteria("sarcoma")
    given = pl.read_csv(data / "evidence.csv", infer_schema=False)
    own = given.filter(pl.col("criterion").is_in([one.id for one in sarcoma.criteria]))
    profile = profile_table(sarcoma, read_evidence(own, sarcoma), on=date(2008, 12, 31)).table
    ours = release.criteria.filter(criteria="sarcoma")
    columns = ["centre", "criterion", "state", "value", "evidence", "date", "source", "sureness"]
    computed = pl.col("criterion").is_in(["S1", "S3"])  # those the volumes answer
    assert ours.filter(~computed).select(columns).equals(profile.filter(~computed).select(columns))
    assert release.criteria["synthetic"].all()
    kinds = set(release.criteria["evidence"].drop_nulls())
    assert kinds == {"self-declared", "computed", "certified"}


def test_volumes_are_evidence_of_the_centres_named(release, data, both):
    """Resections of sarcoma a year at Denmark's centre."""
    cases, events = both
    place = pl.read_csv(data / "centres.csv").filter(country="DK").row(0, named=True)
    own = cases.filter(pl.col("leaf").str.starts_with("08."), country="DK")
    keys = ["registry", "patient_id", "tumour_id"]
    there = events.filter(event="surgery", hospital_id=place["hospital_id"])
    patients = own.join(there, on=keys).select("registry", "patient_id").n_unique()
    row = release.criteria.filter(centre=place["centre"], criterion="S3").row(0, named=True)
    assert row["evidence"] == "computed"
    assert row["estimate"] == pytest.approx(patients / 13, abs=1e-6)
    assert row["state"] == ("met" if patients / 13 >= 10 else "not met")
    assert f"{patients} patients in 13 years" in row["source"]
    assert "incidence.csv sha256" in row["source"]


def test_every_measure_of_care_is_explained(protected):
    back = open_release(protected.folder)
    for table in (back.care, back.comparators, back.hospitals, back.criteria):
        assert table.height
    assert not back.care.filter(pl.col("topic") == "indicator")["source"].has_nulls()
    assert set(back.care["sureness"]) <= {"P", "A", "X", "D", "M"}
    median = back.care.filter(measure="D4: median").to_dicts()[0]
    assert (median["threshold"], median["threshold_unit"]) == (30.0, "days")
    assert median["threshold_source"].startswith("D")
    assert "date(first(pathology))" in median["definition"] or "confirmed" in median["definition"]


def test_no_small_count_of_care_is_shown(protected):
    names = protected.care["measure"].implode()
    own = protected.estimates.filter(pl.col("measure").is_in(names))
    for name in ("n", "events", "at_risk"):
        assert not own[name].is_between(1, 4).any(), name
    rest = own.filter(unit="share")
    assert not (rest["at_risk"] - rest["events"]).is_between(1, 4).any()
    assert (own["status"] == "withheld").any()
    hospitals = protected.hospitals
    for name in ("n", "events"):
        assert not hospitals[name].is_between(1, 4).any(), name
    shares = hospitals.filter(unit="share")
    assert not (shares["n"] - shares["events"]).is_between(1, 4).any()
    assert not hospitals["hospital"].str.contains("[A-Z]").any()


def test_stages_of_one_cell_are_shown_together_or_not_at_all(protected):
    stages = protected.estimates.filter(pl.col("measure").str.starts_with("D2b: share, "))
    cells = stages.group_by("entity_id", "area").agg(
        (pl.col("status") == "withheld").sum().alias("gone"), pl.len()
    )
    assert ((cells["gone"] == 0) | (cells["gone"] == cells["len"])).all()
    assert (cells["gone"] > 0).any()


def test_a_withheld_incidence_takes_its_care_with_it(protected):
    gone = protected.estimates.filter(
        measure=schema.INCIDENCE, sex="all", age_group="all", standard="none", period="1995-2007",
        status="withheld",
    ).select("entity_id", "area")  # fmt: skip
    names = protected.care["measure"].implode()
    care = protected.estimates.filter(pl.col("measure").is_in(names))
    assert care.join(gone, on=["entity_id", "area"])["n"].null_count() == (
        care.join(gone, on=["entity_id", "area"]).height
    )


parts = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=9)


@given(parts, st.integers(2, 8))
def test_withheld_parts_leave_none_alone(drawn, threshold):
    counts = np.array([hit for hit, _ in drawn])
    of = counts + np.array([rest for _, rest in drawn])
    gone = withheld_parts(counts, of, threshold)
    for side in (counts, of - counts):
        assert not ((side > 0) & (side < threshold) & ~gone).any()
        if gone.any() and not gone.all():
            together = side[gone].sum()
            assert gone.sum() >= 2
            assert together >= threshold
            assert together > gone.sum()


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(2, 8))
def test_pooled_hospitals_are_two_or_more_and_not_few(drawn, threshold):
    counts = np.sort(np.array(drawn))[::-1]
    first = pooled(counts, threshold)
    assert not (counts[:first] < threshold).any()
    rest = counts[first:]
    if 0 < first < len(counts):
        assert len(rest) >= 2
        assert rest.sum() >= threshold
        assert rest.sum() > len(rest)


ABOUT = {"name": "s", "title": "S", "period": ["1995-01-01", "2007-12-31"]}


def a_study(care, **registry):
    own = {"id": "SI", "country": "SI", "cases": {"path": "c.csv"}, "population": {"path": "p.csv"}}
    about = ABOUT | {"measures": ["incidence"]}
    return {"study": about, "registries": [own | registry]} | ({"care": care} if care else {})


@pytest.mark.parametrize(
    ("care", "registry", "said"),
    [
        ({"indicator": ["core"]}, {}, r"unknown key care.indicator.*Did you mean 'indicators'"),
        ({"volumes": {"thresholds": [{"value": 10, "source": "x", "sureness": "D"}]}}, {},
         "lacks care.volumes.thresholds.1.unit"),
        ({"volumes": {"thresholds": [{"value": 10, "unit": "patients per year", "source": "x",
                                      "sureness": "Z"}]}}, {}, "sureness"),
        ({"needs": {"shares": [{"entity": "08", "treatment": "surgery", "estimate": 0.5,
                                "lower": 0.6, "upper": 0.7, "source": "x"}]}}, {},
         "limits of the share do not enclose it"),
        (None, {"events": {"path": "e.parquet"}}, r"there is no \[care\]"),
    ],
)  # fmt: skip
def test_a_study_of_care_that_cannot_be_used_is_named(care, registry, said):
    with pytest.raises(UsageError, match=said):
        study_of(a_study(care, **registry))


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ('only = ["D2a"', 'only = ["D2z"', UsageError, r"names an indicator.*'?D2z"),
        ('entity = "08"\nsource', 'entity = "99"\nsource', UsageError, "a threshold speaks of"),
        ('indicators = ["core"]', 'indicators = ["cores"]', FileError, "no such file of indic"),
        ('"SI/events.parquet"', '"SI/nothing.parquet"', RarecareError, "registry SI"),
        ('sets = ["general"', 'sets = ["generals"', RarecareError, "generals"),
    ],
)  # fmt: skip
def test_what_the_study_names_must_be_there(data, tmp_path, old, new, error, said):
    text = (data / "study.toml").read_text(encoding="utf-8")
    assert old in text
    study = beside(data, tmp_path, text.replace(old, new))
    with pytest.raises(error, match=said):
        run_study(study, tmp_path / "release")


def section(release):
    """The section on care of the report, as text."""
    html = (release.folder / "report.html").read_text(encoding="utf-8")
    found = re.search(r'<section id="care".*?</section>', html, re.DOTALL)
    assert found is not None
    return unescape(
        re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*?</svg>", " ", found[0], flags=re.DOTALL))
    )


def test_the_report_has_the_numbers_of_the_release(protected):
    text = section(protected)
    rows = protected.estimates.filter(entity_id="rare", area="all")
    values = 0
    for row in rows.filter(pl.col("measure").is_in(protected.care["measure"].implode())).to_dicts():
        shown = row["measure"].endswith((": share", ": median", "share within threshold"))
        if shown and row["status"] == "ok":
            assert told.number(row) in text, row["measure"]
            values += 1
    assert values >= 10
    for area in COUNTRIES:
        need = protected.estimates.filter(
            measure="patients to be treated: surgery", entity_id="rare", area=area
        ).row(0, named=True)
        assert str(numbers.cases(need)) in text
    for words in ("D: own default", "named by the project's poster", "no targets", "invented"):
        assert words in text


def test_the_report_has_indicators_by_stage_and_by_year(protected):
    html = (protected.folder / "report.html").read_text(encoding="utf-8")
    found = 0
    for by, first in (("stage at diagnosis", "Localised"), ("year of diagnosis", "1995")):
        table = re.search(rf"all areas: by {by}</caption>.*?</table>", html, re.DOTALL)
        assert table is not None
        rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", table[0], re.DOTALL)
        assert rows[0][0] == first
        for name, cells in rows:
            end = f" of stage {name.lower()}" if by.startswith("stage") else f" of {name}"
            own = protected.estimates.filter(
                pl.col("measure").str.ends_with(end), entity_id="rare", area="all"
            )
            for row in own.filter(status="ok").iter_rows(named=True):
                if row["measure"].startswith(("D3b: share", "D4: median")):
                    assert told.number(row) in unescape(cells), row["measure"]
                    found += 1
            assert ("withheld" in cells) == (own["status"] == "withheld").any()
    assert found > 20


def test_the_report_compares_hospitals_where_three_are_shown(protected):
    html = (protected.folder / "report.html").read_text(encoding="utf-8")
    shown = protected.hospitals.filter(
        pl.col("hospital") != "smaller hospitals", unit="share", status="ok", entity_id="rare",
        area="DK",
    )  # fmt: skip
    sizes = shown.group_by("measure").agg(pl.len())
    compared = sizes.filter(pl.col("len") >= 3).height
    assert compared > 0
    assert html.count("One dot is one hospital") == compared


def test_no_hospital_is_named_in_a_release(protected, data):
    ids = pl.read_parquet(data / "DK" / "events.parquet")["hospital_id"].unique()
    html = (protected.folder / "report.html").read_text(encoding="utf-8")
    assert not [one for one in ids if one in html]
    for name, table in protected.tables.items():
        text = table.select(pl.col(pl.String)).write_csv()
        assert not [one for one in ids if one in text], name


def test_a_study_without_care_has_no_section_and_empty_tables(data, tmp_path):
    text = (data / "study.toml").read_text(encoding="utf-8")
    head, rest = text.split("[care]", 1)
    rest = "[disclosure]" + rest.split("[disclosure]", 1)[1]
    lines = [line for line in (head + rest).splitlines() if not line.startswith("events")]
    (data / "plain.toml").write_text("\n".join(lines), encoding="utf-8")
    plain = open_release(run_study(data / "plain.toml", tmp_path / "plain").folder)
    for table in (plain.care, plain.comparators, plain.hospitals, plain.criteria):
        assert table.is_empty()
    assert 'id="care"' not in (plain.folder / "report.html").read_text(encoding="utf-8")


def test_a_kit_is_asked_the_indicators_of_its_cancer(data, tmp_path):
    """Forty patients of a sarcoma study of Slovenia, beside the function on the same data."""
    day = date(2005, 3, 1)
    kit = pl.DataFrame(
        [
            {
                "registry": "SI", "country": "SI", "patient_id": f"p{k}", "tumour_id": f"t{k}",
                "sex": "1", "age": "50", "incidence_date": day.isoformat(), "topography": "C49.2",
                "morphology": "8890", "date_path_confirm": day.isoformat(), "path_report": "1",
                "path_reviewed": "1" if k % 3 else "0", "treated": "1", "surgery": "1",
                "date_first_treatment": (day + timedelta(days=k)).isoformat(),
                "date_surgery": (day + timedelta(days=k)).isoformat(),
                "hospital_surgery": "H1", "margins": "R0" if k % 4 else "R1",
            }
            for k in range(40)
        ]
    )  # fmt: skip
    kit.write_csv(data / "kit.csv")
    text = (data / "study.toml").read_text(encoding="utf-8")
    text = text.replace("[care]\n", '[care]\nentities = ["08"]\n', 1)
    text = text.replace(
        'id = "SI"\n', 'id = "SI"\nkits = [{ kit = "sarcoma", path = "kit.csv", entity = "08" }]\n'
    )
    (data / "kits.toml").write_text(text, encoding="utf-8")
    found = run_study(data / "kits.toml", tmp_path / "release")
    dictionary = study_kit("sarcoma")
    incoming = read_incoming(kit, dictionary)
    expected = indicators(
        incoming.data, to_events(incoming.data, dictionary), ["core", "sarcoma"], by=(),
        closing_date=date(2008, 12, 31),
    )  # fmt: skip
    compared = 0
    for row in expected.table.filter(status="ok").iter_rows(named=True):
        category = f", {row['category']}" if row["category"] else ""
        name = f"{row['indicator']}: {row['measure']}{category} (kit sarcoma)"
        (mine,) = found.estimates.filter(measure=name, area="SI", entity_id="08").to_dicts()
        assert (mine["n"], mine["at_risk"]) == (row["n"], row["denominator"]), name
        for figure in NUMBERS:
            assert same(mine[figure], row[figure]), (name, figure)
        compared += 1
    assert compared > 10
    assert set(found.care.filter(data="sarcoma")["set"]) == {"core", "sarcoma"}
    assert "kit.csv" in [one["name"] for one in found.manifest["inputs"]]

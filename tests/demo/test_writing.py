"""The data call as written: formats, planted errors, determinism, faults."""

import filecmp
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from rarecare.demo import draw_cases, registries, write_demo
from rarecare.demo.planted import KINDS
from rarecare.errors import CodeError, UsageError
from rarecare.population.life_table import LifeTable
from rarecare.population.population import Population

COUNTRIES = ["DK", "GB", "HU"]
CASES = 60_000
FILES = (
    "incidence.csv", "population.csv", "lifetable.csv", "events.parquet",
    "population_projected.csv",
)  # fmt: skip
# ENCR-JRC call for data, incidence file of 39 columns
HEADER = (
    "PAT;MoB;YoB;Age;Sex;Geo_Code;Geo_Label;TUM;MoI;YoI;BoD;Topo;Morpho;Beh;Grade;Autopsy;"
    "Vit_stat;MoF;YoF;Surv_time;ICD;CoD;TNM_ed;cT;cN;cM;pT;pN;pM;ToS;Stage;Surgery;Rt;Cht;Tt;"
    "It;Ht;Ot;SCT"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "call"
    return write_demo(folder, cases=CASES, seed=5, countries=COUNTRIES, workers=2)


@pytest.fixture(scope="module")
def incidence(demo):
    return {
        code: pl.read_csv(demo / code / "incidence.csv", separator=";", infer_schema=False)
        for code in COUNTRIES
    }


@pytest.fixture(scope="module")
def planted(demo):
    return pl.read_csv(demo / "planted_errors.csv", infer_schema=False)


def same_files(one, other):
    names = sorted(str(p.relative_to(one)) for p in one.rglob("*") if p.is_file())
    assert names == sorted(str(p.relative_to(other)) for p in other.rglob("*") if p.is_file())
    return all(filecmp.cmp(one / name, other / name, shallow=False) for name in names)


def test_folder_holds_what_it_says(demo):
    assert sorted(p.name for p in demo.iterdir()) == [
        *COUNTRIES, "SYNTHETIC.txt", "centres.csv", "evidence.csv", "planted_errors.csv",
        "registries.csv", "study.toml", "truth.parquet",
    ]  # fmt: skip
    for code in COUNTRIES:
        assert sorted(p.name for p in (demo / code).iterdir()) == sorted(FILES)
    assert "invented" in (demo / "SYNTHETIC.txt").read_text(encoding="utf-8")
    for name in ("planted_errors.csv", "registries.csv"):
        assert pl.read_csv(demo / name)["synthetic"].all()
    assert pl.read_parquet(demo / "truth.parquet")["synthetic"].all()
    metadata = pl.read_parquet_metadata(demo / "DK" / "events.parquet")
    assert metadata["synthetic"] == "true"


def test_headers_are_those_of_the_protocol(demo):
    spellings = []
    for code in COUNTRIES:
        headers = [
            (demo / code / name).read_text(encoding="utf-8").partition("\n")[0]
            for name in FILES[:3]
        ]
        assert headers[:2] == [HEADER, "Calendar year;Sex;Age Unit;Number of residents"]
        spellings.append(headers[2])
    assert spellings == [
        f"Calendar year;Sex;{age};All causes death probability"
        for age in ("Age_Unit", "Age Unit", "Annual age")
    ]
    assert pl.read_parquet_schema(demo / "DK" / "events.parquet") == {
        **dict.fromkeys(("registry", "patient_id", "tumour_id", "event"), pl.String),
        **{"date": pl.Date, "date_precision": pl.String},
        **{"hospital_id": pl.String, "value": pl.String},
    }


def test_the_same_seed_gives_the_same_bytes_with_another_number_of_workers(demo, tmp_path):
    again = write_demo(
        tmp_path / "again", cases=CASES, seed=5, countries=COUNTRIES[::-1], workers=1
    )
    assert same_files(demo, again)
    other = write_demo(tmp_path / "again", cases=CASES, seed=6, countries=COUNTRIES)
    assert not same_files(demo, other)  # it replaced the first


def test_records_are_the_cases_drawn_but_for_planted_errors(incidence, planted):
    registry = registries(cases=CASES, countries=COUNTRIES)[0]
    cases = draw_cases(registry, seed=5)
    lines = planted.filter(registry="DK")["line"].cast(pl.Int64) - 2
    clean = ~pl.Series(np.isin(np.arange(cases.height), lines))
    records, cases = incidence["DK"].filter(clean), cases.filter(clean)
    expected = cases.select(
        PAT="patient_id",
        TUM="tumour_id",
        MoB=pl.col("birth_date").dt.month(),
        YoB=pl.col("birth_date").dt.year(),
        Age="age",
        Sex=pl.col("sex").replace_strict({"male": 1, "female": 2}),
        MoI=pl.col("incidence_date").dt.month(),
        YoI=pl.col("incidence_date").dt.year(),
        BoD="basis_of_diagnosis",
        Topo=pl.col("topography").str.replace(".", "", literal=True),
        Morpho="morphology",
        Beh="behaviour",
        Vit_stat=pl.col("vital_status").replace_strict({"alive": 1, "dead": 2, "lost": 3}),
        MoF=pl.col("last_date").dt.month(),
        YoF=pl.col("last_date").dt.year(),
        Surv_time="follow_up_days",
        Stage=pl.col("stage")
        .replace_strict({"localised": 1, "regional": 3, "distant": 4}, default=None)
        .fill_null(9),
    ).cast(pl.String)
    assert records.select(expected.columns).equals(expected)
    assert (records["CoD"].is_null() == (records["Vit_stat"] != "2")).all()
    assert records["CoD"].drop_nulls().str.contains(r"^[A-Z]\d\d$").all()


def test_one_percent_of_records_have_a_planted_error_of_a_known_kind(incidence, planted):
    records = sum(frame.height for frame in incidence.values())
    # Bernoulli, less the few next to one another
    assert planted.height / records == pytest.approx(0.01, abs=4 * (0.01 / records) ** 0.5 + 2e-4)
    assert set(planted["kind"]) == {kind.name for kind in KINDS}
    assert not planted.select("registry", "line").is_duplicated().any()


def test_every_planted_error_is_in_its_file(incidence, planted):
    for row in planted.iter_rows(named=True):
        record = incidence[row["registry"]].row(int(row["line"]) - 2, named=True)
        assert record[row["column"]] == row["planted_value"]
        assert row["planted_value"] != row["true_value"]
        if row["column"] != "TUM":
            assert record["TUM"] == row["tumour_id"]


def test_planted_errors_are_wrong(incidence, planted):
    """What each kind says is so in the record, and in no record without a planted error."""
    number = {"Age", "Sex", "MoI", "YoI", "MoB", "YoB", "YoF", "MoF", "Surv_time", "Beh", "Morpho"}
    women, men = pl.col("Topo").str.contains("^C5[1-8]"), pl.col("Topo").str.contains("^C6[0-3]")
    years = pl.col("YoI") - pl.col("YoB")
    wrong = {
        "sex: not a code": pl.col("Sex") == 7,
        "sex and site do not go together": (women & (pl.col("Sex") == 1))
        | (men & (pl.col("Sex") == 2)),
        "month of incidence: not a month": pl.col("MoI") == 13,
        "year of incidence: unknown": pl.col("YoI") == 9999,
        "birth after incidence": pl.col("YoB") == pl.col("YoI") + 1,
        "age is not incidence less birth": ((years - pl.col("Age")).abs() > 1)
        & (pl.col("YoI") < 9999)
        & (years >= 0),
        "site: not a code": pl.col("Topo") == "C999",
        "morphology: not a code": pl.col("Morpho") < 8000,
        "behaviour: not a code": pl.col("Beh") == 5,
        "vital status: not a code": pl.col("Vit_stat") == "7",
        "follow-up is negative": pl.col("Surv_time") < 0,
        "last follow-up before incidence": (pl.col("YoF") < pl.col("YoI")) & (pl.col("YoI") < 9999),
        "death certificate only, yet alive": (pl.col("BoD") == "0") & (pl.col("Vit_stat") == "1"),
        "tumour number used twice": ~pl.col("TUM").is_first_distinct(),
    }
    assert set(wrong) == {kind.name for kind in KINDS}
    for code, frame in incidence.items():
        table = frame.with_columns(pl.col(*number).cast(pl.Int64)).with_row_index("line", offset=2)
        for kind, expression in wrong.items():
            found = table.filter(expression)["line"].to_list()
            listed = planted.filter(registry=code, kind=kind)["line"].cast(pl.Int64).to_list()
            assert found == listed, kind


def test_life_tables_read_back_are_the_hazards_drawn_with(demo):
    for registry in registries(cases=CASES, countries=COUNTRIES):
        table = LifeTable.read(demo / registry.code / "lifetable.csv")
        assert table.keys == ("sex",)
        assert table.levels["sex"].to_list() == ["female", "male"]
        assert (table.first_age, table.n_ages) == (0, 100)
        assert (table.years[0], table.years[-1]) == (1995, 2008)
        # -log(1 - q) against -log1p(-q): rounding of 1 - q for the smallest q, about 1e-4
        assert table.hazard[::-1] == pytest.approx(registry.hazard, rel=1e-11)


def test_populations_read_back_are_those_of_the_registry(demo):
    for registry in registries(cases=CASES, countries=COUNTRIES):
        population = Population.read(demo / registry.code / "population.csv")
        assert population.years == tuple(range(1995, 2008))
        assert population.age_lower == tuple(range(100))
        total = population.table.filter(year=2001)["person_years"].sum()
        assert total == registry.persons.sum()


def test_events_are_of_the_cases_and_within_their_follow_up(demo):
    registry = registries(cases=CASES, countries=COUNTRIES)[1]
    cases = draw_cases(registry, seed=5)
    events = pl.read_parquet(demo / registry.code / "events.parquet")
    joined = events.join(cases, on=["patient_id", "tumour_id"], how="left")
    assert joined["incidence_date"].null_count() == 0
    assert (joined["date"] >= joined["incidence_date"]).all()
    assert (joined["date"] <= joined["last_date"]).all()
    assert (joined["basis_of_diagnosis"] != 0).all()
    diagnoses = events.filter(event="diagnosis")
    assert diagnoses.height == cases.filter(pl.col("basis_of_diagnosis") != 0).height
    assert not events.select("tumour_id", "event").is_duplicated().any()
    assert set(events["event"]) == {
        "diagnosis", "pathology", "pathology_review", "surgery", "radiotherapy", "systemic",
    }  # fmt: skip
    assert set(events["date_precision"]) == {"day"}
    assert events["hospital_id"].n_unique() == registry.hospitals


def test_registries_are_described(demo, incidence):
    table = pl.read_csv(demo / "registries.csv", try_parse_dates=True)
    assert table["registry"].to_list() == COUNTRIES
    assert table["region"].to_list() == ["Northern Europe", "UK and Ireland", "Eastern Europe"]
    assert table["cases"].to_list() == [incidence[code].height for code in COUNTRIES]
    assert table["cases"].sum() == pytest.approx(CASES, abs=4 * CASES**0.5)
    truth = pl.read_parquet(demo / "truth.parquet").filter(
        measure="incidence", entity_id="all", sex="all", age_group="all", period="1995-2007"
    )
    drawn = dict(truth.select("area", "cases_drawn").iter_rows())
    assert [drawn[code] for code in COUNTRIES] == table["cases"].to_list()


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        write_demo(tmp_path, cases=1_000, countries=["MT"])
    assert (tmp_path / "thesis.txt").read_text() == "mine"
    with pytest.raises(CodeError, match="allowed"):
        write_demo(tmp_path / "new", cases=1_000, countries=["Malta"])
    with pytest.raises(UsageError, match="seed"):
        write_demo(tmp_path / "new", cases=1_000, countries=["MT"], seed=-1)


def test_an_interruption_leaves_nothing_half_written(tmp_path):
    target = tmp_path / "call"
    write_demo(target, cases=2_000, countries=["MT"])
    before = (target / "MT" / "incidence.csv").read_bytes()

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo(target, cases=2_000, countries=["MT"], seed=2, progress=interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["call"]
    assert (target / "MT" / "incidence.csv").read_bytes() == before


def test_progress_reaches_the_number_of_cases(tmp_path):
    seen = []
    write_demo(
        tmp_path / "call",
        cases=3_000,
        countries=["MT", "LU"],
        progress=lambda done, total: seen.append((done, total)),
    )
    assert len(seen) == 2
    assert seen[-1][1] == pytest.approx(3_000, rel=0.01)
    assert seen[0][0] < seen[1][0] <= seen[1][1]


@pytest.mark.parametrize("kilobytes", [20, 75, 140])
def test_a_disk_that_is_full_is_told_and_leaves_nothing(tmp_path, kilobytes):
    """No file may grow beyond the limit: the first to fail differs with it."""
    script = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes * 1000},) * 2)\n"
        "from rarecare.demo import write_demo\n"
        "write_demo(sys.argv[1], cases=2_000, countries=['MT'], workers=1)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "call")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("rarecare.errors.FileError: the demo cannot be written (")
    assert "MB free. Free some space" in last
    assert list(tmp_path.iterdir()) == []

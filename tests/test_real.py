"""``make real``: the estimators on real data, end to end."""

import importlib.util

import polars as pl
import pytest

from rarecare import net_survival
from rarecare.study import run_study, schema
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def real(shared_data):
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("real", ROOT / "scripts" / "real.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_and_figures_are_made(real, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(real, "OUT", tmp_path / "real")
    monkeypatch.setattr(real, "ROOT", tmp_path)  # without examples: they have tests of their own
    assert real.main() == 0
    made = {path.name for path in (tmp_path / "real").iterdir()}
    names = ["colrec", "colrec_by_sex", "colrec_by_extent", "colrec_standardised"]
    for name in (*names, "testis_by_year", "testis"):
        assert {f"{name}.svg", f"{name}.png", f"{name}.csv"} <= made
    assert "5,971 records read" in capsys.readouterr().out


def test_slovene_survival_is_that_of_the_exact_loop(real, shared_reference):
    result = real.slovenia()["colrec"]
    exact = pl.read_csv(shared_reference / "exact_pohar_perme_colrec.csv", comment_prefix="#")
    whole = exact.filter(group="overall", day=1826)
    five = result.table.filter(time_years=5)
    # one case of 5 971 is outside ages 15-99, and 5 years are 1826.205 days, not 1826
    assert result.provenance.exclusions.filter(records=1)["reason"].to_list() == [
        "age unknown or outside"
    ]
    assert five["n"][0] == 5970
    assert five["estimate"][0] == pytest.approx(whole["surv"][0], abs=2 / 5971)


def test_danish_incidence_is_that_of_epi(real, shared_reference):
    table = real.denmark()["testis_by_year"].table
    epi = pl.read_csv(shared_reference / "Epi_testisDK_ASR_by_year.csv", comment_prefix="#")
    crude = table.filter(measure="crude rate").select("year", "estimate")
    joined = crude.join(epi.select("year", "crude").unique(), on="year")
    assert joined.height == 54
    assert (joined["estimate"] / joined["crude"] - 1).abs().max() < 1e-9


@pytest.fixture(scope="module")
def released(real, tmp_path_factory):
    """Releases of the examples by name, each made once."""
    folder, made = tmp_path_factory.mktemp("examples"), {}

    def release(name):
        if name not in made:
            study = real.example(ROOT / "examples" / name / "study.toml", folder)
            made[name] = run_study(study, folder / name)
        return made[name]

    return release


def test_every_example_is_released(released):
    names = sorted(path.parent.name for path in (ROOT / "examples").glob("*/study.toml"))
    assert names == [
        "denmark-testis", "finland-rectum", "groningen-larynx", "slovenia-colorectal",
    ]  # fmt: skip
    for name in names:
        release = released(name)
        html = (release.folder / "report.html").read_text(encoding="utf-8")
        assert release.manifest["study"]["title"] in html
        assert "invented" not in html
        assert release.estimates.filter(status="ok").height > 10


def test_danish_rates_by_year_are_those_of_epi(released, shared_reference):
    epi = pl.read_csv(shared_reference / "Epi_testisDK_ASR_by_year.csv", comment_prefix="#")
    segi = epi.filter(weights="segi1960").select(pl.col("year").cast(pl.String), "asr", "D")
    ours = released("denmark-testis").estimates.filter(
        pl.col("period").str.len_chars() == 4, area="all", standard="segi"
    )
    joined = ours.join(segi, left_on="period", right_on="year")
    assert joined.height == 54
    assert joined["n"].to_list() == joined["D"].to_list()
    assert (joined["estimate"] / joined["asr"] - 1).abs().max() < 1e-9


def test_slovene_survival_by_site_is_that_of_the_estimator(released, colrec, slopop):
    rows = released("slovenia-colorectal").estimates.filter(
        area="SI", sex="all", age_group="15-99", standard="none"
    )
    adults = colrec.filter(pl.col("age_days") >= 15 * 365.241)
    for entity, site in (("02.04", "colon"), ("02.05", "rectum")):
        expected = net_survival(
            adults.filter(site=site), slopop, at=[1, 3, 5, 10], days_per_year=365.241
        ).table
        own = rows.filter(pl.col("entity_id") == entity).sort("time_years")
        assert own["n"].to_list() == expected["n"].to_list()
        assert own["estimate"].to_list() == pytest.approx(expected["estimate"].to_list(), rel=1e-9)


def test_finnish_cases_are_counted_once(released, shared_data):
    release = released("finland-rectum")
    file = pl.read_csv(shared_data / "popEpi_sire.csv", try_parse_dates=True)
    assert file["dg_date"].dt.year().is_between(1993, 2012).all()
    read = release.exclusions.filter(reason="records read")["records"].unique().to_list()
    assert read == [file.height]
    crude = release.estimates.filter(
        measure="incidence", area="all", standard="none", period="1993-2012", age_group="all"
    )
    assert crude["n"].to_list() == [file.height]
    whole = release.estimates.filter(
        measure="net survival", area="all", time_years=5.0, standard="none", age_group="15-99"
    )
    later, died = pl.col("ex_date") > pl.col("dg_date"), pl.col("status") > 0
    followed = file.filter(later | died, pl.col("dg_age") < 100)  # deaths on day 0 get day 1
    assert whole.filter(sex="all")["n"].to_list() == [followed.height]


def test_groningen_says_where_its_time_begins(released):
    release = released("groningen-larynx")
    five = release.estimates.filter(
        measure=schema.NET_SURVIVAL,
        area="all",
        sex="all",
        time_years=5.0,
        standard="none",
        age_group="15-99",
    )
    assert five["n"].to_list() == [891]
    assert 0.5 < five["estimate"][0] < 0.75
    html = (release.folder / "report.html").read_text(encoding="utf-8")
    assert "counted from the first day of radiotherapy" in html

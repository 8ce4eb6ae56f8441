"""A whole study on synthetic registries: the numbers, the bytes, and what goes wrong."""

import shutil
from datetime import date

import polars as pl
import pytest

from rarecare import ExclusionRules, LifeTable, Population, classify, incidence, net_survival
from rarecare.codes.countries import region_of
from rarecare.codes.rare_cancers import default_list
from rarecare.disclosure import audit
from rarecare.errors import RarecareError
from rarecare.registry.encr import read_encr
from rarecare.study import open_release, run_study, schema
from rarecare.study.config import read_study
from rarecare.study.pipeline import make_release

PERIOD = (date(1995, 1, 1), date(2007, 12, 31))
COUNTRIES = ("BG", "SI", "FI")


@pytest.fixture(scope="module")
def data(whole_data):
    return whole_data


@pytest.fixture(scope="module")
def release(whole_release):
    return whole_release


@pytest.fixture
def copy(small_data, tmp_path):
    """A data call, to be spoilt."""
    return shutil.copytree(small_data, tmp_path / "data")


def test_the_folder_is_a_whole_release(release):
    back = open_release(release.folder)
    assert {"report.html", "estimates.parquet"} <= set(back.manifest["files"])
    assert back.manifest["study"]["synthetic"] is True
    assert back.estimates["synthetic"].all()
    regions = {region_of(code) for code in COUNTRIES}
    assert set(back.areas["area"]) == {"all", *regions, *COUNTRIES, "EU", "MT"}
    html = (release.folder / "report.html").read_text(encoding="utf-8")
    assert "ynthetic" in html


def test_survival_is_that_of_the_estimator(data, release):
    """Slovenia's sarcomas and all cancers, by the public function from the same files."""
    cases = classify(read_encr(data / "SI" / "incidence.csv"))
    lives = LifeTable.read(data / "SI" / "lifetable.csv")
    rules = ExclusionRules(period=PERIOD, needed=())
    whole = net_survival(
        cases, lives, at=[1, 3, 5, 10], rules=rules, bad_rows="exclude", by=["family"]
    ).table
    pooled = net_survival(cases, lives, at=[1, 3, 5, 10], rules=rules, bad_rows="exclude").table
    ours = release.estimates.filter(
        measure=schema.NET_SURVIVAL, area="SI", sex="all", age_group="15-99", standard="none"
    )
    for entity, expected in (("08", whole.filter(family="Sarcomas")), ("all", pooled)):
        rows = ours.filter(entity_id=entity).sort("time_years")
        assert rows["n"].to_list() == expected["n"].to_list()
        shown = rows["status"] == "ok"  # at one time a count may be withheld beside a small one
        assert shown.sum() >= 3
        assert rows["events"].filter(shown).to_list() == expected["events"].filter(shown).to_list()
        for name in ("estimate", "se", "lower", "upper"):
            ours_of, theirs = (table[name].filter(shown).to_list() for table in (rows, expected))
            assert ours_of == pytest.approx(theirs, rel=1e-9)


def test_standardised_survival_is_that_of_the_estimator(data, release):
    cases = classify(read_encr(data / "SI" / "incidence.csv"))
    lives = LifeTable.read(data / "SI" / "lifetable.csv")
    rules = ExclusionRules(period=PERIOD, needed=())
    expected = net_survival(
        cases, lives, at=[1, 3, 5, 10], rules=rules, bad_rows="exclude", standard="icss1"
    ).table
    rows = release.estimates.filter(
        measure=schema.NET_SURVIVAL, area="SI", sex="all", entity_id="all", standard="icss1"
    ).sort("time_years")
    shown = rows["status"] == "ok"
    assert shown.sum() >= 3
    for name in ("estimate", "se"):
        ours, theirs = (table[name].filter(shown).to_list() for table in (rows, expected))
        assert ours == pytest.approx(theirs, rel=1e-9)


def test_incidence_is_that_of_the_estimator(data, release):
    cases = classify(read_encr(data / "FI" / "incidence.csv"))
    people = Population.read(data / "FI" / "population.csv")
    rules = ExclusionRules(purpose="incidence", period=PERIOD, needed=("sex",))
    table = incidence(cases, people, by=["family"], rules=rules, bad_rows="exclude").table
    for standard, measure in (("none", "crude rate"), ("esp2013", "standardised rate")):
        expected = table.filter(family="Digestive", measure=measure, standard=standard)
        row = release.estimates.filter(
            measure=schema.INCIDENCE, area="FI", entity_id="02", standard=standard
        )
        assert row["n"].to_list() == expected["n"].to_list()
        for name in ("person_years", "estimate", "lower", "upper"):
            assert row[name].to_list() == pytest.approx(expected[name].to_list(), rel=1e-9)


def test_the_parts_make_up_the_whole(release):
    """Countries add up to the whole, wherever nothing is withheld."""
    crude = release.estimates.filter(
        measure=schema.INCIDENCE, sex="all", age_group="all", standard="none", period="1995-2007"
    )
    wide = crude.pivot("area", index="entity_id", values="n").drop_nulls()
    assert wide.height > 50
    assert (wide.select(pl.sum_horizontal(COUNTRIES)).to_series() == wide["all"]).all()


def test_small_counts_are_nowhere(release):
    for name in ("n", "events", "at_risk"):
        assert release.estimates.filter(pl.col(name).is_between(1, 4)).is_empty()
    assert release.estimates.filter(status="withheld").height > 100
    left = audit(
        release.estimates, areas=release.areas, entities=release.entities, threshold=5,
        overlapping=release.manifest["disclosure"]["overlapping"],
    )  # fmt: skip
    assert not left["certain"].any()


def test_every_record_is_accounted_for(data, release):
    for code in COUNTRIES:
        lines = (data / code / "incidence.csv").read_text().count("\n") - 1
        for purpose in ("incidence", "survival"):
            own = release.exclusions.filter(registry=code, purpose=purpose).sort("order")
            assert own["records"][0] == lines
            assert own["records"][1:-1].sum() == lines - own["records"][-1]


@pytest.mark.parametrize("which", ["small", pytest.param("whole", marks=pytest.mark.slow)])
def test_the_same_inputs_give_the_same_bytes(request, tmp_path, which):
    release, data = (request.getfixturevalue(f"{which}_{one}") for one in ("release", "data"))
    again = run_study(data / "study.toml", tmp_path / "again")
    one, two = release.manifest["files"], again.manifest["files"]
    assert "report.html" in one
    assert one == two
    keep = {"created", "files"}
    assert {k: v for k, v in release.manifest.items() if k not in keep} == {
        k: v for k, v in again.manifest.items() if k not in keep
    }


def test_interrupting_leaves_no_half_release(small_data, tmp_path):
    def interrupt(what, _done, _steps):
        if what == "report":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(small_data / "survival.toml", tmp_path / "release", progress=interrupt)
    assert not list(tmp_path.iterdir())


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def spoil_missing_file(folder):
    (folder / "MT" / "population.csv").unlink()
    return "registry MT: there is no such file.*population.csv"


def spoil_population(folder):
    path = folder / "SI" / "population.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(ln for ln in lines if ln < "2005")]) + "\n")
    return "registry SI, incidence.csv: the population has no such year.*200[567].*1995 to 2004"


def spoil_life_table(folder):
    path = folder / "MT" / "lifetable.csv"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *(ln for ln in lines if ln.split(";")[1] != "2")]) + "\n")
    return "lifetable.csv.*no rows for a case.*female.*male"


def spoil_entity(folder):
    edit(folder / "study.toml", "synthetic = true", 'synthetic = true\nentities = ["08.99"]')
    return "an entity the list does not have: got '08.99'"


def spoil_measure(folder):
    edit(folder / "study.toml", '"trend"]', '"survival"]')
    return r"study.measures.4.*'prevalence' or 'trend'"


def spoil_id(folder):
    edit(folder / "study.toml", 'id = "MT"', 'id = "SI"')
    return "two registries have the id 'SI'"


def spoil_header(folder):
    edit(folder / "SI" / "incidence.csv", "PAT;MoB", "MoB;PAT")
    return "registry SI: .*(MoB|PAT)"


def spoil_country(folder):
    lives = pl.read_csv(folder / "SI" / "lifetable.csv", separator=";")
    lives.with_columns(country=pl.lit("SI")).write_csv(folder / "lives.csv")
    old = 'life_table = { path = "MT/lifetable.csv", format = "encr" }'
    new = 'life_table = { path = "lives.csv", select = { country = "MT" } }'
    edit(folder / "study.toml", old, new)
    return "registry MT: no row has this country.*'MT'; allowed: SI"


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_missing_file, spoil_population, spoil_life_table, spoil_country, spoil_entity,
        spoil_measure, spoil_id, spoil_header,
    ],
    ids=lambda spoil: spoil.__name__,
)  # fmt: skip
def test_a_spoilt_data_call_is_refused_and_nothing_is_written(copy, tmp_path, spoil):
    words = spoil(copy)
    with pytest.raises(RarecareError, match=words):
        run_study(copy / "study.toml", tmp_path / "release")
    assert not (tmp_path / "release").exists()


@pytest.mark.slow
def test_no_figure_of_a_study_depends_on_the_order_of_registries(small_data, small_release):
    study, _ = read_study(small_data / "study.toml")
    turned = study.model_copy(update={"registries": study.registries[::-1]})
    assert make_release(turned, default_list()).estimates.equals(small_release.estimates)


def test_a_hybrid_study_is_that_of_the_estimator(copy, tmp_path):
    window, diagnosed = ("2005-01-01", "2007-12-31"), ("2004-01-01", "2006-12-31")
    path = copy / "survival.toml"
    path.write_text(
        f"{path.read_text()}\n[survival]\nwindow = {list(window)}\nincidence = {list(diagnosed)}\n"
        'when_empty = "individual"\nmin_at_risk = 10\n'
    )
    made = run_study(path, tmp_path / "release")
    cases = classify(read_encr(copy / "SI" / "incidence.csv"))
    lives = LifeTable.read(copy / "SI" / "lifetable.csv")
    days = [tuple(date.fromisoformat(day) for day in pair) for pair in (window, diagnosed)]
    expected = net_survival(
        cases, lives, at=[1, 3, 5, 10], rules=ExclusionRules(needed=()), bad_rows="exclude",
        window=days[0], incidence=days[1], min_at_risk=10,
    ).table  # fmt: skip
    rows = made.estimates.filter(
        measure=schema.NET_SURVIVAL, area="SI", sex="all", entity_id="all", age_group="15-99",
        standard="none",
    ).sort("time_years")  # fmt: skip
    assert rows["n"].to_list() == expected["n"].to_list()
    known = expected["estimate"].is_not_null().to_list()
    assert any(known)
    for name in ("estimate", "se"):
        ours, theirs = (t[name].fill_null(-1).to_list() for t in (rows, expected))
        assert ours == pytest.approx(theirs, rel=1e-9)
    told = made.estimates.filter(measure=schema.NET_SURVIVAL)["reason"].drop_nulls()
    assert told.str.contains("fewer than 10 at risk").any()
    assert not told.str.contains(r"from day \d").any()

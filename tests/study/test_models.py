"""Models in a study: the fit of all registries' cells, its rows in the release, its files."""

import json

import numpy as np
import polars as pl
import pytest

from rarecare import ExclusionRules, LifeTable, classify
from rarecare.errors import UsageError
from rarecare.models import excess_cells, fit_poisson
from rarecare.models.cells import Cells
from rarecare.registry.encr import read_encr
from rarecare.registry.exclusions import exclude
from rarecare.study import open_release, run_study, schema
from rarecare.study.config import read_study
from rarecare.study.models import with_age_groups

COUNTRIES = ("BG", "SI", "FI")


@pytest.fixture(scope="module")
def data(whole_data):
    return whole_data


@pytest.fixture(scope="module")
def release(whole_release):
    return whole_release


def test_the_model_is_that_of_the_registries_cells_together(data, release):
    """Each registry's cases with its own life table, cells summed, fitted by themselves."""
    study, _ = read_study(data / "study.toml")
    by = ("country", "age_group", "sex", "stage")
    tables, people = [], []
    for code in COUNTRIES:
        cases = classify(read_encr(data / code / "incidence.csv"))
        rules = ExclusionRules(period=study.study.period, needed=("sex",))
        kept, _ = exclude(cases, rules, bad_rows="exclude")
        kept = kept.filter(pl.col("rare")) if "rare" in kept.columns else kept
        kept = with_age_groups(kept, study.models).drop_nulls(list(by[1:]))
        lives = LifeTable.read(data / code / "lifetable.csv")
        cells = excess_cells(kept, lives, covariates=by[1:], allow_outside=1)
        tables.append(cells.table.with_columns(country=pl.lit(code)))
        people.append(cells.cases.with_columns(country=pl.lit(code)))
    columns = (*by, "start", "end", "interval")
    table = (
        pl.concat(tables).group_by(columns)
        .agg(pl.col("n", "deaths", "expected", "person_years").sum()).sort(columns)
    )  # fmt: skip
    whole = Cells(table, by, cells.breaks, pl.concat(people), cells.provenance)
    fit = fit_poisson(whole, study.models.formula)
    made = release.models["rare.json"]
    assert made["n"] == fit.n
    assert made["names"] == list(fit.names)
    np.testing.assert_allclose(made["coefficients"], fit.coefficients, rtol=1e-9)
    np.testing.assert_allclose(made["covariance"], fit.covariance, rtol=1e-8, atol=1e-14)
    rows = release.estimates.filter(measure=schema.MODEL_SURVIVAL, area="SI", time_years=5)
    own = fit.standardised([5], fixed={"country": "SI"})
    assert rows["estimate"].to_list() == pytest.approx(own["estimate"].to_list())
    ratio = release.estimates.filter(
        measure=schema.HAZARD_RATIO, method="poisson excess hazard: sex[T.male]"
    ).row(0, named=True)
    term = fit.table().filter(term="sex[T.male]").row(0, named=True)
    assert [ratio[k] for k in ("estimate", "lower", "upper")] == pytest.approx(
        [term[k] for k in ("ratio", "lower", "upper")]
    )


def test_the_release_names_its_models_and_opens_with_them(release):
    back = open_release(release.folder)
    assert back.manifest["models"] == ["models/rare.json"]
    assert "models/rare.json" in back.manifest["files"]
    assert back.models == release.models
    held = json.loads((release.folder / "models" / "rare.json").read_text(encoding="utf-8"))
    assert held["breaks_years"] == [0, 1, 2, 3, 4, 5]
    assert np.array(held["covariance"]).shape == (len(held["names"]),) * 2


def test_every_measure_of_the_model_is_in_the_estimates(release):
    own = release.estimates.filter(entity_id="rare")
    for measure in (
        schema.HAZARD_RATIO, schema.MODEL_SURVIVAL, schema.MODEL_DIFFERENCE,
        schema.SHARE_EXPLAINED,
    ):  # fmt: skip
        assert measure in own["measure"].unique().to_list()
    shares = own.filter(measure=schema.SHARE_EXPLAINED, time_years=5)
    in_order = shares.filter(pl.col("method").str.starts_with("in order"))
    assert in_order["estimate"].sum() == pytest.approx(1)
    difference = own.filter(measure=schema.MODEL_DIFFERENCE, area="SI", time_years=5)
    survival = own.filter(measure=schema.MODEL_SURVIVAL, time_years=5)
    gap = [survival.filter(area=area)["estimate"][0] for area in ("SI", "BG")]
    assert difference["estimate"][0] == pytest.approx(gap[0] - gap[1])
    assert any("cases left out" in note for note in release.manifest["notes"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('entities = ["rare"]', "entities = []"), "models.entities"),
        (('entities = ["rare"]', 'entities = ["99"]'), "does not report"),
        (("covariates", "covariate"), "Did you mean 'covariates'"),
        (('"sex", "stage"]', '"sex", "grad"]'), "grad"),
    ],
)
def test_what_a_model_cannot_be_made_of_is_named(data, tmp_path, change, words):
    text = (data / "study.toml").read_text(encoding="utf-8").replace(*change)
    text = text.replace('path = "', f'path = "{data.as_posix()}/')
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        run_study(tmp_path / "study.toml", tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_the_report_shows_the_models_numbers(release):
    page = (release.folder / "report.html").read_text(encoding="utf-8")
    section = page.partition('id="why"')[2].partition("</section>")[0]
    own = release.estimates.filter(measure=schema.MODEL_SURVIVAL)
    assert own.height > 0
    for value in own["estimate"]:
        assert f"<td>{100 * value:.1f}</td>" in section
    share = release.estimates.filter(measure=schema.SHARE_EXPLAINED, method="Shapley: stage")
    assert f"<td>{100 * share['estimate'][0]:.0f}</td>" in section
    assert "Slovenia" in section
    assert "differences" in section

"""Stacked probabilities, forests and conditional survival: what is drawn, said and refused."""

import json

import polars as pl
import pytest

from rarecare import LifeTable, read_cases
from rarecare.errors import ColumnError, UsageError
from rarecare.figures import conditional_figure, forest_figure, probabilities_figure
from rarecare.survival import (
    conditional_survival,
    crude_mortality,
    net_survival,
    survival_contrasts,
)

WIDTHS = (600, 340)


@pytest.fixture(scope="module")
def cases(cohort):
    return read_cases(cohort / "cases.csv")


@pytest.fixture(scope="module")
def lives(cohort):
    return LifeTable.read(cohort / "lifetable.csv")


def parts(spec):
    """Every dictionary of a specification."""
    if isinstance(spec, dict):
        yield spec
    for value in spec.values() if isinstance(spec, dict) else spec:
        if isinstance(value, dict | list):
            yield from parts(value)


def texts(figure):
    """Every text drawn."""
    return [part["text"] for part in parts(figure.spec) if isinstance(part.get("text"), str)]


def rows_with(figure, *names):
    """Every data row of the drawing that has these fields."""
    return [part for part in parts(figure.spec) if set(names) <= set(part)]


@pytest.mark.parametrize("width", WIDTHS)
def test_areas_are_the_probabilities_on_one_another(cases, lives, width):
    result = crude_mortality(cases, lives, at=[1, 5])
    figure = result.plot(width=width)
    last = max(rows_with(figure, "cancer", "dead", "x"), key=lambda row: row["x"])
    table = result.table.filter(time_years=5)
    cancer, other = (table.filter(method=m)["estimate"][0] for m in ("crude-cancer", "crude-other"))
    assert last["x"] == pytest.approx(5, abs=0.01)
    assert last["cancer"] == pytest.approx(cancer, abs=5e-4)
    assert last["dead"] == pytest.approx(cancer + other, abs=5e-4)
    said = " ".join(texts(figure))
    assert f"{100 * cancer:.0f}% (" in said
    assert {"Alive", "Died of another cause", "Died of the cancer"} <= set(texts(figure))
    assert "By 5 years" in figure.description
    assert "People still followed" in said


def test_several_strata_are_panels_in_the_order_of_the_table(cases, lives):
    figure = crude_mortality(cases, lives, at=[5], by="stage").plot(title="By stage")
    headings = [text for text in texts(figure) if text in ("Distant", "Localised", "Regional")]
    assert headings[:3] == ["Distant", "Localised", "Regional"]
    assert len(json.dumps(figure.spec)) > 1000


def test_what_cannot_be_stacked_is_said(cases, lives):
    table = crude_mortality(cases, lives, at=[1, 5, 16]).table
    figure = probabilities_figure(table, by=[], title="T")
    assert "Not shown: All from 16.0 years, not estimable: no one at risk" in figure.description
    with pytest.raises(UsageError, match="both causes"):
        probabilities_figure(table.filter(method="crude-cancer"), by=[], title="T")
    with pytest.raises(ColumnError, match="at_risk"):
        probabilities_figure(table.drop("at_risk"), by=[], title="T")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_forest_has_a_dot_per_stratum_in_the_order_of_the_table(cases, lives, width):
    table = net_survival(cases, lives, by=["stage", "region"], at=[1, 5]).table
    figure = forest_figure(table, by=["stage", "region"], title="T", width=width)
    dots = {row["stratum"]: row for row in rows_with(figure, "stratum", "estimate", "y")}
    own = table.filter(time_years=5)
    assert len(dots) == own.height == 6
    assert [dots[name]["y"] for name in dots] == sorted(row["y"] for row in dots.values())
    first = own.row(0, named=True)
    assert dots["Distant, FI"]["estimate"] == first["estimate"]
    numbers = [100 * first[name] for name in ("estimate", "lower", "upper")]
    assert "{:.0f} ({:.0f}–{:.0f})".format(*numbers) in texts(figure)


def test_a_forest_keeps_the_place_of_what_is_missing(cases, lives):
    table = net_survival(cases, lives, by="stage", at=[5]).table.with_columns(
        status=pl.when(pl.col("stage") == "distant").then(pl.lit("withheld")).otherwise("status"),
        reason=pl.when(pl.col("stage") == "distant").then(pl.lit("fewer than 5")),
    )
    figure = forest_figure(table, by=["stage"], title="T")
    assert "withheld: fewer than 5" in " ".join(texts(figure)).replace("\n", " ")
    assert "Distant: withheld: fewer than 5." in figure.description
    assert len({row["stratum"] for row in rows_with(figure, "stratum", "estimate", "y")}) == 2


def test_differences_and_ratios_have_a_line_at_none(cases, lives):
    result = survival_contrasts(net_survival(cases, lives, by="sex", at=[5]), across="sex")
    figure = result.plot()
    row = result.table.filter(contrast="difference").row(0, named=True)
    sign = "+" if row["estimate"] > 0 else "\u2212"
    assert any(
        text.startswith(f"{sign}{abs(100 * row['estimate']):.1f} (") for text in texts(figure)
    )
    assert "Each less female" in texts(figure)
    assert "No difference" in json.dumps(figure.spec)
    ratio = forest_figure(
        result.table.filter(contrast="ratio"), by=["sex"], measure="ratio", title="T"
    )
    value = result.table.filter(contrast="ratio")["estimate"][0]
    assert any(text.startswith(f"{value:.2f} (") for text in texts(ratio))


def test_a_forest_refuses(cases, lives):
    table = net_survival(cases, lives, by="stage", at=[5]).table
    with pytest.raises(UsageError, match="no rows at this time: got 3; allowed: 5"):
        forest_figure(table, by=["stage"], time_years=3, title="T")
    with pytest.raises(UsageError, match="Did you mean 'difference'"):
        forest_figure(table, by=["stage"], measure="diference", title="T")
    with pytest.raises(ColumnError, match="lower"):
        forest_figure(table.drop("lower"), by=["stage"], title="T")
    with pytest.raises(UsageError, match="one row per stratum"):
        forest_figure(table, by=[], title="T")


@pytest.mark.parametrize("width", WIDTHS)
def test_conditional_survival_is_a_line_over_years_lived(cases, lives, width):
    result = conditional_survival(cases, lives, given=[0, 1, 5], ahead=[5], by="sex")
    figure = result.plot(width=width)
    points = {
        (row["stratum"], row["x"]): row["y"]
        for row in rows_with(figure, "stratum", "x", "y", "run")
    }
    row = result.table.filter(sex="male", given_years=1).row(0, named=True)
    assert points["Male", 1] == pytest.approx(row["estimate"], abs=1e-5)
    assert "Survival over 5 years of those alive (%)" in texts(figure)
    assert f"{100 * row['estimate']:.0f}% (" in figure.description


def test_several_years_ahead_are_lines_of_their_own(cases, lives):
    table = conditional_survival(cases, lives, given=[0, 1], ahead=[1, 5]).table
    figure = conditional_figure(table, by=[], title="T")
    names = {row["stratum"] for row in rows_with(figure, "stratum", "x", "y", "run")}
    assert names == {"1 year more", "5 years more"}
    late = conditional_survival(cases, lives, given=[1, 14], ahead=[5]).table
    told = conditional_figure(late, by=[], title="T").description
    assert "Not shown: All, after 14 years, not estimable: no one at risk" in told


@pytest.mark.parametrize("width", WIDTHS)
def test_they_can_be_drawn(cases, lives, width, tmp_path):
    for number, result in enumerate(
        [
            crude_mortality(cases, lives, at=[5], by="sex"),
            conditional_survival(cases, lives, given=[0, 1], ahead=[5]),
            survival_contrasts(net_survival(cases, lives, by="sex", at=[5]), across="sex"),
        ]
    ):
        for suffix in (".svg", ".png", ".pdf"):
            file = tmp_path / f"{number}{suffix}"
            result.plot(width=width, synthetic=True).save(file)
            assert file.stat().st_size > 3000

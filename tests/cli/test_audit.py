"""``rarecare audit``: what a release withholds, looked at as a reader does."""

import json

import polars as pl
import pytest

from rarecare.cli import main
from rarecare.disclosure import protect, rounded
from rarecare.registry.quality import QUALITY
from rarecare.study import Release, schema, write_release
from tests.disclosure import tables
from tests.disclosure.test_protect import by_area

AREAS, ENTITIES = tables.areas(), tables.entities()
CELL = ["entity_id", "area", "sex", "age_group", "period"]


def by_area_and_sex(_entity, _area, _sex, age, period):
    return age == "all" and period == "2000-2001"


@pytest.fixture(scope="module")
def rows():
    """Cases by area and sex; crude rates alone, so that those of unknown age do not matter."""
    made = tables.estimates(4, 0.5, measures=("incidence",), keep=by_area_and_sex)
    return made.filter(standard="none")


@pytest.fixture(scope="module")
def shown(rows):
    return protect(
        rows, areas=AREAS, entities=ENTITIES, unions={"rare": ["01.02", "02.01"]}
    ).estimates


def written(estimates, folder, **disclosure):
    release = Release(
        estimates=estimates.sort(schema.KEY), entities=ENTITIES, areas=AREAS,
        exclusions=pl.DataFrame(schema=schema.EXCLUSIONS), quality=pl.DataFrame(schema=QUALITY),
        manifest={
            "schema_version": schema.VERSION, "study": {"synthetic": True},
            "disclosure": disclosure,
        },
    )  # fmt: skip
    return str(write_release(release, folder).folder)


def test_a_protected_release_has_nothing_to_find(shown, tmp_path, capsys):
    assert main(["audit", written(shown, tmp_path / "r", threshold=5)]) == 0
    held = shown.filter(pl.col("n").is_null()).select(CELL).n_unique()
    assert held > 0
    assert capsys.readouterr().out == f"counts withheld: {held:,}; counts that can be narrowed: 0\n"


def test_a_count_shown_again_is_found(tmp_path, capsys):
    rows = by_area(AA=3, BB=9, North=12, CC=28, South=28, all=40)
    shown = protect(rows, areas=AREAS, entities=ENTITIES).estimates
    assert shown.filter(pl.col("n").is_null())["area"].to_list() == ["AA", "BB"]
    assert main(["audit", written(shown, tmp_path / "r", threshold=5)]) == 0
    again = pl.when(area="BB").then(9).otherwise("n")  # 12 - 9 = 3
    folder = written(shown.with_columns(n=again), tmp_path / "r", threshold=5)
    capsys.readouterr()
    assert main(["audit", folder]) == 1
    printed = capsys.readouterr().out
    assert "counts withheld: 1; counts that can be narrowed: 1" in printed
    assert "the totals and parts shown leave no more" in printed
    assert main(["audit", folder, "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["area"], found["count"], found["least"], found["greatest"]) == ("AA", "n", 3, 3)
    assert main(["audit", folder, "--out", str(tmp_path / "found.csv")]) == 1
    assert pl.read_csv(tmp_path / "found.csv")["least"].to_list() == [3]


def test_the_threshold_is_that_of_the_release(rows, tmp_path, capsys):
    assert main(["audit", written(rows, tmp_path / "one", threshold=1)]) == 0
    assert main(["audit", written(rows, tmp_path / "five", threshold=5)]) == 1
    assert "it is shown" in capsys.readouterr().out


def test_a_rounded_release_is_looked_at_by_its_own_rule(rows, tmp_path, capsys):
    shown = rounded(rows, areas=AREAS, entities=ENTITIES).estimates
    assert shown["n"].null_count() > 0
    rule = {"threshold": 5, "mode": "rounding"}
    assert main(["audit", written(shown, tmp_path / "r", **rule)]) == 0
    folder = written(shown.with_columns(n=pl.col("n").fill_null(4)), tmp_path / "r", **rule)
    assert main(["audit", folder]) == 1
    assert "it is not rounded" in capsys.readouterr().out


def test_what_cannot_be_looked_into_is_refused(shown, tmp_path, capsys):
    assert main(["audit", str(tmp_path)]) == 1
    assert "there is no release" in capsys.readouterr().err
    assert main(["audit", written(shown, tmp_path / "r")]) == 1
    assert "by which rule" in capsys.readouterr().err
    assert main(["audit", str(tmp_path / "r"), "--out", "found.doc"]) == 2

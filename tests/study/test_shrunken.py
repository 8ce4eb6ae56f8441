"""Shrunken rates beside withheld counts: of what is shown alone, and they can be made of it."""

import re

import numpy as np
import polars as pl
import pytest

from rarecare import shrunken_rates
from rarecare.demo import write_demo
from rarecare.disclosure import audit
from rarecare.errors import DisagreementError
from rarecare.rates.hierarchical import NEW
from rarecare.results import NOT_ESTIMABLE, OK, OWN_WITHHELD, WITHHELD
from rarecare.study import pipeline, run_study, schema
from rarecare.study.outlook import shrunken_rows
from rarecare.study.shrunken import foretold

NUMBERS = ("estimate", "se", "lower", "upper")
GONE = ("MT", "SI")
"""Their counts of sarcomas are withheld: one is small, the other would tell it."""


def asked(data):
    """Write a study of the sarcomas alone; nothing but new cases."""
    text = (data / "study.toml").read_text(encoding="utf-8")
    head, registries = text[: text.index("[incidence]")], text[text.index("[[registries]]") :]
    head, found = re.subn(r"(?m)^measures = .*$", 'measures = ["incidence"]\nentities = ["08"]',
                          head)  # fmt: skip
    assert found == 1
    lines = [line for line in registries.splitlines() if not line.startswith("events")]
    whole = [f'{head}[incidence]\nshrunken = ["08"]\n[exclusions]\nbad_rows = "exclude"\n', *lines]
    (data / "study.toml").write_text("\n".join([*whole, ""]), encoding="utf-8")


def move(data, source, target):
    """Move one case of sarcoma from a country to another."""
    files = [data / code / "incidence.csv" for code in (source, target)]
    here, there = (file.read_text(encoding="utf-8").splitlines() for file in files)
    names = here[0].split(";")
    morphology, year = names.index("Morpho"), names.index("YoI")
    own = next(
        k for k, line in enumerate(here[1:], 1)
        if 8800 <= int(line.split(";")[morphology]) < 8900 and int(line.split(";")[year]) > 1996
    )  # fmt: skip
    line = re.sub(r"pat\d+", "pat9999999", re.sub(r"tum\d+", "tum9999999", here.pop(own)))
    for file, lines in zip(files, (here, [*there, line]), strict=True):
        file.write_text("\n".join([*lines, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Two releases, and what their countries hold: between them a withheld country lost a case."""
    folder = tmp_path_factory.mktemp("shrunken")
    countries = ["BG", "EE", "FI", "HR", "IE", *GONE]
    data = write_demo(folder / "data", cases=6_000, seed=1, countries=countries)
    asked(data)
    made = []

    def kept(estimates, by_country, groups, study):
        made.append((estimates, by_country, groups, study))
        return original(estimates, by_country, groups, study)

    original = pipeline.of_what_is_shown
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "of_what_is_shown", kept)
        one = run_study(data / "study.toml", folder / "one")
        move(data, "SI", "MT")
        other = run_study(data / "study.toml", folder / "other")
    return (one, *made[0]), (other, *made[1])


def rates(release):
    return release.estimates.filter(measure=schema.SHRUNKEN).sort("area")


def test_a_withheld_country_is_what_the_published_rows_foretell(studies):
    rows = rates(studies[0][0])
    withheld = rows.filter(pl.col("n").is_null())
    assert tuple(withheld["area"]) == GONE
    assert set(withheld["status"]) == {OK}
    assert set(withheld["method"]) == {OWN_WITHHELD}
    assert withheld["reason"].str.contains("the count of this one is withheld").all()
    # from the incidence that the release shows, by nothing but public functions
    shown = studies[0][0].estimates.filter(
        pl.col("n").is_not_null(), pl.col("area").str.len_chars() == 2, measure=schema.INCIDENCE,
        standard="none", sex="all", age_group="all", period="1995-2007",
    )  # fmt: skip
    assert shown.height == 5
    crude = shown["n"].sum() / shown["person_years"].sum()
    fitted = shrunken_rates(shown["n"], shown["person_years"] * crude)
    known = fitted.between.filter(measure=NEW).row(0, named=True)
    for row in withheld.iter_rows(named=True):
        for number in NUMBERS:
            assert row[number] == pytest.approx(1e5 * crude * known[number], rel=1e-9)
        assert row["lower"] < shown["estimate"].min() < shown["estimate"].max() < row["upper"]


def test_no_rate_of_the_release_tells_a_withheld_count(studies):
    """A case moved between withheld countries moves no number, also of the countries shown."""
    (one, _, before, *_), (other, _, after, *_) = studies
    gained = {code: int(after[code].cases.sum() - before[code].cases.sum()) for code in before}
    assert gained == dict.fromkeys(before, 0) | {"MT": 1, "SI": -1}
    assert rates(one).equals(rates(other))
    # which the rates of all countries together would tell
    naive = [
        shrunken_rows(counts, groups, study)[0].filter(~pl.col("area").is_in(GONE))
        for _, _, counts, groups, study in studies
    ]
    assert (naive[0]["estimate"] - naive[1]["estimate"]).abs().min() > 1e-4


def test_countries_shown_are_drawn_to_their_own_level(studies):
    release, _, counts, groups, study = studies[0]
    own = {code: held for code, held in counts.items() if code not in GONE}
    known = shrunken_rows(own, groups, study)[0]
    shown = rates(release).filter(pl.col("n").is_not_null())
    assert shown["area"].to_list() == known["area"].to_list()
    for number in ("n", *NUMBERS):
        assert shown[number].to_list() == pytest.approx(known[number].to_list(), rel=1e-12)


def test_all_other_rows_are_as_they_were_protected(studies):
    release, protected, *_ = studies[0]
    others = [table.filter(pl.col("measure") != schema.SHRUNKEN).sort(schema.KEY)
              for table in (release.estimates, protected)]  # fmt: skip
    assert others[0].equals(others[1])


def test_the_audit_passes_with_the_foretold_rates(studies):
    release = studies[0][0]
    tables = (release.areas, release.entities)
    found = audit(release.estimates, *tables).filter(measure=schema.SHRUNKEN)
    assert found.is_empty()
    as_if_own = release.estimates.with_columns(method=pl.lit("hierarchical Poisson, grid"))
    found = audit(as_if_own, *tables).filter(measure=schema.SHRUNKEN)
    assert set(found["area"]) == set(GONE)


def some(counts, years=None):
    """Shrunken rates of countries, some counts None: withheld."""
    gone = [n is None for n in counts]
    return pl.DataFrame(
        {
            "measure": schema.SHRUNKEN, "entity_id": "01",
            "area": [f"A{k}" for k in range(len(counts))], "n": counts,
            "person_years": years or [1e5] * len(counts), "level": 0.95, "method": "hierarchical",
            **{name: [None if one else 1.0 for one in gone] for name in NUMBERS},
            "status": [WITHHELD if one else OK for one in gone],
            "reason": ["few" if one else None for one in gone],
        },
        schema_overrides={"n": pl.Int64, "reason": pl.String},
    )  # fmt: skip


@pytest.mark.parametrize(
    "rows",
    [
        some([7, 9, None]),  # two shown
        some([0, 0, 0, None]),  # no case: the level has no posterior
        some([7, 9, 0, None], [1e5, 1e5, 0.0, 1e5]),  # two with people
        some([None, None]),
    ],
)
def test_where_too_little_is_shown_a_rate_stays_withheld(rows):
    assert foretold(rows).equals(rows.filter(status=WITHHELD))


def test_a_foretold_rate_by_hand():
    """20 cases in each of three equal countries: the posterior on a lattice, summed as it stands.

    p(θ) = Σ over a, s of N(θ; a, s²) × the likelihood of each country cubed.
    """
    made = foretold(some([20, 20, 20, None])).row(0, named=True)
    a, theta = np.linspace(-4, 4, 321), np.linspace(-10, 10, 1601)
    likelihood = np.exp(20 * theta - 20 * np.exp(theta) + 20)
    density = np.zeros(len(theta))
    for s in 0.01 + 1.49 * (np.arange(60) + 0.5) / 60:
        normal = np.exp(-(((theta - a[:, None]) / s) ** 2) / 2)
        normal /= normal.sum(axis=1, keepdims=True)
        density += (normal @ likelihood) ** 3 @ normal
    density /= density.sum()
    assert made["estimate"] == pytest.approx(20 * (density @ np.exp(theta)), rel=2e-3)
    total = np.cumsum(density)
    for limit, p in (("lower", 0.025), ("upper", 0.975)):
        assert made[limit] == pytest.approx(20 * np.exp(np.interp(p, total, theta)), rel=0.02)


def test_nothing_of_a_withheld_row_but_its_place_is_read():
    rows = some([7, 9, 12, None])
    wild = rows.with_columns(
        person_years=pl.when(status=WITHHELD).then(7.0).otherwise("person_years")
    )
    assert foretold(rows).drop("person_years").equals(foretold(wild).drop("person_years"))


def test_a_country_alone_is_not_estimable_when_the_others_are_withheld(studies):
    """Its rate has nothing to be drawn to that is shown."""
    release, protected, counts, groups, study = studies[0]
    alone = protected.with_columns(
        pl.when(pl.col("measure") == schema.SHRUNKEN, pl.col("area") != "EE")
        .then(pl.lit(WITHHELD)).otherwise("status").alias("status")
    )  # fmt: skip
    made = pipeline.of_what_is_shown(alone, counts, groups, study)
    rows = made.filter(measure=schema.SHRUNKEN)
    assert set(rows.filter(area="EE")["status"]) == {NOT_ESTIMABLE}
    assert set(rows.filter(pl.col("area") != "EE")["status"]) == {WITHHELD}
    assert made.height == release.estimates.height


@pytest.mark.parametrize(
    "change",
    [
        {"method": pl.lit("hierarchical Poisson, grid")},  # of a row without its count
        {"n": pl.lit(7, pl.Int64)},  # of a row that says its count is withheld
    ],
)
def test_a_rate_says_whether_its_own_count_is_in_it(studies, change):
    release = studies[0][0]
    own = (pl.col("measure") == schema.SHRUNKEN) & (pl.col("area") == "MT")
    broken = release.estimates.with_columns(
        **{name: pl.when(own).then(value).otherwise(name) for name, value in change.items()}
    )
    with pytest.raises(DisagreementError, match="whether its own count is in it"):
        schema.validate(release.tables | {"estimates": broken})

"""The sensitivity panel: what moves, what must not, and how far."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.cli import main
from rarecare.codes.rare_cancers import default_list
from rarecare.registry.encr import read_encr
from rarecare.study import schema, sensitivity
from rarecare.study.sensitivity import VARIANTS, Sensitivity, reallocated, without_suspicious

DCO, NOS, LONG = (one.name for one in VARIANTS)


@pytest.fixture(scope="module")
def data(small_data):
    return small_data


@pytest.fixture(scope="module")
def found(made_once, data):
    def make(folder):
        whole = sensitivity(data / "study.toml")
        whole.table.write_parquet(folder / "table.parquet")
        whole.changes.write_parquet(folder / "changes.parquet")

    folder = made_once("sensitivity", make)
    return Sensitivity(
        pl.read_parquet(folder / "table.parquet"), pl.read_parquet(folder / "changes.parquet")
    )


@pytest.fixture(scope="module")
def cases(data):
    both = [read_encr(data / country / "incidence.csv").table for country in ("SI", "MT")]
    return default_list().classify(pl.concat(both))


def test_as_counted_is_the_release(small_release, found):
    keys = ["measure", "entity_id", "sex", "age_group", "period", "time_years", "standard", "unit"]
    ours = found.table.filter(variant=DCO).select(*keys, "n", "estimate")
    published = small_release.estimates.filter(area="all", status="ok")
    both = ours.join(published, on=keys, nulls_equal=True, suffix="_published")
    assert both.height > 100
    assert (both["n"] == both["n_published"]).all()
    step = pl.col("reason").str.extract(r"rounded to ([0-9.e-]+)").cast(pl.Float64)
    apart = (pl.col("estimate") - pl.col("estimate_published")).abs()
    rounded = both.with_columns(step=step, apart=apart).filter(pl.col("step").is_not_null())
    assert 0 < rounded.height < both.height / 2
    assert (rounded["apart"] <= rounded["step"] * (0.5 + 1e-9)).all()
    exact = both.filter(step.is_null())
    assert exact["estimate"].to_list() == pytest.approx(exact["estimate_published"].to_list())


def test_without_death_certificates_incidence_falls_by_them_and_survival_stays(found, cases):
    rows = found.table.filter(variant=DCO)
    crude = rows.filter(measure=schema.INCIDENCE, entity_id="all", standard="none")
    counted = cases.filter(
        pl.col("entity_tier1").is_not_null(), pl.col("basis_of_diagnosis") == 0, behaviour=3
    ).filter(pl.col("incidence_date").dt.year().is_between(1995, 2007))  # fmt: skip
    row = crude.row(0, named=True)
    assert row["n"] - row["n_variant"] == counted.height > 0
    # a crude rate moves as its cases
    assert row["percent"] == pytest.approx(100 * (row["n_variant"] / row["n"] - 1))
    survival = rows.filter(measure=schema.NET_SURVIVAL, status="ok")
    assert survival.height > 10
    assert (survival["difference"] == 0).all()
    left_out = cases.filter(pl.col("basis_of_diagnosis") == 0).height
    assert found.changes.filter(variant=DCO)["records"].sum() == left_out


def test_reallocation_moves_cases_between_tier_2_only(found):
    rows = found.table.filter(
        pl.col("standard") == "none", variant=NOS, measure=schema.INCIDENCE
    )  # fmt: skip
    tier1 = rows.filter(pl.col("entity_id").str.len_chars() <= 5, pl.col("entity_id") != "rare")
    assert tier1.height > 5
    assert (tier1["n"] == tier1["n_variant"]).all()
    # all rare cancers are a union of tier 1 and tier 2, so that they may grow
    rare = rows.filter(entity_id="rare").row(0, named=True)
    assert rare["n_variant"] >= rare["n"]
    tier2 = rows.filter(pl.col("entity_id").str.len_chars() > 5)
    assert (tier2["n_variant"] >= tier2["n"]).all()
    assert (tier2["n_variant"] > tier2["n"]).any()


def test_long_survivors_lower_the_survival_of_their_entity(found, cases):
    gone = cases.height - without_suspicious(cases).height
    assert found.changes.filter(variant=LONG)["records"].sum() == gone > 0
    whole = found.table.filter(
        pl.col("time_years") == 5, variant=LONG, measure=schema.NET_SURVIVAL, entity_id="all",
        standard="none", age_group="15-99",
    )  # fmt: skip
    assert whole["difference"].item() < 0


entities = st.tuples(
    st.sampled_from(["01.01", "02.01", None]),
    st.sampled_from(["1", "2", "3", None]),
    st.sampled_from(["male", "female", None]),
    st.sampled_from([30, 50, 70, None]),
)


@settings(max_examples=60)
@given(st.lists(entities, min_size=1, max_size=60))
def test_reallocation_keeps_the_shares(rows):
    table = pl.DataFrame(
        [(t1, t2 and t1 and f"{t1}.0{t2}", sex, age) for t1, t2, sex, age in rows],
        schema={"entity_tier1": pl.String, "entity_tier2": pl.String, "sex": pl.String,
                "age": pl.Int32},
        orient="row",
    )  # fmt: skip
    new = reallocated(table)
    assert new.drop("entity_tier2").equals(table.drop("entity_tier2"))
    known = table["entity_tier2"].is_not_null()
    assert new.filter(known).equals(table.filter(known))
    for tier1 in ("01.01", "02.01"):
        own, before = new.filter(entity_tier1=tier1), table.filter(entity_tier1=tier1)
        if before["entity_tier2"].null_count() < before.height:
            assert own["entity_tier2"].null_count() == 0
        else:
            assert own.equals(before)
    assert new.filter(pl.col("entity_tier1").is_null())["entity_tier2"].null_count() == (
        table["entity_tier1"].null_count()
    )
    # of each tier 1, sex and band with specified cases: the share to within one case
    band = pl.when(pl.col("age") < 45).then(0).when(pl.col("age") < 65).then(1).otherwise(2)
    keys = ["entity_tier1", pl.col("sex").fill_null("unknown"), band.fill_null(-1)]
    keys[2] = pl.when(pl.col("age").is_null()).then(-1).otherwise(band)
    old = table.with_columns(_new=new["entity_tier2"], s=keys[1], b=keys[2])
    for _, part in old.group_by("entity_tier1", "s", "b"):
        said = part["entity_tier2"].drop_nulls()
        m = part["entity_tier2"].null_count()
        if not len(said) or part["entity_tier1"][0] is None:
            continue
        for tier2 in said.unique():
            share = (said == tier2).sum() / len(said)
            given = ((part["_new"] == tier2) & part["entity_tier2"].is_null()).sum()
            assert abs(given - m * share) < 1


def test_reallocation_by_sex_and_age_first():
    """Men's unspecified follow the men, 2 to 0; a woman without a specified woman follows all."""
    rows = [("A", "A.1", "male", 50), ("A", "A.1", "male", 50), ("A", "A.2", "male", 70)]
    rows += [("A", None, "male", 50), ("A", None, "male", 70), ("A", None, "female", 50)]
    table = pl.DataFrame(rows, schema=["entity_tier1", "entity_tier2", "sex", "age"], orient="row")
    # of all, A.1 has 2/3: the one woman stands at 0.5 of the way, so A.1
    assert reallocated(table)["entity_tier2"].to_list()[3:] == ["A.1", "A.2", "A.1"]


def test_the_command(data, tmp_path, capsys):
    assert main(["sensitivity", str(data / "study.toml"), "--out", str(tmp_path / "s.csv")]) == 0
    said = capsys.readouterr()
    assert "What moves most" in said.out
    assert "unprotected" in said.err
    assert pl.read_csv(tmp_path / "s.csv")["variant"].n_unique() == 3

"""Cases classified: by hand, by law, and what is refused."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.codes import default_list
from rarecare.codes.rare_cancer_classifier import REASONS
from rarecare.errors import CaseError, CodeError, ColumnError

SCHEMA = {
    "topography": pl.String,
    "morphology": pl.Int32,
    "behaviour": pl.Int32,
    "sex": pl.String,
}
some_cases = st.lists(
    st.tuples(
        st.sampled_from(["C40.2", "C50.1", "C501", "C71.0", "C76.0", "C99.9", None]),
        st.sampled_from([8000, 8500, 9180, 9421, 9140, 1234, None]),
        st.sampled_from([0, 1, 2, 3, 5, None]),
        st.sampled_from(["male", "female", None]),
    ),
    max_size=12,
)


def cases(rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@pytest.mark.parametrize(
    ("row", "tier1", "tier2", "rare"),
    [
        # osteosarcoma of the femur
        (("C40.2", 9180, 3, "male"), "08.02", "08.02.01", True),
        # larynx: a common group, each of its entities rare by the list
        (("C32.0", 8070, 3, "male"), "01.04", "01.04.02", True),
        # infiltrating duct carcinoma of the breast: common in women, rare in men
        (("C50.4", 8500, 3, "female"), "04.01", "04.01.01", False),
        (("C50.4", 8500, 3, "male"), "04.01", "04.01.07", True),
        # angiosarcoma of a man's breast is a sarcoma first and last
        (("C50.4", 9120, 3, "male"), "08.01", "08.01.06", True),
        # pilocytic astrocytoma counts with behaviour 1 in the central nervous system
        (("C71.6", 9421, 1, "female"), "11.01", "11.01.01", True),
        # pseudomyxoma, the one entity that takes metastatic behaviour
        (("C18.1", 8480, 6, "female"), "02.04", "02.04.03", True),
        # malignant neoplasm of the tongue: a rare group, no entity
        (("C02.0", 8000, 3, "male"), "01.06", None, True),
        # malignant neoplasm of the colon: a common group, no entity
        (("C18.7", 8000, 3, "male"), "02.04", None, False),
    ],
)
def test_by_hand(row, tier1, tier2, rare):
    found = default_list().classify(cases([row])).row(0, named=True)
    assert (found["entity_tier1"], found["entity_tier2"], found["rare"]) == (tier1, tier2, rare)
    assert found["classification_reason"] == (None if tier2 else "no tier 2")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, 9180, 3, "male"), "topography missing"),
        (("C40.2", None, 3, "male"), "morphology missing"),
        (("C40.2", 9180, None, "male"), "behaviour missing"),
        (("C99.9", 9180, 3, "male"), "topography unknown"),
        (("C40", 9180, 3, "male"), "topography unknown"),
        (("C40.2", 9999, 3, "male"), "morphology unknown"),
        (("C40.2", 9180, 5, "male"), "behaviour unknown"),
        (("C40.2", 9180, 0, "male"), "behaviour not covered"),
        (("C50.4", 8500, 2, "female"), "behaviour not covered"),
        (("C76.0", 8500, 3, "female"), "topography outside"),
        (("C40.2", 8000, 1, "female"), "morphology outside"),
    ],
)
def test_no_entity_has_its_reason(row, reason):
    found = default_list().classify(cases([row])).row(0, named=True)
    assert found["classification_reason"] == reason
    assert reason in REASONS
    added = ("family", "entity_tier1", "entity_tier2", "rare", "classification_rule")
    assert [found[column] for column in added] == [None] * 5


@pytest.mark.parametrize(
    ("histology", "rare"),
    # duct carcinoma is common in women and rare in men; Paget's disease is rare in both
    [(8500, None), (8540, True)],
)
def test_a_breast_without_a_sex_gets_what_both_sexes_share(histology, rare):
    without = cases([("C50.4", histology, 3, None)])
    for table in (without, without.drop("sex")):
        found = default_list().classify(table).row(0, named=True)
        assert (found["entity_tier1"], found["entity_tier2"]) == ("04.01", None)
        assert found["rare"] is rare
        assert found["classification_reason"] == "sex missing"


def test_a_site_that_does_not_ask_for_the_sex_is_the_same_without_it():
    with_sex = cases([("C40.2", 9180, 3, "female")])
    assert (
        default_list()
        .classify(with_sex.drop("sex"))
        .equals(default_list().classify(with_sex).drop("sex"))
    )


@given(some_cases, st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    straight = default_list().classify(cases(rows))
    mixed = default_list().classify(cases([rows[i] for i in order]))
    assert straight[order].equals(mixed, null_equal=True)


@given(some_cases, some_cases)
def test_parts_classified_and_joined_are_the_whole_classified(one, other):
    parts = pl.concat([default_list().classify(cases(part)) for part in (one, other)])
    assert parts.equals(default_list().classify(cases(one + other)), null_equal=True)


@given(some_cases)
def test_classifying_twice_changes_nothing(rows):
    once = default_list().classify(cases(rows))
    assert default_list().classify(once).equals(once, null_equal=True)


@given(some_cases)
def test_the_type_of_the_columns_does_not_matter(rows):
    table = cases(rows)
    sites = pl.Enum(sorted({row[0] for row in rows if row[0]} | {"C00.0"}))
    expected = default_list().classify(table).drop(SCHEMA)
    for types in (
        {"topography": pl.Categorical, "sex": pl.Categorical},
        {"topography": sites, "sex": pl.Enum(["female", "male"])},
        {"morphology": pl.UInt16, "behaviour": pl.Int8},
    ):
        found = default_list().classify(table.cast(types)).drop(SCHEMA)
        assert found.equals(expected, null_equal=True)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (pl.col("morphology").cast(pl.String), CaseError, "column morphology.*got 'String'"),
        (pl.col("behaviour").cast(pl.Float64), CaseError, "column behaviour.*whole numbers"),
        (pl.lit(402).alias("topography"), CaseError, "column topography.*text, as C40.2"),
        (pl.lit("femal").alias("sex"), CodeError, "'femal'.*Did you mean 'female'"),
    ],
)
def test_other_types_and_codes_are_refused(change, error, message):
    table = cases([("C40.2", 9180, 3, "male")]).with_columns(change)
    with pytest.raises(error, match=message):
        default_list().classify(table)


def test_a_missing_column_is_named():
    table = cases([]).rename({"morphology": "morfology"})
    with pytest.raises(ColumnError, match="no column morphology"):
        default_list().classify(table)


def test_explain_says_entity_rule_and_how_sure():
    text = str(default_list().explain("c402", "91803"))
    assert text.startswith("C40.2 9180/3\n")
    assert "08.02.01 Osteogenic sarcoma" in text
    assert "C40.0-C40.9 C41.0-C41.9; 9180-9200; behaviour 3" in text
    assert "derived from the entity's name" in text
    assert "Unofficial" in text


def test_explain_says_why_there_is_nothing_and_what_is_near():
    found = default_list().explain("C40.2", "9180/0")
    assert (found.tier1, found.tier2, found.rule) == (None, None, None)
    assert found.reason == REASONS["behaviour not covered"]
    assert [near.entity.entity_id for near in found.nearest] == ["08.02.01"]
    assert found.nearest[0].differs == ("behaviour",)
    assert "nearest   08.02.01 Osteogenic sarcoma: differs in behaviour" in str(found)


def test_explain_takes_the_sex():
    assert default_list().explain("C50.1", "8500/3", sex="male").tier2.entity_id == "04.01.07"
    assert default_list().explain("C50.1", "8500/3", sex="female").tier2.entity_id == "04.01.01"
    without = default_list().explain("C50.1", "8500/3")
    assert without.tier2 is None
    assert "depends on the sex" in str(without)
    with pytest.raises(CodeError, match="Did you mean 'male'"):
        default_list().explain("C50.1", "8500/3", sex="mal")


def test_explain_says_when_icdo3_does_not_list_the_pair():
    assert "not listed in ICD-O-3" in str(default_list().explain("C71.0", "9400/1"))

"""ICD-O-3 codes, and labels that may be absent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.codes import morphologies, parse_morphology, parse_topography, topographies
from rarecare.codes.icdo3 import site_numbers
from rarecare.errors import CodeError, FileError


def test_the_tables_are_whole():
    sites = topographies()
    assert sites["level"].value_counts(sort=True).rows() == [("site", 330), ("group", 70)]
    assert morphologies().height == 1209
    assert sites["topography"].is_unique().all()
    assert morphologies().select("morphology", "behaviour").is_unique().all()
    assert morphologies()["behaviour"].unique().sort().to_list() == [0, 1, 2, 3, 6, 9]
    assert (morphologies()["icdo_3_1"] | morphologies()["icdo_3_2"]).all()


def test_osteosarcoma_is_listed_with_its_label():
    row = morphologies().filter(morphology=9180, behaviour=3).row(0, named=True)
    assert row["label"].startswith("Osteosarcoma")


def test_labels_can_be_replaced(tmp_path):
    (tmp_path / "topography.csv").write_text("topography,label\nC40.2,jambe\n", encoding="utf-8")
    labels = dict(topographies(labels=tmp_path).select("topography", "label").rows())
    assert labels["C40.2"] == "jambe"
    assert labels["C40.3"] is None
    with pytest.raises(FileError, match=r"morphology\.csv"):
        morphologies(labels=tmp_path)


def test_without_the_folder_labels_are_absent(monkeypatch, tmp_path):
    monkeypatch.setattr("rarecare.codes.icdo3.LABELS", tmp_path)
    for table in (topographies.__wrapped__(), morphologies.__wrapped__()):
        assert table["label"].null_count() == table.height


@given(st.sampled_from(list(site_numbers())), st.sampled_from(["{0}.{1}", "{0}{1}"]), st.booleans())
def test_a_site_is_read_however_it_is_written(site, form, low):
    text = form.format(site[:3], site[4])
    assert parse_topography(text.lower() if low else text) == site


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C99.9", "not an ICD-O-3 site: got 'C99.9'"),
        ("C40", "allowed: C40.0, C40.1"),
        ("C40.7", "allowed: C40.0, C40.1.*Did you mean 'C40"),
        ("", "not an ICD-O-3 site"),
    ],
)
def test_what_is_no_site_is_refused(text, message):
    with pytest.raises(CodeError, match=message):
        parse_topography(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9180", "as 9180/3"),
        ("9179/3", "histology is not in ICD-O-3.*9180"),
        ("9180/5", "behaviour is not in ICD-O-3.*0, 1, 2, 3, 6, 9"),
    ],
)
def test_what_is_no_morphology_is_refused(text, message):
    with pytest.raises(CodeError, match=message):
        parse_morphology(text)

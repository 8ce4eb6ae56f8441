"""Files written whole, and tables without formulas."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.writing import csv_text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+2", "'=1+2"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("-7.5", "-7.5"),
        ("+3", "+3"),
        ("-1,5e-3", "-1,5e-3"),
        ("-", "-"),
        ("p=1", "p=1"),
        ("", ""),
        (None, ""),
    ],
)
def test_formulas_by_hand(text, written):
    lines = list(csv.reader(io.StringIO(csv_text(pl.DataFrame({"a": [text], "b": ["x"]})))))
    assert lines == [["a", "b"], [written, "x"]]


def test_a_column_named_as_a_formula_and_kinds_of_text():
    table = pl.DataFrame({"=a": pl.Series(["-x"], dtype=pl.Categorical), "n": [-1.5]})
    assert csv_text(table) == "'=a,n\n'-x,-1.5\n"


@given(st.lists(st.text(alphabet="=+-@\t\r12.,eE;\"'ab\n"), min_size=1))
def test_no_cell_is_a_formula_and_nothing_else_changes(cells):
    rows = list(csv.reader(io.StringIO(csv_text(pl.DataFrame({"a": cells, "b": 0})), newline="")))
    for cell, row in zip(cells, rows[1:], strict=True):
        assert row[0].removeprefix("'" if row[0] != cell else "") == cell
        if row[0][:1] in "=@\t\r":
            assert not row[0]
        if row[0][:1] in ("+", "-"):
            assert not set(row[0][1:]) - set("0123456789.,eE+-")

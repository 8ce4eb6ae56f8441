"""Lines of a text file: each is read or rejected, whatever the size of a block."""

import csv
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st

from rarecare.lines import _quoted_well, blocks, open_text


def read(path, **how):
    found = list(blocks(open_text(path, delimiter=";"), **how))
    kept = [row for block in found for row in zip(block.rows, block.frame.rows(), strict=True)]
    rejected = [row for block in found for row in block.rejects["row"]]
    return kept, rejected


def test_by_hand(tmp_path):
    path = tmp_path / "c.csv"
    path.write_bytes(
        b'\xef\xbb\xbfa;b;c\r\n1;2;3\r\n\r\n4;5\r\n"x;y";"say ""no""";7\r\n5" x;2;3\r\n;;\r\n'
        b'1;\x00;3\r\n8;9;10;11\r\n"open;1;2\r\n 12 ;;14'
    )
    kept, rejected = read(path)
    assert kept == [
        (2, ("1", "2", "3")),
        (5, ("x;y", 'say "no"', "7")),
        (11, ("12", None, "14")),
    ]
    assert rejected == [4, 6, 7, 8, 9, 10]


FIELD = st.one_of(
    st.sampled_from(["", " ", "1", "Ž", '"', '""', '"a;b"', '"a""b"', "\x00", "x" * 70]),
    st.text(alphabet='ab1;" \tŽ\x1f', max_size=6),
)


@few(max_examples=150)
@given(lines=st.lists(st.lists(FIELD, min_size=1, max_size=4), min_size=1), size=st.integers(1, 64))
def test_every_line_is_read_or_rejected_and_read_right(tmp_path_factory, lines, size):
    path = tmp_path_factory.mktemp("lines") / "c.csv"
    text = [";".join(fields) for fields in lines]
    path.write_text("\n".join(["a;b;c", *text]), encoding="utf-8", newline="")
    kept, rejected = read(path, size=size)
    # a lone unit separator is no blank: Python strips it, polars and the reader do not
    held = {i: each for i, each in enumerate(text, start=2) if each.replace("\x1f", "x").strip()}
    assert sorted([row for row, _ in kept] + rejected) == sorted(held)
    for row, values in kept:
        (fields,) = csv.reader([held[row]], delimiter=";")
        assert values == tuple(field.strip() or None for field in fields)
    assert (kept, rejected) == read(path)


@pytest.mark.parametrize("quotes", [False, True])
def test_numbers_are_numbers_where_all_fit(tmp_path, quotes):
    import polars as pl  # noqa: PLC0415

    path = tmp_path / "c.csv"
    rows = ["1;2", "3;", '"4";5' if quotes else "4;5"]
    path.write_text("\n".join(["a;b", *rows]), encoding="utf-8")
    (block,) = blocks(open_text(path), numbers={"a": pl.Int16, "b": pl.Int16})
    assert block.frame.schema == {"a": pl.Int16, "b": pl.Int16}
    assert block.frame.rows() == [(1, 2), (3, None), (4, 5)]
    path.write_text("\n".join(["a;b", *rows, "x;1"]), encoding="utf-8")
    (block,) = blocks(open_text(path), numbers={"a": pl.Int16, "b": pl.Int16})
    assert block.frame["a"].to_list() == ["1", "3", "4", "x"]


@few(max_examples=300)
@given(lines=st.lists(st.text(alphabet='a;"\n', max_size=8), min_size=1, max_size=5))
def test_quotes_are_well_when_each_line_alone_is(lines):
    """By one line at a time: a field is without marks and divider, or quoted with marks doubled."""
    text = "\n".join([*lines, ""])
    field = r'(?:[^";]*|"(?:[^"]|"")*")'
    well = all(re.fullmatch(rf"{field}(?:;{field})*", line) for line in text.split("\n")[:-1])
    assert _quoted_well(np.frombuffer(text.encode(), np.uint8), ";") == well

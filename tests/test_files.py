"""Opening tables: what is found by itself, and what is refused and how."""

import gzip

import pandas as pd
import polars as pl
import pytest

from rarecare import files
from rarecare.errors import ColumnError, FileError, RarecareError
from rarecare.files import read_table

TEXT = "a;b\n1;x\n2;y\n"


@pytest.fixture
def write(tmp_path):
    """Write bytes under a name and return the path."""

    def writer(content, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writer


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(write, delimiter):
    raw = read_table(write(TEXT.replace(";", delimiter)))
    assert raw.frame.rows() == [("1", "x"), ("2", "y")]
    assert raw.source.rows == 2
    assert len(raw.source.sha256) == 64


def test_a_byte_order_mark_and_compression_are_no_matter(write):
    plain = read_table(write(TEXT))
    assert read_table(write(b"\xef\xbb\xbf" + TEXT.encode())).frame.equals(plain.frame)
    packed = read_table(write(gzip.compress(TEXT.encode()), "table.csv.gz"))
    assert packed.frame.equals(plain.frame)


def test_quoted_fields_hold_delimiters_and_quotes(write):
    raw = read_table(write('a,b\n"1,5","say ""no"""\n'))
    assert raw.frame.row(0) == ("1,5", 'say "no"')


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ('a,b\n1,2\n"two\nlines",3\n', 3, "not closed"),
        ('a,b\n1,"x\n2,y\n3,"\n', 2, "not closed"),
        ('a,b\n1,x\n2,5" tall\n', 3, "within a field"),
        ("a,b\n1,2\n3\n4,5\n", 3, "the line has 1 fields, the header 2"),
        ("a,b\n1,2\n\n3,4\n", 3, "the line is blank, and records follow it"),
        ("a,b\n1,2\n,\n", 3, "every field of the line is empty"),
        ("a,b\n1,2\n3,\x004\n", 3, "control character"),
    ],
    ids=["line break", "swallowing", "quote within", "short", "blank", "empty", "NUL"],
)
def test_every_line_is_a_record_or_the_file_is_refused(write, content, line, words):
    with pytest.raises(FileError, match=rf"{words}.*table\.csv, line {line}"):
        read_table(write(content))


def test_blank_lines_at_the_end_are_no_records(write):
    assert read_table(write("a,b\n1,2\n\n \n")).frame.rows() == [("1", "2")]


@pytest.mark.parametrize("bad", ['"open', "1,2,3", "1", ""])
def test_a_bad_line_far_down_is_found_with_its_number(write, monkeypatch, bad):
    """Blocks of a few lines: the number counts through all of them."""
    lines = ["a,b", *("1,2" for _ in range(500)), bad, "3,4"]
    monkeypatch.setattr(files, "BLOCK", 64)
    with pytest.raises(FileError, match=r"line 502\b"):
        read_table(write("\n".join(lines)))


def test_numbers_are_numbers_when_all_of_the_file_fit(write, monkeypatch):
    monkeypatch.setattr(files, "BLOCK", 8)
    numbers = {"a": pl.Int16}
    lines = ["a,b", *(f"0{k},y" for k in range(1, 9))]
    assert read_table(write("\n".join(lines)), numbers=numbers).frame["a"].to_list() == [
        *range(1, 9)
    ]
    raw = read_table(write("\n".join([*lines, "x,y"])), numbers=numbers)
    assert raw.frame["a"].to_list() == [*(f"0{k}" for k in range(1, 9)), "x"]


def test_blanks_are_unknown_and_spaces_are_cut(write):
    assert read_table(write("a,b\n 1 ,\n,x\n")).frame.rows() == [("1", None), (None, "x")]


def test_parquet_stata_and_frames(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.write_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").frame.equals(frame)
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_stata(tmp_path / "t.dta", write_index=False)
    assert read_table(tmp_path / "t.dta").frame["b"].to_list() == ["x", "y"]
    assert read_table(frame.to_arrow()).frame.equals(frame)
    assert read_table(frame).source.rows == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a,b\n", "header and no records"),
        (b"PK\x03\x04\x14\x00\x06\x00", "table.csv"),
        ("a,b\nå,ø\n".encode("utf-16"), "table.csv"),
        ("a,b\nå,ø\n".encode("latin-1"), r"table\.csv.*(UTF-8|utf-8)"),
        (b"a,b\n1,2,3\n", r"line has 3 fields, the header 2.*line 2"),
        (b"a,,c\n1,2,3\n", "column 2 has no name"),
        (b"a,b,a\n1,2,3\n", r"two columns have one name.*'a'"),
    ],
    ids=["empty", "header only", "zip", "utf-16", "latin-1", "ragged", "no name", "one name"],
)
def test_a_file_that_is_no_table_is_refused(write, content, words):
    with pytest.raises((FileError, ColumnError), match=words):
        read_table(write(content))


def test_a_file_that_is_not_there(tmp_path, write):
    write(TEXT, "cases_2010.csv")
    with pytest.raises(FileError, match=r"no such file.*Did you mean|no such file.*cases_2010"):
        read_table(tmp_path / "cases_2011.csv")
    with pytest.raises(FileError):
        read_table(tmp_path)


def test_what_is_no_table_at_all():
    with pytest.raises((RarecareError, TypeError)):
        read_table(42)


def test_a_carriage_return_within_the_header_is_named(write):
    with pytest.raises(FileError, match="a carriage return within a name"):
        read_table(write(b"a\rb,c\n1,2\n"))


def test_remarks_may_hold_line_breaks_where_asked(write):
    raw = read_table(write('a,b\n1,"two\nlines"\n2,"say ""no"""\n'), line_breaks=True)
    assert raw.frame.rows() == [("1", "two\nlines"), ("2", 'say "no"')]
    for bad in ('a,b\n1,"open\n2,3\n', 'a,b\n1,"x"y\n', "a,b\n1\n", "a,b\n1,2,3\n"):
        with pytest.raises(FileError, match=r"table\.csv, line"):
            read_table(write(bad), line_breaks=True)

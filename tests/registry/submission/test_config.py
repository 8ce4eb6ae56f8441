"""``submission.toml``: strict, and every fault named."""

from datetime import date

import pytest

from rarecare.errors import FileError, UsageError
from rarecare.registry.submission import Facts, Submission, read_submission
from rarecare.registry.submission.config import submission_of

GIVEN = {
    "submission": {
        **{"registry": "FI", "country": "FI", "period": [2000, 2009]},
        "closing_date": date(2010, 12, 31),
    },
    "cases": {"file": "c.csv", "format": "encr"},
}


def changed(path, value):
    given = {key: dict(table) for key, table in GIVEN.items()}
    *tables, key = path.split(".")
    at = given
    for table in tables:
        at = at.setdefault(table, {})
    at[key] = value
    return given


def test_what_it_says():
    assert submission_of(GIVEN).facts == Facts("FI", "FI", 2000, 2009, date(2010, 12, 31))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("submission.registri", "x", r"registri is not known, did you mean 'registry'"),
        ("submission.period", [2009, 2000], "ends before it begins"),
        ("submission.period", [20001, 20002], "less than or equal to 2100"),
        ("submission.closing_date", date(1999, 1, 1), "before the last year"),
        ("submission.country", "??", "country"),
        ("cases.format", "xml", "'encr', 'nordcan'"),
        ("cases.file", "../c.csv", "lies in its folder"),
        ("cases.file", "/etc/passwd", "lies in its folder"),
        ("cases.file", "C:\\c.csv", "lies in its folder"),
        ("cases.file", "a\\..\\..\\c.csv", "lies in its folder"),
        ("cases.columns", {"sex": "geslacht"}, "has its own columns"),
        ("cases.dictionary", "c.dic", "only with it"),
        ("cases.encoding", "utf8", "'utf-8'"),
        ("cases.delimiter", ";;", "delimiter"),
        ("population.file", 7, "valid string"),
        ("life_table.quantity", "hazard", "'death probability'"),
        ("mortality", {}, "mortality.file is missing"),
        ("extra", {}, "extra is not known"),
    ],
)
def test_faults(path, value, said):
    with pytest.raises(UsageError, match=said):
        submission_of(changed(path, value))


def test_a_proposal_is_not_read(submitted):
    folder = submitted(
        "[cases]\nfile = 'c.csv'\nformat = 'tidy'\n", c__csv="incidence_date\n2001\n"
    )
    text = (folder / "submission.toml").read_text(encoding="utf-8")
    (folder / "submission.toml").write_text(
        text.replace("[cases]", "confirmed = false\n[cases]"), encoding="utf-8"
    )
    with pytest.raises(UsageError, match="nobody has confirmed"):
        read_submission(folder)


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileError, match="no such folder"):
        Submission.read(tmp_path / "none")
    with pytest.raises(FileError, match="rarecare submission init"):
        Submission.read(tmp_path)
    (tmp_path / "submission.toml").write_text("[cases", encoding="utf-8")
    with pytest.raises(FileError, match="not TOML"):
        Submission.read(tmp_path)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"\n", "first line is blank"),
        (b"incidence_date\n", "a header and no records"),
        (b"incidence_date;incidence_date\n1;2\n", "two columns have one name"),
        (b"incidence_date;;b\n1;2;3\n", "column 2 has no name"),
        (b"sep=;\nincidence_date;b\n1;2\n", "note for Excel"),
        (b"PK\x03\x04zz", "zip archive or an Excel workbook"),
        (b"PAR1zz", "Parquet"),
        (b"\xff\xfea\x00", "begins as UTF-16 does"),
        (b"inci\x00dence_date\n1\n", "control characters"),
        (b"incidence_date;b\n2001;1;2\n", "no record of the file can be read: the line has 3 fi"),
        (b"incidence_date;b\n2001;caf\xe9\n", r"not UTF-8 .*line 2.*allowed: utf-8, utf-16"),
        (b"\x1f\x8b\x08zzzz", "gzip file is damaged"),
        (b"town;b\n2001;1\n", "no date of incidence"),
    ],
)
def test_files_that_are_refused_say_why(submitted, raw, said):
    folder = submitted("[cases]\nfile = 'c.csv'\nformat = 'tidy'\n", c__csv=raw)
    with pytest.raises((FileError, ValueError), match=said):
        read_submission(folder)

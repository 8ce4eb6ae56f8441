"""Two hundred mutated files: never a traceback, never a record lost in silence."""

import csv
import gzip

import polars as pl
import pytest

from rarecare.cli.app import main
from rarecare.errors import FileError, RarecareError
from rarecare.registry.encr_columns import NAMES
from rarecare.registry.submission import Count, read_submission, submission_parts
from tests.registry.submission.fuzzer import mutated

HEAD = '[submission]\nregistry = "X"\ncountry = "FI"\nperiod = [2000, 2009]\n'
TIDY = 'format = "tidy"\ndelimiter = ";"\n'
ENCR = 'format = "encr"\ndelimiter = ";"\n'
SEEDS = 200
csv.field_size_limit(1 << 24)


def encr_text(n=12):
    records = [
        {
            **dict.fromkeys(NAMES, "9"),
            **{"PAT": f"p{i}", "MoB": "3", "YoB": "1950", "Age": "51", "Sex": "2", "TUM": f"t{i}"},
            **{"Geo_Code": "FI1B", "Geo_Label": "place", "MoI": "5", "YoI": "2001", "BoD": "7"},
            **{"Topo": "C509", "Morpho": "8500", "Beh": "3", "Vit_stat": "2", "MoF": "5"},
            **{"YoF": "2003", "Surv_time": "745", "ICD": "10", "CoD": "C50", "ToS": "S"},
        }
        for i in range(n)
    ]
    rows = [";".join(NAMES), *(";".join(record[name] for name in NAMES) for record in records)]
    return "\n".join(rows) + "\n"


def tidy_text(n=12):
    rows = [f"p{i};t{i};female;1950-03-01;2001-05-{i + 1:02};C50.9;8500;3;place" for i in range(n)]
    head = "patient_id;tumour_id;sex;birth_date;incidence_date;topography;morphology;behaviour;town"
    return "\n".join([head, *rows]) + "\n"


TEXTS = {ENCR: encr_text(), TIDY: tidy_text()}


def submitted(folder, raw, layout):
    (folder / "cases.csv").write_bytes(raw)
    (folder / "submission.toml").write_text(f'{HEAD}[cases]\nfile = "cases.csv"\n{layout}')
    return folder


def lines_of(raw):
    """The lines of a file below its header that hold anything, by hand: line number to text."""
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    lines = raw.removeprefix(b"\xef\xbb\xbf").decode().split("\n")
    return {i: line for i, line in enumerate(lines, start=1) if i > 1 and line.strip()}


def spoken(value, *, unknown=None):
    """A value as text; blank and unknown are one."""
    text = "" if value is None else str(value).strip()
    return "" if text == unknown else text


@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_is_lost(tmp_path, seed):
    layout = [ENCR, TIDY][seed // 22 % 2]
    raw = mutated(TEXTS[layout], seed)
    folder = submitted(tmp_path, raw, layout)
    try:
        found = read_submission(folder)
    except RarecareError as error:
        said = str(error)
        with pytest.raises(RarecareError):
            list(submission_parts(folder))
        assert len(said) < 3000
        return
    held = lines_of(raw)
    (count,) = found.counts
    rejected = found.rejects.filter(pl.col("column").is_null())
    assert (count.records, count.read, count.rejected) == (
        len(held),
        found.cases.height,
        rejected.height,
    )
    assert sorted([*found.cases["row"], *rejected["row"]]) == sorted(held)
    assert set(found.rejects["row"]) <= set(held)
    first, last = ("patient_id", "treatment_stem_cell" if layout == ENCR else "town")
    refused = {tuple(each) for each in found.rejects.select("row", "column").iter_rows()}
    for row, *read in found.cases.select("row", first, last).iter_rows():
        (fields,) = csv.reader([held[row].rstrip("\r")], delimiter=";")
        for name, value, given in zip((first, last), read, (fields[0], fields[-1]), strict=True):
            assert (row, name) in refused or spoken(value) == spoken(given, unknown="9")
    parts = list(submission_parts(folder))
    assert sum(part.cases.height for part in parts) == count.read
    assert sum(part.counts[0].records for part in parts) == count.records


def test_the_fuzzer_reads_some_and_refuses_some(tmp_path):
    read = refused = partly = 0
    for seed in range(SEEDS):
        folder = submitted(tmp_path, mutated(TEXTS[TIDY], seed), TIDY)
        try:
            found = read_submission(folder)
        except RarecareError:
            refused += 1
        else:
            read += 1
            partly += found.counts[0].rejected > 0
    assert min(read, refused, partly) >= SEEDS // 10


@pytest.mark.parametrize("seed", range(0, SEEDS, 10))
def test_the_command_line_never_shows_a_traceback(tmp_path, capsys, seed):
    folder = submitted(tmp_path, mutated(TEXTS[ENCR], seed), ENCR)
    status = main(["submission", "read", str(folder), "--rejects", str(tmp_path / "r.csv")])
    assert status in (0, 1, 2)
    assert (capsys.readouterr().err.count("error:") == 1) == (status != 0)
    (folder / "submission.toml").unlink()
    assert main(["submission", "init", str(folder)]) in (0, 1, 2)


def test_thirty_thousand_exported_three_hundred_read(tmp_path):
    """A quotation mark opened in record 300 and closed nowhere: one record is rejected, by line."""
    rows = [f"p{i};2001-05-01" for i in range(30_000)]
    rows[299] = '"p299;2001-05-01'
    raw = "\n".join(["patient_id;incidence_date", *rows]).encode() + b"\n"
    found = read_submission(submitted(tmp_path, raw, TIDY))
    assert found.counts == (Count("cases", 30_000, 29_999, 1),)
    assert found.rejects.select("row", "column", "reason").row(0) == (
        301,
        None,
        "a quotation mark is not closed on the line, or stands within a field",
    )
    assert "1 of 30000 records were not read, the first in line 301" in found.notes[0]


def test_counts_that_do_not_add_up_stop_everything():
    with pytest.raises(FileError, match="were lost in reading: 30000 in the file, 300 read, 0 rej"):
        Count("cases", 30_000, 300, 0)


def test_a_line_of_ten_megabytes(tmp_path):
    rows = ["p1;2001-05-01", "x" * 10_000_000 + ";2001-05-01", "y" * 10_000_000, "p2;2001-05-02"]
    raw = "\n".join(["patient_id;incidence_date", *rows]).encode() + b"\n"
    found = read_submission(submitted(tmp_path, raw, TIDY))
    assert found.counts == (Count("cases", 4, 3, 1),)
    assert len(found.rejects["value"][0]) == 80
    assert found.cases["patient_id"].str.len_bytes().to_list() == [2, 10_000_000, 2]


def test_formulas_are_text_in_the_rejects(tmp_path):
    raw = b"patient_id;incidence_date;sex\np1;=1+2;@SUM(A1)\np2;2001-01-01;female\n"
    folder = submitted(tmp_path, raw, TIDY)
    assert main(["submission", "read", str(folder), "--rejects", str(tmp_path / "r.csv")]) == 0
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["value"] for row in rows] == ["'@SUM(A1)", "'=1+2"]

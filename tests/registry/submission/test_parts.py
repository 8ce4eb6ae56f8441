"""A submission read part by part is the submission read whole."""

import hashlib

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rarecare.registry.submission import read_submission, submission_parts
from rarecare.registry.submission.raw import TableFile, parts
from tests.registry.submission.test_abuse import encr_text

TOML = """[cases]
file = "c.csv"
format = "encr"
[population]
file = "p.csv"
"""
POPULATION = "Calendar year;Sex;Age Unit;Number of residents\n2001;1;0-4;x\n2001;2;0-4;7\n"


@pytest.mark.parametrize("size", [300, 1000, 1 << 20])
def test_parts_together_are_the_whole(submitted, size):
    lines = encr_text(30).splitlines()
    lines[7] = lines[7].replace(";C509;", ";C999;")
    lines[11] += ";1"
    lines[20] = lines[20].replace(";3;1950;", ";March;1950;")  # text where others are numbers
    folder = submitted(TOML, c__csv="\n".join(lines), p__csv=POPULATION)
    whole, parts = read_submission(folder), list(submission_parts(folder, size=size))
    assert (len(parts) == 1) == (size > 10_000)
    assert [part.part for part in parts] == list(range(len(parts)))
    assert_frame_equal(pl.concat([part.cases for part in parts]), whole.cases)
    rejects = pl.concat([part.rejects for part in parts])
    order = ["file", "row", "column"]
    assert_frame_equal(rejects.sort(order), whole.rejects.sort(order))
    assert whole.rejects.select("file", "row", "column").rows() == [
        ("cases", 8, "topography"),
        ("cases", 12, None),
        ("cases", 21, "birth_date"),
        ("population", 2, "persons"),
    ]
    counts = [count for part in parts for count in part.counts if count.file == "cases"]
    assert sum(count.read for count in counts) == whole.counts[0].read == 29
    assert sum(count.records for count in counts) == whole.counts[0].records == 30
    for part in parts:
        assert part.population is not None
        assert_frame_equal(part.population, whole.population)
        assert part.sources["population"] == whole.sources["population"]


def test_parts_know_the_hash_and_the_delimiter(tmp_path):
    (tmp_path / "c.csv").write_bytes(b"a|b\n1|2\n")
    (part,) = parts(tmp_path, TableFile(file="c.csv"))
    assert part.table.source.delimiter == "|"
    assert part.table.source.sha256 == hashlib.sha256(b"a|b\n1|2\n").hexdigest()

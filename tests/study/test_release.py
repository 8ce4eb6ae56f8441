"""A release: validated, written whole, replaced in one step, opened only unchanged."""

import json
from pathlib import Path

import polars as pl
import pytest

from rarecare.errors import DisagreementError, FileError, UsageError
from rarecare.study import schema
from rarecare.study.release import Release, open_release, write_release


def a_row(**values):
    row = {
        "measure": schema.NET_SURVIVAL, "entity_id": "08.02", "area": "all", "sex": "all",
        "age_group": "15-99", "period": "2000-2004", "time_years": 5.0, "standard": "none",
        "method": "pohar-perme", "n": 100, "events": 40, "at_risk": 30, "person_years": None,
        "unit": "proportion", "estimate": 0.6, "se": 0.05, "lower": 0.51, "upper": 0.71,
        "level": 0.95, "status": "ok", "reason": None, "classification_confidence": "derived",
        "synthetic": True,
    }  # fmt: skip
    return row | values


def a_release(*rows):
    rows = rows or [a_row(time_years=t, estimate=1 - t / 20, lower=0, upper=1) for t in (1.0, 5.0)]
    return Release(
        estimates=pl.DataFrame(list(rows), schema=schema.ESTIMATES),
        entities=pl.DataFrame(
            [("08.02", "08", "Sarcomas", 1, "Bone sarcoma", "rare", "derived", "1")],
            schema=schema.ENTITIES,
            orient="row",
        ),
        areas=pl.DataFrame(
            [("all", "all", "All areas", None, None)], schema=schema.AREAS, orient="row"
        ),
        exclusions=pl.DataFrame(schema=schema.EXCLUSIONS),
        quality=pl.DataFrame(schema=schema.QUALITY),
        manifest={
            "schema_version": schema.VERSION,
            "study": {"synthetic": True, "days_per_year": 365.25},
        },
    )


def test_what_is_written_is_read_back(tmp_path):
    release = a_release()
    written = write_release(release, tmp_path / "r", extra={"figures/a.svg": b"<svg/>"})
    back = open_release(tmp_path / "r")
    for name in schema.TABLES:
        assert back.tables[name].equals(release.tables[name])
    assert back.manifest == written.manifest
    assert set(back.manifest["files"]) == {
        *(f"{name}.parquet" for name in schema.TABLES), "figures/a.svg",
    }  # fmt: skip
    assert back.survival_figure("08.02").to_svg().startswith("<svg")
    with pytest.raises(UsageError, match=r"08\.03.*08\.02"):
        back.survival_figure("08.03")


def test_the_same_release_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_release(a_release(), tmp_path / name)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("one", "two"))
    assert one == two


def test_an_earlier_release_is_replaced_whole(tmp_path):
    write_release(a_release(), tmp_path / "r", extra={"old.txt": b"old"})
    write_release(a_release(a_row(estimate=0.61)), tmp_path / "r")
    assert not (tmp_path / "r" / "old.txt").exists()
    assert open_release(tmp_path / "r").estimates["estimate"].to_list() == [0.61]
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.doc").write_text("years of work")
    with pytest.raises(UsageError, match="not a release"):
        write_release(a_release(), tmp_path / "r")
    assert (tmp_path / "r" / "thesis.doc").read_text() == "years of work"


@pytest.mark.parametrize("earlier", [False, True], ids=["new", "replacing"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, earlier):
    """The disk fills while the manifest, the last file, is written."""
    if earlier:
        write_release(a_release(), tmp_path / "r")
    full = OSError(28, "No space left on device")

    def no_space(*_args, **_choices):
        raise full

    monkeypatch.setattr(Path, "write_text", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_release(a_release(a_row(estimate=0.61)), tmp_path / "r")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == (["r"] if earlier else [])
    if earlier:
        assert open_release(tmp_path / "r").estimates.height == 2


def test_a_changed_file_is_noticed(tmp_path):
    write_release(a_release(), tmp_path / "r")
    (tmp_path / "r" / "quality.parquet").write_bytes(b"x")
    with pytest.raises(FileError, match=r"changed after it was made.*quality\.parquet"):
        open_release(tmp_path / "r")
    (tmp_path / "r" / "quality.parquet").unlink()
    with pytest.raises(FileError, match="lacks a file"):
        open_release(tmp_path / "r")
    with pytest.raises(FileError, match="no release"):
        open_release(tmp_path)


def test_another_schema_is_refused(tmp_path):
    write_release(a_release(), tmp_path / "r")
    path = tmp_path / "r" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 0}))
    with pytest.raises(DisagreementError, match="another schema"):
        open_release(tmp_path / "r")


VERSION = b'{"schema_version": %d' % schema.VERSION


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"", "is no JSON"),
        (b"[]", "is no table"),
        (VERSION + b"}", "lacks its part 'files'"),
        (VERSION + b', "files": {}}', "lacks its part 'study'"),
        (VERSION + b', "files": {}, "study": {}}', r"no hash of estimates\.parquet"),
    ],
)
def test_a_manifest_that_is_not_whole_is_refused(tmp_path, manifest, words):
    write_release(a_release(), tmp_path / "r")
    (tmp_path / "r" / "manifest.json").write_bytes(manifest)
    with pytest.raises(FileError, match=words):
        open_release(tmp_path / "r")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"sex": None}, "dimension is null"),
        ({"status": "fine"}, "none of ok"),
        ({"estimate": None}, "ok has no estimate"),
        ({"status": "withheld", "reason": "few"}, "not ok has a number"),
        (
            {"status": "withheld", "estimate": None, "se": None, "lower": None, "upper": None},
            "no reason",
        ),
        ({"lower": 0.7}, "do not enclose"),
        ({"estimate": float("nan")}, "nan|enclose"),
        ({"n": -1}, "negative"),
        ({"entity_id": "99"}, "entity_id that entities does not list"),
        ({"area": "SI"}, "area that areas does not list"),
    ],
)
def test_a_row_that_breaks_the_schema_is_named(tmp_path, row, words):
    with pytest.raises(DisagreementError, match=words):
        write_release(a_release(a_row(**row)), tmp_path / "r")
    assert not list(tmp_path.iterdir())


def test_two_rows_with_one_key_are_refused():
    with pytest.raises(DisagreementError, match="one key"):
        schema.validate(a_release(a_row(), a_row(estimate=0.61)).tables)


def test_a_table_with_other_columns_is_refused():
    tables = a_release().tables
    tables["estimates"] = tables["estimates"].drop("level")
    with pytest.raises(DisagreementError, match="level"):
        schema.validate(tables)
    del tables["estimates"]
    with pytest.raises(DisagreementError, match="lacks a table"):
        schema.validate(tables)

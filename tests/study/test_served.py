"""A release from a web server is the release, or is refused."""

import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

import rarecare as rc
from rarecare.errors import DisagreementError, FileError, UsageError
from rarecare.study import schema
from rarecare.study.release import MANIFEST, Release, open_release, write_release


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


@pytest.fixture
def small(tmp_path):
    """A release of one entity, area and model, without a number."""
    tables = {name: pl.DataFrame(schema=columns) for name, columns in schema.TABLES.items()}
    tables["areas"] = pl.DataFrame(
        {"area": ["all"], "kind": ["all"], "name": ["All"], "country": [None], "region": [None]},
        schema=schema.AREAS,
    )
    manifest = {"schema_version": schema.VERSION, "study": {"name": "t", "synthetic": True}}
    release = Release(**tables, manifest=manifest, models={"one model.json": {"columns": ["age"]}})
    write_release(release, tmp_path / "site" / "release")
    return tmp_path / "site" / "release"


@pytest.fixture
def served(small):
    """The address of a web server over the folder that holds the release."""
    handler = partial(_Quiet, directory=str(small.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("tail", ["release", "release/", f"release/{MANIFEST}"])
def test_a_served_release_is_the_release(small, served, tail):
    here, there = open_release(small), rc.open_release(served + tail)
    assert there.manifest == here.manifest
    assert there.models == here.models == {"one model.json": {"columns": ["age"]}}
    assert there.tables.keys() == here.tables.keys()
    for name, table in here.tables.items():
        assert there.tables[name].equals(table)
        assert there.tables[name].schema == table.schema


def test_a_portals_address_is_enough(small, served):
    shutil.copytree(small, small.parent / "api" / "v1" / "release")
    assert rc.open_release(served).manifest == open_release(small).manifest


def test_a_changed_file_is_refused(small, served):
    pl.DataFrame(schema=schema.QUALITY).vstack(
        pl.DataFrame([{"registry": "R", "indicator": "i", "status": "ok"}], schema=schema.QUALITY)
    ).write_parquet(small / "quality.parquet")
    with pytest.raises(FileError, match=r"is not what its manifest says.*'quality.parquet'"):
        rc.open_release(f"{served}release")


def test_a_missing_file_is_refused(small, served):
    (small / "areas.parquet").unlink()
    with pytest.raises(FileError, match=r"lacks a file.*'areas.parquet'"):
        rc.open_release(f"{served}release")


def test_another_schema_is_refused(small, served):
    path = small / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 0}))
    with pytest.raises(DisagreementError, match="another schema"):
        rc.open_release(f"{served}release")


def test_an_address_without_a_release(served):
    with pytest.raises(FileError, match="no release at this address"):
        rc.open_release(served)


def test_a_server_that_is_not_there(served):
    with pytest.raises(FileError, match="cannot be reached"):
        rc.open_release("http://127.0.0.1:9/")  # the port of the discard service


def test_an_address_without_a_host():
    with pytest.raises(UsageError, match="no address"):
        rc.open_release("https://")

"""A release opened, switched without a stop, and refused when it is broken."""

import json
import os
import shutil
import threading

import pytest

from rarecare.errors import RarecareError
from rarecare.portal import releases
from rarecare.portal.releases import ReleaseStore


def renamed(folder, title):
    """Change a release's manifest: another release with the same tables."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["study"]["name"] = title
    made = path.with_suffix(".new")
    made.write_text(json.dumps(manifest))
    made.replace(path)


def test_a_folder_is_opened(release_folder, opened):
    store = ReleaseStore(release_folder)
    assert store.current().name == opened.name
    assert store.current() is store.current()


def test_a_text_file_names_the_release(tmp_path, release_folder):
    pointer = tmp_path / "current"
    pointer.write_text(f"{release_folder}\n")
    assert ReleaseStore(pointer).current().synthetic


def test_a_new_release_is_switched_to(tmp_path, release_folder, copied):
    renamed(copied, "second")
    pointer = tmp_path / "current"
    pointer.write_text(str(release_folder))
    store = ReleaseStore(pointer)
    first = store.current()
    assert not store.refresh()
    pointer.write_text(str(copied))
    assert store.refresh()
    assert store.current().name.startswith("second-")
    assert store.current().name != first.name


def test_a_link_turned_is_a_switch(tmp_path, release_folder, copied):
    renamed(copied, "second")
    link = tmp_path / "link"
    link.symlink_to(release_folder)
    store = ReleaseStore(link)
    store.current()
    other = tmp_path / "other"
    other.symlink_to(copied)
    other.replace(link)
    assert store.refresh()
    assert store.current().name.startswith("second-")


@pytest.mark.parametrize("what", ["cut", "missing", "schema", "not json", "no study"])
def test_a_broken_release_is_refused_and_the_old_one_stays(
    tmp_path, release_folder, copied, what, caplog
):
    pointer = tmp_path / "current"
    pointer.write_text(str(release_folder))
    store = ReleaseStore(pointer)
    old = store.current()
    break_it(copied, what)
    pointer.write_text(str(copied))
    assert not store.refresh()
    assert store.current() is old
    assert "refused" in caplog.text
    caplog.clear()
    assert not store.refresh()  # not tried again until it changes
    assert caplog.text == ""


@pytest.mark.parametrize("what", ["cut", "missing", "schema", "not json", "no study"])
def test_a_broken_release_is_refused_at_the_start(copied, what):
    break_it(copied, what)
    with pytest.raises(RarecareError):
        ReleaseStore(copied).current()


def break_it(folder, what):
    if what == "cut":
        path = folder / "estimates.parquet"
        path.write_bytes(path.read_bytes()[:-100])
    elif what == "missing":
        (folder / "entities.parquet").unlink()
    elif what == "schema":
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        path.write_text(json.dumps({**manifest, "schema_version": 99}))
    elif what == "no study":
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        del manifest["study"]
        path.write_text(json.dumps(manifest))
    else:
        (folder / "manifest.json").write_text("{")


def test_a_release_that_goes_away_stays_open(tmp_path, release_folder, copied):
    pointer = tmp_path / "current"
    pointer.write_text(str(copied))
    store = ReleaseStore(pointer)
    old = store.current()
    shutil.rmtree(copied)
    assert not store.refresh()
    assert store.current() is old
    pointer.write_text(str(release_folder))
    assert store.refresh() or store.current().hash == old.hash


def test_the_switch_happens_beside_requests(tmp_path, release_folder, copied, monkeypatch):
    monkeypatch.setattr(releases, "LOOK_SECONDS", 0.0)
    renamed(copied, "second")
    pointer = tmp_path / "current"
    pointer.write_text(str(release_folder))
    store = ReleaseStore(pointer)
    first = store.current().name
    seen, failed = set(), []
    turned = threading.Event()

    def ask():
        while not turned.is_set():
            try:
                seen.add(store.current().name)
            except RarecareError as error:  # pragma: no cover - the test then fails
                failed.append(error)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    other = tmp_path / "next"
    other.write_text(str(copied))
    other.replace(pointer)
    waited = threading.Event()
    for _ in range(600):
        if any(name.startswith("second-") for name in seen):
            break
        waited.wait(0.1)
    turned.set()
    for asker in askers:
        asker.join()
    assert failed == []
    assert {first, store.current().name} == seen
    assert store.current().name.startswith("second-")


def test_an_earlier_release_beside_the_current_one_is_kept(tmp_path, release_folder):
    shelf = tmp_path / "releases"
    shelf.mkdir()
    for name in ("one", "two"):
        shutil.copytree(release_folder, shelf / name)
    renamed(shelf / "two", "second")
    store = ReleaseStore(shelf / "two")
    first = ReleaseStore(shelf / "one").current().name
    assert store.named(first).name == first
    assert store.named(first) is store.named(first)
    assert store.named("never-was") is None


def test_nothing_is_written_into_a_release(release_folder, visitor):
    before = {path: path.stat().st_mtime_ns for path in release_folder.rglob("*")}
    visitor.get("/en/cancers/08-sarcomas/?for=researcher")
    assert {path: path.stat().st_mtime_ns for path in release_folder.rglob("*")} == before
    assert os.access(release_folder, os.R_OK)

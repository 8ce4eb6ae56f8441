"""Which release is open: checked whole before it is shown, changed without a stop.

``RARECARE_RELEASE`` names a release's folder, a link to one, or a text file whose first line is
the path of one. A new release is a new folder and a switch: the file written anew, the link
turned, or the folder exchanged in one step (as ``write_release`` does). The portal looks about
once a second, opens what is new beside what is old, and changes over when it is whole. One that
is broken is refused, said in the log, and the old one stays.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from rarecare.errors import FileError, RarecareError
from rarecare.portal.opened import OpenedRelease, release_name
from rarecare.study.release import MANIFEST

log = logging.getLogger("rarecare.portal")

LOOK_SECONDS = 1.0
_EARLIER = 3
"""Earlier releases kept open for their permanent addresses."""

Stamp = tuple[str, int, int]


class ReleaseStore:
    """The release the portal shows, and earlier ones that lie beside it.

    Parameters
    ----------
    pointer
        A release's folder, a link to one, or a text file that names one.
    """

    def __init__(self, pointer: Path) -> None:
        self.pointer = pointer
        self._lock = threading.Lock()
        self._open: OpenedRelease | None = None
        self._stamp: Stamp | None = None
        self._refused: Stamp | None = None
        self._looked = 0.0
        self._earlier: dict[str, OpenedRelease] = {}

    def current(self) -> OpenedRelease:
        """Return the release to show.

        Raises
        ------
        FileError, DisagreementError
            There is none yet, or the first one is broken.
        """
        opened = self._open
        if opened is None:
            with self._lock:
                if self._open is None:
                    folder = self.folder()
                    stamp = _stamp(folder)
                    self._open, self._stamp = OpenedRelease.open(folder), stamp
                    self._looked = time.monotonic()
                return self._open
        if time.monotonic() - self._looked > LOOK_SECONDS and self._lock.acquire(blocking=False):
            # one request in a second looks; if there is a new one, a thread opens it
            try:
                self._looked = time.monotonic()
                changed = self._changed()
            except BaseException:
                self._lock.release()
                raise
            if changed is None:
                self._lock.release()
            else:
                threading.Thread(target=self._change, args=changed, daemon=True).start()
        return opened

    def refresh(self) -> bool:
        """Look now and wait until what is new is open; say whether it changed."""
        with self._lock:
            changed = self._changed()
            return changed is not None and self._turn(*changed)

    def named(self, name: str) -> OpenedRelease | None:
        """Return the current release or an earlier one that lies beside it, by its name."""
        current = self.current()
        if name == current.name:
            return current
        if name in self._earlier:
            return self._earlier[name]
        for folder in self.beside():
            if _name(folder) == name:
                try:
                    opened = OpenedRelease.open(folder)
                except RarecareError as error:
                    log.error("an earlier release is refused: %s", error)
                    return None
                with self._lock:
                    kept = list(self._earlier.items())[-(_EARLIER - 1) :]
                    self._earlier = {**dict(kept), name: opened}
                return opened
        return None

    def beside(self) -> list[Path]:
        """Return the folders of releases beside the current one."""
        try:
            return sorted(path.parent for path in self.folder().parent.glob(f"*/{MANIFEST}"))
        except RarecareError:
            return []

    def folder(self) -> Path:
        """Return the folder that the pointer names now.

        Raises
        ------
        FileError
            It names nothing.
        """
        if self.pointer.is_file():
            lines = self.pointer.read_text(encoding="utf-8").splitlines()
            named = Path(lines[0].strip()) if lines and lines[0].strip() else None
            if named is None:
                raise FileError("the file names no release", value=self.pointer.name)
            return (self.pointer.parent / named).resolve()
        if not self.pointer.is_dir():
            raise FileError(
                "there is no release here",
                value=str(self.pointer),
                allowed="a release's folder, a link to one, or a text file with its path",
            )
        return self.pointer.resolve()

    def _changed(self) -> tuple[Path, Stamp] | None:
        try:
            folder = self.folder()
            stamp = _stamp(folder)
        except (RarecareError, OSError) as error:
            if self._refused != ("", 0, 0):
                log.error("the release cannot be found, the last one stays: %s", error)
                self._refused = ("", 0, 0)
            return None
        return None if stamp in (self._stamp, self._refused) else (folder, stamp)

    def _change(self, folder: Path, stamp: Stamp) -> None:
        """Open in a thread of its own what is new; the lock is held on entry."""
        try:
            self._turn(folder, stamp)
        finally:
            self._lock.release()

    def _turn(self, folder: Path, stamp: Stamp) -> bool:
        try:
            opened = OpenedRelease.open(folder)
        except (RarecareError, OSError) as error:
            log.error("the new release is refused, the last one stays: %s", error)
            self._refused = stamp
            return False
        self._open, self._stamp, self._refused = opened, stamp, None
        log.info("release %s is open", opened.name)
        return True


@cache
def store() -> ReleaseStore:
    """Return the store of this process.

    Raises
    ------
    FileError
        The settings name no release.
    """
    if not settings.RELEASE:
        raise FileError("RARECARE_RELEASE is not set", allowed="a release's folder")
    return ReleaseStore(Path(settings.RELEASE))


def _stamp(folder: Path) -> Stamp:
    """Return what changes when a folder holds another release."""
    found = (folder / MANIFEST).stat()
    return str(folder), found.st_mtime_ns, found.st_ino


def _name(folder: Path) -> str | None:
    try:
        content = (folder / MANIFEST).read_bytes()
        return release_name(json.loads(content), sha256(content).hexdigest())
    except (OSError, ValueError, KeyError, TypeError):
        return None

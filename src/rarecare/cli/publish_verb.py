"""The portal as plain files."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def publish(
    release: Path,
    *,
    out: Path,
    language: tuple[str, ...] = ("en",),
    cancer: tuple[str, ...] = (),
    data: Path | None = None,
) -> None:
    """Write the public part of the portal as plain files for any web server.

    Parameters
    ----------
    release
        A release's folder, a link to one, or a text file that names one.
    out
        The site's folder; an earlier edition there is replaced when the new one is whole.
    language
        Languages of the pages; the start leads to the first.
    cancer
        Numbers of the list whose pages are written; all unless told.
    data
        Folder of a portal's database, for its directory and texts; drawings are kept there.
    """
    from rarecare.portal.serve import prepare  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as none:
        prepare(release, host="127.0.0.1", data=data or none)
        from rarecare.portal.publish import write_site  # noqa: PLC0415

        site = write_site(out, languages=language, cancers=cancer, progress=_told)
        if sys.stderr.isatty():
            sys.stderr.write("\n")
    sys.stdout.write(f"{site}\n")


def _told(done: int, left: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} files written, {left} known to follow ")

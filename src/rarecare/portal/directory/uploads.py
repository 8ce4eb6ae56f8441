"""Files that are uploaded: which there can be, how large, and what they must not hold.

A file's type is told by its first bytes, not by its name alone. Nothing in it is run or shown
inline: it is kept as bytes and handed out as a download.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from rarecare.care.history import sha256
from rarecare.errors import FileError

LARGEST_BYTES = 5_000_000
LONGEST_NAME = 120
TYPES: Mapping[str, tuple[str, bytes]] = {
    ".pdf": ("application/pdf", b"%PDF-"),
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".csv": ("text/csv", b""),
    ".txt": ("text/plain", b""),
}
"""Media type and first bytes by ending."""
_ACTIVE = re.compile(
    rb"/(JavaScript|JS|Launch|EmbeddedFiles?|OpenAction|AA|RichMedia|XFA)(?![A-Za-z])"
)
RECORD_COLUMNS = frozenset((
    "patient_id", "tumour_id", "birth_date", "date_of_birth", "incidence_date", "last_date",
    "follow_up_days", "vital_status", "cause_of_death", "age_days", "patient", "tumour", "pat",
    "mp_seq", "dob", "doi",
))  # fmt: skip
"""Column names of case tables: ours, and those of the ENCR-JRC data call."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was checked."""

    name: str
    media_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hash of its contents."""
        return sha256(self.content)


def checked(name: str, content: bytes) -> Upload:
    """Return an uploaded file, or refuse it.

    Raises
    ------
    FileError
        It is empty, too large, of another type, not what its name says, holds active content, or
        holds records of persons.
    """
    plain = re.sub(r"[^\w .()-]", "_", PurePath(name.replace("\\", "/")).name).strip(" .")
    ending = PurePath(plain).suffix.lower()
    if ending not in TYPES:
        raise FileError("files of this type are not taken", value=ending or plain,
                        allowed=list(TYPES))  # fmt: skip
    if len(plain) > LONGEST_NAME:
        raise FileError("the name of the file is too long", value=f"{len(plain)} characters",
                        allowed=f"up to {LONGEST_NAME}")  # fmt: skip
    if not content:
        raise FileError("the file is empty", file=plain)
    if len(content) > LARGEST_BYTES:
        raise FileError("the file is too large", file=plain, value=f"{len(content)} bytes",
                        allowed=f"up to {LARGEST_BYTES}")  # fmt: skip
    media_type, first = TYPES[ending]
    if not content.startswith(first):
        raise FileError(f"the file is not what its name says ({media_type})", file=plain)
    if ending == ".pdf" and _ACTIVE.search(content):
        raise FileError(
            "the PDF holds a script, an action or another file", file=plain,
            remedy="Print it to a new PDF without them.",
        )  # fmt: skip
    if media_type.startswith("text/"):
        _check_text(plain, content)
    return Upload(plain, media_type, content)


def _check_text(name: str, content: bytes) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError("the file is not text in UTF-8", file=name) from None
    if "\0" in text:
        raise FileError("the file is not text", file=name)
    first = next((line for line in text.splitlines() if line.strip()), "")
    for mark in ",;\t|":
        columns = {
            one.strip().strip('"').lower() for one in next(csv.reader([first], delimiter=mark))
        }
        found = sorted(columns & RECORD_COLUMNS)
        if len(columns) > 1 and found:
            raise FileError(
                "the file holds records of persons, which never leave a registry", file=name,
                value=found[0], remedy="Send counts or rates instead.",
            )  # fmt: skip

"""Histories to which one can only add: each entry carries the hash of the one before it.

An entry that was edited, taken out, put in or moved breaks the chain, which reading finds. What
reading alone cannot find is that the last entries were cut off or all was written anew: for that
the head, the hash of the last entry, is kept elsewhere (in print, in a release) and given.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from rarecare.errors import DisagreementError, FileError, UsageError

START = "0" * 64
"""What the first entry carries in place of a hash."""
_KEYS = {"number", "day", "kind", "content", "previous", "hash"}


def plain(value: Any) -> str:
    """Return the one way a value is written as JSON: sorted keys, no blanks, dates as ISO.

    >>> plain({"b": 1, "a": date(2024, 5, 1)})
    '{"a":"2024-05-01","b":1}'
    """

    def dated(given: Any) -> str:
        if isinstance(given, date):
            return given.isoformat()
        raise TypeError(f"a history holds no {type(given).__name__}")

    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False,
        default=dated,
    )  # fmt: skip


def sha256(content: bytes | str) -> str:
    """Return the SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its number from 1, its day, what it is, what it says, and two hashes."""

    number: int
    day: date
    kind: str
    content: dict[str, Any]
    previous: str
    hash: str

    @property
    def right_hash(self) -> str:
        """The hash that these contents have."""
        return sha256(plain([self.number, self.day, self.kind, self.content, self.previous]))

    def line(self) -> str:
        """Return the entry as one line of JSON."""
        return plain({name: getattr(self, name) for name in _KEYS})


@dataclass(frozen=True, slots=True)
class History:
    """Entries in the order they were added, whose chain has been checked.

    Raises
    ------
    DisagreementError
        The chain is broken; the message names the first entry that does not fit.
    """

    entries: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        previous, day = START, date.min
        for number, entry in enumerate(self.entries, 1):
            fault = (
                f"it is numbered {entry.number}" if entry.number != number
                else "it does not follow the entry before it" if entry.previous != previous
                else "its contents do not have its hash" if entry.hash != entry.right_hash
                else "it is older than the entry before it" if entry.day < day
                else None
            )  # fmt: skip
            if fault:
                raise DisagreementError(
                    f"the history was edited: entry {number}, {fault}", value=entry.hash[:12],
                    remedy="Take the history from where it was last known to be whole.",
                )  # fmt: skip
            previous, day = entry.hash, entry.day

    @property
    def head(self) -> str:
        """Hash of the last entry, which stands for the whole history."""
        return self.entries[-1].hash if self.entries else START

    def add(self, kind: str, content: Mapping[str, Any], *, on: date) -> History:
        """Return the history with one entry more.

        Raises
        ------
        UsageError
            The day is before that of the last entry.
        """
        if self.entries and on < self.entries[-1].day:
            raise UsageError(
                "an entry cannot be older than the one before it", value=on.isoformat(),
                allowed=f"{self.entries[-1].day.isoformat()} or later",
            )  # fmt: skip
        held = json.loads(plain(dict(content)))
        made = Entry(len(self.entries) + 1, on, kind, held, self.head, "")
        return History((*self.entries, Entry(*_fields(made), made.right_hash)))

    def to_bytes(self) -> bytes:
        """Return the history as JSON lines in UTF-8."""
        return "".join(f"{entry.line()}\n" for entry in self.entries).encode()

    @classmethod
    def from_bytes(cls, content: bytes, *, head: str | None = None) -> History:
        """Return the history that ``to_bytes`` wrote, its chain checked.

        Parameters
        ----------
        content
            JSON lines.
        head
            The hash that the last entry must have, or have had: entries may have been added since.

        Raises
        ------
        FileError
            A line is not an entry.
        DisagreementError
            The chain is broken, or no entry has the hash ``head``.
        """
        entries = []
        for number, line in enumerate(content.splitlines(), 1):
            try:
                given = json.loads(line)
                if set(given) != _KEYS:
                    raise ValueError("it has other keys")
                given["day"] = date.fromisoformat(given["day"])
                entries.append(Entry(**given))
            except (ValueError, TypeError) as error:
                raise FileError(
                    f"a line of the history is not an entry ({error})", row=number,
                    allowed=f"a JSON object with {', '.join(sorted(_KEYS))}",
                ) from None  # fmt: skip
        history = cls(tuple(entries))
        if head is not None and head not in {START, *(entry.hash for entry in entries)}:
            raise DisagreementError(
                "the history was cut or written anew: no entry has the hash known before",
                value=history.head[:12], allowed=head[:12],
            )  # fmt: skip
        return history


def _fields(entry: Entry) -> tuple[int, date, str, dict[str, Any], str]:
    return entry.number, entry.day, entry.kind, entry.content, entry.previous

"""What the interface refuses, in parts that a program can read (RFC 9457)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from rarecare.errors import UsageError, nearest

_MOST = 300
"""Allowed values said in one answer."""


class RefusedError(UsageError):
    """A question that cannot be answered as it stands.

    Parameters
    ----------
    problem, value, allowed, remedy
        As of every error.
    status
        Of HTTP.
    """

    def __init__(
        self,
        problem: str,
        *,
        value: object = None,
        allowed: Collection[str] | str | None = None,
        remedy: str = "",
        status: int = 400,
    ) -> None:
        super().__init__(problem, value=value, allowed=allowed, remedy=remedy)
        self.status = status
        self.parts: dict[str, Any] = {
            "value": None if value is None else str(value)[:200],
            "allowed": allowed if isinstance(allowed, str) or allowed is None
            else list(allowed)[:_MOST],
            "nearest": nearest(value, allowed),
            "remedy": remedy or None,
        }  # fmt: skip


TITLES = {
    400: "This was not understood",
    404: "There is nothing here",
    405: "This can only be read",
    413: "This is too much for one answer",
    429: "Too many requests",
    500: "Something broke here",
    503: "The portal cannot read its release",
}


def problem(status: int, detail: str, parts: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an error as RFC 9457 has it, with what is allowed and nearest beside it."""
    known = {name: value for name, value in (parts or {}).items() if value is not None}
    return {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail,
            **known}  # fmt: skip

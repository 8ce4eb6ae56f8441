"""Figures to explore: the same drawing, its values answering to a pointer or a key.

``with exploring(): figure`` adds to the specification a text to each value. Drawings without it
stay as they are: an image has nobody to answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_exploring: ContextVar[bool] = ContextVar("exploring", default=False)

TIP = "tip"
"""Column of the text of a value."""


@contextmanager
def exploring() -> Iterator[None]:
    """Make figures whose values answer.

    >>> with exploring():
    ...     tipped({}, [{"tip": "Italy: 3.1"}])
    {'tooltip': {'field': 'tip', 'type': 'nominal'}}
    >>> tipped({}, [{"tip": "Italy: 3.1"}])
    {}
    """
    before = _exploring.set(True)
    try:
        yield
    finally:
        _exploring.reset(before)


def explored() -> bool:
    """Return whether the figure that is made will be explored."""
    return _exploring.get()


def tipped(encoding: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return an encoding with the text of each row, where the figure will be explored."""
    if not (_exploring.get() and any(row.get(TIP) for row in rows)):
        return encoding
    return encoding | {"tooltip": {"field": TIP, "type": "nominal"}}


def tip(text: str) -> dict[str, str]:
    """Return the column of a row's text, or nothing where the figure will not be explored."""
    return {TIP: text} if _exploring.get() else {}

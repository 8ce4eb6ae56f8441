"""The language of a figure: its words, its decimal sign, the names of countries.

Figures are in English unless who draws them says otherwise: ``with spoken(tongue): ...``. Each
text passes through ``say``, which is where the catalogues of the portal find it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tongue:
    """A language.

    Attributes
    ----------
    translate
        From an English text to one of the language.
    decimal
        Its decimal sign.
    country
        From a country's code (two letters) and English name to its name.
    reasons
        Whether the reasons of a table, which are English, stand in the figure.
    """

    translate: Callable[[str], str]
    decimal: str = "."
    country: Callable[[str, str], str] = lambda code, name: name  # noqa: ARG005
    reasons: bool = False


ENGLISH = Tongue(lambda text: text, reasons=True)
_tongue: ContextVar[Tongue] = ContextVar("tongue", default=ENGLISH)


@contextmanager
def spoken(tongue: Tongue) -> Iterator[None]:
    """Draw in a language.

    >>> with spoken(Tongue({"Year": "Jahr"}.__getitem__, ",")):
    ...     say("Year"), digits("0.5")
    ('Jahr', '0,5')
    """
    before = _tongue.set(tongue)
    try:
        yield
    finally:
        _tongue.reset(before)


def tongue() -> Tongue:
    """Return the language that is spoken."""
    return _tongue.get()


def say(text: str) -> str:
    """Return an English text of a figure in the language that is spoken."""
    return _tongue.get().translate(text)


def to_say(text: str) -> str:
    """Mark a text that ``say`` will get: it is found for translation, and stays as it is."""
    return text


def digits(text: str) -> str:
    """Return a number, written with a point, with the decimal sign of the language."""
    return text.replace(".", _tongue.get().decimal)

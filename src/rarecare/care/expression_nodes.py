"""The parts that an expression of an indicator is read into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as Choice


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression; ``at`` is the place of its first character, from 0."""

    at: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, a text, true or false."""

    value: float | str | bool


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A column, an event or something given."""

    name: str


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """``left sign right``."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Member(Node):
    """Whether an item is in a set, of literals or named; or a text starts with one of it."""

    item: Node
    values: tuple[float | str | bool, ...] | Name
    how: Choice["in", "not in", "starts"]


@dataclass(frozen=True, slots=True)
class Joined(Node):
    """Parts joined by ``and`` or ``or``."""

    word: Choice["and", "or"]
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    """The contrary."""

    part: Node


@dataclass(frozen=True, slots=True)
class Window(Node):
    """When the events selected happened; ``days`` only with ``within``."""

    how: Choice["within before", "within after", "within of", "before", "after", "until", "since"]
    days: float | None
    of: Node


@dataclass(frozen=True, slots=True)
class Selection(Node):
    """Events of some kinds, with some values, at some time."""

    events: tuple[str, ...]
    values: tuple[Member, ...] = ()
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function of other parts; of one selection where it selects events."""

    function: str
    arguments: tuple[Node, ...]

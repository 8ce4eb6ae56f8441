"""Expressions of indicators worked out on cases and their events, with unknown kept apart.

Comparisons with what is unknown are unknown; ``and``, ``or`` and ``not`` follow Kleene's strong
logic (*Introduction to Metamathematics*, 1952, section 64): false and unknown is false, true or
unknown is true.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from typing import Literal as Choice

import numpy as np
import polars as pl

from rarecare.care.expression_nodes import (
    Call,
    Compare,
    Joined,
    Literal,
    Member,
    Name,
    Node,
    Not,
    Selection,
    Window,
)
from rarecare.care.expressions import GROUPS, fail, parse
from rarecare.care.linking import UNDATED, Ints, Linked
from rarecare.registry.events import EVENTS

Kind = Choice["truth", "number", "text", "date", "moment"]
Given = Mapping[str, date | Collection[str]]
YES, NO = ("1", "yes", "y", "true", "done", "present"), ("0", "no", "n", "false", "not done",
                                                          "absent")  # fmt: skip
_WORDS: Mapping[Kind, str] = {
    "truth": "true or false", "number": "a number", "text": "a text", "date": "a date",
    "moment": "an event",
}  # fmt: skip

_TYPES: Mapping[Kind, type[pl.DataType]] = {
    "truth": pl.Boolean, "number": pl.Float64, "text": pl.String, "date": pl.Date,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of an expression is, and how polars works it out.

    ``place`` begins the names of an event's columns, where it is one. ``told`` is false where a
    registry has no value of an item, or no event of a kind: there nobody can say of one case that
    it is not known.
    """

    kind: Kind
    expr: pl.Expr
    place: str = ""
    told: pl.Expr = field(default_factory=lambda: pl.lit(value=True))


@dataclass(slots=True, eq=False)
class Evaluation:
    """Cases with the answers about their events, made as expressions ask for them.

    Attributes
    ----------
    frame
        The cases; columns of answers are added.
    linked
        Their events.
    vocabulary
        Columns that cases may have, with their kinds: those they lack are unknown.
    given
        Dates and sets of texts by name, such as the closing date; None where not given.
    """

    frame: pl.DataFrame
    linked: Linked
    vocabulary: Mapping[str, Kind] = field(default_factory=dict)
    given: Mapping[str, date | Collection[str] | None] = field(default_factory=dict)
    _made: dict[tuple[object, ...], str] = field(default_factory=dict)
    _days: dict[Node, Ints] = field(default_factory=dict)
    _collected: dict[str, pl.Expr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.frame = self.frame.rechunk()  # or every question would copy all columns

    def compiled(
        self, text: str, kind: Kind, *, window_days: float | None = None,
        threshold: float | None = None, terms: Mapping[str, str] | None = None,
    ) -> pl.Expr:  # fmt: skip
        """Return an expression over ``frame``.

        Parameters
        ----------
        text
            The expression.
        kind
            What it has to be.
        window_days, threshold, terms
            See ``parse``.

        Raises
        ------
        UsageError
            It is not of the language, names what is not known, or is of another kind.
        """
        node = parse(text, window_days=window_days, threshold=threshold, terms=terms)
        reader = _Compiler(self, text)
        part = reader.part(node)
        if kind == "date":
            part = reader.dated(part, node)
        if part.kind != kind and not (part.kind == "moment" and kind == "text"):
            fail(text, node.at, f"this is {_WORDS[part.kind]}", allowed=_WORDS[kind])
        return part.expr

    def added(self, key: tuple[object, ...], columns: Mapping[str, pl.Series]) -> str:
        """Keep columns of an answer, and return the beginning of their names."""
        name = f"_{len(self._made)}"
        self.frame = self.frame.with_columns(
            values.rechunk().alias(f"{name}{end}") for end, values in columns.items()
        )
        self._made[key] = name
        return name

    def moment(self, asked: Selection, text: str, *, last: bool) -> str:
        """Return the beginning of the names of the columns of a first or last event."""
        key = (last, asked)
        if key not in self._made:
            found = self.linked.moment(asked, lambda window: self.day_of(window.of, text),
                                       last=last)  # fmt: skip
            day = pl.Series(found.day).set(pl.Series(found.day == UNDATED), None).cast(pl.Date)
            place = pl.Series(found.place).set(pl.Series(found.place < 0), None)
            told = pl.Series(self.linked.known_of(asked.events))
            self.added(key, {"date": day, "place": place, "told": told})
        return self._made[key]

    def text_of(self, moment: str, column: str) -> str:
        """Return the name of the column with a text of a first or last event."""
        key = (moment, column)
        if key not in self._made:
            place = self.frame[f"{moment}place"].fill_null(-1).to_numpy()
            self.added(key, {"": self.linked.text(column, place)})
        return self._made[key]

    def number(self, asked: Selection, text: str, function: str) -> str:
        """Return the name of the column with a count, or whether there is any."""
        key = (function, asked)
        if key not in self._made:

            def day_of(window: Window) -> Ints:
                return self.day_of(window.of, text)

            if function == "exists":
                found = self.linked.exists(asked, day_of)
                made = pl.Series(found == 1).set(pl.Series(found < 0), None)
            else:
                counted = getattr(self.linked, "count" if function == "count" else function)
                value, known = counted(asked, day_of)
                made = pl.Series(value).set(pl.Series(~known), None)
            self.added(key, {"": made})
        return self._made[key]

    def lacking(self, kind: Kind) -> Part:
        """Return what cases do not have: unknown for all."""
        key = ("lacking", kind)
        if key not in self._made:
            self.added(key, {"": pl.Series([None], dtype=_TYPES[kind]).new_from_index(
                0, self.frame.height)})  # fmt: skip
        return Part(kind, pl.col(self._made[key]), told=pl.lit(value=False))

    def collected(self, column: str) -> pl.Expr:
        """Return whether a case's registry collects an item: has a value of it for some case."""
        if column not in self._collected:
            values, registry = self.frame[column], self.linked.registry
            known = registry[values.is_not_null().to_numpy()] if values.null_count() else registry
            some = np.bincount(known, minlength=len(self.linked.recorded)) > 0
            told = pl.lit(value=True)
            if not some[registry].all():
                told = pl.col(self.added(("collected", column), {"": pl.Series(some[registry])}))
            self._collected[column] = told
        return self._collected[column]

    def recorded(self, events: tuple[str, ...]) -> str:
        """Return the name of the column that says whether a registry records any of the events."""
        key = ("recorded", events)
        if key not in self._made:
            self.added(key, {"": pl.Series(self.linked.known_of(events))})
        return self._made[key]

    def day_of(self, node: Node, text: str) -> Ints:
        """Return the days of a date of each case, ``UNDATED`` where it is not known."""
        if node not in self._days:
            reader = _Compiler(self, text)
            part = reader.dated(reader.part(node), node)
            day = self.frame.select(part.expr.to_physical().cast(pl.Int32)).to_series()
            if len(day) != self.linked.size:
                day = day.new_from_index(0, self.linked.size)
            self._days[node] = day.fill_null(int(UNDATED)).to_numpy().astype(np.int32)
        return self._days[node]


class _Compiler:
    """Turns the tree of one text into polars expressions."""

    def __init__(self, on: Evaluation, text: str) -> None:
        self.on, self.text = on, text

    def part(self, node: Node) -> Part:
        made: dict[type[Node], object] = {
            Literal: self.literal, Name: self.name, Compare: self.compare, Member: self.member,
            Joined: self.joined, Not: self.negated, Call: self.call,
        }  # fmt: skip
        found = made[type(node)](node)  # type: ignore[operator]
        assert isinstance(found, Part)
        return found

    def of_kind(self, node: Node, *kinds: Kind) -> Part:
        part = self.part(node)
        if part.kind not in kinds:
            fail(self.text, node.at, f"this is {_WORDS[part.kind]}",
                 allowed=" or ".join(_WORDS[kind] for kind in kinds))  # fmt: skip
        return part

    def dated(self, part: Part, node: Node) -> Part:
        """Return a date: of a first event, of the date itself, where it is known to the day."""
        if part.kind == "moment":
            return Part("date", pl.col(f"{part.place}date"), told=part.told)
        if part.kind != "date":
            fail(self.text, node.at, f"this is {_WORDS[part.kind]}",
                 allowed="a date: a column of dates, an event")  # fmt: skip
        return part

    def literal(self, node: Literal) -> Part:
        kind: Kind = (
            "truth" if isinstance(node.value, bool)
            else "text" if isinstance(node.value, str) else "number"
        )  # fmt: skip
        return Part(kind, pl.lit(node.value))

    def name(self, node: Name) -> Part:
        name, frame = node.name, self.on.frame
        if name in EVENTS or name in GROUPS:  # also where a column has the name of an event
            asked = Selection(node.at, GROUPS.get(name, (name,)))
            return self.moment(asked, last=False)
        if name in frame.columns and not name.startswith("_"):
            return self.column(name)
        if name in self.on.given:
            value = self.on.given[name]
            if value is not None and not isinstance(value, date):
                fail(self.text, node.at, "this is a set", value=name, allowed="in a comparison: in")
            return Part("date", pl.lit(value, dtype=pl.Date), told=pl.lit(value is not None))
        if name in self.on.vocabulary:
            return self.on.lacking(self.on.vocabulary[name])
        known = [*(c for c in frame.columns if not c.startswith("_")), *self.on.vocabulary,
                 *EVENTS, *GROUPS, *self.on.given]  # fmt: skip
        return fail(self.text, node.at, "there is no such column, event or name given", value=name,
             allowed=list(dict.fromkeys(known)))  # fmt: skip

    def column(self, name: str) -> Part:
        frame, column = self.on.frame, pl.col(name)
        dtype = frame[name].dtype
        if dtype == pl.Null:
            return self.on.lacking(self.on.vocabulary.get(name, "text"))
        told = self.on.collected(name)
        if dtype == pl.Boolean:
            return Part("truth", column, told=told)
        if dtype.is_float():
            return Part("number", column.fill_nan(None), told=told)
        if dtype.is_numeric():
            return Part("number", column, told=told)
        if dtype in {pl.Date, pl.Datetime}:
            precision = f"{name}_precision"
            exact = pl.col(precision) == "day" if precision in frame.columns else pl.lit(value=True)
            return Part("date", pl.when(exact).then(column.cast(pl.Date)), told=told)
        return Part("text", column.cast(pl.String), told=told)

    def compare(self, node: Compare) -> Part:
        left, right = self.part(node.left), self.part(node.right)
        if "moment" in {left.kind, right.kind}:
            left, right = self.dated(left, node.left), self.dated(right, node.right)
        if left.kind != right.kind:
            fail(self.text, node.at, f"{_WORDS[left.kind]} is compared with {_WORDS[right.kind]}",
                 allowed="two of the same kind")  # fmt: skip
        if left.kind in {"text", "truth"} and node.sign not in {"==", "!="}:
            fail(self.text, node.at, f"{_WORDS[left.kind]} has no order", value=node.sign,
                 allowed=["==", "!="])  # fmt: skip
        compared = {
            "==": pl.Expr.eq, "!=": pl.Expr.ne, "<": pl.Expr.lt, "<=": pl.Expr.le,
            ">": pl.Expr.gt, ">=": pl.Expr.ge,
        }[node.sign]  # fmt: skip
        return Part("truth", compared(left.expr, right.expr), told=left.told & right.told)

    def member(self, node: Member) -> Part:
        values = node.values
        if isinstance(values, Name):
            if values.name not in self.on.given:
                fail(self.text, values.at, "there is no such set", value=values.name,
                     allowed=list(self.on.given) or "a set in braces")  # fmt: skip
            given = self.on.given[values.name]
            if given is None:
                return self.on.lacking("truth")
            if isinstance(given, date):
                fail(self.text, values.at, "this is a date", value=values.name, allowed="a set")
            values = tuple(given)
        wanted: Kind = "text" if not values or isinstance(values[0], str) else "number"
        part = self.of_kind(node.item, "text" if node.how == "starts" else wanted)
        item = part.expr
        if node.how == "starts":
            if wanted != "text":
                fail(self.text, node.at, "starts needs texts", value=values[0], allowed="texts")
            hits = [item.str.starts_with(str(value)) for value in values]
            return Part("truth", reduce(pl.Expr.or_, hits), told=part.told)
        dtype = pl.String if wanted == "text" else pl.Float64
        found = item.cast(dtype).is_in(pl.Series(values, dtype=dtype).implode())
        return Part("truth", found if node.how == "in" else ~found, told=part.told)

    def joined(self, node: Joined) -> Part:
        parts = [self.of_kind(part, "truth") for part in node.parts]
        joined = reduce(
            pl.Expr.and_ if node.word == "and" else pl.Expr.or_, [part.expr for part in parts]
        )
        return Part("truth", joined, told=reduce(pl.Expr.or_, [part.told for part in parts]))

    def negated(self, node: Not) -> Part:
        part = self.of_kind(node.part, "truth")
        return Part("truth", ~part.expr, told=part.told)

    def moment(self, asked: Selection, *, last: bool) -> Part:
        self.resolve(asked)
        place = self.on.moment(asked, self.text, last=last)
        return Part("moment", pl.col(f"{place}place"), place, pl.col(f"{place}told"))

    def resolve(self, asked: Selection) -> None:
        """Refuse a set that is not written out in what is asked of events."""
        for member in asked.values:
            if isinstance(member.values, Name):
                fail(self.text, member.values.at, "values of events need a set in braces",
                     value=member.values.name, allowed='such as {"R0", "R1"}')  # fmt: skip

    def call(self, node: Call) -> Part:
        first = node.arguments[0]
        if isinstance(first, Selection):
            if node.function in {"first", "last"}:
                return self.moment(first, last=node.function == "last")
            self.resolve(first)
            name = self.on.number(first, self.text, node.function)
            told = pl.col(self.on.recorded(first.events))
            return Part("truth" if node.function == "exists" else "number", pl.col(name), told=told)
        made = {
            "days": self.days, "date": self.date, "year": self.year, "value": self.value,
            "hospital": self.value, "known": self.known, "yes": self.yes,
            "coalesce": self.coalesce, "collected": self.collected,
        }  # fmt: skip
        return made[node.function](node)

    def days(self, node: Call) -> Part:
        start, end = (self.dated(self.part(one), one) for one in node.arguments)
        days = (end.expr - start.expr).dt.total_days()
        return Part("number", days, told=start.told & end.told)

    def date(self, node: Call) -> Part:
        (own,) = node.arguments
        if isinstance(own, Literal) and isinstance(own.value, str):
            try:
                return Part("date", pl.lit(date.fromisoformat(own.value)))
            except ValueError:
                fail(self.text, own.at, "this is no date", value=own.value, allowed="YYYY-MM-DD")
        return self.dated(self.part(own), own)

    def year(self, node: Call) -> Part:
        (own,) = node.arguments
        part = self.dated(self.part(own), own)
        return Part("number", part.expr.dt.year(), told=part.told)

    def value(self, node: Call) -> Part:
        part = self.of_kind(node.arguments[0], "moment")
        column = "value" if node.function == "value" else "hospital_id"
        found = pl.col(self.on.text_of(part.place, column))
        return Part("text", found, told=pl.col(f"{part.place}place").is_not_null())

    def known(self, node: Call) -> Part:
        part = self.part(node.arguments[0])
        held = self.dated(part, node).expr if part.kind == "moment" else part.expr
        return Part("truth", pl.when(part.told).then(held.is_not_null()))

    def collected(self, node: Call) -> Part:
        part = self.part(node.arguments[0])
        return Part("truth", pl.when(part.told).then(pl.lit(value=True)))

    def yes(self, node: Call) -> Part:
        part = self.of_kind(node.arguments[0], "truth", "number", "text")
        if part.kind == "truth":
            return part
        number = part.kind == "number"
        own = part.expr if number else part.expr.str.to_lowercase().str.strip_chars()
        done, left = ([1], [0]) if number else (list(YES), list(NO))
        return Part("truth", pl.when(own.is_in(done)).then(pl.lit(value=True))
                    .when(own.is_in(left)).then(pl.lit(value=False)), told=part.told)  # fmt: skip

    def coalesce(self, node: Call) -> Part:
        parts = [self.part(one) for one in node.arguments]
        if "date" in {part.kind for part in parts}:
            parts = [self.dated(p, one) for p, one in zip(parts, node.arguments, strict=True)]
        kinds = {part.kind for part in parts}
        if len(kinds) > 1 or "moment" in kinds:
            fail(self.text, node.at, "coalesce needs parts of one kind",
                 value=", ".join(_WORDS[part.kind] for part in parts),
                 remedy="Write date(...) around events.")  # fmt: skip
        told = reduce(pl.Expr.or_, [part.told for part in parts])
        return Part(parts[0].kind, pl.coalesce(part.expr for part in parts), told=told)

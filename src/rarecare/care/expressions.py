"""The language of indicators: comparisons, dates and sets, read into a tree and never run.

``stage in {"I", "II"}``; ``days(first(pathology), first(treatment)) <= 30``;
``count(re_excision, within 180 days after first(surgery)) >= 1``; ``value(last(surgery)) == "R0"``;
``hospital(first(treatment)) != hospital(diagnosis)``; ``known(margins)``; ``and``, ``or``, ``not``.

Grammar::

    truth      = truth "or" truth | truth "and" truth | "not" truth | comparison
    comparison = value { ("==" | "!=" | "<" | "<=" | ">" | ">=") value }
               | value ["not"] "in" set
    value      = number | "text" | true | false | name | function "(" ... ")" | "(" truth ")"
    set        = "{" literal { "," literal } "}" | name of a set that is given
    selection  = event { "," event | "," condition }
    condition  = "value" ("==" | "!=" | ["not"] "in" | "starts") (text | set)
               | "within" number "days" ("before" | "after" | "of") value
               | ("before" | "after" | "until" | "since") value
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal as Choice
from typing import NoReturn

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
from rarecare.errors import UsageError
from rarecare.registry.events import EVENTS

TREATMENTS = (
    "surgery", "re_excision", "radiotherapy", "systemic", "chemotherapy", "targeted",
    "immunotherapy", "hormonal", "stem_cell",
)  # fmt: skip
GROUPS: Mapping[str, tuple[str, ...]] = {
    "treatment": tuple(name for name in TREATMENTS if name != "re_excision"),
    "any_systemic": TREATMENTS[3:],
}
"""Names for several events: any treatment, any systemic therapy."""

FUNCTIONS: Mapping[str, str] = {
    "days": "days from one date to another",
    "first": "the first of the events selected",
    "last": "the last of the events selected",
    "count": "how many events are selected",
    "exists": "whether an event is selected",
    "hospitals": "how many hospitals the events selected were at",
    "date": "the date of an event, or the date that a text is",
    "year": "the calendar year of a date",
    "value": "the value of an event",
    "hospital": "the hospital of an event",
    "known": "whether something is known; never unknown itself",
    "collected": "true where an item or event is collected, and not known where it is not",
    "yes": "whether an item is yes (1, yes, true, done, present) or no (0, no, ...)",
    "starts": "whether a text starts with one of a set",
    "coalesce": "the first of several that is known",
}
SELECTING = ("first", "last", "count", "exists", "hospitals")
LONGEST, DEEPEST = 4000, 40
"""Characters of an expression, and brackets within brackets."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"[^"\n]*"|'[^'\n]*')"""
    r"""|(?P<name>[^\W\d]\w*)|(?P<sign><=|>=|==|!=|[<>(){},-]))"""
)
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_WORDS = frozenset(("and", "or", "not", "in"))
_SIDES = ("before", "after", "of")
_CONDITIONS = ("value", "within", "before", "after", "until", "since")


def parse(
    text: str, *, window_days: float | None = None, threshold: float | None = None,
    terms: Mapping[str, str] | None = None,
) -> Node:  # fmt: skip
    """Return an expression as a tree.

    Parameters
    ----------
    text
        The expression.
    window_days, threshold
        What the words ``window`` and ``threshold`` stand for in it.
    terms
        Names for other expressions, which stand in their place.

    Raises
    ------
    UsageError
        The text is not of the language: the message names the place and what may stand there.

    Examples
    --------
    >>> parse('age >= 15')
    Compare(at=4, sign='>=', left=Name(at=0, name='age'), right=Literal(at=7, value=15.0))
    """
    if not isinstance(text, str) or not text.strip():
        raise UsageError("an expression is empty", allowed='such as stage in {"I", "II"}')
    if len(text) > LONGEST:
        raise UsageError("an expression is too long", value=len(text),
                         allowed=f"{LONGEST} characters")  # fmt: skip
    words = {"window": window_days, "threshold": threshold}
    reader = _Reader(text, _tokens(text), words, terms or {})
    node = reader.truth()
    if reader.kind != "end":
        reader.refuse("something is left over", ["and", "or", *_COMPARISONS, "in"])
    return node


def fail(
    text: str, at: int, problem: str, *, value: object = None,
    allowed: Sequence[str] | str | None = None, remedy: str = "",
) -> NoReturn:  # fmt: skip
    """Raise the error of one place of an expression.

    Raises
    ------
    UsageError
        Always.
    """
    shown = text if len(text) <= 120 else f"{text[max(at - 50, 0) : at + 50]}"
    raise UsageError(
        f"{problem} at character {at + 1} of the expression {shown.strip()!r}",
        value=value, allowed=allowed, remedy=remedy,
    )  # fmt: skip


Token = tuple[str, str, int]


def _tokens(text: str) -> list[Token]:
    """Return (kind, text, place) of each word and sign, and of the end."""
    found: list[Token] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            at = place + len(text[place:]) - len(text[place:].lstrip())
            quote = text[at] in "\"'"
            fail(text, at, "a text has no closing quotation mark" if quote else
                 "there is a sign that the language has not", value=text[at],
                 allowed=f"{', '.join(_COMPARISONS)}, brackets, braces, commas, quotation marks",
                 remedy="Write == for equality." if text[at] == "=" else "")  # fmt: skip
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind), match.start(kind)))
        place = match.end()
    return [*found, ("end", "", len(text))]


class _Reader:
    """Reads tokens from left to right."""

    def __init__(
        self, text: str, tokens: list[Token], words: Mapping[str, float | None],
        terms: Mapping[str, str],
    ) -> None:  # fmt: skip
        self.text, self.tokens, self.words, self.terms = text, tokens, words, terms
        self.place = self.depth = 0

    @property
    def kind(self) -> str:
        return self.tokens[self.place][0]

    @property
    def word(self) -> str:
        return self.tokens[self.place][1]

    @property
    def at(self) -> int:
        return self.tokens[self.place][2]

    def is_(self, *words: str) -> bool:
        return self.kind in {"name", "sign"} and self.word in words

    def take(self) -> str:
        word = self.word
        self.place += self.kind != "end"
        return word

    def expect(self, *words: str) -> str:
        if not self.is_(*words):
            self.refuse("something else should stand", words)
        return self.take()

    def refuse(self, problem: str, allowed: Sequence[str] | str) -> NoReturn:
        got = self.word if self.kind != "end" else "the end"
        fail(self.text, self.at, problem, value=got, allowed=allowed)

    def truth(self) -> Node:
        """Read parts joined by ``or``."""
        self.depth += 1
        if self.depth > DEEPEST:
            fail(self.text, self.at, "brackets lie too deep", allowed=f"{DEEPEST} within another")
        node = self.joined("or", lambda: self.joined("and", self.negated))
        self.depth -= 1
        return node

    def joined(self, word: Choice["and", "or"], part: object) -> Node:
        at = self.at
        parts = [part()]  # type: ignore[operator]
        while self.is_(word):
            self.take()
            parts.append(part())  # type: ignore[operator]
        return parts[0] if len(parts) == 1 else Joined(at, word, tuple(parts))

    def negated(self) -> Node:
        at, times = self.at, 0
        while self.is_("not"):
            self.take()
            times += 1
        node = self.comparison()
        return Not(at, node) if times % 2 else Not(at, Not(at, node)) if times else node

    def comparison(self) -> Node:
        left = self.operand()
        if self.is_("in", "not"):
            return self.member(left)
        found: list[Node] = []
        while self.is_(*_COMPARISONS):
            at, sign = self.at, self.take()
            right = self.operand()
            found.append(Compare(at, sign, left, right))
            left = right
        if not found:
            return left
        return found[0] if len(found) == 1 else Joined(found[0].at, "and", tuple(found))

    def member(self, item: Node) -> Member:
        at = self.at
        negated = self.take() == "not"
        if negated:
            self.expect("in")
        return Member(at, item, self.set_(), "not in" if negated else "in")

    def set_(self) -> tuple[float | str | bool, ...] | Name:
        at = self.at
        if self.kind == "name" and self.word not in _WORDS:
            return Name(at, self.take())
        self.expect("{")
        values = [self.literal()]
        while self.is_(","):
            self.take()
            values.append(self.literal())
        self.expect("}")
        if len({type(value) for value in values}) > 1:
            fail(self.text, at, "a set holds numbers or texts, not both", value=values)
        return tuple(values)

    def literal(self) -> float | str | bool:
        if self.kind == "text":
            return self.take()[1:-1]
        if self.is_("true", "false"):
            return self.take() == "true"
        negative = self.is_("-")
        if negative:
            self.take()
        if self.kind != "number":
            self.refuse("a number or a text should stand", 'such as "R0", 1')
        return float(self.take()) * (-1 if negative else 1)

    def operand(self) -> Node:
        at = self.at
        if self.is_("("):
            self.take()
            node = self.truth()
            self.expect(")")
            return node
        if self.kind in {"number", "text"} or self.is_("-", "true", "false"):
            return Literal(at, self.literal())
        if self.kind != "name" or self.word in _WORDS:
            self.refuse("a value should stand", 'a column, a function, a number, a "text"')
        name = self.take()
        if self.is_("("):
            return self.call(name, at)
        if name in self.terms:
            rest = {key: text for key, text in self.terms.items() if key != name}
            return parse(self.terms[name], window_days=self.words["window"],
                         threshold=self.words["threshold"], terms=rest)  # fmt: skip
        number = self.words.get(name)
        if name in self.words and number is None:
            fail(self.text, at, f"the indicator has no {name}", value=name,
                 remedy=f"Give the indicator a {name}.")  # fmt: skip
        return Name(at, name) if number is None else Literal(at, float(number))

    def call(self, name: str, at: int) -> Node:
        if name not in FUNCTIONS:
            fail(self.text, at, "there is no such function", value=name, allowed=list(FUNCTIONS))
        self.take()
        self.depth += 1
        if self.depth > DEEPEST:
            fail(self.text, at, "brackets lie too deep", allowed=f"{DEEPEST} within another")
        if name in SELECTING:
            node: Node = Call(at, name, (self.selection(),))
        elif name == "starts":
            item = self.truth()
            self.expect(",")
            node = Member(at, item, self.set_(), "starts")
        else:
            node = Call(at, name, self.arguments(name, at))
        self.expect(")")
        self.depth -= 1
        return node

    def arguments(self, name: str, at: int) -> tuple[Node, ...]:
        found = [self.truth()]
        while self.is_(","):
            self.take()
            found.append(self.truth())
        wanted = {"days": (2, 2), "coalesce": (2, 20)}.get(name, (1, 1))
        if not wanted[0] <= len(found) <= wanted[1]:
            fail(self.text, at, f"{name} has a wrong number of parts", value=len(found),
                 allowed=f"{wanted[0]}" if wanted[0] == wanted[1] else f"{wanted[0]} or more",
                 remedy=f"{name}: {FUNCTIONS[name]}.")  # fmt: skip
        return tuple(found)

    def selection(self) -> Selection:
        at = self.at
        events, values, windows = list(self.events()), [], []
        while self.is_(","):
            self.take()
            place = self.at
            if not self.is_(*_CONDITIONS):
                events.extend(self.events())
            elif self.is_("value"):
                self.take()
                values.append(self.of_value(place))
            else:
                windows.append(self.window(place))
        return Selection(at, tuple(dict.fromkeys(events)), tuple(values), tuple(windows))

    def events(self) -> tuple[str, ...]:
        known = [*EVENTS, *GROUPS]
        if self.kind != "name" or self.word not in known:
            self.refuse("there is no such event", [*known, *_CONDITIONS])
        name = self.take()
        return GROUPS.get(name, (name,))

    def of_value(self, at: int) -> Member:
        item = Name(at, "value")
        if self.is_("in", "not"):
            found = self.member(item)
        elif self.is_("starts"):
            self.take()
            found = Member(at, item, self.set_(), "starts")
        else:
            how: Choice["in", "not in"] = "in" if self.expect("==", "!=") == "==" else "not in"
            found = Member(at, item, (self.literal(),), how)
        if isinstance(found.values, tuple) and not isinstance(found.values[0], str):
            fail(self.text, at, "values of events are texts", value=found.values[0])
        return found

    def window(self, at: int) -> Window:
        how, days = self.take(), None
        if how == "within":
            if self.is_("window"):
                node = self.operand()
                assert isinstance(node, Literal)
                days = float(node.value)
            elif self.kind == "number":
                days = float(self.take())
            else:
                self.refuse("a number of days should stand", "such as 90, or the word window")
            self.expect("days", "day")
            how = f"within {self.expect(*_SIDES)}"
        return Window(at, how, days, self.operand())  # type: ignore[arg-type]

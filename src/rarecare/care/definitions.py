"""Indicators as data: TOML files of definitions, checked before any case is read.

A file is a set of indicators of one cancer, or of all: what is counted, among whom, who is left
out and why, a window, a threshold with its unit, where the definition comes from and how sure it
is, and published values to compare with. All of it can be edited. The sureness is P named by the
project's poster, A abstract of a paper, X another published source, D own definition, M memory.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rarecare.care.evaluation import Evaluation, Kind
from rarecare.care.expressions import FUNCTIONS, GROUPS
from rarecare.care.linking import Linked
from rarecare.errors import UsageError, nearest
from rarecare.registry.cases import FIELDS
from rarecare.registry.events import EVENTS
from rarecare.toml_files import parsed, toml_content

Sureness = Literal["P", "A", "X", "D", "M"]
SURENESS: Mapping[str, str] = {
    "P": "named by the project's poster, without a formula",
    "A": "from the abstract of the project's paper",
    "X": "from another published source",
    "D": "own definition, which a clinician has to confirm",
    "M": "from memory, unchecked",
}
CANCERS = ("sarcoma", "testis", "head_neck", "gep_net")
GIVEN = ("closing_date", "designated")
"""What expressions may name beside columns and events: a date, a set of hospitals."""

Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Quantity(_Part):
    """A number with its unit, and where it comes from."""

    value: float
    unit: Literal["days", "percent", "per case"]
    sureness: Sureness = "D"
    source: str = ""


class Exclusion(_Part):
    """Cases left out, and why."""

    when: Text
    reason: Text


class Comparator(_Part):
    """A published value to stand beside results; it is of its own population, not a target."""

    value: float
    unit: Literal["percent", "days", "months", "per case"]
    measure: str = ""
    lower: float | None = None
    upper: float | None = None
    limits: str = ""
    population: Text
    source: Text
    sureness: Sureness = "X"


class Definition(_Part):
    """One indicator.

    Attributes
    ----------
    id, version, title, pillar, group
        What it is called and where it stands; ``group`` is that of the consensus, where one is.
    cancer
        One of ``CANCERS``, or ``"all"``.
    kind
        ``"proportion"`` has a ``numerator``; ``"time"`` (days), ``"count"`` and
        ``"distribution"`` (texts) a ``value``.
    numerator, denominator, value, censored
        Expressions. ``censored``: where a time was cut short, so that it is worked out by the
        product-limit method.
    exclusions
        In order; each case is counted under the first that applies.
    window, threshold
        What these words stand for in expressions; the threshold is also what results are held
        against, in the ``direction`` that is better.
    not_computed
        Why cases cannot tell it; then there is no expression.
    sureness, source, note
        Of the definition.
    comparators
        Published values.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    version: Text
    pillar: Literal["structure", "diagnosis", "treatment", "follow-up", "outcome"]
    cancer: Literal["all", "sarcoma", "testis", "head_neck", "gep_net"]
    title: Text
    group: str = ""
    kind: Literal["proportion", "time", "count", "distribution"]
    numerator: str | None = None
    value: str | None = None
    denominator: str = "true"
    censored: str | None = None
    exclusions: tuple[Exclusion, ...] = ()
    window: Quantity | None = None
    threshold: Quantity | None = None
    direction: Literal["higher", "lower", "neither"] = "neither"
    not_computed: str | None = None
    sureness: Sureness
    source: Text
    note: str = ""
    comparators: tuple[Comparator, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> Definition:
        wanted = "numerator" if self.kind == "proportion" else "value"
        other = "value" if wanted == "numerator" else "numerator"
        if self.not_computed is None and getattr(self, wanted) is None:
            raise ValueError(f"{self.id}: a {self.kind} needs a {wanted}, or not_computed")
        if getattr(self, other) is not None:
            raise ValueError(f"{self.id}: a {self.kind} has a {wanted}, not a {other}")
        if self.censored is not None and self.kind != "time":
            raise ValueError(f"{self.id}: only a time can be censored")
        if self.window is not None and self.window.unit != "days":
            raise ValueError(f"{self.id}: a window is a number of days, not {self.window.unit}")
        units = {"proportion": "percent", "time": "days", "count": "per case"}
        unit = units.get(self.kind)
        if self.threshold is not None and self.threshold.unit != unit:
            raise ValueError(
                f"{self.id}: the threshold of a {self.kind} is in "
                f"{unit or 'no unit: it has none'}, not in {self.threshold.unit}"
            )
        if self.threshold is not None and self.direction == "neither":
            raise ValueError(f"{self.id}: a threshold needs a direction, higher or lower")
        return self

    @property
    def words(self) -> dict[str, float | None]:
        """What ``window`` and ``threshold`` stand for, as ``parse`` wants it."""
        return {
            "window_days": None if self.window is None else self.window.value,
            "threshold": None if self.threshold is None else self.threshold.value,
        }

    def expressions(self) -> list[tuple[str, str, Kind]]:
        """Return the name, text and kind of each expression."""
        kinds: Mapping[str, Kind] = {"time": "number", "count": "number", "distribution": "text"}
        found: list[tuple[str, str | None, Kind]] = [
            ("denominator", self.denominator, "truth"),
            ("numerator", self.numerator, "truth"),
            ("value", self.value, kinds.get(self.kind, "number")),
            ("censored", self.censored, "truth"),
            *((f"exclusions.{k}.when", one.when, "truth")
              for k, one in enumerate(self.exclusions, 1)),
        ]  # fmt: skip
        return [(name, text, kind) for name, text, kind in found if text is not None]


class Definitions(_Part):
    """A set of indicators.

    Attributes
    ----------
    id, version, title
        Of the set.
    cases
        Which cases it is about; those where that is unknown are kept and counted.
    base
        Exclusions from all indicators of the set.
    columns
        Columns that cases may have, beside the project's, and their kinds.
    terms
        Names for expressions that several indicators use.
    indicators
        In their order.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    version: Text
    title: Text
    note: str = ""
    cases: str | None = None
    base: tuple[Exclusion, ...] = ()
    columns: dict[str, Literal["truth", "number", "text", "date"]] = {}
    terms: dict[str, str] = {}
    indicators: Annotated[tuple[Definition, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> Definitions:
        ids = [one.id for one in self.indicators]
        double = next((one for one in ids if ids.count(one) > 1), None)
        if double is not None:
            raise ValueError(f"two indicators have the id {double!r}")
        return self

    @property
    def vocabulary(self) -> dict[str, Kind]:
        """Columns that cases may have, with their kinds."""
        return {**project_columns(), **self.columns}

    def checked(self, file: str = "indicators") -> Definitions:
        """Return the set, its expressions read and their names known.

        Raises
        ------
        UsageError
            An expression is not of the language, or names an unknown column; the message says
            which indicator's, and where.
        """
        none = pl.DataFrame({"patient_id": pl.Series([], dtype=pl.String)})
        on = Evaluation(none, Linked.of(none, None), self.vocabulary, dict.fromkeys(GIVEN))
        for name in self.terms:
            if name in self.vocabulary or name in {*EVENTS, *GROUPS, *GIVEN, *FUNCTIONS}:
                raise UsageError(f"{file}: a term has the name of a column, event or function",
                                 value=name, allowed="another name")  # fmt: skip
        found: list[tuple[str, str, Kind, dict[str, Any]]] = [
            (f"base.{k}.when", one.when, "truth", {}) for k, one in enumerate(self.base, 1)
        ]
        if self.cases is not None:
            found.append(("cases", self.cases, "truth", {}))
        for one in self.indicators:
            words = one.words
            found += [(f"{one.id}.{name}", *rest, words) for name, *rest in one.expressions()]  # type: ignore[misc]
        for name, text, kind, words in found:
            try:
                on.compiled(text, kind, **words, terms=self.terms)
            except UsageError as error:
                error.args = (f"{file}: {name}: {error}",)
                raise
        return self


@cache
def _project_columns() -> dict[str, Kind]:
    kinds: Mapping[str, Kind] = {"whole": "number", "morphology": "number", "number": "number",
                                 "date": "date"}  # fmt: skip
    own = {each.name: kinds.get(each.kind, "text") for each in FIELDS}
    types: Mapping[str, Kind] = {"date": "date", "integer": "number", "number": "number",
                                 "yesno": "truth"}  # fmt: skip
    folder = files("rarecare.care")
    for kit in ("core", *CANCERS):
        for row in _rows((folder / "kits" / f"{kit}.csv").read_text(encoding="utf-8")):
            own.setdefault(row["variable"], types.get(row["type"], "text"))
    more = _rows((folder / "indicators" / "columns.csv").read_text(encoding="utf-8"))
    return own | {row["column"]: cast("Kind", row["kind"]) for row in more}


def _rows(text: str) -> csv.DictReader[str]:
    return csv.DictReader(io.StringIO(text))


def project_columns() -> dict[str, Kind]:
    """Return the columns cases may have in this project, with their kinds."""
    return dict(_project_columns())


def read_definitions(source: str | Path) -> Definitions:
    """Return a set of indicators from a file, or by the name of one that comes with the package.

    Parameters
    ----------
    source
        Path of a TOML file, or ``"core"``, ``"sarcoma"``, ``"testis"``, ``"head_neck"``,
        ``"gep_net"``.

    Raises
    ------
    FileError
        The file is missing or not TOML.
    UsageError
        A key, a value or an expression is not among those there can be; the message names it.
    """
    if str(source) in packaged():
        name = f"{source}.toml"
        content = (files("rarecare.care") / "indicators" / name).read_text(encoding="utf-8")
    else:
        name = Path(source).name
        content = toml_content(source, [*packaged(), "a .toml file"], what="file of indicators")
    return definitions_of(parsed(content, name), file=name)


def definitions_of(given: dict[str, Any], *, file: str = "indicators") -> Definitions:
    """Return the set of indicators that a dict describes.

    Raises
    ------
    UsageError
        As ``read_definitions``.
    """
    try:
        made = Definitions.model_validate(given)
    except ValidationError as error:
        raise _usage_error(error, given, file) from None
    return made.checked(file)


def packaged() -> tuple[str, ...]:
    """Return the names of the sets that come with the package."""
    return ("core", *CANCERS)


def _usage_error(error: ValidationError, given: Any, file: str) -> UsageError:
    """Turn the first fault into one message in our own form."""
    found = error.errors()
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    place = list(first["loc"])
    where = ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in place)
    named = _id_at(given, place)
    said = f"{where} (indicator {named})" if named else where
    more = error.error_count() - 1
    remedy = f"{more} more fault{'s' * (more > 1)} in the file." if more else ""
    if first["type"] == "extra_forbidden":
        allowed = _fields_at(place[:-1])
        near = nearest(str(place[-1]), allowed)
        return UsageError(
            f"the indicators have an unknown key {said}", file=file, allowed=allowed,
            remedy=(f"Did you mean {near!r}? " if near else "") + remedy,
        )  # fmt: skip
    if first["type"] == "missing":
        return UsageError(f"the indicators lack {said}", file=file, remedy=remedy)
    shown = first.get("input")
    return UsageError(
        f"the indicators cannot be used{f': {said}' if said else ''}: "
        f"{first['msg'].removeprefix('Value error, ')}",
        file=file, value=shown if isinstance(shown, str | int | float | bool) else None,
        remedy=remedy,
    )  # fmt: skip


def _id_at(given: Any, place: Sequence[int | str]) -> str:
    """Return the id of the indicator that a fault is in, where it has one."""
    try:
        return str(given["indicators"][place[1]]["id"]) if place[0] == "indicators" else ""
    except (KeyError, IndexError, TypeError):
        return ""


def _fields_at(place: Sequence[int | str]) -> list[str]:
    """Return the keys that may stand at a place in the file."""
    parts: Mapping[str, type[BaseModel]] = {
        "indicators": Definition, "exclusions": Exclusion, "base": Exclusion, "window": Quantity,
        "threshold": Quantity, "comparators": Comparator,
    }  # fmt: skip
    named = [part for part in place if isinstance(part, str) and part in parts]
    return list((parts[named[-1]] if named else Definitions).model_fields)

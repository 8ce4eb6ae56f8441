"""Events joined to their cases, in order of time, and what is asked of them.

What is not known stays so: an event without a date known to the day may have happened in a window
or not, and may have been the first or not; an event that a registry never records is unknown for
all its cases. A case in whose registry an event is recorded, but that has none, did not have it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rarecare.care.expression_nodes import Member, Selection, Window
from rarecare.errors import CaseError, ColumnError, UsageError
from rarecare.registry.events import COLUMNS, EVENTS

Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
KEYS = ("registry", "patient_id", "tumour_id")
UNDATED = np.int32(2**30)
"""Stands for a date that is not known to the day, later than all others."""

_KINDS: Mapping[str, int] = {name: place for place, name in enumerate(EVENTS)}
_SHIFT = 2**20  # days before 1970 count from here


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of each case, arrays of one value per case.

    Attributes
    ----------
    happened
        1 it did, 0 it did not, −1 not known.
    day
        Days from 1970-01-01; ``UNDATED`` where there is none, or it is not known to the day.
    place
        Place of the event among all, −1 where there is none or it is not known which.
    """

    happened: NDArray[np.int8]
    day: Ints
    place: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Linked:
    """The events of cases, sorted by case, day and the order of ``EVENTS``.

    Attributes
    ----------
    size
        Number of cases.
    row, kind, day
        Of each event: its case's place, its place among ``EVENTS``, its day.
    texts
        Its ``value`` and ``hospital_id``, and the place where they stand.
    registry
        Number of each case's registry.
    recorded
        Whether a registry records an event, shape (n_registries, n_events).
    unlinked, unknown
        Events without a case, and events not in the list, by event: ``event``, ``records``.
    """

    size: int
    row: Ints
    kind: NDArray[np.uint8]
    day: Ints
    texts: Mapping[str, pl.Series]
    registry: Ints
    recorded: Flags
    unlinked: int
    unknown: pl.DataFrame
    _held: dict[tuple[str, ...], NDArray[np.int64]] = field(default_factory=dict)
    _known: dict[tuple[str, ...], Flags] = field(default_factory=dict)

    @classmethod
    def of(
        cls, cases: pl.DataFrame, events: pl.DataFrame | None, *, recorded: Collection[str] = ()
    ) -> Linked:
        """Join events to cases on those of registry, patient and tumour that both have.

        Parameters
        ----------
        cases, events
            As the project's tables; no events where there are none.
        recorded
            Events that every registry records, also where the data have none.

        Raises
        ------
        ColumnError
            A column is missing, or the two share neither patient nor tumour.
        CaseError
            Two cases have the same key, or a date of an event is no date.
        UsageError
            ``recorded`` names an event that is not in the list.
        """
        for name in recorded:
            if name not in EVENTS:
                raise UsageError("there is no such event", value=name, allowed=list(EVENTS))
        registry, _ = _numbered(cases, "registry")
        count = int(registry.max(initial=0)) + 1
        told = np.zeros((count, len(EVENTS)), dtype=bool)
        told[:, [_KINDS[name] for name in recorded]] = True
        if events is None or events.is_empty():
            none = pl.DataFrame(schema={"event": pl.String, "records": pl.UInt32})
            texts = {name: pl.Series(name, [], dtype=pl.String) for name in _TEXTS}
            empty = np.zeros(0, dtype=np.int32)
            return cls(cases.height, empty, empty.astype(np.uint8), empty, texts, registry, told,
                       0, none)  # fmt: skip
        for name in ("event", "date"):
            if name not in events.columns:
                raise ColumnError("events lack a column", value=name, allowed=events.columns)
        joined, unknown, before = _joined(cases, events)
        day = joined["_day"].to_numpy()
        row = joined["_row"].to_numpy()
        kind = joined["_kind"].to_numpy()
        told[registry[row], kind] = True
        texts = {
            name: joined[name] if name in joined.columns
            else pl.Series(name, [None], dtype=pl.String).new_from_index(0, joined.height)
            for name in _TEXTS
        }  # fmt: skip
        return cls(cases.height, row, kind, day, texts, registry, told, before - joined.height,
                   unknown)  # fmt: skip

    def known_of(self, events: Collection[str]) -> Flags:
        """Return whether each case's registry records any of the events."""
        events = tuple(events)
        if events not in self._known:
            own: Flags = np.any(self.recorded[:, [_KINDS[name] for name in events]], axis=1)
            self._known[events] = np.asarray(own[self.registry])
        return self._known[events]

    def moment(
        self, asked: Selection, day_of: Callable[[Window], Ints], *, last: bool = False
    ) -> Moment:
        """Return the first (or last) event selected of each case.

        It is not known which where an event may be selected or not, or where one of several has
        no date.
        """
        places, sure = self._selected(asked, day_of)
        rows = self.row[places]
        possible, certain = self._counts(rows), self._counts(rows[sure])
        undated = self._counts(rows[self.day[places] == UNDATED])
        told = (possible == certain) & ((undated == 0) | (possible == 1))
        happened = self._happened(certain, possible, asked)
        # places rise with the days: the largest of a case is its last, the smallest its first
        place = np.full(self.size, -1 if last else np.iinfo(np.int64).max, dtype=np.int64)
        (np.maximum if last else np.minimum).at(place, rows, places)
        place[~told | (possible == 0)] = -1
        day = np.full(self.size, UNDATED, dtype=np.int32)
        day[place >= 0] = self.day[place[place >= 0]]
        return Moment(happened, day, place)

    def count(self, asked: Selection, day_of: Callable[[Window], Ints]) -> tuple[Ints, Flags]:
        """Return how many events of each case are selected, and where that is known."""
        places, sure = self._selected(asked, day_of)
        rows = self.row[places]
        possible, certain = self._counts(rows), self._counts(rows[sure])
        return certain, (possible == certain) & self.known_of(asked.events)

    def exists(self, asked: Selection, day_of: Callable[[Window], Ints]) -> NDArray[np.int8]:
        """Return whether any is selected: 1, 0, or −1 where that is not known."""
        places, sure = self._selected(asked, day_of)
        rows = self.row[places]
        return self._happened(self._counts(rows[sure]), self._counts(rows), asked)

    def hospitals(self, asked: Selection, day_of: Callable[[Window], Ints]) -> tuple[Ints, Flags]:
        """Return at how many hospitals the events selected were, and where that is known."""
        places, sure = self._selected(asked, day_of)
        rows = self.row[places]
        own = self.texts["hospital_id"].gather(places)
        missing = self._counts(rows[own.is_null().to_numpy() | ~sure])
        pairs = pl.DataFrame({"row": rows, "own": own}).drop_nulls().unique()
        several = np.bincount(pairs["row"].to_numpy(), minlength=self.size).astype(np.int32)
        return several, (missing == 0) & self.known_of(asked.events)

    def text(self, name: str, place: NDArray[np.int64]) -> pl.Series:
        """Return a text of the events at these places, null at −1."""
        at = pl.Series(place).set(pl.Series(place < 0), None)
        if not len(self.texts[name]):
            return pl.Series(name, [None], dtype=pl.String).new_from_index(0, len(place))
        return self.texts[name].gather(at)

    def _counts(self, rows: Ints) -> Ints:
        return np.bincount(rows, minlength=self.size).astype(np.int32)

    def _happened(self, certain: Ints, possible: Ints, asked: Selection) -> NDArray[np.int8]:
        unknown = (possible > 0) | ~self.known_of(asked.events)
        return np.where(certain > 0, 1, np.where(unknown, -1, 0)).astype(np.int8)

    def _places(self, events: tuple[str, ...]) -> NDArray[np.int64]:
        if events not in self._held:
            wanted = np.zeros(256, dtype=bool)
            wanted[[_KINDS[name] for name in events]] = True
            self._held[events] = np.flatnonzero(wanted[self.kind])
        return self._held[events]

    def _selected(
        self, asked: Selection, day_of: Callable[[Window], Ints]
    ) -> tuple[NDArray[np.int64], Flags]:
        """Return the places of events that may be selected, and whether each surely is."""
        places = self._places(asked.events)
        sure = np.ones(len(places), dtype=bool)
        for member in asked.values:
            value = self.texts["value"].gather(places)
            met = matches(value, member).to_numpy()
            held = met | value.is_null().to_numpy()
            places, sure = places[held], (sure & met)[held]
        for window in asked.windows:
            day, of = self.day[places], day_of(window)[self.row[places]]
            unknown = (day == UNDATED) | (of == UNDATED)
            met = _within(window, day.astype(np.int64) - of) & ~unknown
            held = met | unknown
            places, sure = places[held], (sure & met)[held]
        return places, sure


_TEXTS = ("value", "hospital_id")


def matches(values: pl.Series, member: Member) -> pl.Series:
    """Return whether texts are in a set, or start with one of it; false where unknown.

    Capitals and small letters are the same: ``CT`` and ``ct``.
    """
    assert isinstance(member.values, tuple)
    wanted = [str(value).lower() for value in member.values]
    values = values.str.to_lowercase()
    if member.how == "starts":
        found = values.str.starts_with(wanted[0])
        for prefix in wanted[1:]:
            found |= values.str.starts_with(prefix)
    else:
        found = values.is_in(wanted)
        found = ~found if member.how == "not in" else found
    return found.fill_null(value=False)


def _within(window: Window, after: NDArray[np.int64]) -> Flags:
    """Return whether days after a date are in a window; its ends and the day itself count."""
    days = window.days or 0.0
    met = {
        "within before": (after <= 0) & (after >= -days),
        "within after": (after >= 0) & (after <= days),
        "within of": np.abs(after) <= days,
        "before": after < 0,
        "after": after > 0,
        "until": after <= 0,
        "since": after >= 0,
    }[window.how]
    return np.asarray(met)


def _numbered(cases: pl.DataFrame, column: str) -> tuple[Ints, list[object]]:
    if column not in cases.columns:
        return np.zeros(cases.height, dtype=np.int32), [None]
    names = cases[column].unique().sort()
    number = names.to_frame().with_row_index("_number")
    found = cases.select(column).join(number, on=column, how="left", nulls_equal=True,
                                      maintain_order="left")  # fmt: skip
    return found["_number"].cast(pl.Int32).to_numpy(), names.to_list()


def _joined(cases: pl.DataFrame, events: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the events of cases in order, those not in the list, and how many were in it."""
    keys = [name for name in KEYS if name in cases.columns and name in events.columns]
    if not set(keys) - {"registry"}:
        raise ColumnError(
            "cases and events share neither patients nor tumours", value=cases.columns[:6],
            allowed=["patient_id", "tumour_id"],
        )  # fmt: skip
    twice = cases.filter(pl.struct(keys).is_duplicated()) if cases.select(keys).n_unique() < (
        cases.height
    ) else cases[:0]  # fmt: skip
    if not twice.is_empty():
        own = ", ".join(f"{name} {twice[name][0]}" for name in keys)
        raise CaseError(
            "two cases have the same key, so their events cannot be told apart", value=own,
            allowed="one row per tumour", remedy=f"{twice.height} rows are so.",
        )  # fmt: skip
    if isinstance(events.schema["event"], pl.Categorical | pl.Enum):
        events = events.with_columns(pl.col("event").cast(pl.String))
    listed = pl.col("event").replace_strict(_KINDS, default=None, return_dtype=pl.UInt8)
    known = pl.col("date_precision") == "day" if "date_precision" in events.columns else pl.lit(
        value=True
    )  # fmt: skip
    events = events.with_columns(_dates(events["date"]))
    day = pl.when(known).then(pl.col("date").to_physical())
    held = [*keys, *(name for name in _TEXTS if name in events.columns)]
    made = events.select(
        *held, listed.alias("_kind"), day.fill_null(int(UNDATED)).cast(pl.Int32).alias("_day"),
    )  # fmt: skip
    if made["_kind"].null_count():
        bad = made["_kind"].is_null()
        unknown = events.filter(bad).group_by("event").agg(records=pl.len()).sort("event")
        made = made.filter(~bad)
    else:
        unknown = pl.DataFrame(schema={"event": COLUMNS["event"], "records": pl.UInt32})
    numbered = cases.select(*keys, pl.int_range(pl.len(), dtype=pl.Int32).alias("_row"))
    types = [pl.col(name).cast(cases.schema[name]) for name in keys]
    linked = made.with_columns(types).join(numbered, on=keys, how="inner").drop(keys)
    # one number tells case, day and kind: sorted once, the file's order where all are the same
    order = (
        (pl.col("_row").cast(pl.Int64) * 2**31 + pl.col("_day") + _SHIFT) * 2**5 + pl.col("_kind")
    )  # fmt: skip
    return linked.sort(order, maintain_order=True), unknown, made.height


def _dates(values: pl.Series) -> pl.Series:
    """Return dates, also from texts and times."""
    if values.dtype in {pl.Date, pl.Datetime, pl.Null}:
        return values.cast(pl.Date)
    text = values.cast(pl.String).str.strip_chars().replace("", None)
    dates = text.str.to_date("%Y-%m-%d", strict=False)
    bad = (dates.is_null() & text.is_not_null()).arg_true()
    if len(bad):
        raise CaseError(
            "the date of an event is no date", row=int(bad[0]) + 2, column="date",
            value=text[int(bad[0])], allowed="YYYY-MM-DD", remedy=f"{len(bad)} rows are so.",
        )  # fmt: skip
    return dates

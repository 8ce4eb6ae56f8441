"""Figures of criteria and of a consensus: what is drawn, said and refused."""

import json
from datetime import date

import polars as pl
import pytest

from rarecare.care.criteria import criteria_of, read_criteria
from rarecare.care.evidence import read_evidence
from rarecare.care.profile import profile_table
from rarecare.errors import ColumnError, UsageError
from rarecare.figures.criteria_profile import criteria_profile_figure
from rarecare.figures.delphi import delphi_figure
from rarecare.figures.look import SERIES

WIDTHS = (600, 340)


def parts(spec):
    """Every dictionary of a specification."""
    if isinstance(spec, dict):
        yield spec
    for value in spec.values() if isinstance(spec, dict) else spec:
        if isinstance(value, dict | list):
            yield from parts(value)


def texts(figure):
    """Every text drawn, and where."""
    return [part for part in parts(figure.spec) if isinstance(part.get("text"), str)]


def signs(figure):
    """Every point mark."""
    return [part["mark"] for part in parts(figure.spec)
            if isinstance(part.get("mark"), dict) and part["mark"]["type"] == "point"]  # fmt: skip


@pytest.fixture(scope="module")
def profile():
    criteria = read_criteria("sarcoma")
    rows = [
        ("North", "S1", "130", "computed", "2024-03-01"),
        ("North", "S1", "90", "self-declared", "2024-03-01"),
        ("North", "S3", "8", "self-declared", "2024-03-01"),
        ("North", "S4a", "100", "certified", "2024-03-01"),
        ("South", "S7a", "yes", "computed", "2024-03-01"),
    ]
    table = pl.DataFrame(rows, schema=["centre", "criterion", "value", "kind", "date"],
                         orient="row").with_columns(source=pl.lit("a source"))  # fmt: skip
    return profile_table(criteria, read_evidence(table, criteria), on=date(2024, 6, 1))


@pytest.mark.parametrize("width", WIDTHS)
def test_a_profile_marks_state_and_kind_of_evidence(profile, width):
    figure = profile.plot(centre="North", width=width, synthetic=True)
    drawn = [(mark.get("shape"), mark.get("filled"), mark.get("color")) for mark in signs(figure)]
    legend = 6
    body = drawn[legend:]
    assert len(body) == 14
    assert body.count(("square", True, SERIES[0])) == 1  # S1, computed, met
    assert body.count(("circle", False, SERIES[3])) == 1  # S3, self-declared, not met
    assert body.count(("diamond", True, SERIES[0])) == 1  # S4a, certified, met
    said = " ".join(part["text"] for part in texts(figure))
    assert "2 met, 1 not met, 11 not known of 14 criteria (sarcoma" in said
    assert "Asked: above 100 sarcomas seen per year" in said
    assert "Met: 130" in said
    assert "Other evidence differs" in said
    assert "from memory, unchecked: S5a, S5b" in said
    assert "Synthetic data" in said
    assert "S3, Resections of soft-tissue sarcoma: not met: 8" in figure.description
    assert "<svg" in figure.to_svg()
    room = width - 2 * (8 if width < 500 else 14)
    assert all(-1 <= part["x"] <= room for part in texts(figure))


def test_a_profile_that_cannot_be_drawn_is_refused(profile):
    with pytest.raises(UsageError, match="one centre is drawn at a time"):
        profile.plot()
    with pytest.raises(UsageError, match="one centre is drawn at a time"):
        profile.plot(centre="West")
    with pytest.raises(UsageError, match="too narrow"):
        profile.plot(centre="North", width=200)
    with pytest.raises(ColumnError, match="state"):
        criteria_profile_figure(profile.table.drop("state"))
    many = profile.table.filter(centre="North").head(1)
    many = pl.concat([many.with_columns(criterion=pl.lit(f"C{k}")) for k in range(41)])
    with pytest.raises(UsageError, match="too many criteria"):
        criteria_profile_figure(many)


def test_a_profile_of_nothing_known_is_drawn():
    criteria = criteria_of({"id": "t", "version": "1", "title": "T", "criteria": [
        {"id": "A", "version": "1", "scope": "general", "pillar": ["O"], "title": "Title",
         "type": "boolean", "source": "s", "sureness": "X"}]})  # fmt: skip
    schema = dict.fromkeys(["centre", "criterion", "value", "kind", "date", "source"], pl.String)
    none = read_evidence(pl.DataFrame(schema=schema), criteria)
    figure = profile_table(criteria, none, on=date(2024, 6, 1), centres=["North"]).plot()
    assert "0 met, 0 not met, 1 not known" in figure.description
    assert "Outcome" in [part["text"] for part in texts(figure)]


def rated(number, criterion, role, counts, **more):
    n = sum(counts)
    ordered = [k + 1 for k, times in enumerate(counts) for _ in range(times)]
    series = pl.Series(ordered, dtype=pl.Float64)
    return {
        "round": number, "criterion": criterion, "title": f"Title of {criterion}", "role": role,
        "n": n, **{f"rated_{k + 1}": times for k, times in enumerate(counts)},
        "estimate": series.quantile(0.5, "linear"),
        "q1": series.quantile(0.25, "linear"), "q3": series.quantile(0.75, "linear"),
        "disagreement": False,
        "status": "ok" if n else "not estimable", "reason": None if n else "no rating",
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def table():
    hidden = dict.fromkeys(["n", "estimate", "q1", "q3", "disagreement",
                            *(f"rated_{k}" for k in range(1, 10))])  # fmt: skip
    hidden |= {"status": "withheld", "reason": "fewer than 5 ratings"}
    low, high = [0, 4, 0, 0, 2, 0, 4, 0, 0], [0, 0, 0, 0, 0, 0, 2, 5, 3]
    return pl.DataFrame([
        rated(1, "A", "all", low, disagreement=True), rated(1, "A", "centre", low),
        rated(1, "A", "health authority", low, **hidden),
        rated(2, "A", "all", high), rated(2, "A", "centre", high),
        rated(2, "A", "health authority", [0] * 9),
        rated(1, "B", "all", high), rated(1, "B", "centre", high),
        rated(1, "B", "health authority", low, **hidden),
    ], infer_schema_length=None)  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_of_ratings_are_their_shares(table, width):
    figure = delphi_figure(table, criteria=["A"], width=width)
    boxes = [part for part in parts(figure.spec)
             if part.get("mark") == {"type": "rect", "color": SERIES[0]}]  # fmt: skip
    drawn = [layer["data"]["values"] for layer in boxes]
    rows = [row for several in drawn if len(several) > 1 for row in several]  # one is the legend
    heights = sorted(row["y2"] - row["y"] for row in rows)
    # 7 to 9: 4 of 10 twice in round 1; 2, 5 and 3 of 10 twice in round 2; the highest is 22 px
    assert heights == pytest.approx([22 * share / 0.5 for share in
                                     (0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5)])  # fmt: skip
    said = [part["text"] for part in texts(figure)]
    assert "Round 1, disagreement" in said
    assert "Round 2" in said
    assert said.count("8 (8–8.8), 10") == 2
    assert "withheld" in said
    assert "no rating" in said
    assert "Withheld: fewer than 5 ratings." in " ".join(said)
    assert "A, round 1, all: median 5, 4 rated 1 to 3, 2 4 to 6, 4 7 to 9" in figure.description
    assert "<svg" in figure.to_svg()
    room = width - 2 * (8 if width < 500 else 14)
    assert all(-1 <= part["x"] <= room for part in texts(figure))


def test_a_round_that_did_not_ask_is_said_and_criteria_keep_their_order(table):
    said = [part["text"] for part in texts(delphi_figure(table, criteria=["B", "A"]))]
    titles = [text for text in said if "Title of" in text]
    assert titles == ["B  Title of B", "A  Title of A"]
    assert "Round 2, not asked" in said
    assert len(json.dumps(delphi_figure(table).spec)) > 1000


def test_ratings_that_cannot_be_drawn_are_refused(table):
    with pytest.raises(UsageError, match="no such criterion"):
        delphi_figure(table, criteria=["Q"])
    with pytest.raises(UsageError, match="too many criteria"):
        delphi_figure(table, criteria=[])
    with pytest.raises(UsageError, match="several rows"):
        delphi_figure(pl.concat([table, table]))
    with pytest.raises(ColumnError, match="rated_1"):
        delphi_figure(table.drop("rated_1"))

import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.errors import ColumnError, FileError, UsageError
from rarecare.figures import SYNTHETIC, Figure, rates_figure, survival_figure
from rarecare.figures.dodge import dodge
from rarecare.figures.dots import digits_of, ticks
from rarecare.figures.look import LINE, text_width, wrap
from rarecare.survival import observed_survival

SVG = "{http://www.w3.org/2000/svg}"


def survival_rows(group="a", *, n=100, years=10, loss=9.5, method="pohar-perme", missing=()):
    """Survival falls by 5 points and ``loss`` of 100 people leave each year, by quarters."""
    rows = []
    for quarter in range(4 * years + 1):
        t = quarter / 4
        ok = t not in missing
        s = 1 - 0.05 * t
        rows.append(
            {
                "group": group, "method": method, "time_days": t * 365.2425, "time_years": t,
                "n": n, "at_risk": round(n * (1 - loss * t / 100)), "events": 0,
                "estimate": s if ok else None, "se": 0.01,
                "lower": s - 0.02 if ok else None, "upper": s + 0.02 if ok else None,
                "level": 0.95, "status": "ok" if ok else "not estimable",
                "reason": None if ok else "no one at risk",
            }
        )  # fmt: skip
    return rows


def survival_table(*groups):
    return pl.DataFrame([row for rows in groups for row in rows], infer_schema_length=None)


def rate(name, estimate, *, n=20, status="ok", reason=None, column="entity"):
    return {
        column: name, "n": n, "estimate": estimate,
        "lower": None if estimate is None else 0.8 * estimate,
        "upper": None if estimate is None else 1.3 * estimate,
        "level": 0.95, "status": status, "reason": reason,
    }  # fmt: skip


def draw_rates(*rows, by="entity", **more):
    table = pl.DataFrame(rows, infer_schema_length=None)
    return rates_figure(table, by=[by], value_label="Cases per 100 000", title="New cases", **more)


def draw_survival(*groups, **more):
    by = more.pop("by", ["group"])
    return survival_figure(survival_table(*groups), by=by, title="Survival", **more)


def datasets(spec):
    """Every row of data in a specification, with the mark that draws it."""
    if isinstance(spec, dict):
        if "values" in spec.get("data", {}):
            mark = spec.get("mark", {})
            for row in spec["data"]["values"]:
                yield mark["type"], row
        for part in spec.values():
            yield from datasets(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from datasets(part)


def drawn(figure, mark):
    """Rows of a mark that belong to a stratum and have a value."""
    return [row for kind, row in datasets(figure.spec) if kind == mark and "stratum" in row]


def words_of(figure):
    """All texts that are drawn."""
    root = ET.fromstring(figure.to_svg())
    return [text for node in root.iter(f"{SVG}text") for text in node.itertext()]


FIGURES = {
    "one curve": lambda width: draw_survival(survival_rows("all"), width=width),
    "three curves": lambda width: draw_survival(
        *(survival_rows(x) for x in ("a", "a long name of a stratum, in two lines", "c")),
        width=width, synthetic=True,
    ),
    "small multiples": lambda width: draw_survival(
        *(survival_rows(f"country {i}", n=1000 + i) for i in range(8)), width=width
    ),
    "rates": lambda width: draw_rates(
        rate("all", 2.0), rate("x" * 60, 7.5, n=123456),
        rate("b", None, status="withheld", reason="fewer than 5 cases, " * 5),
        threshold=6, width=width, note="A note. " * 20,
    ),
    "years": lambda width: draw_rates(
        *(rate(year, 0.2, column="year") for year in range(2000, 2010)), by="year", width=width
    ),
}  # fmt: skip
every_figure = pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)


@every_figure
@pytest.mark.parametrize("width", [340, 600])
def test_the_drawing_is_as_wide_as_asked(draw, width):
    # texts that stuck out would widen the drawing
    root = ET.fromstring(draw(width).to_svg())
    assert float(root.get("width")) == width


@every_figure
def test_svg_has_role_title_and_description(draw):
    figure = draw(600)
    root = ET.fromstring(figure.to_svg())
    assert root.get("role") == "img"
    title, description = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", figure.title)
    assert (description.tag, description.text) == (f"{SVG}desc", figure.description)
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


@every_figure
def test_nothing_is_fetched(draw):
    figure = draw(600)
    assert "url" not in json.dumps(figure.spec)
    assert "http" not in json.dumps(figure.spec).replace(figure.spec["$schema"], "")
    svg = figure.to_svg()
    assert "@font-face" not in svg
    assert "<image" not in svg
    assert "Source Sans 3" in svg


@every_figure
def test_text_is_never_below_12_px(draw):
    for node in ET.fromstring(draw(340).to_svg()).iter(f"{SVG}text"):
        assert float(node.get("font-size").removesuffix("px")) >= 12


@every_figure
def test_the_same_rows_give_the_same_bytes(draw, tmp_path):
    for suffix in ("svg", "png", "json"):
        first = draw(600).save(tmp_path / f"first.{suffix}").read_bytes()
        assert draw(600).save(tmp_path / f"second.{suffix}").read_bytes() == first


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [
        (".svg", b"<svg"),
        (".png", b"\x89PNG"),
        (".pdf", b"%PDF"),
        (".json", b"{"),
        (".PNG", b"\x89PNG"),
    ],
)
def test_the_suffix_decides_the_format(suffix, begins, tmp_path):
    path = FIGURES["rates"](600).save(tmp_path / f"figure{suffix}")
    assert path.read_bytes().startswith(begins)


def test_png_has_two_pixels_per_unit(tmp_path):
    data = FIGURES["rates"](600).save(tmp_path / "figure.png").read_bytes()
    assert int.from_bytes(data[16:20], "big") == 1200


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"got '\.pgn'.*\.svg.*Did you mean '\.png'"):
        FIGURES["rates"](600).save(tmp_path / "figure.pgn")


def test_a_folder_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"folder of the figure does not exist.*absent"):
        FIGURES["rates"](600).save(tmp_path / "absent" / "figure.svg")


@pytest.mark.parametrize("draw", [draw_survival, draw_rates])
def test_synthetic_data_say_so_in_the_image(draw):
    rows = survival_rows() if draw is draw_survival else rate("a", 1.0)
    assert SYNTHETIC in words_of(draw(rows, synthetic=True))
    assert draw(rows, synthetic=True).description.startswith(SYNTHETIC)
    assert SYNTHETIC not in " ".join(words_of(draw(rows)))


def test_text_is_escaped():
    figure = Figure(FIGURES["rates"](600).spec, 'a < b & "c"', "less: <")
    root = ET.fromstring(figure.to_svg())
    assert (root[0].text, root[1].text) == ('a < b & "c"', "less: <")


# ---------------------------------------------------------------- survival


def test_method_people_and_level_are_in_the_subtitle():
    words = words_of(draw_survival(survival_rows("a", n=1200), survival_rows("b", n=34)))
    assert "Net survival (Pohar Perme), 1\u00a0234 people, band: 95% interval" in words


def test_a_curve_ends_where_fewer_than_10_are_at_risk():
    # 100 - 9.5 t people: 9.75 years have 7, 9.5 years have 10 (9.75), 9.25 have 12
    figure = draw_survival(survival_rows())
    assert max(row["x"] for row in drawn(figure, "line")) == 9.5
    assert max(row["x"] for row in drawn(figure, "area")) == 9.5
    assert "The curve ends where fewer than 10 people are followed." in words_of(figure)


def test_rows_that_are_not_ok_are_gaps_and_never_zero():
    figure = draw_survival(survival_rows(missing=(3.0, 3.25)))
    line = drawn(figure, "line")
    assert {row["run"] for row in line} == {0, 1}
    assert [row["x"] for row in line if row["run"] == 0][-1] == 2.75
    assert next(row["x"] for row in line if row["run"] == 1) == 3.5
    assert min(row["y"] for row in line) > 0.5
    assert "Gap in A: not estimable: no one at risk." in words_of(figure)


def test_a_stratum_without_estimates_is_named_and_not_drawn():
    figure = draw_survival(
        survival_rows("a"), survival_rows("b", missing=[q / 4 for q in range(41)])
    )
    assert {row["stratum"] for row in drawn(figure, "line")} == {"A"}
    assert "Not shown: B, not estimable: no one at risk." in words_of(figure)


def test_people_still_followed_stand_below_the_ticks():
    # 100 (1 - 0.095 t) at 0, 1, 3, 5, 10 years, rounded half to even
    words = words_of(draw_survival(survival_rows()))
    start = words.index("People still followed")
    assert [w for w in words if w in {"100", "90", "72", "52", "5"}][-5:] == [
        "100", "90", "72", "52", "5",
    ]  # fmt: skip
    assert start >= 0


def test_withheld_people_are_not_printed():
    rows = survival_rows()
    rows[20] |= {"status": "withheld", "estimate": None, "at_risk": 52}
    words = words_of(draw_survival(rows))
    assert "52" not in words
    assert "–" in words


def test_the_axis_goes_past_100_percent_where_survival_does():
    rows = survival_rows()
    for row in rows:
        row |= {"estimate": 1.1, "lower": 1.0, "upper": 1.2}
    over = draw_survival(rows)
    assert over.spec["vconcat"][1]["layer"][0]["layer"][0]["encoding"]["y"]["scale"]["domain"] == [
        0.0, 1.2,
    ]  # fmt: skip
    assert {"y": 1.0} in [row for kind, row in datasets(over.spec) if kind == "rule"]
    for row in rows:
        row |= {"estimate": 0.9, "lower": 0.8, "upper": 1.004}
    plain = draw_survival(rows)
    assert {"y": 1.0} not in [row for kind, row in datasets(plain.spec) if kind == "rule"]


def test_the_description_says_the_numbers():
    text = draw_survival(survival_rows()).description
    assert "95% (93 to 97) at 1 year and 75% (73 to 77) at 5 years" in text


def test_more_than_six_strata_become_small_multiples():
    six, seven = (draw_survival(*(survival_rows(f"g{i}") for i in range(n))) for n in (6, 7))
    assert "layer" in six.spec["vconcat"][1]
    rows = seven.spec["vconcat"][1]["vconcat"]
    assert [len(row["hconcat"]) for row in rows] == [3, 3, 1]


def test_methods_are_strata_of_their_own():
    figure = draw_survival(survival_rows(), survival_rows(method="ederer2"), by=[])
    names = {row["stratum"] for row in drawn(figure, "line")}
    assert names == {"Net survival (Pohar Perme)", "Relative survival (Ederer II)"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"by": ["grop"]}, ColumnError, "Did you mean 'group'"),
        ({"by": []}, UsageError, "one row per stratum and point"),
        ({"width": 120}, UsageError, "too narrow to read"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, error, message):
    table = survival_table(survival_rows("a"), survival_rows("b"))
    with pytest.raises(error, match=message):
        survival_figure(table, **{"by": ["group"], "title": "Survival"} | change)


def test_too_many_strata_are_refused():
    with pytest.raises(UsageError, match="got 41; allowed: up to 40"):
        draw_rates(*(rate(f"e{i}", 1.0) for i in range(41)))


def test_an_empty_table_is_refused():
    with pytest.raises(UsageError, match="nothing to draw"):
        survival_figure(survival_table(survival_rows()).clear(), by=["group"], title="Survival")


def test_a_result_draws_itself(cohort):
    cases = pl.read_csv(cohort / "cases.csv", try_parse_dates=True).select(
        "sex", "incidence_date", "follow_up_days", died=pl.col("vital_status") == "dead"
    )
    result = observed_survival(cases, by=["sex"], at=[1, 5])
    figure = result.plot()
    assert "Observed survival (%)" in words_of(figure)
    ends = {row["stratum"].lower(): row["y"] for row in drawn(figure, "line")}
    rows = result.table.filter(pl.col("time_years") == 5)
    assert ends == pytest.approx(dict(rows.select("sex", "estimate").iter_rows()), abs=1e-5)


# ---------------------------------------------------------------- rates


def test_rates_stand_in_order_with_all_first_and_missing_last():
    figure = draw_rates(
        rate("low", 1.0), rate("none", None, status="not estimable", reason="no person-years"),
        rate("high", 3.0), rate("all", 2.0),
    )  # fmt: skip
    words = words_of(figure)
    names = [word for word in words if word in {"All", "High", "Low", "None"}]
    assert sorted(names, key=lambda w: _height(figure, w)) == ["All", "High", "Low", "None"]
    assert "not estimable: no person-years" in words


def _height(figure, word):
    return next(row["y"] for kind, row in datasets(figure.spec) if row.get("text") == word)


def test_a_rate_that_is_missing_has_no_dot_and_a_rate_of_zero_has_one():
    figure = draw_rates(
        rate("zero", 0.0) | {"upper": 0.4}, rate("none", None, n=0, status="not estimable")
    )
    assert {row["stratum"] for row in drawn(figure, "point")} == {"Zero"}
    assert "0 (0–0.40)" in words_of(figure)


def test_the_threshold_of_rarity_is_marked():
    figure = draw_rates(rate("a", 1.0), threshold=6)
    assert "Rare: below 6" in words_of(figure)
    assert 6 in [row["x"] for kind, row in datasets(figure.spec) if kind == "rule" and "x" in row]
    assert "Rare" not in " ".join(words_of(draw_rates(rate("a", 1.0))))


def test_an_interval_beyond_the_axis_ends_in_an_arrow():
    figure = draw_rates(rate("a", 1.0) | {"upper": 50.0}, rate("b", 2.0))
    assert [row["longer"] for row in drawn(figure, "rule")] == [False, True]
    assert max(row["upper"] for row in drawn(figure, "rule")) == pytest.approx(
        5.2
    )  # 2.5 × 2 × 1.04


def test_years_that_are_missing_break_the_line():
    rows = [rate(year, 0.2, column="year") for year in range(2000, 2010) if year != 2003]
    rows[5] |= {"status": "withheld", "estimate": None, "reason": "fewer than 5 cases"}
    figure = draw_rates(*rows, by="year")
    line = drawn(figure, "line")
    runs = [[row["x"] for row in line if row["run"] == run] for run in range(3)]
    assert runs == [[2000, 2001, 2002], [2004, 2005], [2007, 2008, 2009]]
    assert "Not shown: 2006, withheld: fewer than 5 cases." in words_of(figure)


def test_digits_and_ticks_by_hand():
    assert [digits_of(value) for value in (0.0042, 0.031, 0.24, 3.6, 27.8, 123)] == [
        4,
        3,
        2,
        2,
        1,
        0,
    ]
    assert ticks(0.28, 6) == [0.0, 0.05, 0.1, 0.15, 0.2, 0.25]
    assert ticks(28.0, 4) == [0.0, 10.0, 20.0]


# ---------------------------------------------------------------- labels


def test_dodge_by_hand():
    # 10 and 12 need 18 between them: 11 ± 9; 60 is free
    assert dodge([12, 10, 60], [18, 18, 18], low=-50, high=100) == [20, 2, 60]


labels = st.lists(
    st.tuples(st.floats(-50, 350), st.integers(1, 3).map(lambda k: k * LINE)), max_size=8
)


@given(labels)
def test_labels_never_overlap_and_keep_their_order(items):
    wanted, heights = [y for y, _ in items], [h for _, h in items]
    centres = dodge(wanted, heights, low=0, high=500)
    order = sorted(range(len(items)), key=lambda i: wanted[i])
    for a, b in pairwise(order):
        assert centres[b] - centres[a] >= (heights[a] + heights[b]) / 2 - 1e-9
    for centre, height in zip(centres, heights, strict=True):
        assert centre >= height / 2 - 1e-9
        assert centre <= 500 - height / 2 + 1e-9


@given(st.lists(st.integers(0, 20), unique=True, max_size=8))
def test_labels_that_are_apart_stay_where_they_are(places):
    wanted = [50.0 + LINE * place for place in places]
    assert dodge(wanted, [LINE] * len(wanted), low=0, high=500) == pytest.approx(wanted)


def test_labels_in_the_figure_are_a_line_apart():
    figure = draw_survival(*(survival_rows(f"g{i}") for i in range(6)))
    heights = sorted(row["y"] for row in drawn(figure, "text"))
    assert len(heights) == 6
    assert min(b - a for a, b in pairwise(heights)) >= LINE - 0.11  # rounding


@given(st.text(st.characters(codec="ascii", exclude_categories=["C"])), st.integers(40, 300))
def test_wrapped_lines_fit_and_lose_no_letter(text, width):
    lines = wrap(text, width=width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(text_width(line) <= width for line in lines)

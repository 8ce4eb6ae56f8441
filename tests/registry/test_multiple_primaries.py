"""Multiple primaries: cases of the rules by hand, the decision table, a twin, laws."""

from datetime import date, timedelta
from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rarecare.cli.options import Counting
from rarecare.codes.iarc_groups import histology_group_of, histology_tables, topography_groups
from rarecare.codes.icdo3 import morphologies
from rarecare.errors import CodeError, ColumnError, UsageError
from rarecare.registry import ExclusionRules, exclude, read_cases
from rarecare.registry.multiple_primaries import (
    DUPLICATE,
    NOT_COMPARED,
    PRIMARY,
    UNDECIDED,
    VARIANTS,
    find_primaries,
)
from rarecare.study.config import study_of
from tests.reference import multiple_primaries_twin as twin

SITES = ("C34.1", "C33.9", "C50.4", "C42.1", "C80.9")
CODES = sorted(twin.GROUP)
persons = st.lists(
    st.tuples(st.sampled_from(SITES), st.sampled_from(CODES)), min_size=1, max_size=7
)


def frame(*people, behaviour=3):
    """One row per tumour, a day apart in the order given."""
    rows = [
        (f"P{i}", f"{i}-{j}", date(2000, 1, 1) + timedelta(j), site, code, behaviour)
        for i, tumours in enumerate(people)
        for j, (site, code) in enumerate(tumours)
    ]
    names = ["patient_id", "tumour_id", "incidence_date", "topography", "morphology", "behaviour"]
    return pl.DataFrame(rows, schema=names, orient="row")


def statuses(*tumours, rules="iarc"):
    return find_primaries(frame(tumours), rules=rules)["primary"].to_list()


BY_HAND = [
    # rule 3: one tumour in a pair of organs; multifocal is one
    ([("C50.1", 8500), ("C50.4", 8500)], [PRIMARY, DUPLICATE], 8500, "C50.1"),
    # rule 4.2: another histology group in the same organ (adenocarcinoma 3, squamous 1)
    ([("C34.1", 8140), ("C34.3", 8070)], [PRIMARY, PRIMARY], 8140, "C34.1"),
    # the same group: ductal and lobular are both adenocarcinomas (3); the higher code
    ([("C50.1", 8500), ("C50.4", 8520)], [PRIMARY, DUPLICATE], 8520, "C50.1"),
    # Table 1: trachea and lung are one site
    ([("C33.9", 8070), ("C34.1", 8070)], [PRIMARY, DUPLICATE], 8070, "C33.9"),
    # two organs, one histology
    ([("C50.1", 8500), ("C18.7", 8480)], [PRIMARY, PRIMARY], 8500, "C50.1"),
    # carcinoma NOS (5) does not differ from squamous (1) of the same organ, but from melanoma (16)
    ([("C44.5", 8010), ("C44.5", 8070)], [PRIMARY, DUPLICATE], 8070, "C44.5"),
    ([("C44.5", 8010), ("C44.5", 8720)], [PRIMARY, PRIMARY], 8010, "C44.5"),
    # rule 4.1: Kaposi sarcoma once, whatever its sites
    ([("C44.5", 9140), ("C16.9", 9140)], [PRIMARY, DUPLICATE], 9140, "C44.5"),
    # myeloma then plasmacytoma of bone: B-cell (9), once; myeloid leukaemia (8) is another
    (
        [("C42.1", 9732), ("C41.2", 9731), ("C42.1", 9861)],
        [PRIMARY, DUPLICATE, PRIMARY], 9732, "C42.1",
    ),
    # lymphoma NOS (14) and Hodgkin (11), different sites
    ([("C77.0", 9590), ("C77.5", 9663)], [PRIMARY, DUPLICATE], 9663, "C77.0"),
    # lymphomas B (9) and Hodgkin (11): different
    ([("C77.0", 9680), ("C77.0", 9650)], [PRIMARY, PRIMARY], 9680, "C77.0"),
    # neoplasm NOS (17) and sarcoma of the same site
    ([("C49.2", 8000), ("C49.2", 8900)], [PRIMARY, DUPLICATE], 8900, "C49.2"),
    # 17, then two histologies that differ: joins the earlier
    (
        [("C34.1", 8000), ("C34.2", 8140), ("C34.3", 8041)],
        [PRIMARY, DUPLICATE, PRIMARY], 8140, "C34.1",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tumours", "expected", "code", "site"), BY_HAND)
def test_by_hand(tumours, expected, code, site):
    found = find_primaries(frame(tumours))
    assert found["primary"].to_list() == expected
    assert (found["primary_morphology"][0], found["primary_topography"][0]) == (code, site)


def test_found_at_the_same_time_the_group_has_its_own_code():
    """Table 1: bladder and renal pelvis on one day are C68.9; a day later, the first."""
    rows = frame([("C67.2", 8120), ("C65.9", 8120)])
    assert find_primaries(rows)["primary_topography"].to_list() == ["C67.2", "C67.2"]
    same = rows.with_columns(incidence_date=pl.lit(date(2001, 1, 1)))
    assert find_primaries(same)["primary_topography"].to_list() == ["C68.9", "C68.9"]
    # two parts of one organ keep the code of the first
    same = same.with_columns(topography=pl.Series(["C50.1", "C50.4"]))
    assert find_primaries(same)["primary_topography"].to_list() == ["C50.1", "C50.1"]


@pytest.mark.parametrize(("variant", "once_from"), [("iarc", 8), ("canreg5", 7)])
def test_the_decision_table(variant, once_from):
    """Every pair of histology groups, in one site, two sites, and one of them unknown."""
    places = (("C34.1", "C33.9"), ("C34.1", "C50.4"), ("C80.9", "C50.4"), ("C80.9", "C80.9"))
    codes = [codes[0] for codes in twin.HISTOLOGIES.values()]
    pairs = [[(a, g), (b, h)] for (a, b), g, h in product(places, codes, codes)]
    found = find_primaries(frame(*pairs), rules=variant)
    first = found["primary"].gather_every(2).to_list()
    second = found["primary"].gather_every(2, 1).to_list()
    expected = [twin.decide(*pair, once_from=once_from) for pair in pairs]
    assert len(pairs) == 4 * 17 * 17
    for pair, a, b, answer in zip(pairs, first, second, expected, strict=True):
        if answer == "same":
            assert (a, b) == (PRIMARY, DUPLICATE), pair
        elif answer == "different":
            assert (a, b) == (PRIMARY, PRIMARY), pair
        else:  # the tumour of unknown site is the one in doubt
            assert (a, b) == (UNDECIDED, PRIMARY), pair


@settings(max_examples=30)
@given(st.lists(persons, min_size=1, max_size=20))
def test_the_twin(people):
    for variant, once_from, with_systemic in (
        ("iarc", 8, True), ("msspchelpr", 8, True), ("canreg5", 7, True), ("imsweb", 8, False),
    ):  # fmt: skip
        found = find_primaries(frame(*people), rules=variant)
        owners = [
            f"{i}-{j}"
            for i, tumours in enumerate(people)
            for j in twin.primaries(tumours, once_from=once_from, with_systemic=with_systemic)
        ]
        assert found["tumour_id"].gather(found["primary_row"]).to_list() == owners


@settings(max_examples=50)
@given(st.lists(persons, min_size=1, max_size=20))
def test_a_pass_by_date_differs_only_where_an_unspecified_tumour_meets_kaposi(people):
    found = find_primaries(frame(*people), rules="imsweb")
    for tumours, rows in zip(people, found.partition_by("patient_id"), strict=True):
        owners, codes = twin.by_date(tumours)
        if {15, 17} <= {twin.GROUP[code] for _, code in tumours}:
            assert len(set(owners)) >= rows["primary_row"].n_unique()
        else:
            first = rows["tumour_id"].str.split("-").list.last().cast(int)
            ids = found["tumour_id"].gather(rows["primary_row"]).str.split("-").list.last()
            assert first.to_list() == list(range(len(tumours)))
            assert ids.cast(int).to_list() == owners
            assert rows["primary_morphology"].to_list() == codes


def test_the_pass_by_date_can_give_one_primary_more():
    tumours = [("C44.5", 8000), ("C16.9", 9140), ("C44.5", 9140)]
    assert len(set(twin.by_date(tumours)[0])) == 2
    assert statuses(*tumours, rules="imsweb") == [PRIMARY, DUPLICATE, DUPLICATE]


@settings(max_examples=50)
@given(persons, st.randoms())
def test_time_and_the_order_of_rows_play_no_part_in_what_differs(tumours, random):
    """Rule 1: dates decide which tumour is the first, not how many primaries there are."""
    once = find_primaries(frame(tumours))
    shuffled = list(tumours)
    random.shuffle(shuffled)
    other_dates = find_primaries(frame(shuffled))
    assert once["primary_row"].n_unique() == other_dates["primary_row"].n_unique()
    rows = frame(tumours).with_row_index("row")
    order = list(range(len(tumours)))
    random.shuffle(order)
    by_row = find_primaries(rows[order]).sort("row").select("primary", "primary_row")
    assert by_row.equals(find_primaries(rows).select("primary", "primary_row"))


@settings(max_examples=50)
@given(persons)
def test_the_primaries_alone_are_all_primaries(tumours):
    """Idempotence: what is left after dropping duplicates, as reported, has none."""
    found = find_primaries(frame(tumours)).filter(pl.col("primary") != DUPLICATE)
    left = found.with_columns(morphology="primary_morphology")
    again = find_primaries(left.drop("primary"))
    assert DUPLICATE not in again["primary"].to_list()


def test_where_programs_disagree():
    # precursor B-cell leukaemia (9811), then Hodgkin lymphoma: 14 joins 11, 9 does not
    pair = [("C42.1", 9811), ("C77.0", 9650)]
    assert statuses(*pair, rules="msspchelpr") == [PRIMARY, DUPLICATE]
    assert statuses(*pair, rules="canreg5") == [PRIMARY, PRIMARY]
    assert statuses(*pair, rules="imsweb") == [PRIMARY, PRIMARY]
    assert statuses(*pair) == [PRIMARY, PRIMARY]  # ICD-O-3.2
    # unspecified type and leukaemia of one site
    pair = [("C42.1", 8000), ("C42.1", 9861)]
    assert statuses(*pair) == [PRIMARY, DUPLICATE]
    assert statuses(*pair, rules="imsweb") == [PRIMARY, PRIMARY]
    # mesothelioma of pleura and peritoneum
    pair = [("C38.4", 9050), ("C48.2", 9050)]
    assert statuses(*pair) == [PRIMARY, PRIMARY]
    assert statuses(*pair, rules="canreg5") == [PRIMARY, DUPLICATE]
    # unknown primary site
    pair = [("C80.9", 8140), ("C18.0", 8140)]
    assert statuses(*pair) == [UNDECIDED, PRIMARY]
    assert statuses(*pair, rules="imsweb") == [PRIMARY, PRIMARY]


def test_behaviours_compared():
    rows = frame([("C67.2", 8120), ("C67.2", 8120)]).with_columns(behaviour=pl.Series([2, 3]))
    assert find_primaries(rows)["primary"].to_list() == [NOT_COMPARED, PRIMARY]
    assert find_primaries(rows)["primary_row"].to_list() == [None, 1]
    assert find_primaries(rows, rules="imsweb")["primary"].to_list() == [PRIMARY, DUPLICATE]
    breast = rows.with_columns(topography=pl.lit("C50.1"))
    assert find_primaries(breast, rules="imsweb")["primary"].to_list() == [NOT_COMPARED, PRIMARY]


def test_what_cannot_be_told_is_said():
    rows = frame([("C34.1", 8140), ("C34.1", 8140)])
    nobody = rows.with_columns(patient_id=pl.lit(None, pl.String))
    assert find_primaries(nobody)["primary"].to_list() == [UNDECIDED, UNDECIDED]
    no_site = rows.with_columns(topography=pl.Series(["C34.1", None]))
    assert find_primaries(no_site)["primary"].to_list() == [PRIMARY, UNDECIDED]
    no_histology = rows.with_columns(morphology=pl.Series([8140, None]))
    assert find_primaries(no_histology)["primary"].to_list() == [PRIMARY, UNDECIDED]
    # NUT carcinoma stands in no group: beside a lung cancer in doubt, beside breast cancer not
    assert statuses(("C34.1", 8023), ("C34.1", 8140)) == [UNDECIDED, PRIMARY]
    assert statuses(("C34.1", 8023), ("C50.1", 8140)) == [PRIMARY, PRIMARY]
    assert statuses(("C34.1", 8023), ("C34.1", 8023)) == [PRIMARY, DUPLICATE]


def test_registries_are_apart_and_an_unknown_date_comes_last():
    rows = frame([("C34.1", 8140), ("C34.1", 8140)])
    apart = rows.with_columns(registry=pl.Series(["SI", "MT"]))
    assert find_primaries(apart)["primary"].to_list() == [PRIMARY, PRIMARY]
    late = rows.with_columns(incidence_date=pl.Series([None, date(2005, 1, 1)]))
    assert find_primaries(late)["primary"].to_list() == [DUPLICATE, PRIMARY]


def test_every_malignant_histology_has_a_group_but_two():
    """8023 (NUT carcinoma) and 9991 (refractory neutropenia) stand in neither edition's table."""
    groups = histology_group_of(VARIANTS["iarc"].tables)
    codes = morphologies().filter(behaviour=3)["morphology"]
    assert [code for code in codes if groups[code] == 0] == [8023, 9991]


def test_the_tables_place_the_histologies_of_the_twin():
    for table in histology_tables():
        groups = histology_group_of((table,))
        assert {code: int(groups[code]) for code in twin.GROUP} == twin.GROUP
    with pytest.raises(CodeError, match=r"icdo-3\.3.*Did you mean 'icdo-3"):
        histology_group_of(("icdo-3.3",))
    sizes = topography_groups().group_by("topography_group").len().filter(pl.col("len") > 1)
    assert sizes["len"].sum() == 2 + 5 + 5 + 2 + 2 + 2 + 2 + 4


def test_wrong_calls():
    with pytest.raises(UsageError, match="Did you mean 'canreg5'"):
        find_primaries(frame([("C34.1", 8140)]), rules="canreg")
    with pytest.raises(ColumnError, match="behaviour"):
        find_primaries(frame([("C34.1", 8140)]).drop("behaviour"))


def test_the_accounting_leaves_out_what_is_not_a_new_primary():
    people = [
        [("C50.1", 8500), ("C50.4", 8520), ("C18.7", 8480)],
        [("C42.1", 9732), ("C41.2", 9731)],
    ]
    cases = read_cases(frame(*people).with_columns(sex=pl.lit("female"), age=pl.lit(60)))
    rules = ExclusionRules(purpose="incidence", classified=False, multiple_primaries="iarc")
    kept, accounting = exclude(cases, rules)
    left_out = accounting.filter(reason="duplicate or not a new primary")
    assert left_out["records"].item() == 2
    assert kept["tumour_id"].to_list() == ["0-0", "0-2", "1-0"]


def test_studies_and_the_command_line_name_every_variant():
    for name in VARIANTS:
        rules = Counting(multiple_primaries=name).rules("incidence", "all")
        assert rules.multiple_primaries == name
        given = {
            "study": {"name": "s", "title": "S", "period": [date(2000, 1, 1), date(2001, 12, 31)]},
            "registries": [
                {"id": "A", "country": "SI", "cases": {"path": "c"}, "population": {"path": "p"},
                 "life_table": {"path": "l"}},
            ],
            "exclusions": {"multiple_primaries": name},
        }  # fmt: skip
        assert study_of(given).exclusions.multiple_primaries == name

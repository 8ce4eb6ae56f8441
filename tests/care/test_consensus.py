"""Rounds of a consensus: IPRAS by hand and as published, agreement, what is hidden, histories."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.care.consensus import (
    agreement,
    feedback,
    hidden_groups,
    rounds,
    stability,
)
from rarecare.care.consensus_model import ROLES, consensus_of, read_consensus
from rarecare.care.criteria import criteria_of, read_criteria
from rarecare.care.designation import designate
from rarecare.care.evidence import read_evidence
from rarecare.care.history import History
from rarecare.care.publication import check_published, close_round, open_consensus, publish
from rarecare.care.ratings import ipras, spread
from rarecare.errors import ColumnError, DisagreementError, FileError, UsageError
from tests.reference.delphi_twin import spread as twin

SOCIETY, PATIENTS, CENTRE, AUTHORITY = ROLES


NO_EVIDENCE = pl.DataFrame(
    schema=dict.fromkeys(["centre", "criterion", "value", "kind", "date", "source"], pl.String)
)


def criteria_named(*names):
    return criteria_of({
        "id": "test", "version": "1.0", "title": "T",
        "criteria": [{"id": name, "version": "1", "scope": "general", "pillar": ["S"],
                      "title": f"Title of {name}", "type": "boolean", "source": "a test",
                      "sureness": "X", "required": name == "A"} for name in names],
    })  # fmt: skip


AB = criteria_named("A", "B")


def consensus(criteria=AB, sizes=(6, 6, 6, 6), second=(), **more):
    participants = [
        {"id": f"{role.split()[0][:2]}{k}", "role": role, "invited": date(2024, 1, 1)}
        for role, size in zip(ROLES, sizes, strict=True) for k in range(size)
    ]  # fmt: skip
    two = [
        {"number": 1, "opens": date(2024, 2, 1), "closes": date(2024, 2, 28)},
        {"number": 2, "opens": date(2024, 4, 1), "closes": date(2024, 4, 30),
         "criteria": list(second)},
    ]  # fmt: skip
    held = {"id": criteria.id, "version": criteria.version, "sha256": criteria.sha256}
    return consensus_of({"id": "delphi", "title": "D", "proposed": held, "rounds": two,
                         "participants": participants} | more)  # fmt: skip


def votes(made, by_role, *, number=1, criterion="A"):
    """Ratings of one criterion: for each role those of its participants in order."""
    rows = []
    for role, values in by_role.items():
        names = [one.id for one in made.participants if one.role == role]
        rows += [
            {"round": number, "participant": name, "criterion": criterion, "rating": value,
             "comment": None}
            for name, value in zip(names, values, strict=False)
        ]  # fmt: skip
    return rows


def read(made, *rows, criteria=AB):
    schema = {"round": pl.Int64, "participant": pl.String, "criterion": pl.String,
              "rating": pl.Int64, "comment": pl.String}  # fmt: skip
    return made.read_ratings(pl.DataFrame([one for some in rows for one in some], schema), criteria)


def everyone(values):
    return dict.fromkeys(ROLES, values)


def test_ipras_as_published():
    # BMJ Open 2012;2:e001431, table 1: fifteen panellists, three below 7, five of 7, five of 8,
    # two of 9. Printed: median 7.0, p30 7.0, p70 8.0, IPR 1.0, IPRAS 6.1, no disagreement. (In
    # which columns the three low ratings stand cannot be read off; they change none of these.)
    for low in ([1, 1, 1], [2, 4, 6], [6, 6, 6]):
        found = ipras([*low, *[7] * 5, *[8] * 5, 9, 9])
        assert (found.n, found.median, found.p30, found.p70) == (15, 7.0, 7.0, 8.0)
        assert (found.ipr, found.ipras, found.disagreement) == (1.0, 6.1, False)


@pytest.mark.parametrize(("ratings", "expected"), [
    # five of 1, five of 9: p30 = 1, p70 = 9, centre 5, asymmetry 0
    ([1] * 5 + [9] * 5, (5.0, 1.0, 9.0, 8.0, 2.35, True)),
    # places 2.4 and 5.6 of nine: 1 + 0.4 · 4 = 2.6 and 5 + 0.6 · 4 = 7.4
    ([1, 1, 1, 5, 5, 5, 9, 9, 9], (5.0, 2.6, 7.4, 4.8, 2.35, True)),
    # p30 = 7, p70 = 9: centre 8, asymmetry 3: 2.35 + 4.5 = 6.85
    ([7, 7, 8, 9, 9], (8.0, 7.2, 8.8, 1.6, 6.85, False)),
    ([8], (8.0, 8.0, 8.0, 0.0, 6.85, False)),
    ([5, 5], (5.0, 5.0, 5.0, 0.0, 2.35, False)),
    # one place moves: 1 + 0.3 · 8 = 3.4 and 1 + 0.7 · 8 = 6.6: 3.2 is above 2.35
    ([1, 9], (5.0, 3.4, 6.6, 3.2, 2.35, True)),
])  # fmt: skip
def test_ipras_by_hand(ratings, expected):
    found = ipras(ratings)
    named = (found.median, found.p30, found.p70, found.ipr, found.ipras, found.disagreement)
    assert named == expected


def test_a_tie_of_ipr_and_ipras_is_no_disagreement():
    # thirteen: places 3.6 and 8.4: p30 = 4, p70 = 7 + 0.4 = 7.4; IPR 3.4; centre 5.7, asymmetry
    # 0.7: IPRAS 2.35 + 1.05 = 3.4, exactly. In floating point 7.4 - 4.0 is above 3.4.
    found = ipras([3, 3, 3, 4, 4, 5, 5, 6, 7, 8, 8, 8, 8])
    assert (found.ipr, found.ipras, found.disagreement) == (3.4, 3.4, False)
    assert 7.4 - 4.0 > 3.4


panels = st.lists(st.integers(1, 9), min_size=1, max_size=40)


@given(panels)
def test_spread_is_that_of_the_twin(ratings):
    found = ipras(ratings)
    plain = twin(ratings)
    ours = (found.median, found.p30, found.p70, found.ipr, found.ipras)
    assert ours == pytest.approx(plain, abs=1e-12)  # rounding of the twin's sums
    if abs(plain[3] - plain[4]) > 1e-9:
        assert found.disagreement == (plain[3] > plain[4])


@given(panels)
def test_mirrored_ratings_disagree_as_much(ratings):
    one, other = ipras(ratings), ipras([10 - rating for rating in ratings])
    assert (one.ipr, one.ipras, one.disagreement) == (other.ipr, other.ipras, other.disagreement)
    assert one.median == 10 - other.median


@given(panels)
def test_order_does_not_matter_and_unanimity_never_disagrees(ratings):
    assert (
        ipras(ratings) == ipras(sorted(ratings)) == spread([ratings.count(k) for k in range(1, 10)])
    )
    same = ipras([ratings[0]] * len(ratings))
    assert (same.ipr, same.disagreement) == (0.0, False)


def test_ratings_off_the_scale_are_refused():
    for bad in ([10], [0], [7.5]):
        with pytest.raises(UsageError, match="not on the scale"):
            ipras(bad)
    for bad in ([0] * 9, [1] * 8, [-1] + [1] * 8):
        with pytest.raises(UsageError, match="counts of ratings"):
            spread(bad)


def test_a_table_of_rounds_by_hand():
    made = consensus()
    table = rounds(made, read(made, votes(made, everyone([7, 8, 8, 9, 9, 3]))), AB).table
    assert table.height == 2 * 2 * 5
    whole = table.filter(round=1, criterion="A", role="all").row(0, named=True)
    assert [whole[k] for k in ("invited", "n", "missing")] == [24, 24, 0]
    assert [whole[f"rated_{k}"] for k in range(1, 10)] == [0, 0, 4, 0, 0, 0, 4, 8, 8]
    assert [whole[k] for k in ("low", "middle", "high")] == [4, 0, 20]
    assert whole["estimate"] == 8
    assert whole["share_high"] == pytest.approx(100 * 20 / 24)
    none = table.filter(round=2, criterion="B", role=CENTRE).row(0, named=True)
    assert (none["n"], none["missing"], none["status"], none["reason"]) == (
        0, 6, "not estimable", "no rating")  # fmt: skip


def test_missing_raters_are_counted_and_a_blank_is_no_fault():
    made = consensus()
    ratings = read(made, votes(made, {SOCIETY: [7, None, 8, 9, 7, 7], CENTRE: [9] * 6}))
    assert ratings.findings.is_empty()
    rows = rounds(made, ratings, AB).table.filter(round=1, criterion="A")
    found = {row["role"]: (row["n"], row["missing"]) for row in rows.iter_rows(named=True)}
    assert found == {"all": (11, 13), SOCIETY: (5, 1), PATIENTS: (0, 6), CENTRE: (6, 0),
                     AUTHORITY: (0, 6)}  # fmt: skip


def test_faults_of_ratings_are_listed_and_counted():
    made = consensus(second=["A"])
    good = votes(made, {SOCIETY: [7, 8, 9]})
    base = good[0] | {"participant": "ce0"}
    bad = [
        (base | {"rating": 10}, "rating", "not a whole number from 1 to 9"),
        (base | {"rating": 0}, "rating", "not a whole number from 1 to 9"),
        (base | {"rating": "7.5"}, "rating", "not a whole number from 1 to 9"),
        (base | {"rating": "high"}, "rating", "not a whole number from 1 to 9"),
        (base | {"criterion": "Q"}, "criterion", "no such criterion"),
        (base | {"criterion": "B", "round": 2}, "criterion", "not asked in this round"),
        (base | {"participant": "stranger"}, "participant", "not invited"),
        (base | {"round": 3}, "round", "no such round"),
        (good[0], "rating", "the same rating again: taken once"),
    ]  # fmt: skip
    for row, column, said in bad:
        given_ = [
            {k: None if v is None else str(v) for k, v in one.items()} for one in [*good, row]
        ]
        found = made.read_ratings(pl.DataFrame(given_, infer_schema_length=None), AB)
        assert found.findings.select("row", "column", "finding").rows() == [(4, column, said)]
        assert found.exclusions["records"].to_list() == [1]
        assert found.table["rating"].to_list() == [7, 8, 9]
    for row in (base | {"rating": 10},):
        result = rounds(made, read(made, good, [row]), AB)
        assert any("1 records of ratings have faults" in note for note in result.provenance.notes)


def test_two_different_votes_of_one_participant_are_both_listed():
    made = consensus()
    rows = votes(made, {SOCIETY: [7, 8]})
    found = read(made, rows, [rows[0] | {"rating": 2}])
    assert found.findings["row"].to_list() == [1, 3]
    assert set(found.findings["finding"]) == {
        "several different ratings of one criterion: none is taken"
    }
    assert found.table["rating"].to_list() == [8]
    blank = read(made, rows, [rows[0] | {"rating": None}])
    assert blank.table.height + blank.findings["row"].n_unique() == 3


def test_columns_of_ratings_are_checked():
    made = consensus()
    with pytest.raises(ColumnError, match="lack a column"):
        made.read_ratings(pl.DataFrame({"round": [1]}), AB)
    extra = pl.DataFrame(votes(made, {SOCIETY: [7]})).with_columns(mood=pl.lit("good"))
    with pytest.raises(ColumnError, match="unknown column"):
        made.read_ratings(extra, AB)


def test_small_groups_are_withheld_with_one_that_would_tell_them():
    made = consensus(sizes=(8, 6, 9, 3))
    values = {SOCIETY: [7] * 8, PATIENTS: [8] * 6, CENTRE: [9] * 9, AUTHORITY: [1] * 3}
    table = rounds(made, read(made, votes(made, values)), AB).table.filter(round=1, criterion="A")
    status = dict(table.select("role", "status").iter_rows())
    assert status == {"all": "ok", SOCIETY: "ok", PATIENTS: "withheld", CENTRE: "ok",
                      AUTHORITY: "withheld"}  # fmt: skip
    hidden = table.filter(status="withheld").drop(
        "round", "criterion", "title", "role", "invited", "unit", "method", "status", "reason"
    )
    assert hidden.null_count().row(0) == (2,) * hidden.width
    assert table.filter(status="withheld")["reason"][0].startswith("fewer than 5 ratings")
    few = rounds(made, read(made, votes(made, {SOCIETY: [7] * 4})), AB).table
    few = few.filter(round=1, criterion="A")
    assert few.filter(pl.col("role").is_in(["all", SOCIETY]))["status"].unique().to_list() == [
        "withheld"
    ]


@given(st.dictionaries(st.sampled_from(ROLES), st.integers(0, 30)), st.integers(1, 10))
def test_what_is_hidden_cannot_be_told_from_the_total(sizes, smallest):
    hidden = hidden_groups(sizes, smallest)
    assert {name for name, n in sizes.items() if 0 < n < smallest} <= hidden
    together = sum(sizes[name] for name in hidden)
    every = sum(sizes.values())
    assert not hidden or together >= smallest or every < smallest
    assert all(sizes[name] for name in hidden)


def decided(made, ratings, criteria=AB):
    table = agreement(made, ratings, criteria, number=1).table
    return dict(table.select("criterion", "decision").iter_rows())


@pytest.mark.parametrize(("values", "decision"), [
    ([7, 7, 8, 8, 9, 9], "agreed"), ([7, 7, 7, 7, 7, 7], "agreed"),
    ([6, 6, 6, 7, 7, 7], "uncertain"),  # a median of 6.5 is not from 7 to 9
    ([5, 5, 6, 6, 6, 6], "uncertain"), ([1, 2, 2, 3, 3, 3], "rejected"),
    ([1, 1, 1, 9, 9, 9], "uncertain"),  # disagreement
    ([1, 1, 8, 9, 9, 9], "uncertain"),  # median 8.5, p30 1: disagreement
])  # fmt: skip
def test_decisions_by_the_median_rule(values, decision):
    made = consensus()
    ratings = read(made, votes(made, everyone(values)))
    found = decided(made, ratings)
    assert found == {"A": decision, "B": None}
    row = agreement(made, ratings, AB, number=1).table.filter(criterion="B").row(0, named=True)
    assert (row["status"], row["reason"]) == ("not estimable", "no rating")


def test_the_last_round_that_asked_decides():
    made = consensus(second=["A"])
    ratings = read(made, votes(made, everyone([2] * 6)), votes(made, everyone([8] * 6), number=2),
                   votes(made, everyone([8] * 6), criterion="B"))  # fmt: skip
    table = agreement(made, ratings, AB).table
    assert table.select("criterion", "round", "decision").rows() == [
        ("A", 2, "agreed"), ("B", 1, "agreed")]  # fmt: skip
    first = agreement(made, ratings, AB, number=1).table
    assert first["decision"].to_list() == ["rejected", "agreed"]
    with pytest.raises(UsageError, match="no such round"):
        agreement(made, ratings, AB, number=3)


def test_the_share_rule_asks_every_role_group():
    rule = {"by": "share", "share": 75.0}
    made = consensus(sizes=(8, 8, 8, 8), rule=rule)
    enough, less = [8] * 6 + [5] * 2, [8] * 5 + [5] * 3  # 75 and 62.5 percent
    assert decided(made, read(made, votes(made, everyone(enough))))["A"] == "agreed"
    short = read(made, votes(made, everyone(enough) | {PATIENTS: less}))
    row = agreement(made, short, AB, number=1).table.filter(criterion="A").row(0, named=True)
    assert row["decision"] == "uncertain"
    assert row["why"] == "less than 75 percent rate 7 to 9 in patient organisation"
    silent = read(made, votes(made, dict.fromkeys(ROLES[:3], enough)))
    row = agreement(made, silent, AB, number=1).table.filter(criterion="A").row(0, named=True)
    assert (row["decision"], row["status"]) == (None, "not estimable")
    assert row["reason"] == "no rating by health authority"
    low = decided(made, read(made, votes(made, everyone([1] * 8))))
    assert low["A"] == "rejected"


def test_the_share_rule_names_no_group_too_small_to_show():
    made = consensus(sizes=(8, 8, 8, 2), rule={"by": "share", "share": 75.0})
    ratings = read(made, votes(made, everyone([8] * 8) | {AUTHORITY: [1, 1]}))
    row = agreement(made, ratings, AB, number=1).table.filter(criterion="A").row(0, named=True)
    assert row["why"].endswith("in a group too small to show")
    assert "health authority" not in row["why"]


@pytest.mark.parametrize(("more", "said"), [
    ({"rule": {"by": "share"}}, "has a share in percent"),
    ({"rule": {"share": 75.0}}, "has a share in percent"),
    ({"rule": {"by": "share", "share": 101.0}}, "less than or equal to 100"),
    ({"smallest_group": 0}, "greater than or equal to 1"),
    ({"quorum": 3}, "quorum is not known"),
    ({"participants": [{"id": "a", "role": "doctor", "invited": date(2024, 1, 1)}]},
     "got 'doctor'"),
    ({"participants": [{"id": "a", "role": CENTRE, "invited": date(2024, 1, 1)}] * 2},
     "two participants have the id 'a'"),
    ({"rounds": [{"number": 2, "opens": date(2024, 2, 1), "closes": date(2024, 2, 2)}]},
     "numbered from 1"),
    ({"rounds": [{"number": 1, "opens": date(2024, 2, 3), "closes": date(2024, 2, 2)}]},
     "closes before it opens"),
    ({"rounds": [{"number": k, "opens": date(2024, 2, 1), "closes": date(2024, 2, 2)}
                 for k in (1, 2)]}, "opens before round 1 is over"),
])  # fmt: skip
def test_consensuses_that_make_no_sense_are_refused(more, said):
    with pytest.raises(UsageError, match=said):
        consensus(**more)


def test_a_consensus_is_about_the_very_criteria_it_names():
    made = consensus()
    with pytest.raises(DisagreementError, match="not the criteria"):
        made.asked(criteria_named("A", "C"))
    with pytest.raises(UsageError, match="no such criterion"):
        consensus(second=["Q"]).asked(AB)


def test_stability_by_hand():
    # in the same region: 7→9, 5→4, 2→2, 8→8 of six; 3→4 and 6→7 left theirs
    made = consensus()
    first, second = [7, 5, 2, 8, 3, 6], [9, 4, 2, 8, 4, 7]
    ratings = read(made, votes(made, {SOCIETY: first, CENTRE: [5]}),
                   votes(made, {SOCIETY: second}, number=2))  # fmt: skip
    row = stability(made, ratings, AB).table.filter(criterion="A").row(0, named=True)
    assert row["n"] == 6
    assert row["estimate"] == pytest.approx(100 * 4 / 6)
    assert row["same_rating"] == pytest.approx(100 * 2 / 6)
    assert row["mean_change"] == pytest.approx((2 + 1 + 0 + 0 + 1 + 1) / 6)
    assert (row["median_first"], row["median_second"]) == (5.5, 5.5)
    # sorted 2 3 5 6 7 8: quartiles 3.5 and 6.75; sorted 2 4 4 7 8 9: 4 and 7.75
    assert row["iqr_change"] == pytest.approx((7.75 - 4) - (6.75 - 3.5))
    assert row["stable"] is None
    for limit, stable in ((60, True), (70, False)):
        table = stability(made, ratings, AB, limit=limit).table
        assert table.filter(criterion="A")["stable"].to_list() == [stable]
    none = stability(made, ratings, AB).table.filter(criterion="B").row(0, named=True)
    assert (none["status"], none["reason"]) == ("not estimable", "no one rated in both")
    few = read(made, votes(made, {SOCIETY: [7]}), votes(made, {SOCIETY: [7]}, number=2))
    row = stability(made, few, AB).table.filter(criterion="A").row(0, named=True)
    assert (row["n"], row["status"], row["estimate"]) == (None, "withheld", None)
    with pytest.raises(UsageError, match="not a percentage"):
        stability(made, ratings, AB, limit=0)


def test_feedback_shows_the_group_the_own_rating_and_comments_without_names():
    made = consensus()
    rows = votes(made, everyone([7, 8, 8, 9, 9, 3]))
    rows[0]["comment"], rows[7]["comment"] = "Too vague", "Already so"
    ratings = read(made, rows, votes(made, {SOCIETY: [9, 9]}, criterion="B"))
    table = feedback(made, ratings, AB, number=1, participant=rows[0]["participant"])
    a, b = table.iter_rows(named=True)
    assert (a["own"], a["n"], a["median"], a["low"]) == (7, 24, 8.0, 4)
    assert a["comments"] == ["Already so", "Too vague"]
    assert (b["own"], b["n"], b["status"], b["comments"]) == (9, None, "withheld", [])
    assert not {"participant", "role"} & set(table.columns)
    with pytest.raises(UsageError, match="no such participant"):
        feedback(made, ratings, AB, number=1, participant="nobody")


def test_files_round_trip_byte_for_byte(tmp_path):
    made = consensus(second=["A"], rule={"by": "share", "share": 80.0}, smallest_group=4)
    path = tmp_path / "consensus.toml"
    path.write_bytes(made.to_toml().encode())
    again = read_consensus(path)
    assert again == made
    assert again.to_toml() == made.to_toml()
    rows = votes(made, everyone([7, 8, None, 9, 9, 3]))
    rows[2]["comment"] = 'No: "why", and\nnot é; 7,5'
    ratings = read(made, rows, votes(made, everyone([7] * 6), number=2))
    table = tmp_path / "ratings.csv"
    table.write_bytes(ratings.to_csv())
    back = made.read_ratings(table, AB)
    assert back.findings.is_empty()
    assert back.table.equals(ratings.table)
    assert back.to_csv() == ratings.to_csv()
    assert ratings.to_csv(2).count(b"\n") == 25
    with pytest.raises(FileError, match="no such file"):
        read_consensus(tmp_path / "nothing.toml")
    path.write_text("id = ")
    with pytest.raises(FileError, match="not TOML"):
        read_consensus(path)


def held():
    made = consensus()
    rows = votes(made, everyone([7, 8, 8, 9, 9, 3]), number=2)
    rows[5]["comment"] = "Not feasible in small countries"
    return made, read(made, rows, votes(made, everyone([1, 1, 1, 9, 9, 9]), number=2,
                                        criterion="B"))  # fmt: skip


def closed(made, ratings):
    history = open_consensus(made, AB, on=date(2024, 1, 15))
    history = close_round(history, made, ratings, number=1, on=date(2024, 3, 1))
    return close_round(history, made, ratings, number=2, on=date(2024, 5, 1))


def test_publication_keeps_dissent_history_and_comes_back_byte_for_byte(tmp_path):
    made, ratings = held()
    before = closed(made, ratings)
    version, history = publish(before, made, ratings, AB, version="2.0", on=date(2024, 6, 1))
    assert [one.id for one in version.criteria] == ["A"]
    assert version["A"].required
    assert (version.status, version.version) == ("agreed", "2.0")
    assert version.follows.history == before.head
    a, b = version.dissent
    assert (a.decision, a.median, a.low, a.middle, a.high) == ("agreed", 8.0, 4, 0, 20)
    assert a.comments == ("Not feasible in small countries",)
    assert b.decision == "uncertain"
    assert b.reason.startswith("disagreement")
    path = tmp_path / "agreed.toml"
    path.write_bytes(version.to_toml().encode())
    assert read_criteria(path) == version
    check_published(History.from_bytes(history.to_bytes()), read_criteria(path))
    path.write_text(version.to_toml().replace("low = 4", "low = 0"))
    with pytest.raises(DisagreementError, match="not the one published"):
        check_published(history, read_criteria(path))
    with pytest.raises(DisagreementError, match="not the one published"):
        designate(
            History(), version, read_evidence(NO_EVIDENCE, version), centre="North", reviewers=[],
            decision="designated", reasons="r", on=date(2024, 7, 1), published=before,
        )  # fmt: skip
    with pytest.raises(UsageError, match="there is such a version"):
        publish(history, made, ratings, AB, version="2.0", on=date(2024, 7, 1))
    third, _ = publish(history, made, ratings, AB, version="2.1", on=date(2024, 7, 1))
    assert third.follows.replaces == version.sha256


def test_what_was_changed_after_it_was_closed_is_refused():
    made, ratings = held()
    history = closed(made, ratings)
    other = read(made, votes(made, everyone([9] * 6), number=2))
    with pytest.raises(DisagreementError, match="ratings of round 2 are not those"):
        publish(history, made, other, AB, version="2.0", on=date(2024, 6, 1))
    softer = consensus(rule={"by": "share", "share": 10.0})
    with pytest.raises(DisagreementError, match="not the one that was opened"):
        publish(history, softer, ratings, AB, version="2.0", on=date(2024, 6, 1))
    edited = history.to_bytes().replace(b'"rated":48', b'"rated":47')
    assert edited != history.to_bytes()
    with pytest.raises(DisagreementError, match="the history was edited: entry 3"):
        History.from_bytes(edited)


def test_steps_out_of_order_are_refused():
    made, ratings = held()
    history = open_consensus(made, AB, on=date(2024, 1, 15))
    with pytest.raises(UsageError, match="opened before"):
        open_consensus(made, AB, on=date(2024, 1, 20), history=history)
    with pytest.raises(UsageError, match="before its first round"):
        open_consensus(made, AB, on=date(2024, 2, 2))
    with pytest.raises(UsageError, match="not opened"):
        close_round(History(), made, ratings, number=1, on=date(2024, 3, 1))
    with pytest.raises(UsageError, match="one after the other"):
        close_round(history, made, ratings, number=2, on=date(2024, 5, 1))
    with pytest.raises(UsageError, match="is not over"):
        close_round(history, made, ratings, number=1, on=date(2024, 2, 28))
    with pytest.raises(UsageError, match="no such round"):
        close_round(history, made, ratings, number=7, on=date(2024, 3, 1))
    with pytest.raises(UsageError, match="a round is not closed"):
        publish(history, made, ratings, AB, version="2.0", on=date(2024, 6, 1))
    none = read(made, votes(made, everyone([5] * 6), number=2))
    with pytest.raises(UsageError, match="no criterion was agreed"):
        publish(closed(made, none), made, none, AB, version="2.0", on=date(2024, 6, 1))

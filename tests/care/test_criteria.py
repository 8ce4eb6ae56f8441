"""Criteria, profiles, scores and designations: by hand, round trips, and what is refused."""

import json
import tomllib
from datetime import date
from importlib.resources import files

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rarecare.care.criteria import PACKAGED, CriteriaSet, Threshold, criteria_of, read_criteria
from rarecare.care.designation import check_version, decisions, designate, designations
from rarecare.care.evidence import read_evidence
from rarecare.care.history import History
from rarecare.care.profile import profile_table, score
from rarecare.care.toml_text import toml_text
from rarecare.errors import ColumnError, DisagreementError, FileError, UsageError

ON = date(2024, 6, 1)


def criterion(name, **more):
    same = {"version": "1", "scope": "general", "pillar": ["S"], "title": f"Title of {name}",
            "type": "boolean", "source": "a test", "sureness": "X"}  # fmt: skip
    return {"id": name} | same | more


def volume(name, value=20.0, **more):
    threshold = {"value": value, "direction": "above", "unit": "cases per year"}
    return criterion(name, type="number", threshold=threshold, volume=True, **more)


def agreed(*criteria):
    return criteria_of({
        "id": "test", "version": "2.0", "title": "T", "status": "agreed",
        "published": date(2024, 1, 1), "criteria": list(criteria),
        "follows": {"consensus": "c", "history": "0" * 64, "rule": "a rule"},
    })  # fmt: skip


def proposed(*criteria):
    return criteria_of({"id": "test", "version": "1.0", "title": "T", "criteria": list(criteria)})


def piece(name, value, kind="computed", centre="North", day="2024-03-01", **more):
    return {"centre": centre, "criterion": name, "value": value, "kind": kind, "date": day,
            "source": "a registry", "met": None, "expires": None} | more  # fmt: skip


def evidence(criteria, *pieces):
    schema = dict.fromkeys(piece("a", "b"), pl.String)
    return read_evidence(pl.DataFrame(list(pieces), schema=schema), criteria)


def states(criteria, *pieces, on=ON):
    table = profile_table(criteria, evidence(criteria, *pieces), on=on, centres=["North"]).table
    return dict(table.select("criterion", "state").iter_rows())


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_sets_are_proposals_and_their_files_the_one_way_to_write_them(name):
    read = read_criteria(name)
    content = (files("rarecare.care") / "criteria" / f"{name}.toml").read_bytes()
    assert read.to_toml().encode() == content
    assert read.status == "proposed"
    assert not any(one.required for one in read.criteria)
    assert all(one.source for one in read.criteria)


def test_thresholds_are_those_of_the_published_list():
    # CENTRE_CRITERIA: H7 more than 20, S1 more than 100, S3 10 or more, N1 from memory
    known = {"head_neck": {"H7": "above 20 new cases per year"},
             "sarcoma": {"S1": "above 100 sarcomas seen per year",
                         "S3": "at least 10 resections per year",
                         "S6": "at least 50 primary cases per year"},
             "gep_net": {"N1": "at least 80 new cases per year"}}  # fmt: skip
    for name, thresholds in known.items():
        read = read_criteria(name)
        assert {key: read[key].threshold.words() for key in thresholds} == thresholds
    assert read_criteria("sarcoma")["S6"].sureness == "M"
    assert read_criteria("testis")["T1"].threshold is None
    every = [one for name in PACKAGED for one in read_criteria(name).criteria]
    assert all(one.sureness == "M" for one in every if "memory" in one.source)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False,
       allow_infinity=False), st.dates(), st.booleans())  # fmt: skip
def test_toml_gives_back_what_was_written(text, number, day, flag):
    content = {"a": text, "b": number, "c": day, "d": flag, "e": [text, "x"],
               "f": {"g": number, "h": text}, "i": [{"j": text}, {"j": day}]}  # fmt: skip
    assert tomllib.loads(toml_text(content)) == content


def test_versions_round_trip_byte_for_byte(tmp_path):
    made = agreed(criterion("A", required=True), volume("B", note='quoted "x"\nand é'))
    path = tmp_path / "set.toml"
    path.write_bytes(made.to_toml().encode())
    again = read_criteria(path)
    assert again == made
    assert again.to_toml() == made.to_toml()
    assert again.sha256 == made.sha256
    other = made.to_toml().replace("20.0", "21.0")
    path.write_text(other)
    assert read_criteria(path).sha256 != made.sha256


def test_every_fault_of_a_file_is_named():
    bad = volume("A")
    del bad["threshold"]["unit"]
    with pytest.raises(UsageError) as error:
        proposed(bad, criterion("B", treshold=3), criterion("C", sureness="Z"))
    said = str(error.value)
    assert "3 faults" in said
    assert "criteria.1.threshold.unit (of A) is missing" in said
    assert "criteria.2.treshold (of B) is not known, did you mean 'threshold'?" in said
    assert "criteria.3.sureness (of C)" in said
    assert "got 'Z'" in said


@pytest.mark.parametrize(("change", "said"), [
    ({"scope": "tumour"}, "names a tumour"),
    ({"tumour": "sarcoma"}, "names a tumour"),
    ({"pillar": ["S", "S"]}, "named twice"),
    ({"threshold": {"value": 1, "direction": "above", "unit": "x"}}, "a boolean has no threshold"),
    ({"type": "proportion", "threshold": {"value": 1, "direction": "above", "unit": "x"}},
     "in percent, not x"),
    ({"type": "number"}, "has a unit of its own"),
    ({"volume": True}, "a volume is a number"),
    ({"required": True, "sureness": "M"}, "from memory"),
    ({"type": "proportion", "required": True}, "needs a threshold"),
    ({"weight": 0}, "greater than 0"),
    ({"type": "number", "threshold": {"value": True, "direction": "above", "unit": "x"}}, "value"),
])  # fmt: skip
def test_criteria_that_make_no_sense_are_refused(change, said):
    with pytest.raises(UsageError, match=said):
        proposed(criterion("A", **change))


def test_sets_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="two criteria have the id 'A'"):
        proposed(criterion("A"), criterion("A"))
    with pytest.raises(UsageError, match="day of publication"):
        criteria_of({"id": "t", "version": "1", "title": "T", "status": "agreed",
                     "criteria": [criterion("A")]})  # fmt: skip
    with pytest.raises(UsageError, match="alternatives X differ"):
        proposed(volume("A", either="X"), volume("B", either="X", weight=2))
    with pytest.raises(UsageError, match="at least 1 item"):
        proposed()
    with pytest.raises(FileError, match="no such file"):
        read_criteria("sarcom.toml")


@pytest.mark.parametrize(("direction", "met"), [
    ("at least", [False, True, True]), ("above", [False, False, True]),
    ("at most", [True, True, False]), ("below", [True, False, False]),
])  # fmt: skip
def test_directions_at_and_beside_the_threshold(direction, met):
    threshold = Threshold(value=10, direction=direction, unit="cases per year")
    assert [threshold.met(value) for value in (9, 10, 11)] == met
    one = volume("A")
    one["threshold"] = threshold.model_dump()
    for value, expected in zip(("9", "10", "11"), met, strict=True):
        assert states(proposed(one), piece("A", value)) == {"A": "met" if expected else "not met"}


def test_states_by_hand():
    criteria = proposed(
        criterion("A"), criterion("B", type="text"), volume("C"),
        criterion("D", type="number", unit="grants"), criterion("E"), criterion("F", type="text"),
    )  # fmt: skip
    result = profile_table(criteria, evidence(
        criteria, piece("A", "no"), piece("B", "good outcomes", met="yes"), piece("C", "20"),
        piece("D", "7"), piece("F", "some words"),
    ), on=ON)  # fmt: skip
    rows = {row["criterion"]: row for row in result.table.iter_rows(named=True)}
    assert {name: row["state"] for name, row in rows.items()} == {
        "A": "not met", "B": "met", "C": "not met", "D": "not known", "E": "not known",
        "F": "not known"}  # fmt: skip
    assert rows["D"]["reason"] == "no threshold is agreed"
    assert rows["D"]["estimate"] == 7
    assert rows["E"]["reason"] == "no evidence"
    assert rows["F"]["reason"] == "the reviewers have not said whether it is met"
    assert [rows[k]["status"] for k in "AE"] == ["ok", "not estimable"]
    assert rows["A"]["evidence"] == "computed"
    assert rows["C"]["criterion_source"] == "a test"


def test_the_highest_kind_in_force_counts_and_what_differs_is_said():
    criteria = proposed(criterion("A"))
    own = piece("A", "yes", "self-declared", day="2024-05-01")
    computed = piece("A", "no")
    certified = piece("A", "yes", "certified", day="2020-01-01", expires="2023-01-01")
    later = piece("A", "yes", "certified", day="2025-01-01")
    assert states(criteria, own) == {"A": "met"}
    assert states(criteria, own, computed) == {"A": "not met"}
    assert states(criteria, own, computed, certified, later) == {"A": "not met"}
    assert states(criteria, own, computed, certified, on=date(2023, 1, 1)) == {"A": "met"}
    assert states(criteria, own, computed, later, on=date(2025, 1, 1)) == {"A": "met"}
    row = profile_table(criteria, evidence(criteria, own, computed), on=ON).table.row(0, named=True)
    assert (row["n"], row["disputed"]) == (2, True)
    expired = profile_table(criteria, evidence(criteria, certified), on=ON).table
    assert expired["reason"].to_list() == ["the evidence expired on 2023-01-01"]


def test_faults_of_evidence_are_listed_and_counted():
    criteria = proposed(
        criterion("A"), volume("B"), criterion("C", type="proportion"), criterion("D", type="text")
    )
    bad = [
        (piece("Z", "yes"), "criterion", "no criterion of test 1.0"),
        (piece("A", "perhaps"), "value", "neither yes nor no"),
        (piece("B", "many"), "value", "not a number"),
        (piece("B", "inf"), "value", "not a number"),
        (piece("B", "-1"), "value", "negative"),
        (piece("C", "101"), "value", "above 100 percent"),
        (piece("A", None), "value", "blank"),
        (piece("A", "yes", kind="heard"), "kind", "not one of"),
        (piece("A", "yes", day="1.3.2024"), "date", "not a date"),
        (piece("A", "yes", expires="2023-01-01"), "expires", "before the date"),
        (piece("A", "yes", met="yes"), "met", "its value decides"),
        (piece("D", "words", met="maybe"), "met", "neither yes nor no"),
        (piece("A", "yes", centre=None), "centre", "blank"),
        (piece("A", "yes", source=" "), "source", "blank"),
    ]  # fmt: skip
    for given_, column, said in bad:
        read = evidence(criteria, piece("A", "yes", centre="South"), given_)
        found = read.findings.filter(row=2)
        assert found["column"].to_list() == [column], given_
        assert said in found["finding"][0]
        assert read.exclusions["records"].to_list() == [1]
        assert read.table["centre"].to_list() == ["South"]
    twice = evidence(criteria, piece("A", "yes"), piece("A", "no"), piece("B", "30"))
    assert twice.findings["row"].to_list() == [1, 2]
    assert "none is taken" in twice.findings["finding"][0]
    assert twice.table["criterion"].to_list() == ["B"]
    result = profile_table(criteria, twice, on=ON)
    assert any("2 records of evidence have faults" in note for note in result.provenance.notes)
    with pytest.raises(ColumnError, match="lacks a column"):
        read_evidence(pl.DataFrame({"centre": ["x"]}), criteria)
    with pytest.raises(ColumnError, match="unknown column"):
        read_evidence(pl.DataFrame([piece("A", "yes") | {"colour": "x"}]), criteria)


def test_every_record_is_used_or_listed(tmp_path):
    path = tmp_path / "evidence.csv"
    path.write_text(
        "centre,criterion,value,kind,date,source\n"
        "North,A,yes,computed,2024-03-01,a registry\n"
        "North,Q,yes,computed,2024-03-01,a registry\n"
    )
    read = read_evidence(path, proposed(criterion("A")))
    assert read.source.rows == 2
    assert set(read.table["row"]) | set(read.findings["row"]) == {1, 2}


def test_score_by_hand():
    # weights 1, 1, 2: A met, B not met, C not known: from 25 to 75 percent
    criteria = proposed(
        criterion("A"), criterion("B", pillar=["S", "P"]), criterion("C", pillar=["O"], weight=2.0)
    )
    profile = profile_table(
        criteria, evidence(criteria, piece("A", "yes", "certified"), piece("B", "no")), on=ON
    )
    table = score(profile).table
    whole = table.filter(part="all").row(0, named=True)
    assert (whole["lower"], whole["upper"], whole["estimate"]) == (25.0, 75.0, None)
    assert (whole["status"], whole["reason"]) == ("not estimable", "1 of 3 not known")
    assert [whole[f"n{k}"] for k in ("", "_met", "_not_met", "_not_known")] == [3, 1, 1, 1]
    assert [whole[f"n_{k}"] for k in ("self_declared", "computed", "certified")] == [0, 1, 1]
    parts = dict(table.select("part", "lower").iter_rows())
    assert parts == {"all": 25.0, "structure": 50.0, "process": 0.0, "outcome": 0.0}
    assert table.filter(part="structure")["estimate"].to_list() == [50.0]
    weighted = score(profile, weights={"A": 5}).table.filter(part="all")
    assert weighted["lower"].to_list() == pytest.approx([100 * 5 / 8])
    with pytest.raises(UsageError, match="of no criterion"):
        score(profile, weights={"Z": 1})
    with pytest.raises(UsageError, match="not above 0"):
        score(profile, weights={"A": float("nan")})


def test_a_network_is_scored_over_its_centres_and_never_without_its_parts():
    criteria = proposed(criterion("A"), criterion("B"))
    profile = profile_table(criteria, evidence(
        criteria, piece("A", "yes"), piece("B", "yes"), piece("A", "yes", centre="South"),
        piece("B", "no", centre="South"),
    ), on=ON)  # fmt: skip
    table = score(profile, networks={"Both": ["North", "South"]}).table
    assert table.filter(network="Both", part="all")["estimate"].to_list() == [75.0]
    assert set(table.filter(network="Both")["part"]) == {"all", "structure"}
    assert set(table["centre"].drop_nulls()) == {"North", "South"}
    with pytest.raises(UsageError, match="has no profile"):
        score(profile, networks={"Both": ["North", "West"]})
    with pytest.raises(UsageError, match="no centre"):
        score(profile, networks={"Both": []})


def test_one_alternative_met_is_enough():
    criteria = proposed(volume("A", 100.0, either="V"), volume("B", 50.0, either="V"),
                        criterion("C"))  # fmt: skip
    for a, b, met in (("120", "10", 2), ("20", "60", 2), ("20", "10", 1)):
        read = evidence(criteria, piece("A", a), piece("B", b), piece("C", "yes"))
        table = score(profile_table(criteria, read, on=ON)).table.filter(part="all")
        assert (table["n"][0], table["n_met"][0]) == (2, met)


answers = st.lists(st.sampled_from(["yes", "no", None]), min_size=1, max_size=8)


@given(answers)
def test_scores_are_bounded_and_an_answer_only_narrows_them(given_):
    criteria = proposed(*(criterion(f"C{k}") for k in range(len(given_))))

    def bounds(values):
        pieces = [piece(f"C{k}", value) for k, value in enumerate(values) if value]
        profile = profile_table(criteria, evidence(criteria, *pieces), on=ON, centres=["North"])
        row = score(profile).table.filter(part="all").row(0, named=True)
        return row["lower"], row["upper"]

    lower, upper = bounds(given_)
    assert 0 <= lower <= upper <= 100 + 1e-9
    narrower = bounds([value or "no" for value in given_])
    assert narrower[0] == narrower[1] == pytest.approx(lower, abs=1e-9)


REVIEWERS = [{"name": "A. One", "organisation": "Society"},
             {"name": "B. Two", "organisation": "Patients"}]  # fmt: skip


def decide(criteria, *pieces, history=None, decision="designated", on=ON, **more):
    given_ = {"reviewers": REVIEWERS, "reasons": "as seen on the visit",
              "expires": date(2029, 6, 1)} | more  # fmt: skip
    return designate(history or History(), criteria, evidence(criteria, *pieces), centre="North",
                     decision=decision, on=on, **given_)  # fmt: skip


FULL = agreed(volume("V", required=True), criterion("T", required=True), criterion("X"))
SEEN = (piece("V", "30"), piece("T", "yes", "certified"))


def test_a_designation_carries_its_version_evidence_reviewers_and_expiry():
    history = decide(FULL, *SEEN)
    content = history.entries[0].content
    assert content["criteria"] == {"id": "test", "version": "2.0", "sha256": FULL.sha256}
    assert [one["kind"] for one in content["required"]] == ["computed", "certified"]
    check_version(decisions(history)[0], FULL)
    now = designations(history, on=ON).row(0, named=True)
    assert now["standing"] == "designated"
    assert "centre of expertise by the criteria test 2.0 until 2029-06-01" in now["words"]
    assert "A. One (Society) and B. Two (Patients)" in now["words"]
    last = designations(history, on=date(2029, 6, 1)).row(0, named=True)
    later = designations(history, on=date(2029, 6, 2)).row(0, named=True)
    assert (last["standing"], later["standing"]) == ("designated", "expired")
    assert later["words"] is None
    assert designations(history, on=date(2024, 5, 31)).is_empty()
    with pytest.raises(UsageError, match="not the criteria that the decision names"):
        check_version(decisions(history)[0], agreed(criterion("T")))


@pytest.mark.parametrize(("criteria", "pieces", "more", "said"), [
    (FULL, SEEN[:1], {}, "no evidence for required criteria: T"),
    (FULL, (SEEN[0], piece("T", "no")), {}, "not met: T"),
    (agreed(volume("V", required=True)), SEEN[:1], {}, "volume alone"),
    (agreed(criterion("T")), (), {}, "require nothing"),
    (FULL, SEEN, {"reviewers": REVIEWERS[:1]}, "at least 2"),
    (FULL, SEEN, {"reviewers": [REVIEWERS[0], REVIEWERS[0] | {"name": "a. one "}]}, "one person"),
    (FULL, SEEN, {"reviewers": [REVIEWERS[0], {"name": "C", "organisation": "north"}]},
     "of the centre itself"),
    (FULL, SEEN, {"reasons": "  "}, "needs reasons"),
    (FULL, SEEN, {"expires": None}, "day of expiry"),
    (FULL, SEEN, {"expires": ON}, "expires after"),
    (FULL, SEEN, {"on": date(2023, 6, 1)}, "published after"),
    (FULL, SEEN, {"decision": "withdrawn", "expires": None}, "no designation in force"),
    (FULL, SEEN, {"decision": "excellent"}, "got 'excellent'"),
    (proposed(criterion("T")), (piece("T", "yes"),), {}, "needs an agreed version"),
])  # fmt: skip
def test_designations_that_lack_something_are_refused(criteria, pieces, more, said):
    with pytest.raises(UsageError, match=said):
        decide(criteria, *pieces, **more)


def test_refusal_and_withdrawal():
    history = decide(FULL, piece("V", "3"), decision="not designated", expires=None)
    assert designations(history, on=ON)["words"].to_list() == [None]
    history = decide(FULL, *SEEN, history=history)
    history = decide(FULL, history=history, decision="withdrawn", expires=None,
                     on=date(2025, 1, 1), reasons="the team has left")  # fmt: skip
    assert designations(history, on=date(2024, 12, 31))["standing"].to_list() == ["designated"]
    row = designations(history, on=date(2025, 1, 1)).row(0, named=True)
    assert (row["standing"], row["words"]) == ("withdrawn", None)
    assert len(history.entries) == 3
    with pytest.raises(UsageError, match="older"):
        decide(FULL, *SEEN, history=history)


def test_profile_and_score_never_say_centre_of_expertise():
    criteria = read_criteria("sarcoma")
    result = profile_table(criteria, evidence(
        criteria, piece("S1", "500"), piece("S2", "90"), piece("S3", "90"), piece("S5a", "500"),
        piece("S6", "500")), on=ON)  # fmt: skip
    scored = score(result)
    figure = result.plot()
    said = [str(result), str(scored), result.provenance.to_json(), json.dumps(figure.spec),
            result.table.write_csv(), scored.table.write_csv(), figure.description]  # fmt: skip
    assert not any("centre of expertise" in text.lower() for text in said)
    assert "designates no one" in str(scored)


def test_histories_round_trip_and_refuse_every_edit():
    history = decide(FULL, piece("V", "3"), decision="not designated", expires=None)
    history = decide(FULL, *SEEN, history=history)
    content = history.to_bytes()
    assert History.from_bytes(content) == history
    assert History.from_bytes(content).to_bytes() == content
    lines = content.splitlines(keepends=True)
    edits = [
        content.replace(b'"value":"30"', b'"value":"99"'),
        content.replace(b"2029-06-01", b"2039-06-01"),
        lines[1], b"".join(lines[::-1]), content + lines[1],
    ]  # fmt: skip
    for edited in edits:
        assert edited != content
        with pytest.raises(DisagreementError, match="the history was edited: entry"):
            History.from_bytes(edited)
    anew = History().add("designation", history.entries[0].content | {"reasons": "other"}, on=ON)
    with pytest.raises(DisagreementError, match="entry 2, it does not follow"):
        History.from_bytes(anew.to_bytes() + lines[1])
    with pytest.raises(DisagreementError, match="cut or written anew"):
        History.from_bytes(lines[0], head=history.head)
    assert History.from_bytes(content, head=json.loads(lines[0])["hash"]) == history
    with pytest.raises(FileError, match="not an entry"):
        History.from_bytes(content + b"{}\n")
    with pytest.raises(FileError, match="line 1"):
        History.from_bytes(b"[1]\n")


def test_an_entry_that_could_not_be_decided_is_refused_when_read():
    content = decide(FULL, *SEEN).entries[0].content | {"required": []}
    forged = History().add("designation", content, on=ON)
    with pytest.raises(UsageError, match="require nothing"):
        designations(forged, on=ON)
    with pytest.raises(UsageError, match="no decision"):
        decisions(History().add("note", {}, on=ON))


def test_an_agreed_set_is_a_criteria_set():
    assert isinstance(FULL, CriteriaSet)
    with pytest.raises(UsageError, match="no such criterion"):
        FULL["Q"]

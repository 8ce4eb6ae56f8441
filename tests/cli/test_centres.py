"""``rarecare sample``, ``criteria``, ``consensus``, ``needs``, ``scenario``; ``--funnel``."""

import io
from datetime import date

import polars as pl
import pytest

from rarecare.care.consensus_model import consensus_of
from rarecare.care.criteria import read_criteria
from rarecare.cli import main
from tests.care.test_volume_outcome import SIZES, invented
from tests.survival.invented import STEEP

HEAD = "registry,patient_id,tumour_id,country,region,incidence_date,topography,morphology,behaviour"
HEAD += ",basis_of_diagnosis,hospital_dx,stage"
EVENT_HEAD = "registry,patient_id,tumour_id,event,date,date_precision,hospital_id,value"
# 12 leg sarcomas: region A 8 (6 operated in H1, 2 in H2), region B 4 (all in H2);
# of H1's 6, 3 were discussed before; of H2's 6, all
WHERE = [("A", "H1")] * 6 + [("A", "H2")] * 2 + [("B", "H2")] * 4


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases, events = [HEAD], [EVENT_HEAD]
    for k, (region, hospital) in enumerate(WHERE):
        stage = ("localised", "regional", "distant")[k % 3]
        cases.append(
            f"R,P{k},T1,SI,{region},2010-0{1 + k % 9}-01,C49.2,8890,3,7,{hospital},{stage}"
        )
        if hospital == "H2" or k < 3:
            events.append(f"R,P{k},T1,multidisciplinary_meeting,2010-11-01,day,{hospital},")
        events.append(f"R,P{k},T1,surgery,2010-12-01,day,{hospital},R0")
    (tmp_path / "cases.csv").write_text("\n".join(cases) + "\n")
    (tmp_path / "events.csv").write_text("\n".join(events) + "\n")
    return tmp_path


def rows(capsys):
    return pl.read_csv(io.StringIO(capsys.readouterr().out), infer_schema_length=None)


def test_a_sample_is_drawn_with_its_weights(folder, capsys):
    assert main(["sample", "cases.csv", "--by", "region", "--each", "2", "--seed", "7",
                 "--out", "drawn.csv"]) == 0  # fmt: skip
    drawn = pl.read_csv("drawn.csv")
    # 2 of 8 and 2 of 4
    assert sorted(drawn.select("region", "weight").rows()) == [("A", 4), ("A", 4), ("B", 2),
                                                               ("B", 2)]  # fmt: skip
    assert "Strata" in capsys.readouterr().out


def test_criteria_join_what_is_declared_and_what_is_computed(folder, capsys):
    (folder / "declared.csv").write_text(
        "centre,criterion,value,kind,date,source\n"
        "H1,S4a,100,self-declared,2024-01-01,the centre\n"
        "H1,S7c,yes,certified,2024-01-01,an auditor\n"
        "H2,S9,yes,self-declared,2024-01-01,the centre\n"
    )
    assert main(["criteria", "--use", "sarcoma", "--evidence", "declared.csv", "--cases",
                 "cases.csv", "--events", "events.csv", "--on", "2024-06-01", "--evidence-out",
                 "made.csv", "--out", "profile.csv"]) == 0  # fmt: skip
    said = capsys.readouterr()
    assert "S9" in said.err
    made = pl.read_csv("made.csv")
    values = {(a, b): c for a, b, c in made.select("centre", "criterion", "value").iter_rows()}
    # 3 of 6 and 6 of 6 discussed; 6 operated on in the one year, in each
    assert values == {("H1", "S4a"): 50, ("H2", "S4a"): 100, ("H1", "S3"): 6, ("H2", "S3"): 6,
                      ("H1", "S1"): 6, ("H2", "S1"): 6}  # fmt: skip
    profile = pl.read_csv("profile.csv", infer_schema_length=None)
    told = {(a, b): (c, d) for a, b, c, d in
            profile.select("centre", "criterion", "state", "evidence").iter_rows()}  # fmt: skip
    assert told["H1", "S4a"] == ("not met", "computed")  # rather than what is declared
    assert told["H2", "S4a"] == ("met", "computed")
    assert told["H1", "S7c"] == ("met", "certified")
    assert told["H2", "S7c"][0] == "not known"
    assert (folder / "profile.csv.provenance.json").exists()


def test_declared_evidence_alone_and_scores(folder, capsys):
    (folder / "declared.csv").write_text(
        "centre,criterion,value,kind,date,source\nH1,G3,yes,self-declared,2024-01-01,the centre\n"
    )
    given = ["criteria", "--use", "general", "--evidence", "declared.csv", "--on", "2024-06-01"]
    assert main([*given, "--scores", "--format", "csv"]) == 0
    whole = rows(capsys).filter(part="all").row(0, named=True)
    assert (whole["n_met"], whole["n_self_declared"], whole["estimate"]) == (1, 1, None)


def test_what_was_agreed_is_counted(folder, capsys):
    proposed = read_criteria("testis")
    one = consensus_of({
        "id": "round-table", "title": "T", "smallest_group": 3,
        "proposed": {"id": proposed.id, "version": proposed.version, "sha256": proposed.sha256},
        "participants": [
            {"id": f"p{k}", "role": "scientific society", "invited": date(2023, 12, 1)}
            for k in range(3)
        ],
        "rounds": [{"number": 1, "opens": date(2024, 1, 1), "closes": date(2024, 2, 1)}],
    })  # fmt: skip
    (folder / "consensus.toml").write_text(one.to_toml())
    (folder / "ratings.csv").write_text(
        "round,participant,criterion,rating\n1,p0,T1,8\n1,p1,T1,9\n1,p2,T1,7\n1,p9,T1,1\n"
    )
    given = ["consensus", "consensus.toml", "--use", "testis", "--ratings", "ratings.csv"]
    assert main([*given, "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert "value p9" in said.err  # a stranger's rating is named, and left out
    table = pl.read_csv(io.StringIO(said.out))
    row = table.row(0, named=True)
    assert (row["criterion"], row["estimate"], row["decision"], row["n"]) == ("T1", 8, "agreed", 3)
    assert main([*given, "--show", "rounds", "--out", "rounds.csv"]) == 0
    assert pl.read_csv("rounds.csv").filter(role="all")["high"].to_list() == [3]


def test_needs_and_centres(folder, capsys):
    # 100 expected cases, half of them operated on: 50; at 20 a year 3 centres
    (folder / "expected.csv").write_text(
        "country,estimate,lower,upper,level,status,reason\nSI,100,90,110,0.95,ok,\n"
        "IT,,,,0.95,not estimable,no rates\n"
    )
    (folder / "shares.csv").write_text(
        "treatment,estimate,lower,upper,level,status,source\nsurgery,0.5,0.4,0.6,0.95,ok,a study\n"
    )
    given = ["needs", "expected.csv", "--shares", "shares.csv", "--format", "csv"]
    assert main(given) == 0
    table = rows(capsys)
    assert table.filter(country="SI")["estimate"].to_list() == [50]
    # a country without expected cases has no need of 0
    assert table.filter(country="IT")["estimate"].to_list() == [None]
    assert table.filter(country="IT")["status"].to_list() == ["not estimable"]
    assert main([*given, "--threshold", "20"]) == 0
    assert rows(capsys).filter(country="SI")["estimate"].to_list() == [3]


def test_care_in_fewer_hospitals(folder, capsys):
    (folder / "hospitals.csv").write_text(
        "hospital_id,latitude,longitude\nH1,46.0,14.5\nH2,46.5,15.6\n"
    )
    (folder / "areas.csv").write_text("area,latitude,longitude\nA,46.0,14.5\nB,46.5,15.6\n")
    assert main(["scenario", "cases.csv", "--events", "events.csv", "--hospitals",
                 "hospitals.csv", "--areas", "areas.csv", "--hospitals-out", "chosen.csv",
                 "--format", "csv", "--figure", "trade_off.svg"]) == 0  # fmt: skip
    table = rows(capsys)
    one = table.filter(hospitals=1, measure="share of patients moved").row(0, named=True)
    # least travel: 8 patients live at H1 and 4 at H2, so H1; the 6 of H2 are moved
    assert (one["n"], one["denominator"]) == (6, 12)
    chosen = pl.read_csv("chosen.csv").filter(k=1)
    volumes = dict(chosen.select("hospital_id", "volume").rows())
    assert volumes["H1"] == 12
    assert (folder / "trade_off.svg").stat().st_size > 1000


def test_hospitals_in_a_funnel_and_adjusted(folder, capsys):
    given = ["indicators", "cases.csv", "--events", "events.csv", "--use", "sarcoma", "--by",
             "hospital_dx", "--funnel", "STS-mdt", "--format", "csv"]  # fmt: skip
    assert main(given) == 0
    table = rows(capsys)
    found = {row["hospital_dx"]: row for row in table.iter_rows(named=True)}
    assert (found["H1"]["numerator"], found["H1"]["n"]) == (3, 6)
    assert found["H1"]["target"] == pytest.approx(9 / 12)
    assert main([*given, "--adjust", "~ stage", "--figure", "ranks.svg"]) == 0
    assert "Rank among 2" in (folder / "ranks.svg").read_text(encoding="utf-8")
    table = rows(capsys).sort("hospital_dx", "model")
    assert table["model"].unique().sort().to_list() == ["adjusted", "unadjusted"]
    assert table["rank_lower"].is_between(1, 2).all()


def test_persons_in_follow_up_from_what_prevalence_wrote(folder, capsys):
    (folder / "alive.csv").write_text(
        "country,measure,window,estimate,se,lower,upper,level,status,reason\n"
        "SI,prevalent persons,0-1,10,1,8,12,0.95,ok,\n"
        "SI,prevalent persons,1-5,30,2,26,34,0.95,ok,\n"
        "SI,prevalent persons,5-20,50,5,40,60,0.95,ok,\n"
    )
    assert main(["needs", "--prevalence", "alive.csv", "--format", "csv"]) == 0
    assert rows(capsys).select("window", "estimate").rows() == [
        ("0-1", 10), ("1-5", 30), ("5-20", 50)]  # fmt: skip


def test_the_hazard_by_volume_is_told_as_an_association(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cases, events = invented(SIZES, 11, slope=-0.5)
    cases.with_columns(
        vital_status=pl.when("died").then(pl.lit("dead")).otherwise(pl.lit("alive")),
        region=pl.lit("X"), topography=pl.lit("C49.2"), morphology=pl.lit(8890),
        behaviour=pl.lit(3), basis_of_diagnosis=pl.lit(7),
    ).drop("died").write_csv("cases.csv")  # fmt: skip
    events.write_csv("events.csv")
    pl.DataFrame([{"sex": s, "age": a, "year": y, "mx": 0.1} for s, a, y in STEEP]).write_csv(
        "lives.csv"
    )
    given = ["volume-outcome", "cases.csv", "--events", "events.csv", "--life-table", "lives.csv",
             "--days-per-year", "365", "--allow-outside", "1", "--format", "csv"]  # fmt: skip
    assert main([*given, "--classes", "10,40"]) == 0
    said = capsys.readouterr()
    table = pl.read_csv(io.StringIO(said.out))
    assert table["volume_class"].to_list() == ["below 10", "10 to below 40", "40 or more"]
    assert table["estimate"][0] == 1
    assert table["estimate"][2] < 0.7  # (100/7)^-0.5 is 0.26
    assert main([*given[:-2]]) == 0
    assert "association" in capsys.readouterr().out
    assert main([*given, "--reference", "20"]) == 0
    curve = pl.read_csv(io.StringIO(capsys.readouterr().out))
    assert curve["estimate"].is_sorted(descending=True)


@pytest.mark.parametrize(("arguments", "words"), [
    (["needs", "cases.csv"], "--prevalence alone"),
    (["criteria", "--use", "sarcoma"], "criteria need evidence"),
    (["criteria", "--use", "sarcoma", "--cases", "cases.csv"], "criteria need evidence"),
    (["sample", "cases.csv", "--out", "x.csv"], "size"),
    (["indicators", "cases.csv", "--adjust", "~ stage"], "goes with --funnel"),
    (["indicators", "cases.csv", "--funnel", "D4"], "an indicator that is a share"),
    (["indicators", "cases.csv", "--funnel", "D2a", "--by", "country,region"], "one column"),
    (["scenario", "cases.csv", "--events", "events.csv", "--hospitals", "cases.csv", "--areas",
      "cases.csv", "--treatment", "prayer"], "nobody was treated so"),
    (["scenario", "cases.csv", "--events", "events.csv", "--hospitals", "cases.csv", "--areas",
      "cases.csv", "--group", "09"], "one group of cancers"),
])  # fmt: skip
def test_wrong_use_is_named(folder, capsys, arguments, words):
    assert main(arguments) in {1, 2}
    assert words in capsys.readouterr().err


def test_a_number_that_is_none_is_named_with_its_row(folder, capsys):
    (folder / "expected.csv").write_text(
        "country,estimate,lower,upper,level,status\nSI,many,90,110,0.95,ok\n"
    )
    assert main(["needs", "expected.csv", "--shares", "expected.csv"]) == 1
    said = capsys.readouterr().err
    assert "many" in said
    assert "line 2" in said

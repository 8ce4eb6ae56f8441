"""Each layout of case files by a small file written by hand, and by real data where there are."""

from datetime import date

import polars as pl
import pytest

from rarecare.errors import CodeError, ColumnError, FileError, UsageError
from rarecare.registry.submission import Count, read_submission
from tests.registry.submission.workbook import write_workbook

NORDCAN = """pat;date_of_birth;flag_dob;age;sex;region;tum;tum_sequence;date_of_incidence;flag_doi;\
bod;topo;morpho;beh;grade;laterality;autopsy;vit_sta;end_of_followup;flag_eof
p1;1950-03-01;0;51;2;1;t1;1;2001-05-20;0;7;C509;8500;3;2;1;0;2;2003-06-04;0
p2;1940-07-15;1;61;1;1;t2;1;2002-01-15;1;5;C619;8140;3;9;0;0;1;2009-12-31;0
"""


def rows(found, *names):
    return found.cases.select(names).rows()


def test_nordcan(submitted):
    found = read_submission(
        submitted('[cases]\nfile = "c.csv"\nformat = "nordcan"\n', c__csv=NORDCAN)
    )
    assert rows(found, "row", "patient_id", "sex", "birth_date", "incidence_date", "age") == [
        (2, "p1", "female", date(1950, 3, 1), date(2001, 5, 20), 51),
        (3, "p2", "male", date(1940, 7, 15), date(2002, 1, 15), 61),
    ]
    # 20 May 2001 to 4 June 2003: 2 x 365 days to 20 May 2003, and 15
    assert rows(found, "follow_up_days", "vital_status", "topography", "flag_doi")[0] == (
        745,
        "dead",
        "C50.9",
        "0",
    )
    assert found.cases["registry"].to_list() == ["X", "X"]
    assert found.rejects.is_empty()
    assert found.counts == (Count("cases", 2, 2, 0),)


CANREG5 = """RegistrationNumber\tSex\tBirthDate\tAge\tAddressCode\tIncidenceDate\tTopography\t\
Morphology\tBehaviour\tBasisDiagnosis\tStage\tLastContact\tVitalStatus
20010001\t2\t19500399\t51\t01\t20010520\t509\t8500\t3\t7\t2\t20030604\t2
20010002\t1\t99999999\t99\t01\t20019999\t001\t8070\t3\t7\t9\t20091231\t1
"""


def test_canreg5(submitted):
    toml = """[cases]
file = "c.txt"
format = "canreg5"
codes = { vital_status = "encr", age = { "99" = "unknown" } }
"""
    found = read_submission(submitted(toml, c__txt=CANREG5))
    assert rows(found, "patient_id", "birth_date", "age_given", "incidence_date", "topography") == [
        ("20010001", date(1950, 3, 15), 51, date(2001, 5, 20), "C50.9"),
        ("20010002", None, None, date(2001, 7, 1), "C00.1"),
    ]
    assert found.cases["vital_status"].to_list() == ["dead", "alive"]
    assert found.cases["stage_in_file"].to_list() == ["2", "9"]
    assert found.rejects.is_empty()


def test_an_age_of_99_is_unknown_or_an_age_as_the_registry_says(submitted):
    toml = '[cases]\nfile = "c.txt"\nformat = "canreg5"\ncodes = { vital_status = "encr"'
    with pytest.raises(CodeError, match=r"age of 99 is ambiguous.*line 3.*codes\.age"):
        read_submission(submitted(f"{toml} }}\n", c__txt=CANREG5))
    found = read_submission(submitted(f'{toml}, age = {{ "99" = "99" }} }}\n'))
    assert found.cases["age"].to_list() == [51, 99]


def test_a_status_that_nobody_explained_is_refused(submitted):
    toml = '[cases]\nfile = "c.txt"\nformat = "canreg5"\n'
    folder = submitted(toml, c__txt=CANREG5.replace("\t99\t", "\t\t"))
    with pytest.raises(CodeError, match="vital_status is in numbers"):
        read_submission(folder)


STATA = """sex,age,stage,mmdx,yydx,surv_mm,status,id
Female,77,Distant,3,1977,16.5,Dead: cancer,1
Male,64,Unknown,12,1980,0.5,Alive,2
Male,50,Localised,5,1980,10,Lost to follow-up,3
"""


def test_stata_from_months(submitted):
    found = read_submission(submitted('[cases]\nfile = "c.csv"\nformat = "stata"\n', c__csv=STATA))
    # 16.5 x 30.4375 = 502.2; 0.5 x 30.4375 = 15.2; 10 x 30.4375 = 304.4
    assert found.cases["follow_up_days"].to_list() == [502, 15, 304]
    assert rows(found, "incidence_date", "vital_status", "stage") == [
        (date(1977, 3, 15), "dead", "distant"),
        (date(1980, 12, 15), "alive", None),
        (date(1980, 5, 15), "lost", "localised"),
    ]
    assert found.rejects.is_empty()
    assert any("mmdx and yydx" in note for note in found.notes)


def test_a_stata_file_with_codes(tmp_path, submitted):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "sex": [1, 2],
            "age": [70, 71],
            "status": [2, 4],
            "stage": [0, 3],
            "dx": pd.to_datetime(["2001-02-03", "2002-03-04"]),
            "exit": pd.to_datetime(["2002-02-03", "2002-03-05"]),
            "surv_mm": [12.5, 0.5],
        }
    )
    frame.to_stata(tmp_path / "c.dta", write_index=False)
    found = read_submission(submitted('[cases]\nfile = "c.dta"\nformat = "stata"\n'))
    names = ("row", "patient_id", "sex", "incidence_date", "follow_up_days", "vital_status")
    assert rows(found, *names, "stage") == [
        (2, "1", "male", date(2001, 2, 3), 365, "dead", None),
        (3, "2", "female", date(2002, 3, 4), 1, "lost", "distant"),
    ]


DIC = """[System]
Output filename=cases.txt
[Export Options]
GZipped=false
Variable format=numeric
Field delimiter=tab
Missing character=period
Variable names included=false
[Variables]
Var1Name=Patient ID
Var2Name=Sex
Var3Name=Age recode with single ages and 85+
Var4Name=Year of diagnosis
Var5Name=Primary Site - labeled
Var6Name=Histologic Type ICD-O-3
Var7Name=Behavior code ICD-O-3
Var8Name=Survival months
Var9Name=Vital status recode (study cutoff used)
[Format=Sex]
1=Male
2=Female
[Format=Vital status recode (study cutoff used)]
1=Alive
4=Dead
"""
SEER = """1001\t2\t63 years\t2004\tC50.1-Central portion of breast\t8500\tMalignant\t0024\t4
1002\t1\t85+ years\t2005\tC61.9-Prostate gland\t8140\tMalignant\tUnknown\t1
1003\t.\t07 years\t2006\tC40.2-Long bones\t9180\tMalignant\t0000\t1
"""


def test_seerstat(submitted):
    toml = '[cases]\nfile = "c.txt"\ndictionary = "c.dic"\nformat = "seerstat"\n'
    found = read_submission(submitted(toml, c__txt=SEER, c__dic=DIC))
    assert rows(found, "row", "patient_id", "sex", "age_given", "incidence_date", "topography") == [
        (1, "1001", "female", 63, date(2004, 7, 1), "C50.1"),
        (2, "1002", "male", None, date(2005, 7, 1), "C61.9"),
        (3, "1003", None, 7, date(2006, 7, 1), "C40.2"),
    ]
    # (24 + 0.5) x 30.4375 = 745.7; (0 + 0.5) x 30.4375 = 15.2
    assert rows(found, "follow_up_days", "vital_status", "morphology", "behaviour") == [
        (746, "dead", 8500, 3),
        (None, "alive", 8140, 3),
        (15, "alive", 9180, 3),
    ]
    # an open group of ages is no age
    assert found.rejects.select("row", "column", "value").rows() == [(2, "age", "85+ years")]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("Field delimiter=tab", "Field delimiter=bell"), "no delimiter that is known"),
        (("Var2Name=Sex", "Var2Name=Patient ID"), "two variables have one name"),
        (("Name=", "Nom="), "names no variables"),
    ],
)
def test_a_faulty_dictionary_is_named(submitted, change, said):
    toml = '[cases]\nfile = "c.txt"\ndictionary = "c.dic"\nformat = "seerstat"\n'
    folder = submitted(toml, c__txt=SEER, c__dic=DIC.replace(*change))
    with pytest.raises((FileError, ColumnError), match=said):
        read_submission(folder)


EXCEL = [
    ["PAT_NO", "born", "diagnosed", "site", "histology"],
    ["p1", date(1950, 3, 1), date(2001, 5, 20), "C50.9", 8500],
    [],
    ["p2", None, 36892, "C61.9", date(8070, 3, 1)],
    ["1.23457E+12", date(1940, 1, 1), "2002-01-99", "1", 8140.0],
]
EXCEL_COLUMNS = """[cases]
file = "c.xlsx"
format = "tidy"
[cases.columns]
patient_id = "PAT_NO"
birth_date = "born"
incidence_date = "diagnosed"
topography = "site"
morphology = "histology"
"""


def test_excel(tmp_path, submitted):
    write_workbook(tmp_path / "c.xlsx", {"Cases": EXCEL, "Empty": []})
    found = read_submission(submitted(EXCEL_COLUMNS))
    assert rows(found, "row", "patient_id", "incidence_date", "topography", "morphology") == [
        (2, "p1", date(2001, 5, 20), "C50.9", 8500),
        (4, "p2", None, "C61.9", None),
        (5, None, date(2002, 1, 15), None, 8140),
    ]
    said = {tuple(each) for each in found.rejects.select("row", "column", "reason").iter_rows()}
    assert said == {
        (4, "incidence_date", "incidence_date is not a date: it is a number as Excel counts days "
         "(2001-01-01 if from 1900); write dates as text"),
        (4, "morphology", "morphology is not an ICD-O-3 morphology: Excel has made a date of a "
         "code"),
        (5, "patient_id", "patient_id is not an id: Excel has rounded a long number"),
        (5, "topography", "topography is not an ICD-O-3 topography: zeros in front are lost, as "
         "Excel does"),
    }  # fmt: skip
    assert found.counts == (Count("cases", 3, 3, 0),)


def test_a_workbook_of_several_sheets_asks_which(tmp_path, submitted):
    write_workbook(tmp_path / "c.xlsx", {"A": EXCEL, "B": EXCEL[:2]})
    with pytest.raises(FileError, match=r"several sheets.*allowed: A, B.*sheet ="):
        read_submission(submitted(EXCEL_COLUMNS))
    with pytest.raises(FileError, match="no such sheet"):
        read_submission(submitted(EXCEL_COLUMNS.replace("format", 'sheet = "C"\nformat')))
    found = read_submission(submitted(EXCEL_COLUMNS.replace("format", 'sheet = "B"\nformat')))
    assert found.cases.height == 1


def test_what_is_no_workbook_is_named(submitted):
    with pytest.raises(FileError, match="no Excel workbook"):
        read_submission(submitted(EXCEL_COLUMNS, c__xlsx=b"PK\x03\x04junk"))


def test_parquet_is_tidy(tmp_path, submitted):
    pl.DataFrame(
        {"incidence_date": [date(2001, 1, 2), None], "sex": ["male", None], "n": [1, None]}
    ).write_parquet(tmp_path / "c.parquet")
    found = read_submission(submitted('[cases]\nfile = "c.parquet"\nformat = "tidy"\n'))
    assert found.counts == (Count("cases", 2, 1, 1),)
    assert found.rejects.select("row", "reason").rows() == [
        (3, "every field of the record is empty")
    ]
    assert found.cases["incidence_date"].to_list() == [date(2001, 1, 2)]


@pytest.mark.parametrize("encoding", ["windows-1250", "utf-16", "iso-8859-2"])
def test_encodings_are_said_not_guessed(submitted, encoding):
    text = "incidence_date;town\n2001-01-02;Žužemberk\n"
    toml = '[cases]\nfile = "c.csv"\nformat = "tidy"\n'
    with pytest.raises(FileError, match="is not UTF-8"):
        read_submission(submitted(toml, c__csv=text.encode(encoding)))
    folder = submitted(f'{toml}encoding = "{encoding}"\n', c__csv=text.encode(encoding))
    assert read_submission(folder).cases["town"].to_list() == ["Žužemberk"]


def test_the_iarc_example_whole(shared_data, submitted):
    raw = (shared_data / "iarc_rcan_individual_example.csv.gz").read_bytes()
    pop = (shared_data / "iarc_rcan_population_example.csv").read_bytes()
    toml = """[cases]
file = "c.csv"
format = "tidy"
[cases.columns]
registry = "regcode"
incidence_date = "doi"
topography = "site"
morphology = "histo"
behaviour = "beh"
basis_of_diagnosis = "basis"
[population]
file = "p.csv"
"""
    folder = submitted(toml, c__csv=raw, p__csv=pop)
    with pytest.raises(UsageError, match="single years or numbers of age groups"):
        read_submission(folder)
    found = read_submission(submitted(toml + 'age_groups = "number"\n'))
    assert found.counts == (Count("cases", 19_284, 19_284, 0), Count("population", 160, 160, 0))
    assert found.rejects.is_empty()
    assert found.cases["age_given"].null_count() == 60
    first = found.population.select("row", "year", "sex", "age_lower", "persons").row(0)
    assert first == (2, 2008, "male", 0, 72051.0)


def test_the_finnish_teaching_file_whole(shared_data, submitted):
    raw = (shared_data / "biostat3_colon.csv").read_bytes()
    life = (shared_data / "biostat3_popmort.csv").read_bytes()
    toml = '[cases]\nfile = "c.csv"\nformat = "stata"\n[life_table]\nfile = "l.csv"\n'
    found = read_submission(submitted(toml, c__csv=raw, l__csv=life))
    assert found.counts == (
        Count("cases", 15_564, 15_564, 0),
        Count("life_table", 10_600, 10_600, 0),
    )
    assert found.rejects.is_empty()
    # 4 March 1977 to 20 July 1978: 365 + 138 days
    assert found.cases["follow_up_days"][0] == 503

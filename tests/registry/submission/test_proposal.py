"""A proposed submission.toml: what is guessed and why, and what is refused as ambiguous."""

import tomllib

import pytest

from rarecare.cli.app import main
from rarecare.errors import FileError, UsageError
from rarecare.registry.submission import read_submission
from rarecare.registry.submission.proposal import propose
from tests.registry.submission.test_abuse import encr_text
from tests.registry.submission.test_formats import CANREG5, DIC, NORDCAN, SEER, STATA

POPULATION = "year;sex;agegroup;pop\n" + "".join(f"2001;1;{i};5\n" for i in range(1, 19))
LIFE = "year;sex;age;prob\n2001;1;0;0.99\n"
DEATHS = "Calendar year;Sex;Age unit;Cause of death;Number of deaths\n2001;1;0-4;C50;3\n"
TIDY = (
    "pat,sex,doi,age,site,histo,status\n"
    "p1,2,13/05/2001,51,C509,8500,1\np2,1,02/01/2002,61,C619,8140,0\n"
)


def proposed(folder, contents, /, **how):
    for name, text in contents.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    made = propose(folder, **how)
    return tomllib.loads(made.text), {(g.file, g.what): g for g in made.guesses}


def test_the_european_call_is_told_and_read_once_confirmed(tmp_path):
    files = {"inc.csv": encr_text(), "pop.csv": POPULATION, "lt.csv": LIFE, "mort.csv": DEATHS}
    said, guesses = proposed(tmp_path, files)
    assert said["cases"] == {
        "format": "encr", "file": "inc.csv", "delimiter": ";", "encoding": "utf-8"
    }  # fmt: skip
    assert said["submission"]["confirmed"] is False
    assert said["submission"]["period"] == [2001, 2001]
    assert said["population"] == {
        "file": "pop.csv", "delimiter": ";", "encoding": "utf-8", "age_groups": "?"
    }  # fmt: skip
    assert (said["life_table"]["file"], said["mortality"]["file"]) == ("lt.csv", "mort.csv")
    assert guesses["inc.csv", "format"].sureness == "sure"
    text = propose(tmp_path).text
    for old, new in (("??", "FI"), ('"?"', '"number"'), ("= false", "= true")):
        text = text.replace(old, new)
    (tmp_path / "submission.toml").write_text(text, encoding="utf-8")
    found = read_submission(tmp_path)
    assert [count.read for count in found.counts] == [12, 18, 1, 1]


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("c.csv", NORDCAN, "nordcan"),
        ("c.txt", CANREG5, "canreg5"),
        ("c.csv", STATA, "stata"),
        ("c.csv", TIDY, "tidy"),
    ],
)
def test_layouts_are_told_by_their_columns(tmp_path, name, text, form):
    said, _ = proposed(tmp_path, {name: text})
    assert said["cases"]["format"] == form


def test_an_age_of_99_in_canreg5_is_to_be_said(tmp_path):
    said, guesses = proposed(tmp_path, {"c.txt": CANREG5})
    assert said["cases"]["codes"]["age"] == {"99": "?"}
    assert guesses["c.txt", "age 99"].sureness == "check"


def test_a_pair_of_seerstat(tmp_path):
    said, _ = proposed(tmp_path, {"c.txt": SEER, "c.dic": DIC})
    assert said["cases"] == {"file": "c.txt", "format": "seerstat", "dictionary": "c.dic"}


def test_which_of_two_pairs_is_asked(tmp_path):
    files = {"c.txt": SEER, "c.dic": DIC, "d.txt": SEER, "d.dic": DIC}
    with pytest.raises(UsageError, match=r"two files may be the cases.*Say --cases"):
        proposed(tmp_path, files)
    said, _ = proposed(tmp_path, {"b.csv": TIDY}, files={"cases": "d.txt"})
    assert said["cases"]["dictionary"] == "d.dic"


def test_columns_dates_and_codes_of_an_unknown_layout(tmp_path):
    said, guesses = proposed(tmp_path, {"c.csv": TIDY})
    assert said["cases"]["date_format"] == "%d/%m/%Y"
    assert said["cases"]["columns"] == {
        **{"sex": "sex", "age": "age", "patient_id": "pat", "incidence_date": "doi"},
        **{"vital_status": "status", "topography": "site", "morphology": "histo"},
    }
    # what 0 and 1 mean is never guessed
    assert said["cases"]["codes"] == {"vital_status": {"0": "?", "1": "?"}}
    assert guesses["c.csv", "topography"].why == "by its name; 2 of 2 values fit"
    (tmp_path / "submission.toml").write_text(
        propose(tmp_path).text.replace("??", "FI").replace("= false", "= true"), encoding="utf-8"
    )
    with pytest.raises(UsageError, match="mapped to what it does not know"):
        read_submission(tmp_path)


def test_an_age_in_days_and_a_site_in_words_are_not_taken_for_what_their_names_say(tmp_path):
    text = "sex,age,diag,site\n1,23004,1994-08-26,rectum\n2,12082,1996-08-27,colon\n"
    said, _ = proposed(tmp_path, {"c.csv": text})
    assert said["cases"]["columns"] == {
        "sex": "sex", "incidence_date": "diag", "age_days": "age"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("files", "how", "said"),
    [
        ({"a.csv": TIDY, "b.csv": TIDY}, {}, r"two files may be the cases.*Say --cases"),
        ({"a.csv": TIDY.replace("13/05", "12/05")}, {}, r"two layouts fit.*--date-format"),
        ({"a.csv": "doi;a,b;site\n2001;1,2;C509\n"}, {}, r"two delimiters fit.*--delimiter"),
        ({"a.csv": b"doi;site;town\n2001;C509;\xe8rnomelj\n"}, {}, r"not UTF-8.*--encoding"),
        ({"a.csv": TIDY}, {"files": {"cases": "b.csv"}}, "does not look like a file of cases"),
    ],
)
def test_what_is_ambiguous_is_refused(tmp_path, files, how, said):
    with pytest.raises(UsageError, match=said):
        proposed(tmp_path, files, **how)


def test_the_encoding_is_shown_in_each_reading(tmp_path):
    with pytest.raises(UsageError, match=r"windows-1252 '.*èrnomelj.*windows-1250 '.*črnomelj"):
        proposed(tmp_path, {"a.csv": b"doi;site;town\n2001;C509;\xe8rnomelj\n"})
    said, _ = proposed(tmp_path, {}, encoding="windows-1250")
    assert said["cases"]["encoding"] == "windows-1250"


def test_a_folder_without_cases(tmp_path):
    with pytest.raises(FileError, match="no file that looks like cases"):
        proposed(tmp_path, {"pop.csv": POPULATION})


def test_a_name_cannot_end_a_comment(tmp_path):
    header = 'doi;site;"a = 1\x85[cases]"\n2001;C509;1\n'
    said, _ = proposed(tmp_path, {"a.csv": header})
    assert said["cases"]["columns"] == {"incidence_date": "doi", "topography": "site"}


def test_the_verb_writes_once_and_shows_its_guesses(tmp_path, capsys):
    (tmp_path / "inc.csv").write_text(encr_text(), encoding="utf-8")
    assert main(["submission", "init", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "12 of 12 lines looked at have 39 fields" in shown
    assert main(["submission", "init", str(tmp_path)]) == 2
    assert main(["submission", "read", str(tmp_path)]) == 2  # not confirmed
    assert "country" in capsys.readouterr().err

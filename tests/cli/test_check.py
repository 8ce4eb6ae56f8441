"""``rarecare check``: files, screen and exit status."""

import shutil
from pathlib import Path

import pytest

from rarecare.cli import main

INVENTED = Path(__file__).parent.parent / "registry" / "report" / "invented"


@pytest.fixture
def clean(tmp_path):
    """The invented submission without its faults: lines 1 to 6."""
    folder = shutil.copytree(INVENTED, tmp_path / "clean")
    lines = (INVENTED / "cases.csv").read_text(encoding="utf-8").splitlines()[:6]
    (folder / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def doubtful(clean):
    """And one record that is unlikely, no more: adenocarcinoma of the prostate at 35."""
    line = "P9,T9,male,1975-04-04,2010-08-16,35,2012-12-31,868,alive,,C61.9,8140,3,2,7,0\n"
    with (clean / "cases.csv").open("a", encoding="utf-8") as file:
        file.write(line)
    return clean


def test_errors_make_the_status_1(tmp_path, capsys):
    assert main(["check", str(INVENTED), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "14 records of cases: 7 errors and 4 warnings open, in 9 records" in said
    assert "TUM-" not in said
    assert (tmp_path / "out" / "report.html").is_file()


def test_clean_files_make_it_0(clean, tmp_path, capsys):
    given = ["check", str(clean), "--out", str(tmp_path / "out"), "--fail-on", "warning"]
    assert main(given) == 0
    assert "0 errors and 0 warnings" in capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The checks that could be run find nothing to correct." in page


@pytest.mark.parametrize(("fail_on", "status"), [("error", 0), ("warning", 1), ("never", 0)])
def test_what_fails_is_chosen(doubtful, tmp_path, fail_on, status):
    given = ["check", str(doubtful), "--out", str(tmp_path / "out"), "--fail-on", fail_on]
    assert main(given) == status
    assert main(["check", str(INVENTED), "--out", str(tmp_path / "o"), "--fail-on", "never"]) == 0


def test_confirmed_and_silenced_no_longer_fail(doubtful, tmp_path):
    out = ["--out", str(tmp_path / "out"), "--fail-on", "warning"]
    confirmed = tmp_path / "confirmed.csv"
    confirmed.write_text("tumour_id,code,who,when\nT9,age-site-morphology,A.B.,2013-05-02\n")
    assert main(["check", str(doubtful), *out]) == 1
    assert main(["check", str(doubtful), *out, "--confirmed", str(confirmed)]) == 0
    assert main(["check", str(doubtful), *out, "--silence", "age-site-morphology"]) == 0


def test_the_last_check_is_compared_with(clean, tmp_path, capsys):
    own = tmp_path / "own"
    assert main(["check", str(INVENTED), "--out", str(tmp_path / "o"), "--own", str(own)]) == 1
    assert main(["check", str(clean), "--out", str(tmp_path / "p"), "--previous", str(own)]) == 0
    # line 7 to 15 are no longer sent
    assert "record no longer sent 11" in capsys.readouterr().out
    assert (tmp_path / "p" / "comparison.csv").is_file()


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        (["--language", "xx"], 2, "no messages in this language"),
        (["--silence", "sex-sight"], 2, "no check of this code"),
        (["--own", "OUT/own"], 2, "share a folder"),
        (["--fail-on", "info"], 2, "--fail-on"),
        (["--previous", "nowhere"], 1, "no such folder"),
        (["--confirmed", "nowhere.csv"], 1, "nowhere.csv"),
    ],
)
def test_wrong_use_is_named_and_nothing_written(tmp_path, capsys, given, status, said):
    out = tmp_path / "out"
    given = [each.replace("OUT", str(out)) for each in given]
    assert main(["check", str(INVENTED), "--out", str(out), *given]) == status
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert not out.exists()


def test_messages_in_another_language(tmp_path, capsys):
    main(["check", str(INVENTED), "--out", str(tmp_path / "out"), "--language", "fr"])
    text = (tmp_path / "out" / "summary.txt").read_text(encoding="utf-8")
    assert "A person of this sex does not have this organ" not in text

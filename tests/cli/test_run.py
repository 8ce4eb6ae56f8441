"""``rarecare demo`` and ``rarecare run``."""

import shutil
import subprocess
import sys

import pytest

from rarecare import open_release
from rarecare.cli import main
from rarecare.study import pipeline


@pytest.fixture(scope="module")
def demo(made_once):
    """A small demo, made on the command line."""

    def make(folder):
        choices = ["--cases", "1000", "--countries", "MT"]
        assert main(["demo", "--out", str(folder), *choices]) == 0

    return made_once("cli-demo", make)


def test_the_demo_is_a_data_call_and_its_release(demo, capsys):
    release = open_release(demo / "release")
    assert release.estimates.height > 100
    assert (demo / "data" / "SYNTHETIC.txt").is_file()


def test_run_says_what_the_release_holds(demo, tmp_path, capsys):
    assert main(["run", str(demo / "data" / "study.toml"), "--out", str(tmp_path / "r")]) == 0
    shown = capsys.readouterr().out
    assert "Synthetic data" in shown
    assert "net survival" in shown
    assert f"{tmp_path / 'r'}/report.html" in shown


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (('name = "synthetic-europe"', 'nam = "x"'), 2, ["nam", "Did you mean 'name'"]),
        (('path = "MT/incidence.csv"', 'path = "MT/gone.csv"'), 1, ["registry MT", "gone.csv"]),
        (('country = "MT"', 'country = "XX"'), 1, ["'XX'"]),
        (("synthetic = true", 'entities = ["77"]'), 2, ["77"]),
    ],
)
def test_a_faulty_study_is_refused(demo, tmp_path, capsys, change, status, words):
    text = (demo / "data" / "study.toml").read_text()
    assert change[0] in text
    study = demo / "data" / f"{tmp_path.parent.name}-{tmp_path.name}.toml"  # of this worker
    study.write_text(text.replace(*change))
    assert main(["run", str(study), "--out", str(tmp_path / "r")]) == status
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    for word in words:
        assert word in shown
    assert not list(tmp_path.iterdir())


KILLED = """
import os, sys
from pathlib import Path
from rarecare.study.release import open_release, write_release
Path.write_text = lambda *a, **k: os._exit(9)  # dies while the last file is written
write_release(open_release(sys.argv[1]), sys.argv[2])
"""


def test_a_process_killed_while_writing_leaves_the_earlier_release(demo, tmp_path):
    shutil.copytree(demo / "release", tmp_path / "r")
    before = open_release(tmp_path / "r").manifest
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(demo / "release"), str(tmp_path / "r")], check=False
    )
    assert done.returncode == 9
    assert open_release(tmp_path / "r").manifest == before


@pytest.mark.slow
def test_disk_full_on_the_command_line(demo, tmp_path, monkeypatch, capsys):
    def full(*_args, **_choices):
        raise OSError(28, "No space left on device", str(tmp_path / "r"))

    monkeypatch.setattr(pipeline, "write_release", full)
    assert main(["run", str(demo / "data" / "study.toml"), "--out", str(tmp_path / "r")]) == 1
    shown = capsys.readouterr().err
    assert "No space left on device" in shown
    assert "Traceback" not in shown

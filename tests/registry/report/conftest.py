"""An invented submission with planted faults, and its report."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from rarecare.registry.report import check

INVENTED = Path(__file__).parent / "invented"
TODAY = date(2014, 1, 31)


@pytest.fixture(scope="session")
def invented():
    """The folder of the submission."""
    return INVENTED


@pytest.fixture(scope="session")
def report():
    return check(INVENTED, today=TODAY)


@pytest.fixture
def changed(tmp_path):
    """The submission with lines of its cases replaced (None: removed) or added; its folder."""

    def write(replaced=(), added=()):
        folder = shutil.copytree(INVENTED, tmp_path / "changed", dirs_exist_ok=True)
        lines = (INVENTED / "cases.csv").read_text(encoding="utf-8").splitlines()
        for line, old, new in replaced:
            if old is None:
                lines[line - 1] = None
            else:
                assert old in lines[line - 1]
                lines[line - 1] = lines[line - 1].replace(old, new)
        text = "\n".join([line for line in lines if line is not None] + list(added)) + "\n"
        (folder / "cases.csv").write_text(text, encoding="utf-8")
        return folder

    return write

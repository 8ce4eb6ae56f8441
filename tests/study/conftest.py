"""Data calls and releases that the tests of a study share, made once for all workers."""

import re

import polars as pl
import pytest
import vl_convert

from rarecare import Population
from rarecare.demo import write_demo
from rarecare.study import open_release, run_study

MODELS = """
[models]
entities = ["rare"]
formula = "~ C(interval) + country + age_group + sex + stage"
covariates = ["country", "age_group", "sex", "stage"]
bootstrap = 20
determinants = { "age and sex" = ["age_group", "sex"], stage = ["stage"] }
"""
MEASURES = 'measures = ["incidence", "net survival", "prevalence", "trend"]'
EXPECTED = '[expected]\nname = "EU"\npopulation = { path = "target.csv" }\n'


def survival_alone(text):
    """The demo's study with net survival alone."""
    head, rest = text.split("[incidence]", 1)
    assert MEASURES in head
    head = head.replace(MEASURES, 'measures = ["net survival"]')
    registries = rest[rest.index("[[registries]]") :].splitlines()
    kept = [line for line in registries if not line.startswith("events")]
    return "\n".join([f'{head}[exclusions]\nbad_rows = "exclude"\n', *kept, ""])


@pytest.fixture(scope="session")
def whole_data(made_once):
    """Three synthetic countries, 60 000 cases, with every measure that a study can ask for.

    The target of the expected cases is of two of these countries and of Malta.
    """

    def make(folder):
        data = write_demo(folder / "data", cases=60_000, countries=["BG", "SI", "FI"])
        frames = [
            Population.read(data / source / "population.csv")
            .part(year=2007)
            .table.with_columns(area=pl.lit(code), person_years=pl.col("person_years") * 3)
            for source, code in (("BG", "BG"), ("SI", "SI"), ("SI", "MT"))
        ]
        pl.concat(frames).drop("year").write_csv(data / "target.csv")
        text = (data / "study.toml").read_text(encoding="utf-8")
        head, registries = text.split("[[registries]]", 1)
        head, found = re.subn(r"(?m)^complete = .*$", 'complete = ["rare"]', head)
        assert found == 1
        (data / "study.toml").write_text(
            f"{head}{EXPECTED}{MODELS}\n[[registries]]{registries}", encoding="utf-8"
        )

    return made_once("whole-data", make) / "data"


@pytest.fixture(scope="session")
def whole_release(made_once, whole_data):
    """Their release, as it is read back."""
    folder = made_once("whole-release", lambda out: run_study(whole_data / "study.toml", out / "r"))
    return open_release(folder / "r")


@pytest.fixture(scope="session")
def small_data(made_once):
    """Slovenia and Malta, 3 000 cases: for what does not depend on how many there are.

    ``survival.toml`` asks for net survival alone.
    """

    def make(folder):
        data = write_demo(folder / "data", cases=3_000, countries=["SI", "MT"])
        text = (data / "study.toml").read_text(encoding="utf-8")
        (data / "survival.toml").write_text(survival_alone(text), encoding="utf-8")

    return made_once("small-data", make) / "data"


@pytest.fixture(scope="session")
def small_release(made_once, small_data):
    """Their release, as it is read back."""
    folder = made_once("small-release", lambda out: run_study(small_data / "study.toml", out / "r"))
    return open_release(folder / "r")


@pytest.fixture(scope="session")
def drawings():
    """The drawings made so far, by what was asked."""
    return {}


@pytest.fixture
def drawn_once(drawings, monkeypatch):
    """Draw each figure once: pages that differ in a few figures share the others."""
    draw = vl_convert.vegalite_to_svg

    def drawn(spec, **choices):
        asked = (spec, repr(choices))
        if asked not in drawings:
            drawings[asked] = draw(spec, **choices)
        return drawings[asked]

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", drawn)

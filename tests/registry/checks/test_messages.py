"""Messages in eight languages and the page of checks: complete, and made of the checks."""

import importlib.util
import re
from pathlib import Path

import pytest

from rarecare.errors import UsageError
from rarecare.registry.checks import CHECKS
from rarecare.registry.checks.documentation import entry, page
from rarecare.registry.checks.messages import LANGUAGES, TRANSLATED, message
from rarecare.registry.checks.register import BY_CODE

ROOT = Path(__file__).parents[3]

ALIKE = {
    *((language, "DCO") for language in TRANSLATED),
    *(
        ("de", "Status"),
        ("nl", "Status"),
        ("nl", "Interval"),
        ("nl", "open"),
        ("nl", "Records"),
        ("nl", "Indicator"),
    ),
    *(("es", "error"), ("fr", "Figure {number}"), ("fr", "population"), ("fr", "incidence")),
    *(("fr", "{name}, incidence {first}–{last}"), ("it", "File"), ("sl", "Program")),
    ("fr", "Incidence {first}–{last}."),
}
"""Words of the page that are the same in English."""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("checks_script", ROOT / "scripts" / "checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def translations(script, language):
    return {its.id: its for its in script.read(language) if its.id}


def test_the_languages_of_the_first_network():
    assert set(LANGUAGES) == {"en", "it", "fr", "de", "es", "nl", "sl", "bg"}
    folders = ROOT / "src" / "rarecare" / "registry" / "checks" / "locale"
    assert {folder.name for folder in folders.iterdir()} == set(TRANSLATED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated(script, language):
    said = translations(script, language)
    assert set(said) == set(script.messages())
    for text, its in said.items():
        assert its.string.strip(), text
        assert its.string != text or (language, text) in ALIKE, text
        assert not its.fuzzy, text
        for fixed in (r"\{\w*\}", r"\bC\d\d\b", r"\d+(?:\.\d+)?(?:/\d)?"):
            assert sorted(re.findall(fixed, its.string)) == sorted(re.findall(fixed, text)), text
        assert text.endswith(".") == its.string.endswith("."), text


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_two_titles_say_the_same(script, language):
    said = translations(script, language)
    titles = {check.title for check in CHECKS}
    assert len({said[title].string for title in titles}) == len(titles)


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_compiled_catalog_is_current(script, language):
    said = {text: its.string for text, its in translations(script, language).items()}
    assert script.path(language).read_bytes() == script.renewed(language, said)
    assert script.path(language, "mo").read_bytes() == script.compiled(script.read(language))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalog_says_whether_it_is_reviewed(script, language):
    header = script.path(language).read_text(encoding="utf-8")[:400]
    assert "ot yet reviewed by a named person" in header


def test_messages_of_a_check():
    check = BY_CODE["sex-site"]
    assert message(check).title == check.title
    assert message(check, "it").title == "Una persona di questo sesso non ha questo organo"
    assert message(check, "bg").remedy == "Поправете записа по първичните документи."
    assert message(BY_CODE["missing-topography"], "nl").title == "topography ontbreekt"


def test_there_are_no_messages_in_another_language():
    with pytest.raises(UsageError, match=r"language.*'pt'.*allowed: en, it"):
        message(CHECKS[0], "pt")


def test_the_page_is_current(script):
    assert script.PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_has_its_entry(check):
    text = entry(check)
    assert text in page()
    said = message(check)
    for part in (said.why, said.remedy, check.source, f"sureness {check.sureness}"):
        assert part in text

"""The portal's languages: every text is marked, translated, compiled, and used."""

import gettext as gnu
import importlib.util
import re

import pytest
from babel import Locale
from babel.messages.catalog import Message
from django.test import Client
from django.utils.translation import gettext, ngettext, override

from rarecare.portal import names, numbers
from rarecare.portal.knowledge.catalogue import forget
from rarecare.portal.knowledge.models import CatalogueReview
from rarecare.portal.languages import CODES
from rarecare.portal.readers import BY_CODE
from tests.conftest import ROOT

LANGUAGES = CODES[1:]


def _script():
    spec = importlib.util.spec_from_file_location("catalogues", ROOT / "scripts" / "catalogues.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


catalogues = _script()


@pytest.fixture(scope="module")
def sources():
    return catalogues.sources()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_the_texts_of_the_sources_and_no_others(language, sources):
    """If this fails: ``python scripts/catalogues.py`` says what to translate."""
    assert set(catalogues.entries(catalogues.read(language))) == set(sources)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_fuzzy_or_breaks_its_placeholders(language):
    entries = catalogues.entries(catalogues.read(language))
    assert len(entries) > 900
    assert not {
        key: found for key, one in entries.items() if (found := catalogues.problems(one, language))
    }
    assert not catalogues.read(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_compiled_is_what_is_written(language):
    assert catalogues.path_of(language, "mo").read_bytes() == catalogues.compiled(language)


@pytest.mark.parametrize(
    ("source", "text", "language", "problem"),
    [
        ("Start", "", "it", "empty"),
        ("Start", "  ", "it", "empty"),
        ("%(n)s of 100", "100", "it", "placeholders"),
        ("%(n)s of 100", "%(m)s su 100", "it", "placeholders"),
        ("%(n)s%% of 100", "%(n)s di 100", "it", "placeholders"),
        ("%(n)s of 100", "%(n)s % di 100", "it", "a lone %"),
        ("Or <a>this</a>", "O questo", "it", "placeholders"),
        ("One dot. ", "Un punto.", "it", "space"),
        (("%(n)s case", "%(n)s cases"), ("%(n)s primer", "%(n)s primera"), "sl", "2 forms"),
        (("%(n)s case", "%(n)s cases"), ("%(n)s caso", "casi"), "it", "placeholders"),
    ],
)
def test_what_is_wrong_with_a_text_is_found(source, text, language, problem):
    assert any(problem in one for one in catalogues.problems(Message(source, text), language))


def test_a_singular_may_say_one_in_words():
    entry = Message(("the country", "all %(n)s countries"), ("il Paese", "tutti i %(n)s Paesi"))
    assert catalogues.problems(entry, "it") == []


def test_a_fuzzy_text_is_found():
    assert catalogues.problems(Message("Start", "Inizio", flags={"fuzzy"}), "it") == ["fuzzy"]


def test_every_text_of_the_templates_is_marked():
    assert catalogues.unmarked() == []


@pytest.mark.parametrize(
    "template",
    [
        "<p>Seen</p>",
        '<a title="Seen">{{ x }}</a>',
        "{% if x %}Seen{% endif %}",
        '<nav aria-label="Seen"></nav>',
        '{% translate "This is" %} Seen',
        "{% blocktranslate %}This is{% endblocktranslate %} Seen",
    ],
)
def test_unmarked_text_is_found(template):
    assert catalogues.unmarked_in(template) == ["Seen"]


def test_marked_text_and_text_for_machines_is_left_alone():
    assert catalogues.unmarked_in(
        '<p class="lede">{% translate "Seen" %} {% blocktranslate with a=b %}So {{ a }}'
        "{% endblocktranslate %} <code>x.csv</code> {{ name }} · 12</p>"
    ) == []  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_forms_of_a_language_are_those_of_cldr(language):
    """Numbers that CLDR tells apart have a form each: in Slovene one, two, three and four, more."""
    forms = Locale(language).plural_form
    index = gnu.c2py(catalogues.PLURALS[language])
    pairs = {(forms(n), int(index(n))) for n in range(1000)}
    assert len(pairs) == len({form for form, _ in pairs}) == catalogues.FORMS[language]


def test_slovene_has_a_dual():
    with override("sl"):
        said = [ngettext("%(n)s year", "%(n)s years", n) % {"n": n} for n in (1, 2, 3, 4, 5, 102)]
    assert said == ["1 leto", "2 leti", "3 leta", "4 leta", "5 let", "102 leti"]


@pytest.mark.parametrize(
    ("language", "term"),
    [
        ("it", "Sopravvivenza netta"), ("fr", "Survie nette"), ("de", "Netto-Überleben"),
        ("es", "Supervivencia neta"), ("nl", "Netto overleving"), ("sl", "Čisto preživetje"),
        ("bg", "Нетна преживяемост"),
    ],
)  # fmt: skip
def test_net_survival_has_the_word_of_the_field(language, term):
    with override(language):
        assert gettext("Net survival") == term


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", ("1,234.5", "31 May 2007", "Slovenia")),
        ("it", ("1.234,5", "31 maggio 2007", "Slovenia")),
        ("fr", ("1\u202f234,5", "31 mai 2007", "Slovénie")),
        ("de", ("1.234,5", "31. Mai 2007", "Slowenien")),
        ("es", ("1.234,5", "31 de mayo de 2007", "Eslovenia")),
        ("nl", ("1.234,5", "31 mei 2007", "Slovenië")),
        ("sl", ("1.234,5", "31. maj 2007", "Slovenija")),
        ("bg", ("1\xa0234,5", "31 май 2007\u202fг.", "Словения")),
    ],
)
def test_numbers_days_and_countries_follow_cldr(language, told):
    with override(language):
        assert (
            numbers.number(1234.5, decimals=1),
            numbers.day("2007-05-31"),
            numbers.country("SI", "-"),
        ) == told


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_is_in_its_language(language, portal):
    html = Client().get(f"/{language}/cancers/08-sarcomas/?for=researcher").content.decode()
    assert f'<html lang="{language}">' in html
    with override(language):
        wanted = [gettext("Who gets it"), gettext("Skip to content"), str(BY_CODE["gp"].name)]
    assert all(words in html for words in wanted)
    assert not re.search(r">\s*(Who gets it|In short|Skip to content|Over the years)\s*<", html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_patients_read_numbers_in_english_until_a_language_is_reviewed(language, portal):
    html = Client().get(f"/{language}/cancers/08-sarcomas/?for=patient").content.decode()
    with override(language):
        notice = gettext(
            "No named person has yet reviewed the text for patients in this language, so the part "
            "with numbers is in English."
        )
    assert notice in html.replace("&#x27;", "'")
    assert "Who gets it" in html


@pytest.mark.parametrize(
    ("language", "name", "shown"),
    [
        ("en", "Bone sarcoma", "Bone sarcoma"),
        ("en", "Sarcomas", "Sarcomas"),  # a Spanish name too
        ("sl", "Bone sarcoma", "Kostni sarkom"),
        ("sl", "Osteogenic sarcoma", '<span class="fallback" lang="en">Osteogenic sarcoma</span>'),
        ("de", "Kostni sarkom", '<span class="fallback" lang="sl">Kostni sarkom</span>'),
        ("fr", "Thorax", "Thorax"),
        ("it", "<b>", '<span class="fallback" lang="en">&lt;b&gt;</span>'),
    ],
)
def test_a_name_that_is_not_in_the_page_s_language_is_marked(language, name, shown):
    with override(language):
        assert names.named(name) == shown


def test_a_sheet_has_its_name_in_the_page_s_language_and_says_that_it_is_not_reviewed(portal):
    html = Client().get("/sl/cancers/08.02-bone-sarcoma/?for=researcher").content.decode()
    assert "<h1>Kostni sarkom</h1>" in html
    assert '<span lang="en">Bone sarcoma</span> (ime je prevedeno, ni pregledano)' in html
    english = Client().get("/en/cancers/08.02-bone-sarcoma/?for=researcher").content.decode()
    assert "<h1>Bone sarcoma</h1>" in english
    assert "translated" not in english
    rarer = Client().get("/sl/cancers/08.02.01/?for=researcher").content.decode()
    assert re.search(r'<h1><span class="fallback" lang="en">[^<]+</span></h1>', rarer)


@pytest.mark.parametrize("asked", ["Kostni sarkom", "Knochensarkom", "костен сарком"])
def test_a_cancer_is_found_by_its_name_in_any_language(asked, portal):
    html = Client().get("/en/search/", {"q": asked}).content.decode()
    assert 'href="/en/cancers/08.02-bone-sarcoma/"' in html


def test_a_named_reviewer_opens_the_numbers_to_patients_in_their_language(portal):
    address = "/it/cancers/08-sarcomas/?for=patient"
    assert "Chi si ammala" not in Client().get(address).content.decode()
    CatalogueReview.objects.create(
        language="it", reviewer_name="Invented", organisation="None", reviewed="2026-01-01"
    )
    forget()
    html = Client().get(address).content.decode()
    forget()
    assert "Chi si ammala" in html
    assert "Who gets it" not in html
    assert "la parte con i numeri è in inglese" not in html
    assert "Who gets it" in Client().get("/fr/cancers/08-sarcomas/?for=patient").content.decode()

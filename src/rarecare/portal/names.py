"""Names of cancers in the language of the page; English ones are marked where there is no other."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from rarecare.codes.entity_names import EntityName, entity_name, language_of
from rarecare.portal.languages import FALLBACK


def translated(name: str) -> EntityName | None:
    """Return the name of a cancer in the language of the page, or None where it has none."""
    return entity_name(name, get_language() or FALLBACK)


def name_text(name: str) -> str:
    """Return the name of a cancer in the language of the page, or as it is, in English."""
    found = translated(name)
    return found.text if found is not None else name


def name_language(name: str) -> str:
    """Return the language of what ``name_text`` returns."""
    found = translated(name)
    if found is not None:
        return found.language
    return language_of(name, prefer=get_language() or FALLBACK) or FALLBACK


def named(name: str) -> SafeString:
    """Return the name of a cancer for a page, marked where it is not in the page's language."""
    language, text = name_language(name), name_text(name)
    if language == (get_language() or FALLBACK):
        return format_html("{}", text)
    return format_html('<span class="fallback" lang="{}">{}</span>', language, text)

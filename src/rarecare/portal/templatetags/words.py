"""Filters and tags of the templates: numbers, addresses, the drawing of a value."""

from __future__ import annotations

from typing import Any

from django import template

from rarecare.portal import names, numbers
from rarecare.portal.opened import Entity
from rarecare.portal.places import Places

register = template.Library()
register.filter("named", names.named)
register.filter("translated", names.translated)
register.filter("name_text", names.name_text)
register.filter("name_language", names.name_language)


@register.filter
def day(iso: str) -> str:
    """Return a day in words."""
    return numbers.day(iso)


@register.filter
def years(period: str) -> str:
    """Return years with a dash."""
    return numbers.years(period)


@register.filter
def whole(value: float) -> str:
    """Return a whole number."""
    return numbers.number(value)


@register.simple_tag(takes_context=True)
def cancer_url(context: Any, entity: Entity, **query: str) -> str:
    """Return the address of a cancer, in the release and language of the page."""
    places: Places = context["places"]
    return places.cancer(entity, **{name.rstrip("_"): value for name, value in query.items()})

"""Tags of a cancer's sheet; made when drawn, so that they follow the language of its words."""

from __future__ import annotations

from django import template

from rarecare.portal.estimates.figures import people_key
from rarecare.portal.estimates.sheet import Asked, Section, sections_of

register = template.Library()
register.filter("people_key", people_key)


@register.simple_tag
def sections(asked: Asked) -> list[Section]:
    """Return the sections of a sheet."""
    return sections_of(asked)

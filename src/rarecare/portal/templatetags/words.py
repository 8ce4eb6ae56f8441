"""Filters and tags of the templates: numbers, addresses, the drawing of a value."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.base import Node, Parser, Token
from django.templatetags.i18n import TranslateNode, do_translate
from django.utils.translation import get_language

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


class Constant(Node):
    """A text of a template, put into each language once."""

    def __init__(self, text: TranslateNode) -> None:
        self.text = text
        self.said: dict[str | None, str] = {}

    def render(self, context: Any) -> str:
        """Return it in the language of the request."""
        language = get_language()
        if language not in self.said:
            self.said[language] = self.text.render(context)
        return self.said[language]


@register.tag("translate")
def translate(parser: Parser, token: Token) -> Node:
    """Read ``translate`` as Django does; a page has a hundred that are nothing but a text."""
    node = do_translate(parser, token)
    assert isinstance(node, TranslateNode)
    text = node.filter_expression
    plain = text.var.literal is not None and not text.filters
    return Constant(node) if plain and not (node.asvar or node.message_context) else node

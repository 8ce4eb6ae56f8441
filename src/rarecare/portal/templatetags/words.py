"""Filters and tags of the templates: numbers, addresses, the drawing of a value."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.base import Node, Parser, Token
from django.template.defaulttags import url as read_url
from django.templatetags.i18n import do_translate
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
    """A part of a template that depends on the language alone, made once in each.

    Parameters
    ----------
    part
        As Django reads it.
    name
        Of the variable it is kept in; None where it is shown.
    """

    def __init__(self, part: Node, name: str | None) -> None:
        self.part, self.name = part, name
        self.made: dict[str | None, Any] = {}

    def render(self, context: Any) -> str:
        """Return it in the language of the request."""
        language = get_language()
        if language not in self.made:
            shown = self.part.render(context)
            self.made[language] = shown if self.name is None else context[self.name]
        if self.name is None:
            return str(self.made[language])
        context[self.name] = self.made[language]
        return ""


@register.tag("translate")
def translate(parser: Parser, token: Token) -> Node:
    """Read ``translate`` as Django does; most are nothing but a text."""
    node = do_translate(parser, token)
    text = node.filter_expression
    if text.var.literal is None or text.filters or node.message_context:
        return node
    return Constant(node, node.asvar)


@register.tag("url")
def url(parser: Parser, token: Token) -> Node:
    """Read ``url`` as Django does; most lead to the same page from everywhere."""
    node = read_url(parser, token)
    if node.args or node.kwargs or not isinstance(node.view_name.var, str):
        return node
    return Constant(node, node.asvar)

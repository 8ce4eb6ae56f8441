"""Filters of the templates: addresses, numbers."""

from __future__ import annotations

from django import template

register = template.Library()

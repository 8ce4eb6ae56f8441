"""Numbers of the list of rare cancers: checking them, naming them, and which lie within which."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from rarecare.codes import default_list
from rarecare.errors import nearest


@cache
def entity_names() -> dict[str, str]:
    """Return every number of the list with its English name; a family by its first digits."""
    table = default_list().entities
    families = {row["entity_id"][:2]: row["family"] for row in table.iter_rows(named=True)}
    names = {row["entity_id"]: row["name"] for row in table.iter_rows(named=True)}
    return dict(sorted((families | names).items()))


def check_entity(number: str) -> None:
    """Refuse a number that is not in the list.

    Raises
    ------
    ValidationError
        It is not; the message names the nearest.
    """
    if number not in entity_names():
        near = nearest(number, list(entity_names()))
        words = _("%(number)s is not in the list of rare cancers.") % {"number": number}
        raise ValidationError(
            f"{words} " + (_("Did you mean %(near)s?") % {"near": near} if near else "")
        )


def within(number: str) -> Sequence[str]:
    """Return the numbers that speak for a cancer: its own, its parents', and those under it.

    >>> within("08.02.01")[:3]
    ['08', '08.02', '08.02.01']
    """
    above = [number[:end] for end in (2, 5, 8) if end <= len(number)]
    below = [one for one in entity_names() if one.startswith(f"{number}.")]
    return [*above, *below]

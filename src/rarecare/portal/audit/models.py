"""One table of histories: each entry holds the hash of the one before it, and none is changed.

The chain is that of ``rarecare.care.history``. The database itself refuses to change or remove an
entry (triggers in the first migration); this module refuses it earlier, with a reason.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from rarecare.errors import UsageError


def _refuse() -> NoReturn:
    raise UsageError(
        "an entry of a history is neither changed nor removed",
        remedy="Add an entry that corrects it.",
    )


class EntryQuerySet(models.QuerySet["Entry"]):
    """Entries, which are read and added only."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse."""
        _refuse()

    def delete(self) -> NoReturn:
        """Refuse."""
        _refuse()


class Entry(models.Model):
    """One entry of one book, as ``rarecare.care.history.Entry``.

    Attributes
    ----------
    book
        Which history.
    number, day, kind, previous, hash
        As there.
    content
        Its contents as the one JSON text that is hashed.
    """

    book = models.CharField(_("book"), max_length=40)
    number = models.PositiveIntegerField(_("number"))
    day = models.DateField(_("day"))
    kind = models.CharField(_("kind"), max_length=80)
    content = models.TextField(_("contents"))
    previous = models.CharField(_("hash of the entry before"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)

    objects = EntryQuerySet.as_manager()

    class Meta:
        """One numbering for each book."""

        verbose_name = _("entry of a history")
        verbose_name_plural = _("entries of histories")
        ordering = ("book", "number")
        constraints = (
            models.UniqueConstraint(fields=("book", "number"), name="one_entry_per_number"),
        )
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.book} {self.number}: {self.kind}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the entry; refuse to change one."""
        if not self._state.adding:
            _refuse()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        _refuse()

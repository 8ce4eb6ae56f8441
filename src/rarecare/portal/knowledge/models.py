"""Pages that people write, version by version, each with author, sources and review.

A page is one text for one cancer (or one word of the glossary), audience and language. Its
versions are added, never changed; only a version's review is filled in later, once.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from rarecare.errors import UsageError
from rarecare.portal.directory.entities import check_entity
from rarecare.portal.knowledge.catalogue import digest
from rarecare.portal.languages import LANGUAGES


class Kind(models.TextChoices):
    """What a page is about."""

    DIAGNOSIS = "diagnosis", _("diagnosis")
    MANAGEMENT = "management", _("management")
    MATERIAL = "material", _("information for patients")
    GLOSSARY = "glossary", _("word of the glossary")


class Audience(models.TextChoices):
    """For whom it is written; the codes are those of the readers of the portal."""

    ALL = "all", _("everyone")
    PATIENT = "patient", _("patients")
    GP = "gp", _("family doctors")
    ONCOLOGIST = "oncologist", _("oncologists")
    RESEARCHER = "researcher", _("researchers")
    AUTHORITY = "authority", _("health authorities")


class Page(models.Model):
    """A page: what about, of which subject, for whom, in which language.

    Attributes
    ----------
    subject
        The number of a cancer; of a word of the glossary, its address.
    """

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    subject = models.CharField(_("subject"), max_length=60)
    audience = models.CharField(_("for"), max_length=12, choices=Audience, default=Audience.ALL)
    language = models.CharField(_("language"), max_length=5, choices=list(LANGUAGES))

    class Meta:
        """Each once."""

        verbose_name = _("page")
        verbose_name_plural = _("pages")
        ordering = ("kind", "subject", "audience", "language")
        permissions = (
            ("write", _("Write versions of pages")), ("approve", _("Review versions of pages")),
        )  # fmt: skip
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "subject", "audience", "language"), name="one_page_of_a_kind"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject} ({self.language}, {self.audience})"

    def clean(self) -> None:
        """Refuse a subject that is not in the list of rare cancers."""
        super().clean()
        if self.kind != Kind.GLOSSARY:
            try:
                check_entity(self.subject)
            except ValidationError as error:
                raise ValidationError({"subject": error.messages}) from None

    @property
    def shown(self) -> Version | None:
        """The version visitors see: the last reviewed in force, else the last published."""
        versions = list(self.versions.filter(published=True).order_by("-number"))
        return next((one for one in versions if one.reviewed), versions[0] if versions else None)


class Version(models.Model):
    """One version of a page.

    Attributes
    ----------
    title, text
        The text in Markdown; HTML in it is shown as text.
    sources
        One on each line; without a source a medical page is not published.
    author, author_name, written
        The account and the name shown.
    reviewer, reviewer_name, reviewed, review_due
        Someone else, who has read it; until then the page says that no one has.
    published
        Whether visitors see it.
    """

    page = models.ForeignKey(Page, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"), editable=False)
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), validators=(MinLengthValidator(20),))
    sources = models.TextField(_("sources, one on each line"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="written"
    )
    author_name = models.CharField(_("author"), max_length=120, editable=False)
    written = models.DateField(_("written"), editable=False)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False,
        related_name="reviewed_versions",
    )  # fmt: skip
    reviewer_name = models.CharField(_("reviewer"), max_length=200, blank=True, editable=False)
    reviewed = models.DateField(_("reviewed"), null=True, editable=False)
    review_due = models.DateField(_("to be reviewed again by"), null=True, editable=False)
    published = models.BooleanField(_("published"), default=False)

    class Meta:
        """Numbered within its page."""

        verbose_name = _("version of a page")
        verbose_name_plural = _("versions of pages")
        ordering = ("page", "-number")
        constraints = (
            models.UniqueConstraint(fields=("page", "number"), name="one_version_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.title}, {self.number}"

    _FIXED = ("page_id", "number", "title", "text", "sources", "author_name", "written")

    def clean(self) -> None:
        """Refuse a published medical page without sources."""
        super().clean()
        medical = self.page_id is not None and self.page.kind != Kind.GLOSSARY
        if self.published and medical and not self.sources.strip():
            raise ValidationError({"sources": _("A page is published with its sources.")})

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the version, or its review; refuse to change its text.

        Raises
        ------
        UsageError
            The text of a stored version, or its review, would change.
        """
        if not self._state.adding:
            held = Version.objects.get(pk=self.pk)
            fixed = self._FIXED if held.reviewed is None else (
                *self._FIXED, "reviewer_name", "reviewed", "review_due")  # fmt: skip
            changed = [name for name in fixed if getattr(held, name) != getattr(self, name)]
            if changed:
                raise UsageError("a version of a page is not changed", value=changed[0],
                                 remedy="Write a new version.")  # fmt: skip
        super().save(*args, **kwargs)

    @property
    def source_list(self) -> list[str]:
        """Sources, one each."""
        return [line.strip() for line in self.sources.splitlines() if line.strip()]


class CatalogueReview(models.Model):
    """That a named person has read the texts of the portal in a language, as they were then.

    The texts are known by their hash: after a change the review no longer holds.
    """

    language = models.CharField(
        _("language"), max_length=5, choices=[one for one in LANGUAGES if one[0] != "en"]
    )
    reviewer_name = models.CharField(_("read by"), max_length=120)
    organisation = models.CharField(_("organisation"), max_length=200)
    reviewed = models.DateField(_("read on"))
    note = models.CharField(_("note"), max_length=300, blank=True)
    digest = models.CharField(_("hash of the texts"), max_length=64, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False
    )

    class Meta:
        """Words for people."""

        verbose_name = _("review of a language")
        verbose_name_plural = _("reviews of languages")
        ordering = ("language", "-reviewed")

    def __str__(self) -> str:
        return f"{self.get_language_display()}: {self.reviewer_name}, {self.reviewed}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the hash of the texts as they are now, when first saved."""
        if self._state.adding:
            self.digest = digest(self.language)
        super().save(*args, **kwargs)

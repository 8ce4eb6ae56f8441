"""From nomination to decision: the nomination, its evidence and documents, its reviews.

The decision itself is an entry of the history of designations (``rarecare.care.designation``).
"""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinLengthValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from rarecare.care.evidence import KINDS
from rarecare.portal.consensus.models import CriteriaVersion

_WORDS = {
    "self-declared": _("self-declared"), "computed": _("computed"), "certified": _("certified"),
}  # fmt: skip


class Nomination(models.Model):
    """A centre put forward under a version of criteria.

    Attributes
    ----------
    centre, criteria
        The centre, and the version its evidence is for.
    nominated_by, account
        The organisation that nominated, and who did so for it.
    statement
        Why, in words.
    state
        Evidence is added while ``gathering``; two reviewers or more read it ``in review``.
    day, submitted, ended
        Of nomination, of the end of gathering, and of decision or withdrawal.
    """

    class State(models.TextChoices):
        """Where a nomination stands."""

        GATHERING = "gathering", _("evidence is being gathered")
        REVIEW = "review", _("under review")
        DECIDED = "decided", _("decided")
        TAKEN_BACK = "taken back", _("taken back")

    centre = models.ForeignKey("directory.Organisation", models.PROTECT, related_name="nominations")
    criteria = models.ForeignKey(CriteriaVersion, models.PROTECT, related_name="nominations")
    nominated_by = models.ForeignKey(
        "directory.Organisation", models.PROTECT, related_name="nominated"
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="nominations"
    )
    statement = models.TextField(
        _("reasons"), max_length=3000, validators=(MinLengthValidator(20),)
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.GATHERING)
    day = models.DateField(_("nominated on"))
    submitted = models.DateField(_("submitted on"), null=True)
    ended = models.DateField(_("ended on"), null=True)

    class Meta:
        """One open nomination for each centre and set of criteria is kept by the service."""

        verbose_name = _("nomination")
        verbose_name_plural = _("nominations")
        ordering = ("-day", "-pk")

    def __str__(self) -> str:
        return f"{self.centre} ({self.criteria.set_id} {self.criteria.version})"

    @property
    def open(self) -> bool:
        """Whether it is not ended."""
        return self.state in (self.State.GATHERING, self.State.REVIEW)


class Document(models.Model):
    """A file behind a piece of evidence: checked on arrival, read by those who review."""

    nomination = models.ForeignKey(Nomination, models.PROTECT, related_name="documents")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    name = models.CharField(_("file name"), max_length=120)
    media_type = models.CharField(_("type"), max_length=60)
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField(_("contents"), max_length=5_000_000)
    added = models.DateField(_("added"))

    class Meta:
        """Words for people."""

        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.name


class Evidence(models.Model):
    """One piece of evidence, with the columns of ``rarecare.care.evidence``."""

    nomination = models.ForeignKey(Nomination, models.PROTECT, related_name="evidence")
    criterion = models.CharField(_("criterion"), max_length=80)
    value = models.CharField(_("value"), max_length=500, blank=True)
    kind = models.CharField(
        _("who says so"), max_length=20, choices=[(kind, _WORDS[kind]) for kind in KINDS]
    )
    date = models.DateField(_("date"))
    source = models.CharField(_("source"), max_length=300)
    expires = models.DateField(_("valid until"), null=True, blank=True)
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)

    class Meta:
        """One of a kind and day for each criterion."""

        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(
                fields=("nomination", "criterion", "kind", "date"),
                name="one_piece_of_a_kind_and_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.criterion}: {self.value}"


class Review(models.Model):
    """What one reviewer found: a recommendation, reasons, and which text criteria are met."""

    class Recommendation(models.TextChoices):
        """What the reviewer recommends."""

        DESIGNATE = "designate", _("designate")
        REFUSE = "refuse", _("do not designate")

    nomination = models.ForeignKey(Nomination, models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews", verbose_name=_("reviewer")
    )
    organisation = models.CharField(_("organisation"), max_length=200)
    recommendation = models.CharField(_("recommendation"), max_length=12, choices=Recommendation)
    reasons = models.TextField(_("reasons"), max_length=3000, validators=(MinLengthValidator(20),))
    found = models.JSONField(_("text criteria met"), default=dict)
    day = models.DateField(_("day"))

    class Meta:
        """One review from each reviewer."""

        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ("day", "pk")
        constraints = (
            models.UniqueConstraint(fields=("nomination", "reviewer"), name="reviewed_once"),
        )

    def __str__(self) -> str:
        return f"{self.nomination}: {self.reviewer}"

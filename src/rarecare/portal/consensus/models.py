"""Versions of criteria and the rounds that agree on them, as ``rarecare.care`` defines both.

A version and a consensus that was opened are kept as the text that ``care`` writes and hashes;
what is worked out from ratings is worked out there.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from rarecare.care.consensus_model import ROLES, SMALLEST_GROUP
from rarecare.care.criteria import CriteriaSet, criteria_of
from rarecare.care.ratings import HIGHEST, LOWEST
from rarecare.errors import UsageError
from rarecare.toml_files import parsed


class CriteriaVersion(models.Model):
    """A version of criteria; its text is never changed.

    Attributes
    ----------
    set_id, version, title, status, published, sha256
        As in the text, for searching.
    text
        TOML, as ``CriteriaSet.to_toml``.
    """

    set_id = models.CharField(_("criteria"), max_length=80)
    version = models.CharField(_("version"), max_length=40)
    title = models.CharField(_("title"), max_length=200)
    status = models.CharField(
        _("status"), max_length=10, choices=(("proposed", _("proposed")), ("agreed", _("agreed")))
    )
    published = models.DateField(_("published"), null=True)
    sha256 = models.CharField(max_length=64, unique=True)
    text = models.TextField(_("text"))

    class Meta:
        """One text for each version."""

        verbose_name = _("version of criteria")
        verbose_name_plural = _("versions of criteria")
        ordering = ("set_id", "status", "published", "version")
        constraints = (
            models.UniqueConstraint(fields=("set_id", "version"), name="one_text_per_version"),
        )

    def __str__(self) -> str:
        return f"{self.title}, {self.version} ({self.get_status_display()})"

    @classmethod
    def of(cls, criteria: CriteriaSet) -> CriteriaVersion:
        """Return the row of a version, not yet saved."""
        return cls(
            set_id=criteria.id, version=criteria.version, title=criteria.title,
            status=criteria.status, published=criteria.published, sha256=criteria.sha256,
            text=criteria.to_toml(),
        )  # fmt: skip

    @property
    def criteria(self) -> CriteriaSet:
        """The version itself."""
        return criteria_of(parsed(self.text, str(self)), file=str(self))

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the version; refuse to change one."""
        if not self._state.adding:
            raise UsageError("a version of criteria is not changed", value=str(self),
                             remedy="Propose a new version.")  # fmt: skip
        super().save(*args, **kwargs)


class Consensus(models.Model):
    """A consensus on a proposed version.

    Attributes
    ----------
    slug, title
        Of the consensus.
    proposed
        What is put to the participants.
    share
        In percent: agreed where so many of every role group rate 7 to 9. None: by the median.
    smallest_group
        Fewer ratings are not shown together.
    text
        The consensus as it was opened (TOML of ``care``); empty before.
    result
        The agreed version that came out.
    """

    slug = models.SlugField(_("address"), unique=True)
    title = models.CharField(_("title"), max_length=200)
    proposed = models.ForeignKey(
        CriteriaVersion, models.PROTECT, related_name="put_to", verbose_name=_("proposed version")
    )
    share = models.FloatField(
        _("share that agrees, in percent"), null=True, blank=True,
        validators=(MinValueValidator(1), MaxValueValidator(100)),
        help_text=_("Leave blank for the RAND/UCLA rule: median from 7 to 9 without disagreement."),
    )  # fmt: skip
    smallest_group = models.PositiveSmallIntegerField(
        _("smallest group shown"), default=SMALLEST_GROUP,
        validators=(MinValueValidator(SMALLEST_GROUP),),
    )  # fmt: skip
    text = models.TextField(editable=False, blank=True)
    result = models.ForeignKey(
        CriteriaVersion, models.PROTECT, null=True, editable=False, related_name="agreed_by"
    )
    invented = models.BooleanField(_("invented"), default=False, editable=False)

    class Meta:
        """Words for people, and who conducts one."""

        verbose_name = _("consensus")
        verbose_name_plural = _("consensuses")
        ordering = ("title",)
        permissions = (
            ("conduct", _("Open and close rounds, publish what was agreed")),
            ("rate", _("Rate criteria when invited")),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def opened(self) -> bool:
        """Whether rule, participants and rounds are fixed."""
        return bool(self.text)


class Participant(models.Model):
    """Who is asked. Public pages show role groups only."""

    consensus = models.ForeignKey(Consensus, models.CASCADE, related_name="participants")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="invitations",
        verbose_name=_("account"),
    )  # fmt: skip
    role = models.CharField(
        _("asked as"), max_length=30, choices=[(role, _(role)) for role in ROLES]
    )
    organisation = models.CharField(_("organisation"), max_length=200, blank=True)
    invited = models.DateField(_("invited"))

    class Meta:
        """One invitation each."""

        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=("consensus", "account"), name="invited_once"),
        )

    def __str__(self) -> str:
        return self.code

    @property
    def code(self) -> str:
        """The id that ``care`` sees, without a name."""
        return f"p{self.pk}"


class Round(models.Model):
    """A round: its first and last day, and the criteria it asks for, by commas; none: all."""

    consensus = models.ForeignKey(Consensus, models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField(_("number"), validators=(MinValueValidator(1),))
    opens = models.DateField(_("opens"))
    closes = models.DateField(_("closes"))
    criteria = models.CharField(_("criteria"), max_length=1000, blank=True)
    closed = models.DateField(_("closed on"), null=True, editable=False)

    class Meta:
        """One of each number."""

        verbose_name = _("round")
        verbose_name_plural = _("rounds")
        ordering = ("consensus", "number")
        constraints = (
            models.UniqueConstraint(fields=("consensus", "number"), name="one_round_per_number"),
        )

    def __str__(self) -> str:
        return f"{self.consensus}, {self.number}"


class Rating(models.Model):
    """How a participant rated a criterion in a round."""

    participant = models.ForeignKey(Participant, models.PROTECT, related_name="ratings")
    round = models.ForeignKey(Round, models.PROTECT, related_name="ratings")
    criterion = models.CharField(_("criterion"), max_length=80)
    rating = models.PositiveSmallIntegerField(
        _("rating"), null=True, validators=(MinValueValidator(LOWEST), MaxValueValidator(HIGHEST))
    )
    comment = models.TextField(_("comment"), max_length=2000, blank=True)

    class Meta:
        """One rating each, from 1 to 9."""

        verbose_name = _("rating")
        verbose_name_plural = _("ratings")
        constraints = (
            models.UniqueConstraint(
                fields=("participant", "round", "criterion"), name="rated_once_per_round"
            ),
            models.CheckConstraint(
                condition=models.Q(rating__isnull=True)
                | models.Q(rating__gte=LOWEST, rating__lte=HIGHEST),
                name="rating_from_1_to_9",
            ),
        )

    def __str__(self) -> str:
        return f"{self.participant} {self.criterion}: {self.rating}"

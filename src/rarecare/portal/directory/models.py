"""The directory: organisations, the cancers they know, who speaks for them, trials, voices.

What leads to a designation is in ``nomination_models``.
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from rarecare.codes import countries
from rarecare.portal import numbers
from rarecare.portal.directory.entities import check_entity

_SECURE = URLValidator(schemes=("https",))


def country_choices() -> list[tuple[str, str]]:
    """Return countries by code and name in the language of the page."""
    return [
        (row["iso2"], numbers.country(row["iso2"], row["name"]))
        for row in countries().iter_rows(named=True)
    ]


class Kind(models.TextChoices):
    """What an organisation is."""

    CENTRE = "centre", _("centre of care")
    PATIENTS = "patient organisation", _("patient organisation")
    REGISTRY = "registry", _("cancer registry")
    RESEARCH = "research group", _("research group")
    SOCIETY = "scientific society", _("scientific society")
    AUTHORITY = "health authority", _("health authority")


class Organisation(models.Model):
    """An organisation of the directory.

    Attributes
    ----------
    slug, kind, name
        Names are unique, for decisions on centres name them.
    about
        What it is, in one or two sentences, by its own account.
    country, city, address, latitude, longitude
        Where it is; coordinates in degrees, both or none.
    website, email, telephone
        Its public contact, never a person's own.
    languages, referrals
        Languages spoken, and how to be referred, by its own account.
    listed
        Whether it is shown.
    invented
        Made up for a demonstration: shown only over a synthetic release.
    """

    slug = models.SlugField(_("address"), max_length=100, unique=True)
    kind = models.CharField(_("kind"), max_length=30, choices=Kind)
    name = models.CharField(_("name"), max_length=200, unique=True)
    about = models.TextField(_("what it is"), max_length=1000, blank=True)
    country = models.CharField(_("country"), max_length=2, choices=country_choices)
    city = models.CharField(_("place"), max_length=100, blank=True)
    address = models.CharField(_("street and number"), max_length=200, blank=True)
    latitude = models.FloatField(
        _("latitude"), null=True, blank=True,
        validators=(MinValueValidator(-90), MaxValueValidator(90)),
    )  # fmt: skip
    longitude = models.FloatField(
        _("longitude"), null=True, blank=True,
        validators=(MinValueValidator(-180), MaxValueValidator(180)),
    )  # fmt: skip
    website = models.URLField(_("web page"), blank=True, validators=(_SECURE,))
    email = models.EmailField(_("public e-mail address"), blank=True)
    telephone = models.CharField(_("telephone"), max_length=40, blank=True)
    languages = models.CharField(_("languages spoken"), max_length=200, blank=True)
    referrals = models.CharField(_("how to be referred"), max_length=300, blank=True)
    listed = models.BooleanField(_("shown"), default=False)
    invented = models.BooleanField(_("invented"), default=False, editable=False)
    updated = models.DateField(_("last changed"), auto_now=True)

    class Meta:
        """Words for people."""

        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        ordering = ("name",)
        permissions = (
            ("nominate", _("Nominate a centre")),
            ("see_nomination", _("See nominations they take part in")),
            ("review", _("Review nominations")),
            ("certify", _("Enter computed or certified evidence")),
            ("decide", _("Decide on nominations")),
            ("speak", _("Endorse or comment for a patient organisation")),
            ("moderate", _("Publish or refuse endorsements and comments")),
        )
        constraints = (
            models.CheckConstraint(
                condition=models.Q(latitude__isnull=True, longitude__isnull=True)
                | models.Q(latitude__isnull=False, longitude__isnull=False),
                name="both_coordinates_or_none",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse half a place, and a new name for a centre that was decided on."""
        super().clean()
        if (self.latitude is None) != (self.longitude is None):
            raise ValidationError({"latitude": _("Give latitude and longitude, or neither.")})
        if self.slug == "decisions":
            raise ValidationError({"slug": _("This address is taken by the page of decisions.")})
        if self.pk and self.nominations.exists():
            before = Organisation.objects.get(pk=self.pk).name
            if before != self.name:
                raise ValidationError({"name": _(
                    "Decisions name this centre, so its name stays. Add a new organisation."
                )})  # fmt: skip


class Coverage(models.Model):
    """A cancer of the list that an organisation is for, or does research on."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="coverage")
    entity_id = models.CharField(
        _("cancer"), max_length=20, db_index=True, validators=(check_entity,),
        help_text=_("Its number in the list of rare cancers, such as 08.02.01; or 08: a family."),
    )  # fmt: skip

    class Meta:
        """Each once."""

        verbose_name = _("cancer covered")
        verbose_name_plural = _("cancers covered")
        ordering = ("entity_id",)
        constraints = (
            models.UniqueConstraint(fields=("organisation", "entity_id"), name="covered_once"),
        )

    def __str__(self) -> str:
        return self.entity_id


class Membership(models.Model):
    """The one organisation an account speaks for, as an administrator has seen to."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="membership",
        verbose_name=_("account"),
    )  # fmt: skip
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, related_name="members", verbose_name=_("organisation")
    )

    class Meta:
        """Words for people."""

        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return f"{self.account}: {self.organisation}"


class Voice(models.Model):
    """What a patient organisation says of a centre; shown once an editor has published it."""

    class Saying(models.TextChoices):
        """Endorsement or comment."""

        ENDORSES = "endorses", _("endorses")
        COMMENTS = "comments", _("comments")

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", _("waiting for moderation")
        PUBLISHED = "published", _("published")
        REFUSED = "refused", _("refused")

    centre = models.ForeignKey(Organisation, models.CASCADE, related_name="voices")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="said")
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    saying = models.CharField(_("says"), max_length=10, choices=Saying)
    text = models.TextField(_("text"), max_length=1000, blank=True)
    day = models.DateField(_("day"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    moderated = models.DateField(_("moderated"), null=True)
    reasons = models.CharField(_("reasons"), max_length=300, blank=True)

    class Meta:
        """Words for people."""

        verbose_name = _("word of a patient organisation")
        verbose_name_plural = _("words of patient organisations")
        ordering = ("-day", "-pk")

    def __str__(self) -> str:
        return f"{self.organisation} {self.get_saying_display()} {self.centre}"


class Trial(models.Model):
    """A clinical trial as a dated link: what its register said on a day, and where."""

    title = models.CharField(_("title"), max_length=300)
    entity_id = models.CharField(_("cancer"), max_length=20, validators=(check_entity,))
    register = models.CharField(_("register"), max_length=100)
    number = models.CharField(_("number in the register"), max_length=60)
    link = models.URLField(_("page in the register"), validators=(_SECURE,))
    countries = models.CharField(_("countries"), max_length=200, blank=True)
    status = models.CharField(
        _("status"), max_length=80, help_text=_("As the register words it on the day seen.")
    )
    seen = models.DateField(_("seen on"))
    invented = models.BooleanField(_("invented"), default=False, editable=False)

    class Meta:
        """Each once per cancer."""

        verbose_name = _("clinical trial")
        verbose_name_plural = _("clinical trials")
        ordering = ("-seen", "title")
        constraints = (
            models.UniqueConstraint(fields=("register", "number", "entity_id"), name="trial_once"),
        )

    def __str__(self) -> str:
        return f"{self.number}: {self.title}"


from rarecare.portal.directory.nomination_models import (  # noqa: E402
    Document,
    Evidence,
    Nomination,
    Review,
)

__all__ = [
    "Coverage", "Document", "Evidence", "Kind", "Membership", "Nomination", "Organisation",
    "Review", "Trial", "Voice",
]  # fmt: skip

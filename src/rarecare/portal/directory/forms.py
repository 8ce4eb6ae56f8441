"""Forms of the directory and of the way from nomination to decision."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from rarecare.care.evidence import KINDS
from rarecare.errors import FileError
from rarecare.portal.consensus.models import CriteriaVersion
from rarecare.portal.directory.entities import check_entity
from rarecare.portal.directory.models import (
    Kind,
    Organisation,
    Review,
    Voice,
    country_choices,
)
from rarecare.portal.directory.uploads import LARGEST_BYTES, TYPES, Upload, checked

_ANY = [("", _("any"))]


class DayInput(forms.DateInput):
    """A day, in the browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


def _day(**more: Any) -> forms.DateField:
    return forms.DateField(widget=DayInput(), input_formats=["%Y-%m-%d"], **more)


def _words(rows: int = 4) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class FindForm(forms.Form):
    """What to look for; every field may be empty."""

    q = forms.CharField(label=_("Words"), max_length=100, required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[*_ANY, *Kind.choices])
    country = forms.ChoiceField(label=_("Country"), required=False)
    entity = forms.CharField(
        label=_("Cancer, by its number"), max_length=20, required=False, validators=[check_entity]
    )
    near = forms.CharField(
        label=_("Near"), max_length=100, required=False,
        help_text=_("A country, a place of the directory, or latitude and longitude: 46.05, 14.51"),
    )  # fmt: skip
    km = forms.IntegerField(
        label=_("Within km, in a straight line"), min_value=1, max_value=20_000, required=False
    )
    page = forms.IntegerField(min_value=1, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = [*_ANY, *country_choices()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a distance from nowhere."""
        found = super().clean() or {}
        if found.get("km") and not found.get("near"):
            self.add_error("near", _("Say from where."))
        return found


class NominationForm(forms.Form):
    """Which centre, under which criteria, and why."""

    centre = forms.ModelChoiceField(label=_("Centre"), queryset=Organisation.objects.none())
    criteria = forms.ModelChoiceField(
        label=_("Criteria"), queryset=CriteriaVersion.objects.filter(status="agreed")
    )
    statement = forms.CharField(
        label=_("Reasons"), min_length=20, max_length=3000, widget=_words(),
        help_text=_("At least 20 characters."),
    )  # fmt: skip

    def __init__(self, own: Organisation | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        centres = Organisation.objects.filter(kind=Kind.CENTRE)
        if own is not None and own.kind != Kind.PATIENTS:
            centres = centres.filter(pk=own.pk)
        self.fields["centre"].queryset = centres  # type: ignore[attr-defined]


class EvidenceForm(forms.Form):
    """One piece of evidence, with a document where there is one."""

    criterion = forms.ChoiceField(label=_("Criterion"))
    value = forms.CharField(
        label=_("Value"), max_length=500, required=False,
        help_text=_("yes or no; a number in the unit of the criterion; for a text, any words."),
    )  # fmt: skip
    kind = forms.ChoiceField(label=_("Who says so"))
    date = _day(label=_("Day of the evidence"))
    source = forms.CharField(label=_("Source"), max_length=300)
    expires = _day(label=_("Valid until"), required=False)
    document = forms.FileField(
        label=_("Document"), required=False,
        help_text=_("%(types)s, up to 5 MB. Never records of patients.")
        % {"types": ", ".join(TYPES)},
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(TYPES)}),
    )  # fmt: skip

    def __init__(self, version: CriteriaVersion, kinds: list[str], *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        criteria = version.criteria.criteria
        choices = [
            (one.id, f"{one.id}: {one.title} ({one.measured_in})" if one.measured_in
             else f"{one.id}: {one.title}") for one in criteria
        ]  # fmt: skip
        self.fields["criterion"].choices = choices  # type: ignore[attr-defined]
        self.fields["kind"].choices = [(kind, _(kind)) for kind in KINDS if kind in kinds]  # type: ignore[attr-defined]

    def clean_document(self) -> Upload | None:
        """Return the document, checked."""
        given: UploadedFile[Any] | None = self.cleaned_data["document"]
        if given is None:
            return None
        if (given.size or 0) > LARGEST_BYTES:
            raise forms.ValidationError(_("The file is larger than 5 MB."))
        try:
            return checked(given.name or "", given.read())
        except FileError as error:
            raise forms.ValidationError(str(error)) from None


class ReviewForm(forms.Form):
    """What a reviewer recommends and why; a question for each criterion that is a text."""

    recommendation = forms.ChoiceField(
        label=_("Recommendation"), choices=Review.Recommendation.choices, widget=forms.RadioSelect
    )
    reasons = forms.CharField(
        label=_("Reasons"), min_length=20, max_length=3000, widget=_words(),
        help_text=_("At least 20 characters."),
    )  # fmt: skip
    independent = forms.BooleanField(
        label=_("I belong neither to the centre nor to its nominator and have no interest in the"
                " outcome.")
    )  # fmt: skip

    def __init__(self, version: CriteriaVersion, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.texts = {f"met_{one.id}": one for one in version.criteria.criteria
                      if one.type == "text"}  # fmt: skip
        for name, one in self.texts.items():
            self.fields[name] = forms.ChoiceField(
                label=_("Is it met? %(title)s") % {"title": one.title}, required=False,
                choices=[("", _("I cannot tell")), ("yes", _("yes")), ("no", _("no"))],
            )  # fmt: skip

    @property
    def found(self) -> dict[str, bool]:
        """Criteria that were judged."""
        said = {one.id: self.cleaned_data[name] for name, one in self.texts.items()}
        return {name: value == "yes" for name, value in said.items() if value}


class DecisionForm(forms.Form):
    """The decision, its reasons, and the end of a designation."""

    decision = forms.ChoiceField(
        label=_("Decision"), widget=forms.RadioSelect,
        choices=[("designated", _("designated")), ("not designated", _("not designated")),
                 ("withdrawn", _("designation withdrawn"))],
    )  # fmt: skip
    reasons = forms.CharField(label=_("Reasons, public"), max_length=3000, widget=_words())
    expires = _day(
        label=_("Designated until"), required=False, help_text=_("For a designation only.")
    )


class VoiceForm(forms.Form):
    """What a patient organisation says of a centre."""

    saying = forms.ChoiceField(
        label=_("Your organisation"), choices=Voice.Saying.choices, widget=forms.RadioSelect
    )
    text = forms.CharField(
        label=_("Text"), max_length=1000, required=False, widget=_words(),
        help_text=_("Shown once an editor has read it. Name no patient and no member of staff."),
    )  # fmt: skip


class ModerationForm(forms.Form):
    """Publish or refuse."""

    publish = forms.ChoiceField(
        label=_("Decision"), choices=[("yes", _("publish")), ("no", _("refuse"))],
        widget=forms.RadioSelect,
    )  # fmt: skip
    reasons = forms.CharField(
        label=_("Reasons"), max_length=300, required=False, help_text=_("Needed for a refusal.")
    )

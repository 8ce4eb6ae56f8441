"""Forms of a consensus."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from rarecare.care.ratings import SCALE
from rarecare.portal.consensus.conducting import LONGEST_COMMENT


class ProposalForm(forms.Form):
    """A version of criteria as TOML."""

    text = forms.CharField(
        label=_("Criteria, as TOML"), max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 20, "spellcheck": "false"}),
        help_text=_("As the files that come with the package; every criterion with its source and"
                    " how sure that is."),
    )  # fmt: skip


class VersionForm(forms.Form):
    """The name of the version that is published."""

    version = forms.CharField(label=_("Version"), max_length=40, help_text=_("For example: 1.0"))


class RatingForm(forms.Form):
    """A rating and a comment for each criterion asked for."""

    def __init__(self, asked: list[tuple[str, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = asked
        for name, title in asked:
            self.fields[f"rating_{name}"] = forms.TypedChoiceField(
                label=title, required=False, coerce=int, empty_value=None,
                choices=[(k, str(k)) for k in SCALE], widget=forms.RadioSelect,
            )  # fmt: skip
            self.fields[f"comment_{name}"] = forms.CharField(
                label=_("Comment"), required=False, max_length=LONGEST_COMMENT,
                widget=forms.Textarea(attrs={"rows": 2}),
            )  # fmt: skip

    @property
    def given(self) -> dict[str, tuple[int | None, str]]:
        """Rating and comment by criterion."""
        return {
            name: (self.cleaned_data[f"rating_{name}"], self.cleaned_data[f"comment_{name}"])
            for name, _title in self.asked
        }

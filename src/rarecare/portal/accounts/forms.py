"""The form to open an account."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from rarecare.portal.accounts.models import Account


class SignupForm(forms.Form):
    """Asks for a name and an organisation beside the address and the password."""

    name = forms.CharField(label=_("Name"), max_length=120)
    affiliation = forms.CharField(
        label=_("Organisation"), max_length=200, required=False,
        help_text=_("An administrator checks it before you can act for it."),
    )  # fmt: skip

    def signup(self, request: HttpRequest, user: Account) -> None:
        """Keep both."""
        user.name = self.cleaned_data["name"]
        user.affiliation = self.cleaned_data["affiliation"]
        user.save(update_fields=("name", "affiliation"))

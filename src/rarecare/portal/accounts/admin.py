"""Accounts in the admin site, which itself asks for the portal's own sign-in."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from rarecare.portal.accounts.models import Account
from rarecare.portal.admin_bases import AccountAdminBase, ModelForm

admin.site.site_header = _("Rarecare: admin")
admin.site.site_title = _("Rarecare")
admin.site.index_title = _("What editors and administrators keep")
# Django stores the entries of its own log for several objects without the signal that the book of
# acts listens to: so nothing is removed but one by one
admin.site.disable_action("delete_selected")
admin.site.unregister(Group)  # groups are those of the table of roles


class NewAccountForm(ModelForm):
    """A new account; its password is set by way of "forgotten password"."""

    class Meta:
        """What is asked."""

        model = Account
        fields = ("email", "name", "affiliation", "groups")

    def save(self, commit: bool = True) -> Account:
        """Return the account, without a password."""
        account: Account = super().save(commit=False)
        account.email = account.email.lower()
        account.set_unusable_password()
        if commit:
            account.save()
            self.save_m2m()
        return account


@admin.register(Account)
class AccountAdmin(AccountAdminBase):
    """Accounts and their roles."""

    form = forms.modelform_factory(
        Account, fields=("email", "name", "affiliation", "groups", "is_active")
    )
    add_form = NewAccountForm
    ordering = ("email",)
    list_display = ("email", "name", "affiliation", "is_active")
    list_filter = ("groups", "is_active")
    search_fields = ("email", "name", "affiliation")
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "name", "affiliation", "is_active")}),
        (_("Roles"), {"fields": ("groups",)}),
        (_("Days"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "affiliation", "groups")}),)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: Any) -> None:
        """Save it; an address entered by an administrator needs no confirmation."""
        super().save_model(request, obj, form, change)
        if not change:
            EmailAddress.objects.create(user=obj, email=obj.email, verified=True, primary=True)

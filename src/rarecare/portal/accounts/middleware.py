"""Who may see which view, as the table of ``access`` says; a second factor for those who edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from rarecare.portal.accounts.access import EVERYONE, SIGNED_IN, asked_of


class Access:
    """Let a request through to its view, send it to the door, or refuse it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass it on: what is asked is known once the view is."""
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: Any,
        args: Any,
        options: Any,
    ) -> HttpResponseBase | None:
        """Return an answer in place of the view's, or None.

        Raises
        ------
        PermissionDenied
            The account lacks the permission, or no one may: the table does not name the view.
        """
        match = request.resolver_match
        asked = asked_of(match.view_name) if match else None
        if asked == EVERYONE:
            return None
        if asked is None:
            raise PermissionDenied(_("This page is not open to anyone."))
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if asked != SIGNED_IN and not request.user.has_perm(asked):
            raise PermissionDenied(
                _("Your account does not have the role that this page asks for.")
            )
        if request.user.needs_second_factor and not is_mfa_enabled(request.user):
            messages.warning(request, _("Editors and administrators sign in with a second factor."
                                        " Set one up to go on."))  # fmt: skip
            return redirect("mfa_activate_totp")
        return None

"""The page of those who work on the portal: what they may do, and what waits for them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from rarecare.portal.consensus.models import Consensus
from rarecare.portal.directory.models import Nomination, Voice
from rarecare.portal.directory.nominations import speaks_for
from rarecare.portal.knowledge.models import Version


@require_safe
@never_cache
def workplace(request: HttpRequest) -> HttpResponse:
    """Show what waits for the account."""
    user: Any = request.user
    own = speaks_for(user)
    return render(request, "accounts/workplace.html", {
        "section": "work", "organisation": own, "roles": sorted(_(role) for role in user.roles),
        "second_factor": is_mfa_enabled(user), "nominations": _nominations(user, own),
        "consensuses": _consensuses(user, timezone.localdate()),
        "voices": Voice.objects.filter(state=Voice.State.WAITING).count()
        if user.has_perm("directory.moderate") else 0,
        "unreviewed": Version.objects.filter(published=True, reviewed=None).count()
        if user.has_perm("knowledge.approve") else 0,
    })  # fmt: skip


def _nominations(user: Any, own: Any) -> list[Nomination]:
    every = Nomination.objects.select_related("centre", "criteria", "nominated_by")
    open_ = every.filter(state__in=(Nomination.State.GATHERING, Nomination.State.REVIEW))
    if user.has_perm("directory.review") or user.has_perm("directory.decide"):
        return list(open_)
    if own is None or not user.has_perm("directory.see_nomination"):
        return []
    return list(every.filter(Q(centre=own) | Q(nominated_by=own)))


def _consensuses(user: Any, today: dt.date) -> list[Consensus]:
    open_ = Consensus.objects.exclude(text="").filter(
        participants__account=user, rounds__opens__lte=today, rounds__closes__gte=today,
        rounds__closed=None,
    )  # fmt: skip
    return list(open_.distinct())

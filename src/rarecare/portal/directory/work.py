"""From nomination to decision, as pages: each step is a form, and refusals are said beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rarecare.errors import RarecareError
from rarecare.portal.directory import decisions, nominations, standing, voices
from rarecare.portal.directory.forms import (
    DecisionForm,
    EvidenceForm,
    ModerationForm,
    NominationForm,
    ReviewForm,
    VoiceForm,
)
from rarecare.portal.directory.models import Document, Kind, Nomination, Organisation, Voice

REFUSED = 422


def done(form: forms.Form, step: Callable[[], object]) -> bool:
    """Take a step; where it is refused, put the reason into the form."""
    try:
        step()
    except RarecareError as error:
        form.add_error(None, str(error))
        return False
    return True


def _form_page(request: HttpRequest, form: forms.Form, **context: Any) -> HttpResponse:
    status = REFUSED if form.errors else 200
    given = {"section": "centres", "form": form, **context}
    return render(request, "directory/form.html", given, status=status)


def _nomination(request: HttpRequest, number: int) -> Nomination:
    found = get_object_or_404(
        Nomination.objects.select_related("centre", "criteria", "nominated_by"), pk=number
    )
    if not nominations.takes_part(request.user, found):  # type: ignore[arg-type]
        raise PermissionDenied(_("Your organisation takes no part in this nomination."))
    return found


@require_http_methods(["GET", "POST"])
def nominate(request: HttpRequest) -> HttpResponse:
    """Nominate a centre."""
    user: Any = request.user
    form = NominationForm(nominations.speaks_for(user), request.POST or None)
    made: list[Nomination] = []
    if form.is_valid() and done(form, lambda: made.append(nominations.nominate(
        user, form.cleaned_data["centre"], form.cleaned_data["criteria"],
        statement=form.cleaned_data["statement"], on=timezone.localdate(),
    ))):  # fmt: skip
        messages.success(request, _("The nomination is kept. Add evidence, then submit it."))
        return redirect("directory:nomination", made[0].pk)
    return _form_page(request, form, title=_("Nominate a centre"), button=_("Nominate"),
                      lede=_("By the centre itself or by a patient organisation. Two reviewers from"
                             " outside read the evidence; an editor decides, with reasons."),
    )  # fmt: skip


@require_safe
def nomination(request: HttpRequest, number: int) -> HttpResponse:
    """Show a nomination to those who take part in it."""
    one = _nomination(request, number)
    user: Any = request.user
    judges = user.has_perm("directory.review") or user.has_perm("directory.decide")
    return render(request, "directory/nomination.html", {
        "section": "centres", "nomination": one,
        "evidence": one.evidence.select_related("document"),
        "profile": standing.profile_of(one, on=timezone.localdate()),
        "reviews": one.reviews.select_related("reviewer") if judges else [],
        "n_reviews": one.reviews.count(), "own": nominations.nominators(user, one),
        "nominator": nominations.speaks_for(user) == one.nominated_by,
        "kinds": _kinds(user, one),
    })  # fmt: skip


def _kinds(user: Any, one: Nomination) -> list[str]:
    own = nominations.nominators(user, one) and one.state == Nomination.State.GATHERING
    certifies = user.has_perm("directory.certify") and one.open
    return (["self-declared"] if own else []) + (["computed", "certified"] if certifies else [])


@require_http_methods(["GET", "POST"])
def evidence(request: HttpRequest, number: int) -> HttpResponse:
    """Add a piece of evidence."""
    one = _nomination(request, number)
    user: Any = request.user
    form = EvidenceForm(one.criteria, _kinds(user, one), request.POST or None,
                        request.FILES or None)  # fmt: skip
    if form.is_valid():
        given = dict(form.cleaned_data)
        upload = given.pop("document")
        if done(form, lambda: nominations.add_evidence(
            user, one, **given, upload=upload, on=timezone.localdate()
        )):  # fmt: skip
            messages.success(request, _("The evidence is kept."))
            return redirect("directory:nomination", one.pk)
    return _form_page(request, form, title=_("Add evidence"), button=_("Add"), upload=True,
                      lede=str(one), back=one)  # fmt: skip


@require_safe
def document(request: HttpRequest, number: int, document: int) -> HttpResponse:
    """Hand out a document as a download that no browser runs."""
    one = _nomination(request, number)
    found = get_object_or_404(Document, pk=document, nomination=one)
    return HttpResponse(bytes(found.content), headers={
        "Content-Type": "application/octet-stream",
        "Content-Disposition": content_disposition_header(True, found.name) or "attachment",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
    })  # fmt: skip


@require_POST
def submit(request: HttpRequest, number: int) -> HttpResponse:
    """Submit a nomination for review."""
    return _step(request, number, nominations.submit, _("The nomination is under review."))


@require_POST
def take_back(request: HttpRequest, number: int) -> HttpResponse:
    """Take a nomination back."""
    return _step(request, number, nominations.take_back, _("The nomination is taken back."))


def _step(request: HttpRequest, number: int, step: Callable[..., None], said: str) -> HttpResponse:
    one = _nomination(request, number)
    try:
        step(request.user, one, on=timezone.localdate())
    except RarecareError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("directory:nomination", one.pk)


@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, number: int) -> HttpResponse:
    """Review a nomination."""
    one = _nomination(request, number)
    user: Any = request.user
    form = ReviewForm(one.criteria, request.POST or None)
    if form.is_valid() and done(form, lambda: decisions.review(
        user, one, recommendation=form.cleaned_data["recommendation"],
        reasons=form.cleaned_data["reasons"], found=form.found, on=timezone.localdate(),
    )):  # fmt: skip
        messages.success(request, _("Your review is kept."))
        return redirect("directory:nomination", one.pk)
    return _form_page(request, form, title=_("Review"), button=_("Send the review"),
                      lede=str(one), back=one)  # fmt: skip


@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Decide on a nomination."""
    one = _nomination(request, number)
    user: Any = request.user
    form = DecisionForm(request.POST or None)
    if form.is_valid() and done(form, lambda: decisions.decide(
        user, one, **form.cleaned_data, on=timezone.localdate()
    )):  # fmt: skip
        messages.success(request, _("The decision is in the public history."))
        return redirect("directory:organisation", one.centre.slug)
    return _form_page(request, form, title=_("Decide"), button=_("Decide"), lede=str(one), back=one)


@require_http_methods(["GET", "POST"])
def speak(request: HttpRequest, slug: str) -> HttpResponse:
    """Endorse a centre or comment on it."""
    centre = get_object_or_404(Organisation, slug=slug, kind=Kind.CENTRE, listed=True)
    user: Any = request.user
    form = VoiceForm(request.POST or None)
    if form.is_valid() and done(form, lambda: voices.speak(
        user, centre, **form.cleaned_data, on=timezone.localdate()
    )):  # fmt: skip
        messages.success(request, _("An editor reads it before it is shown."))
        return redirect("directory:organisation", centre.slug)
    return _form_page(request, form, title=_("Endorse or comment"), button=_("Send"),
                      lede=centre.name)  # fmt: skip


@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """Show what waits for moderation."""
    found = Voice.objects.filter(state=Voice.State.WAITING).select_related("centre", "organisation")
    return render(request, "directory/voices.html", {"section": "centres", "voices": found})


@require_http_methods(["GET", "POST"])
def moderate(request: HttpRequest, number: int) -> HttpResponse:
    """Publish what was said, or refuse it."""
    one = get_object_or_404(Voice.objects.select_related("centre", "organisation"), pk=number)
    user: Any = request.user
    form = ModerationForm(request.POST or None)
    if form.is_valid() and done(form, lambda: voices.moderate(
        user, one, publish=form.cleaned_data["publish"] == "yes",
        reasons=form.cleaned_data["reasons"], on=timezone.localdate(),
    )):  # fmt: skip
        messages.success(request, _("The decision is kept."))
        return redirect("directory:voices")
    return _form_page(request, form, title=_("Moderate"), button=_("Decide"), lede=str(one),
                      quote=one.text)  # fmt: skip

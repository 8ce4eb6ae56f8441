"""Pages of criteria and of the consensuses on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rarecare.care.consensus import ALL, agreement, rounds
from rarecare.care.criteria import PILLARS, SURENESS
from rarecare.errors import RarecareError
from rarecare.portal.audit.books import CRITERIA, read
from rarecare.portal.consensus import conducting
from rarecare.portal.consensus.forms import ProposalForm, RatingForm, VersionForm
from rarecare.portal.consensus.models import Consensus, CriteriaVersion
from rarecare.portal.releases import store

SECTION = "centres"
REFUSED = 422


def shown_consensuses() -> QuerySet[Consensus]:
    """Return the consensuses a visitor sees: invented ones only over a synthetic release."""
    every = Consensus.objects.select_related("proposed", "result")
    return every if store().current().synthetic else every.filter(invented=False)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Show versions of criteria and consensuses."""
    left_out: set[int] = set()
    if not store().current().synthetic:
        invented = Consensus.objects.filter(invented=True)
        for proposed, result in invented.values_list("proposed_id", "result_id"):
            left_out |= {proposed, result} if result else {proposed}
    return render(request, "consensus/list.html", {
        "section": SECTION, "consensuses": shown_consensuses(),
        "versions": CriteriaVersion.objects.exclude(pk__in=left_out),
    })  # fmt: skip


@require_safe
def criteria(request: HttpRequest, set_id: str, version: str) -> HttpResponse:
    """Show a version of criteria: what is asked, from where it comes, who disagreed."""
    row = get_object_or_404(CriteriaVersion, set_id=set_id, version=version)
    whole = row.criteria
    rows = [
        {"criterion": one, "pillars": ", ".join(PILLARS[each] for each in one.pillar),
         "threshold": one.threshold.words() if one.threshold else one.unit or "",
         "sureness": SURENESS[one.sureness]} for one in whole.criteria
    ]  # fmt: skip
    return render(request, "consensus/criteria.html", {
        "section": SECTION, "row": row, "criteria": whole, "rows": rows,
        "invented": row.put_to.filter(invented=True).exists()
        or row.agreed_by.filter(invented=True).exists(),
    })  # fmt: skip


@require_safe
def criteria_text(request: HttpRequest, set_id: str, version: str) -> HttpResponse:
    """Hand out a version of criteria as the text that is hashed."""
    del request
    row = get_object_or_404(CriteriaVersion, set_id=set_id, version=version)
    name = f"{row.set_id}-{row.version}.toml"
    return HttpResponse(row.text, headers={
        "Content-Type": "application/toml; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    })  # fmt: skip


@require_safe
def consensus(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a consensus: rule, rounds, and how each closed round rated."""
    one = get_object_or_404(shown_consensuses(), slug=slug)
    user: Any = request.user
    invited = user.is_authenticated and one.participants.filter(account=user).exists()
    return render(request, "consensus/consensus.html", {
        "section": SECTION, "consensus": one, "invited": invited,
        "groups": _groups(one), "rounds": _rounds(one),
        "plan": conducting.plan_of(one) if one.opened else None,
        "now": conducting.current_round(one, on=timezone.localdate()),
        "head": read(CRITERIA).head, "today": timezone.localdate(),
    })  # fmt: skip


def _groups(one: Consensus) -> list[tuple[str, int]]:
    roles: dict[str, int] = {}
    for each in one.participants.all():
        roles[each.get_role_display()] = roles.get(each.get_role_display(), 0) + 1
    return sorted(roles.items())


def _rounds(one: Consensus) -> list[dict[str, Any]]:
    """Return each round; how it rated only once it is closed."""
    every = list(one.rounds.order_by("number"))
    closed = [each.number for each in every if each.closed]
    if not closed:
        return [{"round": each, "rows": []} for each in every]
    plan, ratings = conducting.plan_of(one), conducting.ratings_of(one)
    criteria = one.proposed.criteria
    table = rounds(plan, ratings, criteria).table
    found = []
    for each in every:
        if not each.closed:
            found.append({"round": each, "rows": []})
            continue
        decided = agreement(plan, ratings, criteria, number=each.number).table
        whole = table.filter(round=each.number, role=ALL).join(
            decided.select("criterion", "decision", "why"), on="criterion", how="left",
            maintain_order="left",
        )  # fmt: skip
        groups = table.filter(pl.col("role") != ALL, round=each.number)
        rows = [row | {"groups": groups.filter(criterion=row["criterion"]).to_dicts()}
                for row in whole.to_dicts()]  # fmt: skip
        found.append({"round": each, "rows": rows})
    return found


@require_http_methods(["GET", "POST"])
def rate(request: HttpRequest, slug: str) -> HttpResponse:
    """Rate the criteria of the current round, with what the group said in the round before."""
    one = get_object_or_404(Consensus, slug=slug)
    user: Any = request.user
    who = conducting.participant_of(one, user)
    now = conducting.current_round(one, on=timezone.localdate())
    if now is None:
        messages.warning(request, _("No round is open today."))
        return redirect("consensus:consensus", one.slug)
    whole = one.proposed.criteria
    asked = [(name, whole[name].title) for name in conducting.asked_in(one, now)]
    given = {each.criterion: each for each in who.ratings.filter(round=now)}
    initial = {f"rating_{name}": each.rating for name, each in given.items()} | {
        f"comment_{name}": each.comment for name, each in given.items()}  # fmt: skip
    form = RatingForm(asked, request.POST or None, initial=initial)
    if form.is_valid():
        try:
            n = conducting.rate(user, one, form.given, on=timezone.localdate())
        except RarecareError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("%(n)d ratings are kept; you may change them until the"
                                        " round closes.") % {"n": n})  # fmt: skip
            return redirect("consensus:consensus", one.slug)
    before = one.rounds.filter(number__lt=now.number).exclude(closed=None).last()
    told = {} if before is None else {
        row["criterion"]: row
        for row in conducting.own_feedback(one, user, number=before.number).to_dicts()
    }  # fmt: skip
    rows = [
        {"id": name, "criterion": whole[name], "rating": form[f"rating_{name}"],
         "comment": form[f"comment_{name}"], "before": told.get(name)} for name, _title in asked
    ]  # fmt: skip
    return render(request, "consensus/rate.html", {
        "section": SECTION, "consensus": one, "round": now, "form": form, "rows": rows,
        "before": before,
    }, status=REFUSED if form.errors else 200)  # fmt: skip


@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest) -> HttpResponse:
    """Propose a version of criteria."""
    user: Any = request.user
    form = ProposalForm(request.POST or None)
    if form.is_valid():
        try:
            made = conducting.propose(user, form.cleaned_data["text"])
        except RarecareError as error:
            form.add_error("text", str(error))
        else:
            messages.success(request, _("The version is kept."))
            return redirect("consensus:criteria", made.set_id, made.version)
    return render(request, "directory/form.html", {
        "section": SECTION, "form": form, "title": _("Propose criteria"), "button": _("Propose"),
    }, status=REFUSED if form.errors else 200)  # fmt: skip


def _step(
    request: HttpRequest, slug: str, step: Callable[[Consensus], object], said: str
) -> HttpResponse:
    one = get_object_or_404(Consensus, slug=slug)
    try:
        step(one)
    except RarecareError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("consensus:consensus", one.slug)


@require_POST
def open_rounds(request: HttpRequest, slug: str) -> HttpResponse:
    """Open a consensus."""
    user: Any = request.user
    return _step(request, slug, lambda one: conducting.open_rounds(
        user, one, on=timezone.localdate()), _("The consensus is open."))  # fmt: skip


@require_POST
def close(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Close a round."""
    user: Any = request.user
    return _step(request, slug, lambda one: conducting.close(
        user, one, number=number, on=timezone.localdate()), _("The round is closed."))  # fmt: skip


@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Publish what was agreed."""
    one = get_object_or_404(Consensus, slug=slug)
    user: Any = request.user
    form = VersionForm(request.POST or None)
    if form.is_valid():
        try:
            made = conducting.publish_version(
                user, one, version=form.cleaned_data["version"], on=timezone.localdate()
            )
        except RarecareError as error:
            form.add_error(None, str(error))
        else:
            return redirect("consensus:criteria", made.set_id, made.version)
    return render(request, "directory/form.html", {
        "section": SECTION, "form": form, "title": _("Publish what was agreed"),
        "button": _("Publish"), "lede": one.title,
    }, status=REFUSED if form.errors else 200)  # fmt: skip

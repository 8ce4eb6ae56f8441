"""Roles and what each may do: one table, which makes the groups of the database.

A role is a group; a permission is asked for by a view (``access``) or by a step of the workflow.
Roles do not contain one another, but for administrators, who may do all that others may.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """Who someone is to the portal. A visitor has no account, or one without a group."""

    VISITOR = "visitor"
    CONTRIBUTOR = "contributor"
    PATIENT_ORGANISATION = "patient organisation"
    REVIEWER = "reviewer"
    EDITOR = "editor"
    ADMINISTRATOR = "administrator"


STAFF = frozenset({Role.EDITOR, Role.ADMINISTRATOR})
"""Roles with the admin site, and with a second factor."""

_KEPT_BY_EDITORS = (
    "directory.organisation", "directory.coverage", "directory.trial",
    "knowledge.page", "knowledge.version", "consensus.criteriaversion", "consensus.consensus",
    "consensus.participant", "consensus.round",
)  # fmt: skip
_KEPT_BY_ADMINISTRATORS = (
    "accounts.account", "directory.membership", "knowledge.cataloguereview",
)  # fmt: skip
_SEEN_BY_EDITORS = (
    "directory.nomination", "directory.evidence", "directory.document", "directory.review",
    "directory.voice", "directory.membership", "consensus.rating", "audit.entry",
    "knowledge.cataloguereview",
)  # fmt: skip


def _all(kinds: tuple[str, ...], *verbs: str) -> tuple[str, ...]:
    parts = [kind.split(".") for kind in kinds]
    return tuple(f"{app}.{verb}_{model}" for app, model in parts for verb in verbs)


_EDITOR = (
    "accounts.use_admin", "directory.decide", "directory.moderate", "directory.see_nomination",
    "directory.certify", "consensus.conduct", "knowledge.write", "knowledge.approve",
    *_all(_KEPT_BY_EDITORS, "view", "add", "change"), *_all(_SEEN_BY_EDITORS, "view"),
)  # fmt: skip

PERMISSIONS: Mapping[Role, tuple[str, ...]] = {
    Role.CONTRIBUTOR: ("directory.nominate", "directory.see_nomination", "consensus.rate"),
    Role.PATIENT_ORGANISATION: (
        "directory.nominate", "directory.see_nomination", "directory.speak", "consensus.rate",
    ),
    Role.REVIEWER: (
        "directory.review", "directory.see_nomination", "directory.certify", "consensus.rate",
        "knowledge.approve",
    ),
    Role.EDITOR: _EDITOR,
    Role.ADMINISTRATOR: (
        *_EDITOR, "directory.nominate", "directory.speak", "directory.review", "consensus.rate",
        *_all(_KEPT_BY_ADMINISTRATORS, "view", "add", "change", "delete"),
        *_all(_KEPT_BY_EDITORS, "delete"), "auth.view_group",
    ),
}  # fmt: skip
"""Permissions of each role, as ``application.permission``."""

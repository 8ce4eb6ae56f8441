"""Which permission each view asks for: one table; what is not in it is refused.

Names are those of the addresses; one that ends in ``*`` stands for all that begin so, and the
longest that fits counts.
"""

from __future__ import annotations

from collections.abc import Mapping

EVERYONE = "everyone"
SIGNED_IN = "signed in"

ACCESS: Mapping[str, str] = {
    # estimates, their interface and what surrounds them are public and read only
    "estimates:*": EVERYONE, "named:*": EVERYONE, "api-1.0.0:*": EVERYONE,
    "comparing:*": EVERYONE, "named-comparing:*": EVERYONE, "api-nothing": EVERYONE,
    "health": EVERYONE, "robots": EVERYONE, "vega": EVERYONE,
    "favicon": EVERYONE, "set_language": EVERYONE, "permanent": EVERYONE,
    "permanent-release": EVERYONE,
    # the door; allauth asks for a sign-in where it is needed
    "account_*": EVERYONE, "mfa_*": EVERYONE, "socialaccount_*": EVERYONE,
    "openid_connect_*": EVERYONE,
    "workplace": SIGNED_IN,
    # directory
    "directory:list": EVERYONE, "directory:organisation": EVERYONE, "directory:trials": EVERYONE,
    "directory:history": EVERYONE,
    "directory:nominate": "directory.nominate",
    "directory:nomination": "directory.see_nomination",
    "directory:evidence": "directory.see_nomination",
    "directory:document": "directory.see_nomination",
    "directory:submit": "directory.nominate",
    "directory:take-back": "directory.nominate",
    "directory:review": "directory.review",
    "directory:decide": "directory.decide",
    "directory:speak": "directory.speak",
    "directory:voices": "directory.moderate",
    "directory:moderate": "directory.moderate",
    # consensus
    "consensus:list": EVERYONE, "consensus:consensus": EVERYONE, "consensus:criteria": EVERYONE,
    "consensus:criteria-text": EVERYONE,
    "consensus:rate": "consensus.rate",
    "consensus:propose": "consensus.conduct",
    "consensus:open": "consensus.conduct",
    "consensus:close": "consensus.conduct",
    "consensus:publish": "consensus.conduct",
    # knowledge
    "knowledge:glossary": EVERYONE, "knowledge:cancer": EVERYONE, "knowledge:page": EVERYONE,
    "knowledge:versions": EVERYONE,
    "knowledge:unreviewed": "knowledge.approve",
    "knowledge:review": "knowledge.approve",
    # the admin site has permissions of its own besides
    "admin:*": "accounts.use_admin", "admin:logout": EVERYONE,
}  # fmt: skip
"""Permission by view: ``EVERYONE``, ``SIGNED_IN`` or a permission of ``roles.PERMISSIONS``."""


def asked_of(view: str) -> str | None:
    """Return what a view asks for, or None where the table does not name it.

    >>> asked_of("admin:directory_trial_add"), asked_of("no such view")
    ('accounts.use_admin', None)
    """
    if view in ACCESS:
        return ACCESS[view]
    fits = [name for name in ACCESS if name.endswith("*") and view.startswith(name[:-1])]
    return ACCESS[max(fits, key=len)] if fits else None

"""Accounts, organisations and criteria for tests; all are invented."""

import datetime as dt

from django.contrib.auth.models import Group

from rarecare.portal.accounts.models import Account
from rarecare.portal.accounts.roles import Role
from rarecare.portal.consensus.conducting import (
    close,
    open_rounds,
    propose,
    publish_version,
    rate,
)
from rarecare.portal.consensus.models import Consensus, Participant, Round
from rarecare.portal.directory.models import Kind, Membership, Organisation

PASSWORD = "a long invented password"
DAY = dt.date(2026, 3, 2)
LATER = dt.date(2026, 6, 18)
UNTIL = dt.date(2029, 6, 30)
WHY = "The evidence shows what the criteria ask for."
ROUND = (dt.date(2026, 1, 5), dt.date(2026, 1, 16))

PROPOSED = """
id = "bone"
version = "1-proposed"
title = "Criteria of centres, bone (invented)"

[[criteria]]
id = "team"
version = "1"
scope = "general"
pillar = ["S"]
title = "A formal multidisciplinary team"
type = "boolean"
required = true
source = "invented"
sureness = "D"

[[criteria]]
id = "volume"
version = "1"
scope = "general"
pillar = ["S"]
title = "New patients a year"
type = "number"
threshold = { value = 20.0, direction = "above", unit = "patients a year" }
volume = true
required = true
source = "invented"
sureness = "D"

[[criteria]]
id = "care"
version = "1"
scope = "general"
pillar = ["P"]
title = "Care that convinces the reviewers"
type = "text"
required = true
source = "invented"
sureness = "D"

[[criteria]]
id = "wifi"
version = "1"
scope = "general"
pillar = ["S"]
title = "Free wireless network"
type = "boolean"
source = "invented"
sureness = "D"
"""


def account(name, *roles, organisation=None, password=None):
    """An account with roles; without a password, tests sign it in themselves."""
    made = Account.objects.create_user(f"{name}@example.org", password, name=name.title())
    made.groups.set(Group.objects.filter(name__in=[Role(role).value for role in roles]))
    if organisation is not None:
        Membership.objects.create(account=made, organisation=organisation)
    return Account.objects.get(pk=made.pk)  # without what it remembers of its rights


def organisation(name, kind=Kind.CENTRE, **more):
    """A listed organisation."""
    slug = name.lower().replace(" ", "-")
    given = {"country": "SI", "city": "Sampletown", "listed": True} | more
    return Organisation.objects.create(slug=slug, name=name, kind=kind, **given)


def agreed_criteria(editor, slug="bone-round"):
    """A version that a consensus of five people agreed on in one round, all but the network."""
    consensus = Consensus.objects.create(
        slug=slug, title="Bone", proposed=propose(editor, PROPOSED), invented=True
    )
    opens, closes = ROUND
    people = [account(f"{slug}-rater-{k}", Role.CONTRIBUTOR) for k in range(5)]
    for one in people:
        Participant.objects.create(consensus=consensus, account=one, role="centre", invited=opens)
    Round.objects.create(consensus=consensus, number=1, opens=opens, closes=closes)
    open_rounds(editor, consensus, on=opens)
    for one in people:
        high = dict.fromkeys(("team", "volume", "care"), (8, ""))
        rate(one, consensus, high | {"wifi": (2, "Not about care.")}, on=opens)
    close(editor, consensus, number=1, on=closes + dt.timedelta(days=1))
    return publish_version(editor, consensus, version="1", on=dt.date(2026, 2, 20))

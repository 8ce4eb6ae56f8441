"""An invented directory for a synthetic release: nothing in it exists, and it says so.

It goes the whole way by the same steps as people: a consensus in two rounds, an agreed version of
criteria, nominations, evidence, reviews, a decision, voices of patient organisations.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from rarecare.portal.accounts.models import Account
from rarecare.portal.accounts.roles import Role
from rarecare.portal.consensus.conducting import (
    close,
    open_rounds,
    publish_version,
    rate,
)
from rarecare.portal.consensus.models import Consensus, CriteriaVersion, Participant, Round
from rarecare.portal.directory.decisions import decide, review
from rarecare.portal.directory.models import (
    Coverage,
    Kind,
    Membership,
    Nomination,
    Organisation,
    Trial,
    Voice,
)
from rarecare.portal.directory.nominations import add_evidence, nominate, submit
from rarecare.portal.directory.voices import moderate, speak

_BONE = "08.02"
_WHY = "Invented reasons: the evidence, invented too, shows what the criteria ask for."

ORGANISATIONS: tuple[dict[str, Any], ...] = (
    {"slug": "example-hospital-a", "kind": Kind.CENTRE, "name": "Example Hospital A (invented)",
     "country": "SI", "city": "Sample Town", "latitude": 46.2, "longitude": 14.6,
     "about": "A fictitious hospital in a made-up place.", "covers": (_BONE, "08.01"),
     "referrals": "Through a doctor; second opinions from abroad accepted",
     "languages": "English, Slovene, German", "address": "1 Example Street"},
    {"slug": "example-hospital-b", "kind": Kind.CENTRE, "name": "Example Hospital B (invented)",
     "country": "NL", "city": "Model City", "latitude": 52.2, "longitude": 5.6,
     "about": "A fictitious hospital in a made-up place.", "covers": (_BONE,),
     "referrals": "Through a doctor", "languages": "English, Dutch"},
    {"slug": "example-hospital-c", "kind": Kind.CENTRE, "name": "Example Hospital C (invented)",
     "country": "IT", "city": "Mock Village", "latitude": 44.4, "longitude": 11.2,
     "about": "A fictitious hospital in a made-up place.", "covers": ("08",),
     "referrals": "By letter", "languages": "English, Italian"},
    {"slug": "example-sarcoma-friends", "kind": Kind.PATIENTS,
     "name": "Example Sarcoma Friends (invented)", "country": "SI", "city": "Sample Town",
     "latitude": 46.1, "longitude": 14.4, "covers": ("08",),
     "about": "A fictitious organisation of patients and families."},
    {"slug": "example-patient-alliance", "kind": Kind.PATIENTS,
     "name": "Example Patient Alliance (invented)", "country": "NL", "city": "Model City",
     "latitude": 52.0, "longitude": 5.2, "covers": (_BONE,),
     "about": "A fictitious alliance of patient organisations."},
    {"slug": "example-registry", "kind": Kind.REGISTRY,
     "name": "Example Cancer Registry (invented)",
     "country": "IT", "city": "Mock Village", "latitude": 44.2, "longitude": 11.6,
     "about": "A fictitious registry.", "covers": ()},
    {"slug": "example-research-group", "kind": Kind.RESEARCH,
     "name": "Example Bone Tumour Group (invented)", "country": "MT", "city": "Fiction Bay",
     "latitude": 35.9, "longitude": 14.4, "about": "A fictitious research group.",
     "covers": (_BONE,)},
    {"slug": "example-society", "kind": Kind.SOCIETY, "name": "Example Society (invented)",
     "country": "NL", "about": "A fictitious scientific society.", "covers": ()},
    {"slug": "example-authority", "kind": Kind.AUTHORITY, "name": "Example Authority (invented)",
     "country": "IT", "about": "A fictitious health authority.", "covers": ()},
)  # fmt: skip

PROPOSED: dict[str, Any] = {
    "id": "example-bone", "version": "0.1",
    "title": "Criteria of centres, bone (invented example)",
    "note": "Invented to show how the portal works; no one has agreed on them.",
    "criteria": [
        {"id": "team", "pillar": ["S"], "type": "boolean", "required": True,
         "title": "Formal multidisciplinary team, every patient discussed"},
        {"id": "volume", "pillar": ["S"], "type": "number", "required": True, "volume": True,
         "title": "New bone sarcomas a year",
         "threshold": {"value": 20.0, "direction": "at least", "unit": "patients a year"}},
        {"id": "pathology", "pillar": ["P"], "type": "proportion", "required": True,
         "title": "Second pathology reading before treatment",
         "threshold": {"value": 90.0, "direction": "at least", "unit": "percent"}},
        {"id": "waiting", "pillar": ["P"], "type": "proportion",
         "title": "Confirmation to treatment within 30 days",
         "threshold": {"value": 80.0, "direction": "at least", "unit": "percent"}},
        {"id": "registry", "pillar": ["S"], "type": "boolean",
         "title": "Takes part in a population registry"},
        {"id": "links", "pillar": ["N"], "type": "text", "required": True,
         "title": "Works with a patient organisation, in a way that convinces the reviewers"},
        {"id": "parking", "pillar": ["S"], "type": "boolean", "title": "Free parking"},
    ],
}  # fmt: skip
_SAME = {"version": "1", "scope": "general", "source": "invented", "sureness": "D"}

RATINGS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "team": ((9, 9, 8, 9, 8, 9, 9, 8, 9, 9), (9, 9, 9, 9, 8, 9, 9, 9, 9, 9)),
    "volume": ((8, 7, 9, 5, 8, 6, 8, 9, 4, 8), (8, 7, 9, 7, 8, 7, 8, 9, 6, 8)),
    "pathology": ((8, 9, 7, 8, 9, 8, 6, 9, 8, 7), (8, 9, 8, 8, 9, 8, 8, 9, 8, 7)),
    "waiting": ((7, 6, 8, 9, 5, 7, 8, 6, 7, 9), (7, 7, 8, 9, 6, 7, 8, 7, 7, 9)),
    "registry": ((7, 8, 9, 6, 8, 7, 9, 8, 7, 8), (7, 8, 9, 7, 8, 7, 9, 8, 7, 8)),
    "links": ((9, 6, 7, 9, 9, 5, 8, 7, 9, 8), (9, 7, 7, 9, 9, 6, 8, 7, 9, 8)),
    "parking": ((2, 1, 3, 6, 2, 1, 2, 4, 5, 2), (2, 1, 2, 4, 2, 1, 2, 3, 3, 2)),
}
COMMENTS = {("parking", 3): "Families from far away need it. (invented)",
            ("volume", 8): "Small countries cannot reach this. (invented)"}  # fmt: skip
_ASKED_AS = ("scientific society", "patient organisation", "centre", "health authority")


@dataclass(frozen=True, slots=True)
class _People:
    """Invented accounts, by what they do, and the day of writing."""

    today: dt.date
    editor: Account
    doctor: Account
    friend: Account
    alliance: Account
    reviewers: tuple[Account, Account]
    raters: tuple[Account, ...]

    def ago(self, days: int) -> dt.date:
        """Return a day before the day of writing."""
        return self.today - dt.timedelta(days=days)


@transaction.atomic
def write_demo_directory(today: dt.date) -> bool:
    """Write the invented directory; say whether it was not there before. No one can sign in.

    Parameters
    ----------
    today
        All its days are within the year before, but for the end of a designation.
    """
    if Organisation.objects.filter(invented=True).exists():
        return False
    places = {one["slug"]: _organisation(one) for one in ORGANISATIONS}
    people = _people(places, today)
    agreed = _consensus(people)
    _designate(people, places, agreed)
    _under_review(people, places, agreed)
    _voices(people, places)
    Trial.objects.create(
        title="Example trial of an example treatment (invented)", entity_id=_BONE,
        register="Example register", number="EX-0001", link="https://example.org/EX-0001",
        countries="Slovenia, Netherlands", status="recruiting", seen=people.ago(180),
        invented=True,
    )  # fmt: skip
    Account.objects.filter(email__endswith="@demo.invalid").update(is_active=False)
    return True


def _organisation(given: dict[str, Any]) -> Organisation:
    own = {name: value for name, value in given.items() if name != "covers"}
    made = Organisation.objects.create(**own, listed=True, invented=True)
    for number in given["covers"]:
        Coverage.objects.create(organisation=made, entity_id=number)
    return made


def _account(name: str, role: Role, organisation: Organisation | None = None) -> Account:
    address = name.lower().replace(" ", "-").replace("(", "").replace(")", "")
    made = Account.objects.create_user(f"{address}@demo.invalid", name=name)
    made.groups.set(Group.objects.filter(name=role.value))
    if organisation is not None:
        Membership.objects.create(account=made, organisation=organisation)
    return made


def _people(places: dict[str, Organisation], today: dt.date) -> _People:
    return _People(
        today=today,
        editor=_account("Example Editor (invented)", Role.EDITOR),
        doctor=_account("Example Doctor (invented)", Role.CONTRIBUTOR,
                        places["example-hospital-b"]),
        friend=_account("Example Friend (invented)", Role.PATIENT_ORGANISATION,
                        places["example-sarcoma-friends"]),
        alliance=_account("Example Speaker (invented)", Role.PATIENT_ORGANISATION,
                          places["example-patient-alliance"]),
        reviewers=(
            _account("First Reviewer (invented)", Role.REVIEWER, places["example-society"]),
            _account("Second Reviewer (invented)", Role.REVIEWER, places["example-authority"]),
        ),
        raters=tuple(_account(f"Example Rater {k} (invented)", Role.CONTRIBUTOR)
                     for k in range(1, 11)),
    )  # fmt: skip


def _consensus(people: _People) -> CriteriaVersion:
    from rarecare.care.criteria import criteria_of  # noqa: PLC0415

    given = PROPOSED | {"criteria": [_SAME | one for one in PROPOSED["criteria"]]}
    proposed = CriteriaVersion.of(criteria_of(given, file="demo"))
    proposed.save()
    consensus = Consensus.objects.create(
        slug="example-bone", title="Criteria of centres for bone sarcoma (invented example)",
        proposed=proposed, invented=True,
    )  # fmt: skip
    for k, one in enumerate(people.raters):
        Participant.objects.create(consensus=consensus, account=one, role=_ASKED_AS[k % 2 * 2],
                                   invited=people.ago(330))  # fmt: skip
    days = [(people.ago(320), people.ago(302)), (people.ago(292), people.ago(274))]
    for number, (opens, closes) in enumerate(days, 1):
        Round.objects.create(consensus=consensus, number=number, opens=opens, closes=closes)
    open_rounds(people.editor, consensus, on=people.ago(327))
    for number, (opens, closes) in enumerate(days, 1):
        for k, one in enumerate(people.raters):
            rate(one, consensus, {name: (rounds[number - 1][k], COMMENTS.get((name, k), ""))
                                  for name, rounds in RATINGS.items()}, on=opens)  # fmt: skip
        close(people.editor, consensus, number=number, on=closes + dt.timedelta(days=1))
    return publish_version(people.editor, consensus, version="1.0", on=people.ago(271))


def _give(who: Account, nomination: Nomination, kind: str, on: dt.date, **values: str) -> None:
    for name, value in values.items():
        add_evidence(who, nomination, criterion=name, value=value, kind=kind, date=on, on=on,
                     source="invented report")  # fmt: skip


def _designate(people: _People, places: dict[str, Organisation], agreed: CriteriaVersion) -> None:
    day = people.ago(264)
    one = nominate(people.friend, places["example-hospital-a"], agreed, statement=_WHY, on=day)
    _give(people.friend, one, "self-declared", day, team="yes", links="Signed letter (invented)")
    _give(people.reviewers[0], one, "computed", day, volume="27", pathology="94", waiting="61")
    _give(people.reviewers[1], one, "certified", day, registry="yes")
    submit(people.friend, one, on=people.ago(253))
    for who, on in zip(people.reviewers, (people.ago(231), people.ago(182)), strict=True):
        review(who, one, recommendation="designate", reasons=_WHY, found={"links": True}, on=on)
    decide(
        people.editor, one, decision="designated", on=people.ago(163),
        expires=people.ago(-945),
        reasons="Invented reasons: team, volume and second reading as asked; waiting time to be "
                "shown again.",
    )  # fmt: skip


def _under_review(
    people: _People, places: dict[str, Organisation], agreed: CriteriaVersion
) -> None:
    day = people.ago(159)
    one = nominate(people.doctor, places["example-hospital-b"], agreed, statement=_WHY, on=day)
    _give(people.doctor, one, "self-declared", day, team="yes", volume="31")
    submit(people.doctor, one, on=people.ago(152))


def _voices(people: _People, places: dict[str, Organisation]) -> None:
    centre = places["example-hospital-a"]
    speak(people.friend, centre, saying=Voice.Saying.ENDORSES, text="", on=people.ago(150))
    speak(people.alliance, centre, saying=Voice.Saying.COMMENTS, on=people.ago(149),
          text="Families may stay near the ward. Parking is hard. (invented)")  # fmt: skip
    for one in Voice.objects.filter(centre=centre):
        moderate(people.editor, one, publish=True, reasons="", on=people.ago(148))

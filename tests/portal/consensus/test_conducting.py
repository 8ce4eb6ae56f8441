"""A consensus from preparation to publication, and what each step refuses."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from rarecare.care.consensus import agreement
from rarecare.errors import DisagreementError, FileError, UsageError
from rarecare.portal.accounts import middleware
from rarecare.portal.accounts.roles import Role
from rarecare.portal.audit.books import ACTS, CRITERIA, read
from rarecare.portal.consensus import conducting
from rarecare.portal.consensus.models import (
    Consensus,
    CriteriaVersion,
    Participant,
    Rating,
    Round,
)
from tests.portal.actors import PROPOSED, account

FIRST = dt.date(2026, 1, 5), dt.date(2026, 1, 16)
SECOND = dt.date(2026, 2, 2), dt.date(2026, 2, 13)
AGREE = dict.fromkeys(("team", "volume", "care"), (8, ""))


class World:
    """A consensus of six people in two rounds, prepared."""

    def __init__(self, rounds=(FIRST, SECOND)):
        self.editor = account("editor", Role.EDITOR)
        proposed = conducting.propose(self.editor, PROPOSED)
        self.consensus = Consensus.objects.create(slug="bone", title="Bone", proposed=proposed)
        self.people = [account(f"rater-{k}", Role.CONTRIBUTOR) for k in range(6)]
        for k, one in enumerate(self.people):
            role = "centre" if k else "patient organisation"
            Participant.objects.create(consensus=self.consensus, account=one, role=role,
                                       invited=rounds[0][0])  # fmt: skip
        for number, (opens, closes) in enumerate(rounds, 1):
            Round.objects.create(consensus=self.consensus, number=number, opens=opens,
                                 closes=closes)  # fmt: skip

    def open(self, on=FIRST[0]):
        conducting.open_rounds(self.editor, self.consensus, on=on)

    def rate(self, on, wifi=(2, "")):
        for one in self.people:
            conducting.rate(one, self.consensus, AGREE | {"wifi": wifi}, on=on)

    def close(self, number, on):
        conducting.close(self.editor, self.consensus, number=number, on=on)


@pytest.fixture
def world(db):
    return World()


def test_the_packaged_criteria_can_be_proposed_and_none_is_agreed(db):
    every = CriteriaVersion.objects.all()
    assert {one.set_id for one in every} == {"general", "head_neck", "sarcoma", "testis", "gep_net"}
    assert {one.status for one in every} == {"proposed"}
    assert all(one.criteria.sha256 == one.sha256 for one in every)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("id = ", FileError, "not TOML"),
        (PROPOSED.replace('type = "boolean"', 'type = "perhaps"'), UsageError, "faults"),
        (PROPOSED.replace('version = "1-proposed"', 'version = "1"\nstatus = "agreed"'), UsageError,
         "day of publication"),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed(db, text, error, message):
    with pytest.raises(error, match=message):
        conducting.propose(account("editor", Role.EDITOR), text)


def test_a_version_is_proposed_once_and_never_changed(world):
    with pytest.raises(UsageError, match="there is such a version"):
        conducting.propose(world.editor, PROPOSED)
    row = world.consensus.proposed
    row.title = "Another"
    with pytest.raises(UsageError, match="is not changed"):
        row.save()


def test_only_those_who_conduct_do_so(world):
    for step in (world.open, lambda: world.close(1, SECOND[0])):
        world.editor = world.people[0]
        with pytest.raises(PermissionDenied):
            step()


def test_from_two_rounds_to_a_published_version(world):
    world.open()
    world.rate(FIRST[0], wifi=(5, "Why not?"))
    world.close(1, FIRST[1] + dt.timedelta(days=1))
    told = conducting.own_feedback(world.consensus, world.people[0], number=1)
    wifi = told.filter(criterion="wifi").to_dicts()[0]
    # six ratings of 5: median 5, five of them without a name are told as they were said
    assert (wifi["own"], wifi["n"], wifi["median"]) == (5, 6, 5.0)
    assert wifi["comments"] == ["Why not?"] * 6
    world.rate(SECOND[0])
    world.close(2, SECOND[1] + dt.timedelta(days=1))
    made = conducting.publish_version(world.editor, world.consensus, version="1",
                                      on=dt.date(2026, 2, 20))  # fmt: skip
    criteria = made.criteria
    assert [one.id for one in criteria.criteria] == ["team", "volume", "care"]
    assert {one.criterion: one.decision for one in criteria.dissent}["wifi"] == "rejected"
    assert [one.kind for one in read(CRITERIA).entries] == [
        "consensus opened", "round closed", "round closed", "version published",
    ]  # fmt: skip
    assert read(CRITERIA).entries[-1].content["sha256"] == made.sha256
    rated = [one for one in read(ACTS).entries if one.kind == "rated"]
    assert len(rated) == 12
    assert not any("8" in str(one.content.get("rating", "")) for one in rated)


def test_what_is_decided_is_what_care_decides(world):
    world.open()
    for k, one in enumerate(world.people):
        conducting.rate(one, world.consensus, AGREE | {"wifi": (k + 2, "")}, on=FIRST[0])
    table = agreement(conducting.plan_of(world.consensus), conducting.ratings_of(world.consensus),
                      world.consensus.proposed.criteria, number=1).table  # fmt: skip
    # wifi: 2 3 4 5 6 7, median 4.5: uncertain
    assert table.filter(criterion="wifi")["estimate"].item() == 4.5
    assert table.filter(criterion="wifi")["decision"].item() == "uncertain"


def test_once_opened_nothing_is_moved(world):
    world.open()
    with pytest.raises(UsageError, match="opened before"):
        world.open()
    world.consensus.rounds.filter(number=2).update(closes=dt.date(2027, 1, 1))
    # the plan is the text that was opened, not the rows
    assert conducting.plan_of(world.consensus).rounds[1].closes == SECOND[1]


def test_a_rating_edited_after_closing_is_found(world):
    world.open()
    world.rate(FIRST[0])
    world.close(1, FIRST[1] + dt.timedelta(days=1))
    Rating.objects.filter(criterion="wifi").update(rating=9)
    world.rate(SECOND[0])
    world.close(2, SECOND[1] + dt.timedelta(days=1))
    with pytest.raises(DisagreementError, match="ratings of round 1 are not those"):
        conducting.publish_version(world.editor, world.consensus, version="1",
                                   on=dt.date(2026, 2, 20))  # fmt: skip


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"team": (0, "")}, "not on the scale"),
        ({"team": (10, "")}, "not on the scale"),
        ({"parking": (5, "")}, "not asked for"),
        ({"team": (5, "x" * 2001)}, "too long"),
    ],
)
def test_ratings_that_are_refused_leave_nothing(world, given, message):
    world.open()
    with pytest.raises(UsageError, match=message):
        conducting.rate(world.people[0], world.consensus, given, on=FIRST[0])
    assert not Rating.objects.exists()


def test_rating_is_for_the_invited_and_while_a_round_is_open(world):
    world.open()
    with pytest.raises(PermissionDenied, match="not invited"):
        conducting.rate(account("other", Role.CONTRIBUTOR), world.consensus, AGREE, on=FIRST[0])
    between = FIRST[1] + dt.timedelta(days=1)
    with pytest.raises(UsageError, match="no round is open"):
        conducting.rate(world.people[0], world.consensus, AGREE, on=between)


def test_feedback_waits_for_the_end_of_the_round(world):
    world.open()
    world.rate(FIRST[0])
    with pytest.raises(UsageError, match="not closed"):
        conducting.own_feedback(world.consensus, world.people[0], number=1)


def test_pages_show_no_small_group_and_no_open_round(portal):
    today = timezone.localdate()
    past = (today - dt.timedelta(days=20), today - dt.timedelta(days=10))
    now = (today - dt.timedelta(days=1), today + dt.timedelta(days=9))
    world = World(rounds=(past, now))
    world.open(on=past[0])
    world.rate(past[0])
    world.close(1, past[1] + dt.timedelta(days=1))
    world.rate(today, wifi=(9, "Still secret"))
    shown = Client().get("/en/criteria/consensus/bone/").content.decode()
    # one patient organisation rated: it and the other group are withheld, all are shown
    assert "withheld" in shown
    assert "Still secret" not in shown
    assert "How the group rated is shown once the round is closed." in shown


def test_rating_by_form(portal):
    today = timezone.localdate()
    world = World(rounds=((today, today + dt.timedelta(days=9)),))
    world.open(on=today)
    client = Client()
    client.force_login(world.people[0])
    page = "/en/criteria/consensus/bone/rate/"
    assert "New patients a year" in client.get(page).content.decode()
    response = client.post(page, {"rating_team": "9", "comment_team": "Yes", "rating_wifi": ""})
    assert response.status_code == 302
    kept = {one.criterion: (one.rating, one.comment) for one in Rating.objects.all()}
    assert kept["team"] == (9, "Yes")
    assert kept["wifi"] == (None, "")
    assert client.post(page, {"rating_team": "10"}).status_code == 422


def test_conducting_by_pages(portal, monkeypatch):
    monkeypatch.setattr(middleware, "is_mfa_enabled", lambda _user: True)
    today = timezone.localdate()
    world = World(rounds=((today, today + dt.timedelta(days=9)),))
    client = Client()
    client.force_login(world.editor)
    client.post("/en/criteria/consensus/bone/open/")
    world.consensus.refresh_from_db()
    assert world.consensus.opened
    early = client.post("/en/criteria/consensus/bone/close/1/", follow=True)
    assert "round 1 is not over" in early.content.decode()
    refused = client.post("/en/criteria/consensus/bone/publish/", {"version": "1"})
    assert refused.status_code == 422
    assert "a round is not closed" in refused.content.decode()
    faulty = client.post("/en/criteria/new/", {"text": "id = "})
    assert faulty.status_code == 422
    assert "not TOML" in faulty.content.decode()

"""From nomination to decision, step by step, and what each step refuses."""

import datetime as dt
import os
import subprocess
import sys

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import TestCase

from rarecare.care.designation import decisions, designations
from rarecare.errors import DisagreementError, UsageError
from rarecare.portal.accounts.models import Account
from rarecare.portal.accounts.roles import Role
from rarecare.portal.audit.books import ACTS, DESIGNATIONS, extend, read
from rarecare.portal.consensus.models import CriteriaVersion
from rarecare.portal.directory.decisions import decide, review
from rarecare.portal.directory.models import Document, Evidence, Kind, Membership, Nomination
from rarecare.portal.directory.nominations import (
    add_evidence,
    evidence_of,
    nominate,
    submit,
    take_back,
)
from rarecare.portal.directory.uploads import checked
from tests.portal.actors import DAY, LATER, UNTIL, WHY, account, agreed_criteria, organisation


class World:
    """A centre, those around it, and criteria that were agreed."""

    def __init__(self):
        self.centre = organisation("Hospital A")
        self.other = organisation("Hospital B")
        self.patients = organisation("Friends", Kind.PATIENTS)
        society = organisation("Society", Kind.SOCIETY)
        authority = organisation("Authority", Kind.AUTHORITY)
        self.editor = account("editor", Role.EDITOR)
        self.doctor = account("doctor", Role.CONTRIBUTOR, organisation=self.centre)
        self.rival = account("rival", Role.CONTRIBUTOR, organisation=self.other)
        self.friend = account("friend", Role.PATIENT_ORGANISATION, organisation=self.patients)
        self.one = account("one", Role.REVIEWER, organisation=society)
        self.two = account("two", Role.REVIEWER, organisation=authority)
        self.criteria = agreed_criteria(self.editor)

    def nominated(self, who=None):
        return nominate(who or self.doctor, self.centre, self.criteria, statement=WHY, on=DAY)

    def in_review(self, **values):
        nomination = self.nominated()
        for name, value in (
            {"team": "yes", "volume": "27", "care": "Rules of the team"} | values
        ).items():
            add_evidence(self.doctor, nomination, criterion=name, value=value, kind="self-declared",
                         date=DAY, source="The centre's report", on=DAY)  # fmt: skip
        submit(self.doctor, nomination, on=DAY)
        nomination.refresh_from_db()
        return nomination

    def reviewed(self, **values):
        nomination = self.in_review(**values)
        for who in (self.one, self.two):
            self.review(nomination, who)
        return nomination

    def review(self, nomination, who, recommendation="designate", care=True):
        return review(who, nomination, recommendation=recommendation, reasons=WHY,
                      found={"care": care}, on=LATER)  # fmt: skip


@pytest.fixture
def world(db):
    return World()


@pytest.fixture
def mailoutbox():
    mail.outbox.clear()
    return mail.outbox


def test_from_nomination_to_designation(world):
    nomination = world.reviewed()
    decide(world.editor, nomination, decision="designated", reasons=WHY, on=LATER, expires=UNTIL)
    nomination.refresh_from_db()
    assert nomination.state == Nomination.State.DECIDED
    (decision,) = decisions(read(DESIGNATIONS))
    assert decision.centre == "Hospital A"
    assert [(who.name, who.organisation) for who in decision.reviewers] == [
        ("One", "Society"), ("Two", "Authority"),
    ]  # fmt: skip
    assert decision.criteria.sha256 == world.criteria.sha256
    # "wifi" was not agreed, so it is not asked for
    assert [(one.criterion, one.state, one.kind) for one in decision.required] == [
        ("team", "met", "self-declared"), ("volume", "met", "self-declared"),
        ("care", "met", "self-declared"),
    ]  # fmt: skip
    table = designations(read(DESIGNATIONS), on=UNTIL)
    assert table["standing"].to_list() == ["designated"]
    after = designations(read(DESIGNATIONS), on=UNTIL + dt.timedelta(days=1))
    assert after["standing"].to_list() == ["expired"]


def test_each_act_is_in_the_log_without_names(world):
    decide(world.editor, world.reviewed(), decision="designated", reasons=WHY, on=LATER,
           expires=UNTIL)  # fmt: skip
    acts = [one for one in read(ACTS).entries if one.content["subject"].startswith("nomination")]
    assert [one.kind for one in acts] == [
        "nominated", "gave evidence", "gave evidence", "gave evidence", "submitted", "reviewed",
        "reviewed", "decided",
    ]  # fmt: skip
    assert acts[0].content["actor"] == f"account {world.doctor.pk}"
    assert not any("Doctor" in str(one.content) or "@" in str(one.content) for one in acts)


def test_a_refused_step_leaves_no_trace(world):
    nomination = world.in_review()
    before = len(read(ACTS).entries)
    with pytest.raises(UsageError, match="two reviews"):
        decide(world.editor, nomination, decision="designated", reasons=WHY, on=LATER,
               expires=UNTIL)  # fmt: skip
    assert len(read(ACTS).entries) == before
    assert read(DESIGNATIONS).entries == ()


def test_a_patient_organisation_nominates(world):
    assert world.nominated(world.friend).nominated_by == world.patients


def test_another_centre_does_not(world):
    with pytest.raises(PermissionDenied, match="by itself or by a patient organisation"):
        world.nominated(world.rival)


def test_nor_does_a_reviewer(world):
    with pytest.raises(PermissionDenied):
        world.nominated(world.one)


def test_criteria_must_be_agreed(world):
    proposed = CriteriaVersion.objects.get(set_id="bone", status="proposed")
    with pytest.raises(UsageError, match="criteria that were agreed"):
        nominate(world.doctor, world.centre, proposed, statement=WHY, on=DAY)


def test_one_nomination_at_a_time(world):
    first = world.nominated()
    with pytest.raises(UsageError, match="open nomination"):
        world.nominated(world.friend)
    take_back(world.doctor, first, on=DAY)
    assert world.nominated(world.friend).open


def test_only_who_nominated_takes_back_or_submits(world):
    nomination = world.nominated(world.friend)
    for step in (take_back, submit):
        with pytest.raises(PermissionDenied, match="Only the organisation that nominated"):
            step(world.doctor, nomination, on=DAY)


def test_evidence_is_checked_as_care_reads_it(world):
    nomination = world.nominated()
    with pytest.raises(UsageError, match="value not a number"):
        add_evidence(world.doctor, nomination, criterion="volume", value="many",
                     kind="self-declared", date=DAY, source="report", on=DAY)  # fmt: skip
    with pytest.raises(UsageError, match="no criterion of bone 1"):
        add_evidence(world.doctor, nomination, criterion="wifi", value="yes",
                     kind="self-declared", date=DAY, source="report", on=DAY)  # fmt: skip
    with pytest.raises(UsageError, match="day to come"):
        add_evidence(world.doctor, nomination, criterion="team", value="yes",
                     kind="self-declared", date=LATER, source="report", on=DAY)  # fmt: skip
    with pytest.raises(UsageError, match="source blank"):
        add_evidence(world.doctor, nomination, criterion="team", value="yes",
                     kind="self-declared", date=DAY, source=" ", on=DAY)  # fmt: skip
    assert not Evidence.objects.exists()


def test_a_centre_certifies_nothing_and_no_one_declares_for_it(world):
    nomination = world.nominated()
    for kind in ("computed", "certified"):
        with pytest.raises(PermissionDenied, match="Only reviewers and editors"):
            add_evidence(world.doctor, nomination, criterion="team", value="yes", kind=kind,
                         date=DAY, source="report", on=DAY)  # fmt: skip
    with pytest.raises(PermissionDenied, match="declares for it"):
        add_evidence(world.one, nomination, criterion="team", value="yes", kind="self-declared",
                     date=DAY, source="report", on=DAY)  # fmt: skip
    with pytest.raises(PermissionDenied, match="takes no part"):
        add_evidence(world.rival, nomination, criterion="team", value="yes", kind="self-declared",
                     date=DAY, source="report", on=DAY)  # fmt: skip
    made = add_evidence(world.one, nomination, criterion="team", value="no", kind="certified",
                        date=DAY, source="visit", on=DAY)  # fmt: skip
    assert made.kind == "certified"


def test_certified_evidence_prevails(world):
    nomination = world.reviewed()
    add_evidence(world.one, nomination, criterion="team", value="no", kind="certified",
                 date=LATER, source="visit", on=LATER)  # fmt: skip
    with pytest.raises(UsageError, match="required criteria are not met: team"):
        decide(world.editor, nomination, decision="designated", reasons=WHY, on=LATER,
               expires=UNTIL)  # fmt: skip
    decide(world.editor, nomination, decision="not designated", reasons=WHY, on=LATER)


def test_a_document_is_kept_with_its_hash(world):
    upload = checked("rules.pdf", b"%PDF-1.7\n%invented\n")
    made = add_evidence(world.doctor, world.nominated(), criterion="team", value="yes",
                        kind="self-declared", date=DAY, source="rules", on=DAY,
                        upload=upload)  # fmt: skip
    document = Document.objects.get()
    assert made.document == document
    assert bytes(document.content) == upload.content
    assert document.sha256 == upload.sha256


def test_nothing_is_submitted_without_evidence(world):
    with pytest.raises(UsageError, match="no evidence to review"):
        submit(world.doctor, world.nominated(), on=DAY)


def test_no_self_declared_evidence_after_submission(world):
    nomination = world.in_review()
    with pytest.raises(UsageError, match="no longer gathered"):
        add_evidence(world.doctor, nomination, criterion="team", value="yes",
                     kind="self-declared", date=LATER, source="more", on=LATER)  # fmt: skip


def test_two_different_reviewers_from_outside(world):
    nomination = world.in_review()
    inside = account("inside", Role.REVIEWER, organisation=world.centre)
    loose = account("loose", Role.REVIEWER)
    world.review(nomination, world.one)
    with pytest.raises(UsageError, match="you have reviewed"):
        world.review(nomination, world.one)
    with pytest.raises(PermissionDenied, match="neither of the centre"):
        world.review(nomination, inside)
    with pytest.raises(UsageError, match="belongs to an organisation"):
        world.review(nomination, loose)
    with pytest.raises(PermissionDenied):
        world.review(nomination, world.editor)


def test_who_reviewed_or_nominated_does_not_decide(world):
    nomination = world.reviewed()
    both = account("both", Role.REVIEWER, Role.EDITOR, organisation=world.other)
    world.review(nomination, both)
    with pytest.raises(PermissionDenied, match="Who reviewed does not decide"):
        decide(both, nomination, decision="designated", reasons=WHY, on=LATER, expires=UNTIL)
    own = account("own", Role.EDITOR, organisation=world.centre)
    with pytest.raises(PermissionDenied, match="neither of the centre"):
        decide(own, nomination, decision="designated", reasons=WHY, on=LATER, expires=UNTIL)
    with pytest.raises(PermissionDenied):
        decide(world.one, nomination, decision="designated", reasons=WHY, on=LATER, expires=UNTIL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reasons": "  "}, "reasons"),
        ({"expires": None}, "day of expiry"),
        ({"expires": LATER}, "expires after the day it is decided"),
        ({"decision": "perhaps"}, "designated"),
        ({"decision": "withdrawn", "expires": None}, "no designation in force"),
    ],
)
def test_a_decision_has_reasons_and_an_end(world, change, message):
    given = {"decision": "designated", "reasons": WHY, "expires": UNTIL} | change
    with pytest.raises(UsageError, match=message):
        decide(world.editor, world.reviewed(), on=LATER, **given)


def test_reviewers_must_agree_on_a_text(world):
    nomination = world.in_review()
    world.review(nomination, world.one)
    world.review(nomination, world.two, care=False)
    state = evidence_of(nomination).table.filter(criterion="care")["state"].to_list()
    assert state == ["not met"]
    with pytest.raises(UsageError, match="required criteria are not met: care"):
        decide(world.editor, nomination, decision="designated", reasons=WHY, on=LATER,
               expires=UNTIL)  # fmt: skip


def test_a_text_no_reviewer_judged_is_not_known(world):
    nomination = world.in_review()
    assert evidence_of(nomination).table.filter(criterion="care")["state"].to_list() == [
        "not known"
    ]


def test_volume_below_the_threshold_designates_no_one(world):
    with pytest.raises(UsageError, match="not met: volume"):
        decide(world.editor, world.reviewed(volume="20"), decision="designated", reasons=WHY,
               on=LATER, expires=UNTIL)  # fmt: skip


def test_one_reviewer_against_is_enough(world):
    nomination = world.in_review()
    world.review(nomination, world.one)
    world.review(nomination, world.two, recommendation="refuse")
    with pytest.raises(UsageError, match="recommends not to designate"):
        decide(world.editor, nomination, decision="designated", reasons=WHY, on=LATER,
               expires=UNTIL)  # fmt: skip


def test_a_designation_is_withdrawn_by_another_nomination(world):
    decide(world.editor, world.reviewed(), decision="designated", reasons=WHY, on=LATER,
           expires=UNTIL)  # fmt: skip
    again = world.reviewed()
    decide(world.editor, again, decision="withdrawn", reasons=WHY, on=LATER)
    assert designations(read(DESIGNATIONS), on=LATER)["standing"].to_list() == ["withdrawn"]
    assert len(decisions(read(DESIGNATIONS))) == 2


def test_a_history_added_to_in_the_meantime_is_not_overwritten(world):
    stale = read(DESIGNATIONS)
    decide(world.editor, world.reviewed(), decision="not designated", reasons=WHY, on=LATER)
    with pytest.raises(DisagreementError, match="added to in the meantime"):
        extend(DESIGNATIONS, stale.add("designation", {}, on=LATER))


def test_reviewers_are_told_that_a_nomination_awaits_them(world, mailoutbox):
    with TestCase.captureOnCommitCallbacks(execute=True):
        nomination = world.in_review()
    assert [message.to for message in mailoutbox] == [["one@example.org"], ["two@example.org"]]
    (first, _second) = mailoutbox
    assert "Hospital A" in first.subject
    assert f"http://localhost/en/nominations/{nomination.pk}/" in first.body
    assert first.body.startswith("One,")


def test_a_reviewer_of_one_side_or_without_access_is_not_told(world, mailoutbox):
    Membership.objects.filter(account=world.one).update(organisation=world.centre)
    Account.objects.filter(pk=world.two.pk).update(is_active=False)
    with TestCase.captureOnCommitCallbacks(execute=True):
        world.in_review()
    assert mailoutbox == []


def test_what_is_refused_tells_nobody(world, mailoutbox):
    nomination = world.nominated()
    with TestCase.captureOnCommitCallbacks(execute=True), pytest.raises(UsageError):
        submit(world.doctor, nomination, on=DAY)
    assert mailoutbox == []


def test_a_mail_server_that_fails_stops_no_nomination(world, settings_of, caplog):
    settings_of(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_PORT=9)
    with TestCase.captureOnCommitCallbacks(execute=True):
        nomination = world.in_review()
    assert nomination.state == Nomination.State.REVIEW
    assert "a reviewer of nomination" in caplog.text


def test_messages_are_printed_where_there_is_no_mail_server():
    code = "from rarecare.portal import settings_accounts as s; print(s.EMAIL_BACKEND)"
    environment = {key: value for key, value in os.environ.items() if key != "RARECARE_EMAIL"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env=environment | {"SECRET_KEY": "x" * 60})  # fmt: skip
    assert done.stdout.strip() == "django.core.mail.backends.console.EmailBackend"

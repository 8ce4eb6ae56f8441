"""From a consensus to a version of criteria: opened, rounds closed, published, all in a history.

Each step names by hash what it was about, so that a rule, a list of participants or a rating
changed afterwards is refused when the version is published.
"""

from __future__ import annotations

from datetime import date

from rarecare.care.consensus import AGREED, agreement, comments_of
from rarecare.care.consensus_model import Consensus, Round
from rarecare.care.criteria import CriteriaSet, Dissent, Follows
from rarecare.care.history import Entry, History, sha256
from rarecare.care.ratings import Ratings
from rarecare.errors import DisagreementError, UsageError
from rarecare.results import NOT_ESTIMABLE

OPENED, CLOSED, PUBLISHED = "consensus opened", "round closed", "version published"


def open_consensus(
    consensus: Consensus, criteria: CriteriaSet, *, on: date, history: History | None = None
) -> History:
    """Return the history with the consensus opened: its rule, its participants and its question.

    Parameters
    ----------
    consensus, criteria
        The consensus and the version it proposes.
    on
        The day, not after the first round opens.
    history
        Of earlier consensuses on these criteria.

    Raises
    ------
    DisagreementError
        These are not the criteria proposed.
    UsageError
        The consensus was opened before, or the day is after the first round opens.
    """
    consensus.asked(criteria)
    history = history or History()
    if _entries(history, consensus, OPENED):
        raise UsageError("the consensus was opened before", value=consensus.id)
    if on > consensus.rounds[0].opens:
        raise UsageError("a consensus is opened before its first round", value=on.isoformat(),
                         allowed=f"up to {consensus.rounds[0].opens}")  # fmt: skip
    content = {
        "consensus": consensus.id, "sha256": consensus.sha256, "rule": consensus.rule.words(),
        "proposed": consensus.proposed.model_dump(), "invited": len(consensus.participants),
    }  # fmt: skip
    return history.add(OPENED, content, on=on)


def close_round(
    history: History, consensus: Consensus, ratings: Ratings, *, number: int, on: date
) -> History:
    """Return the history with a round closed, its ratings fixed by their hash.

    Raises
    ------
    UsageError
        There is no such round, it is not over, or it is not the next to close.
    DisagreementError
        The consensus is not the one that was opened.
    """
    one = _round(consensus, number)
    _check_opened(history, consensus)
    done = len(_entries(history, consensus, CLOSED))
    if number != done + 1:
        raise UsageError("rounds are closed one after the other", value=number,
                         allowed=f"round {done + 1}")  # fmt: skip
    if on <= one.closes:
        raise UsageError(f"round {number} is not over", value=on.isoformat(),
                         allowed=f"after {one.closes}")  # fmt: skip
    content = {
        "consensus": consensus.id, "round": number, "ratings": sha256(ratings.to_csv(number)),
        "rated": ratings.table.filter(round=number).drop_nulls("rating").height,
        "left_out": int(ratings.exclusions["records"].sum()),
    }  # fmt: skip
    return history.add(CLOSED, content, on=on)


def publish(
    history: History, consensus: Consensus, ratings: Ratings, criteria: CriteriaSet, *,
    version: str, on: date,
) -> tuple[CriteriaSet, History]:  # fmt: skip
    """Return the agreed version of the criteria, with its dissent, and the history with it added.

    Every criterion proposed has an entry of dissent: decision, median, how many rated low, middle
    and high, and the comments of its last round.

    Raises
    ------
    UsageError
        A round is not closed, nothing was agreed, or there is such a version.
    DisagreementError
        The consensus, its criteria or a round's ratings are not those in the history.
    """
    _check_opened(history, consensus)
    closed = _entries(history, consensus, CLOSED)
    if len(closed) < len(consensus.rounds):
        raise UsageError("a round is not closed", value=len(closed) + 1)
    for entry in closed:
        number = entry.content["round"]
        found = sha256(ratings.to_csv(number))
        if found != entry.content["ratings"]:
            raise DisagreementError(
                f"the ratings of round {number} are not those it was closed with",
                value=found[:12], allowed=entry.content["ratings"][:12],
            )  # fmt: skip
    versions = [one for one in history.entries
                if one.kind == PUBLISHED and one.content["criteria"] == criteria.id]  # fmt: skip
    if version in [criteria.version, *(one.content["version"] for one in versions)]:
        raise UsageError("there is such a version", value=version, remedy="Give a new one.")
    follows = Follows(
        consensus=consensus.id, history=history.head, rule=consensus.rule.words(),
        replaces=versions[-1].content["sha256"] if versions else "",
    )  # fmt: skip
    made = _made(consensus, ratings, criteria, follows, version=version, on=on)
    content = {"criteria": made.id, "version": version, "sha256": made.sha256,
               "consensus": consensus.id, "agreed": [one.id for one in made.criteria]}  # fmt: skip
    return made, history.add(PUBLISHED, content, on=on)


def _made(
    consensus: Consensus, ratings: Ratings, criteria: CriteriaSet, follows: Follows, *,
    version: str, on: date,
) -> CriteriaSet:  # fmt: skip
    table = agreement(consensus, ratings, criteria).table
    agreed = set(table.filter(decision=AGREED)["criterion"])
    if not agreed:
        raise UsageError("no criterion was agreed, so there is nothing to publish",
                         value=f"{table.height} proposed")  # fmt: skip
    dissent = []
    for row in table.iter_rows(named=True):
        shown = row["n"] is not None and row["n"] >= consensus.smallest_group
        name, said = row["criterion"], comments_of(ratings, row["round"], [row["criterion"]])
        dissent.append(Dissent.model_validate({
            "criterion": name, "title": row["title"], "decision": row["decision"] or NOT_ESTIMABLE,
            "reason": row["why"] or row["reason"] or "", "round": row["round"],
            "median": row["estimate"], "comments": said.get(name, []) if shown else [],
            **{key: row[key] for key in ("n", "low", "middle", "high")},
        }))  # fmt: skip
    return CriteriaSet.model_validate({
        "id": criteria.id, "version": version, "title": criteria.title, "status": "agreed",
        "published": on, "note": criteria.note if criteria.status == "agreed" else "",
        "follows": follows,
        "criteria": [one for one in criteria.criteria if one.id in agreed],
        "facts": criteria.facts, "dissent": dissent,
    })  # fmt: skip


def check_published(history: History, criteria: CriteriaSet) -> None:
    """Refuse a version that the history does not hold, exactly.

    Raises
    ------
    DisagreementError
        The version is not in the history, or not with these contents.
    """
    held = [one.content for one in history.entries if one.kind == PUBLISHED]
    found = next((one for one in held if one["criteria"] == criteria.id
                  and one["version"] == criteria.version), None)  # fmt: skip
    if found is None or found["sha256"] != criteria.sha256:
        raise DisagreementError(
            "this version of the criteria is not the one published",
            value=f"{criteria.id} {criteria.version} {criteria.sha256[:12]}",
            allowed=[f"{one['criteria']} {one['version']} {one['sha256'][:12]}" for one in held],
        )  # fmt: skip


def _round(consensus: Consensus, number: int) -> Round:
    found = next((one for one in consensus.rounds if one.number == number), None)
    if found is None:
        raise UsageError("there is no such round", value=number,
                         allowed=str([one.number for one in consensus.rounds]))  # fmt: skip
    return found


def _entries(history: History, consensus: Consensus, kind: str) -> list[Entry]:
    return [one for one in history.entries
            if one.kind == kind and one.content["consensus"] == consensus.id]  # fmt: skip


def _check_opened(history: History, consensus: Consensus) -> None:
    found = _entries(history, consensus, OPENED)
    if not found:
        raise UsageError("the consensus was not opened", value=consensus.id)
    if found[0].content["sha256"] != consensus.sha256:
        raise DisagreementError(
            "the consensus is not the one that was opened: rule, participants or rounds differ",
            value=consensus.sha256[:12], allowed=found[0].content["sha256"][:12],
        )  # fmt: skip

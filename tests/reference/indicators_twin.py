"""Indicators of care, slowly: one patient after another, one event after another.

The tree of an expression is walked for each patient alone. Unknown is None.
"""

from datetime import date

from rarecare.care import expression_nodes as tree
from rarecare.care.expressions import EVENTS, GROUPS, parse

LACKING = object()


class Patient:
    """A case, its events in the file's order, and what its registry records and fills in."""

    def __init__(self, case, events, recorded, given, columns, filled):
        self.case, self.given, self.recorded, self.columns = case, given, recorded, columns
        self.filled = filled
        order = list(EVENTS)
        dated = [(e["date"] if e["date_precision"] == "day" else None, e) for e in events]
        self.events = [
            {**e, "day": day}
            for day, e in sorted(
                dated,
                key=lambda item: (
                    item[0] is None, item[0] or date.min, order.index(item[1]["event"])
                ),
            )
        ]  # fmt: skip

    # what is selected: [(event, sure)]
    def selected(self, asked):
        found = []
        for event in self.events:
            if event["event"] not in asked.events:
                continue
            sure = True
            dropped = False
            for member in asked.values:
                value = event["value"]
                if value is None:
                    sure = False
                    continue
                value = value.lower()
                wanted = [v.lower() for v in member.values]
                if member.how == "starts":
                    met = any(value.startswith(w) for w in wanted)
                else:
                    met = (value in wanted) == (member.how == "in")
                dropped |= not met
            for window in asked.windows:
                if dropped:
                    break
                of = self.date(self.part(window.of))
                if event["day"] is None or of is None:
                    sure = False
                    continue
                after = (event["day"] - of).days
                met = {
                    "within before": 0 <= -after <= (window.days or 0),
                    "within after": 0 <= after <= (window.days or 0),
                    "within of": abs(after) <= (window.days or 0),
                    "before": after < 0, "after": after > 0,
                    "until": after <= 0, "since": after >= 0,
                }[window.how]  # fmt: skip
                dropped |= not met
            if not dropped:
                found.append((event, sure))
        return found

    def collected(self, asked):
        return any(name in self.recorded for name in asked.events)

    def moment(self, asked, *, last):
        """The event, or None; and whether its registry records such events."""
        found = self.selected(asked)
        event = None
        if found and all(sure for _, sure in found):
            undated = [e for e, _ in found if e["day"] is None]
            if not undated or len(found) == 1:
                event = found[-1 if last else 0][0]
        return ("moment", event, self.collected(asked))

    @staticmethod
    def date(part):
        if isinstance(part, tuple) and part[0] == "moment":
            return part[1]["day"] if part[1] is not None else None
        return None if part is LACKING else part

    def value(self, node):
        """The value of a part, LACKING made unknown."""
        part = self.part(node)
        return None if part is LACKING else part

    def part(self, node):
        return (
            self.negated(node)
            if isinstance(node, tree.Not)
            else (getattr(self, type(node).__name__.lower())(node))
        )

    def literal(self, node):
        return node.value

    def name(self, node):
        if node.name in EVENTS or node.name in GROUPS:
            asked = tree.Selection(0, GROUPS.get(node.name, (node.name,)))
            return self.moment(asked, last=False)
        if node.name in self.columns:
            value = self.case[node.name]
            if isinstance(value, date) and self.case.get(f"{node.name}_precision", "day") != "day":
                return None
            return value
        if node.name in self.given:
            value = self.given[node.name]
            return LACKING if value is None else value
        return LACKING

    def compare(self, node):
        left, right = self.part(node.left), self.part(node.right)
        if any(isinstance(part, tuple) for part in (left, right)):
            left, right = self.date(left), self.date(right)
        if left in (None, LACKING) or right in (None, LACKING):
            return None
        return {
            "==": left == right, "!=": left != right, "<": left < right, "<=": left <= right,
            ">": left > right, ">=": left >= right,
        }[node.sign] if node.sign not in {"==", "!="} else (
            (left == right) == (node.sign == "==")
        )  # fmt: skip

    def member(self, node):
        values = node.values
        if isinstance(values, tree.Name):
            values = self.given[values.name]
            if values is None:
                return None
        item = self.value(node.item)
        if item is None:
            return None
        if node.how == "starts":
            return any(item.startswith(value) for value in values)
        return (item in values) == (node.how == "in")

    def joined(self, node):
        parts = [self.value(part) for part in node.parts]
        decisive = node.word == "or"
        if any(part is decisive for part in parts):
            return decisive
        return None if None in parts else not decisive

    def negated(self, node):
        part = self.value(node.part)
        return None if part is None else not part

    def call(self, node):
        first = node.arguments[0]
        if node.function in {"first", "last"}:
            return self.moment(first, last=node.function == "last")
        if node.function in {"count", "exists", "hospitals"}:
            found = self.selected(first)
            certain = [event for event, sure in found if sure]
            if node.function == "exists":
                if certain:
                    return True
                return False if not found and self.collected(first) else None
            known = len(certain) == len(found) and self.collected(first)
            if node.function == "count":
                return len(certain) if known else None
            places = {event["hospital_id"] for event in certain}
            return len(places) if known and None not in places else None
        return getattr(self, f"do_{node.function}")(node)

    def do_days(self, node):
        start, end = (self.date(self.part(one)) for one in node.arguments)
        return None if start is None or end is None else (end - start).days

    def do_date(self, node):
        own = node.arguments[0]
        if isinstance(own, tree.Literal):
            return date.fromisoformat(own.value)
        return self.date(self.part(own))

    def do_year(self, node):
        own = self.date(self.part(node.arguments[0]))
        return None if own is None else own.year

    def do_value(self, node):
        event = self.part(node.arguments[0])[1]
        name = "value" if node.function == "value" else "hospital_id"
        return LACKING if event is None else event[name]

    do_hospital = do_value

    def told(self, node):
        """Whether a part is collected at all."""
        parts = self.parts_told(node)
        if parts is not None:
            return parts
        part = self.part(node)
        if isinstance(part, tuple):
            return part[2]
        if isinstance(node, tree.Name) and node.name in self.columns:
            return node.name in self.filled
        return part is not LACKING

    def parts_told(self, node):
        """Whether what a part is made of is collected; None where it is made of nothing else."""
        made = None
        if isinstance(node, tree.Call) and node.function == "coalesce":
            made = any(self.told(one) for one in node.arguments)
        elif isinstance(node, tree.Call) and node.function in {"date", "year", "yes", "days"}:
            made = all(self.told(one) for one in node.arguments)
        elif isinstance(node, tree.Call) and node.function in {"exists", "count", "hospitals"}:
            made = self.collected(node.arguments[0])
        elif isinstance(node, tree.Compare):
            made = self.told(node.left) and self.told(node.right)
        elif isinstance(node, tree.Joined):
            made = any(self.told(one) for one in node.parts)
        elif isinstance(node, tree.Member | tree.Not):
            made = self.told(node.item if isinstance(node, tree.Member) else node.part)
        return made

    def do_known(self, node):
        own = node.arguments[0]
        if not self.told(own):
            return None
        part = self.part(own)
        return (self.date(part) if isinstance(part, tuple) else part) is not None

    def do_collected(self, node):
        return True if self.told(node.arguments[0]) else None

    def do_yes(self, node):
        part = self.value(node.arguments[0])
        if part is None or isinstance(part, bool):
            return part
        if isinstance(part, str):
            part = {"1": 1, "yes": 1, "0": 0, "no": 0}.get(part.lower())
        return None if part not in {0, 1} else part == 1

    def do_coalesce(self, node):
        for one in node.arguments:
            part = self.part(one)
            part = self.date(part) if isinstance(part, tuple) else part
            if part not in (None, LACKING):
                return part
        return None


def patients(cases, events, *, keys, given, recorded=()):
    """The patients, one after another."""
    columns = [name for name in cases.columns if cases.schema[name] != "null"]
    rows = list(cases.iter_rows(named=True))
    all_events = list(events.iter_rows(named=True))
    by_registry = {}
    here = {tuple(row[k] for k in keys) for row in rows}
    for event in all_events:
        if tuple(event[k] for k in keys) in here:
            place = event["registry"] if "registry" in cases.columns else None
            by_registry.setdefault(place, set()).add(event["event"])
    for row in rows:
        own = [e for e in all_events if all(e[k] == row[k] for k in keys)]
        told = by_registry.get(row.get("registry"), set()) | set(recorded)
        same = [other for other in rows if other.get("registry") == row.get("registry")]
        filled = {name for name in columns if any(other[name] is not None for other in same)}
        yield Patient(row, own, told, given, columns, filled)


def answer(text, people, **words):
    """The value of an expression for each patient."""
    node = parse(text, **words)
    found = []
    for person in people:
        part = person.part(node)
        found.append(None if part is LACKING else part)
    return found


def states(of, one, people):
    """What becomes of each patient, in words, and the answer of those counted."""
    words = {**one.words, "terms": of.terms}

    def ask(text):
        return answer(text, people, **words)

    base = [(each.reason, ask(each.when)) for each in of.base]
    own = [(each.reason, ask(each.when)) for each in one.exclusions]
    cancer = ask(of.cases) if of.cases else [True] * len(people)
    denominator = ask(one.denominator)
    value = ask(one.numerator or one.value) if one.not_computed is None else [None] * len(people)
    censored = ask(one.censored) if one.censored else [False] * len(people)
    found = []
    for k in range(len(people)):
        if cancer[k] is False:
            state = "other cancer"
        elif any(when[k] for _, when in base):
            state = next(reason for reason, when in base if when[k])
        elif denominator[k] is False:
            state = "not in the denominator"
        elif denominator[k] is None:
            state = "not known whether in the denominator"
        elif any(when[k] for _, when in own):
            state = next(reason for reason, when in own if when[k])
        elif value[k] is None or censored[k] is None:
            state = "answer not known"
        elif one.kind == "time" and value[k] < 0:
            state = "negative interval"
        else:
            state = "counted"
        found.append((state, value[k], censored[k]))
    return found

"""Study kits the long way: conditions, checks and JSON Schema one record after another.

The conditions are read from their text again, and the records are dictionaries of text.
"""

import re
from datetime import date, timedelta


def holds(text, record):
    """A condition of one record: true, false, or None where it is not known."""
    sides = []
    for side in text.split(" or "):
        found = [_compare(part.strip(), record) for part in side.split(" and ")]
        sides.append(False if False in found else None if None in found else True)
    return True if True in sides else None if None in sides else False


def _compare(part, record):
    if " in " in part:
        name, values = part.split(" in ")
        own = record.get(name.strip())
        return None if own is None else own in [v.strip() for v in values.split(",")]
    name, sign, value = re.match(r"(\w+)\s*(!=|>=|<=|=|>|<)\s*(\S+)", part).groups()
    own = record.get(name)
    if own is None:
        return None
    if sign in ("=", "!="):
        return (own == value) == (sign == "=")
    a, b = float(own), float(value)
    return {">=": a >= b, "<=": a <= b, ">": a > b, "<": a < b}[sign]


def days(text):
    """First and last day that a date, whole or not, can be."""
    parts = [int(p) for p in text.split("-")]
    first = date(*[*parts, 1, 1][:3])
    if len(parts) == 3:
        return first, first
    year, month = (parts[0] + 1, 1) if len(parts) == 1 else divmod(parts[0] * 12 + parts[1], 12)
    following = date(year, month + 1, 1) if len(parts) == 2 else date(year, 1, 1)
    return first, following - timedelta(days=1)


def findings(records, variables):
    """What is amiss with records whose values are all legal: (line, variable, rule).

    ``variables`` are dictionaries with name, type, required, condition and not_before.
    """
    found = []
    before = {v["name"]: set(v["not_before"]) for v in variables}
    for _ in variables:
        for own in before.values():
            own |= {b for one in own for b in before[one]}
    for line, record in enumerate(records, start=2):
        for v in variables:
            own = record.get(v["name"])
            asked = True if not v["condition"] else holds(v["condition"], record)
            if asked is True and own is None and v["required"] == "required":
                found.append((line, v["name"], "required"))
            known = own is not None and own not in v["unknown"]
            if asked is False and known:
                found.append((line, v["name"], "not asked"))
        for late, early in [(name, one) for name, own in before.items() for one in own]:
            if record.get(late) is None or record.get(early) is None:
                continue
            between = [n for n in before[late] if early in before[n] and record.get(n)]
            if not between and days(record[early])[0] > days(record[late])[1]:
                found.append((line, late, "date order"))
    return sorted(found)


def valid(schema, value):
    """Whether a value keeps a JSON Schema, of the words that the kits use."""
    known = {
        "$schema", "$id", "title", "description", "type", "properties", "required", "enum",
        "additionalProperties", "allOf", "anyOf", "not", "if", "then", "const", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "pattern",
    }  # fmt: skip
    assert set(schema) <= known, set(schema) - known
    number = isinstance(value, int | float) and not isinstance(value, bool)
    types = {
        "object": isinstance(value, dict), "string": isinstance(value, str), "number": number,
        "integer": number and float(value).is_integer(), "null": value is None,
    }  # fmt: skip
    keeps = [
        "type" not in schema or types[schema["type"]],
        "const" not in schema or _same(value, schema["const"]),
        "enum" not in schema or any(_same(value, one) for one in schema["enum"]),
        all(valid(one, value) for one in schema.get("allOf", ())),
        "anyOf" not in schema or any(valid(one, value) for one in schema["anyOf"]),
        "not" not in schema or not valid(schema["not"], value),
    ]
    if isinstance(value, dict):
        own = schema.get("properties", {})
        keeps += [name in value for name in schema.get("required", ())]
        keeps += [valid(own[name], one) for name, one in value.items() if name in own]
        keeps.append(schema.get("additionalProperties", True) or set(value) <= set(own))
    if number:
        keeps += [value >= schema["minimum"]] if "minimum" in schema else []
        keeps += [value <= schema["maximum"]] if "maximum" in schema else []
        keeps += [value > schema["exclusiveMinimum"]] if "exclusiveMinimum" in schema else []
        keeps += [value < schema["exclusiveMaximum"]] if "exclusiveMaximum" in schema else []
    if isinstance(value, str):
        keeps.append(len(value) >= schema.get("minLength", 0))
        keeps.append(bool(re.search(schema.get("pattern", ""), value)))
    if "if" in schema and valid(schema["if"], value):
        keeps.append(valid(schema.get("then", {}), value))
    return all(keeps)


def _same(a, b):
    return a == b and (a is None) == (b is None) and isinstance(a, str) == isinstance(b, str)


def chains(variables):
    """By date, the length of the longest way to it from one that nothing comes before."""
    before = {v.name: v.not_before for v in variables}
    found = {}

    def longest(name):
        if name not in found:
            found[name] = 1 + max((longest(one) for one in before[name]), default=0)
        return found[name]

    return {name: longest(name) for name in before}


def full_record(dictionary, rng):
    """A record of a kit in which all that is asked is given, by the text of a file."""
    base = date(2012, 1, 1) + timedelta(days=int(rng.integers(0, 2000)))
    record, steps = {}, chains(dictionary.variables)
    for v in dictionary.variables:
        if v.condition is not None and holds(v.condition.text, record) is not True:
            continue
        if v.type in ("code", "yesno"):
            record[v.name] = str(rng.choice(list(v.codes)))
        elif v.type == "date":
            record[v.name] = (base + timedelta(days=10 * steps[v.name])).isoformat()
        elif v.type == "integer":
            record[v.name] = str(int(rng.integers(v.minimum, v.maximum + 1)))
            if v.codes and rng.random() < 0.3:
                record[v.name] = next(iter(v.codes))
        elif v.type == "number":
            record[v.name] = f"{rng.uniform(v.minimum, v.maximum):.2f}"
        else:
            record[v.name] = f"text {int(rng.integers(0, 10**6))}"
    return record

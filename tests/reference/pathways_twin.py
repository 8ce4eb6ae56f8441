"""Pathways again, slowly: one patient and one day after another, in plain loops."""

import itertools
import math

LONG = 10**9


def courses(events, steps):
    """Courses (first day, last day, step) of one patient's (event, day), in order."""
    found = []
    for place, step in enumerate(steps):
        days = sorted(day for event, day in events if event in step.events)
        own = []
        for day in days:
            if own and (step.course_days is None or day - own[-1][1] <= step.course_days):
                if step.course_days is not None:
                    own[-1][1] = day
            else:
                own.append([day, day])
        found += [(first, place, last, step.name) for first, last in own]
    return [(first, last, name) for first, _, last, name in sorted(found)]


def wrong(events, steps, *, end=None, died=False):
    """The first reason why a patient has no path, as its place among REASONS, or None."""
    if any(day is None for _, day in events):
        return 0
    first = {}
    for step in steps:
        days = [day for event, day in events if event in step.events]
        if days:
            first[step.name] = min(days)
    for step in steps:
        for other in step.not_before:
            if step.name in first and other in first and first[step.name] < first[other]:
                return 1
    if end is not None and any(day > end for event, day in events if event != "death"):
        return 2 if died else 3
    return None


def path(events, steps, *, together=False):
    own = courses(events, steps)
    if not own:
        return "no step recorded"
    if not together:
        return " > ".join(name for _, _, name in own)
    days = itertools.groupby(own, key=lambda course: course[0])
    return " > ".join(" + ".join(name for _, _, name in group) for _, group in days)


def state(own, steps, day, *, end, died):
    """The state at the end of a day since diagnosis, None where follow-up has ended."""
    kind = {step.name: step.kind for step in steps}
    length = {step.name: step.course_days for step in steps}
    order = [step.name for step in steps]
    if died and day >= end:
        return "dead"
    if day > end:
        return None
    begun = [course for course in own if course[0] <= day]
    recurred = [name for _, _, name in begun if kind[name] == "recurrence"]
    if recurred:
        return recurred[0]
    treated = [course for course in begun if kind[course[2]] == "treatment"]
    running = [course for course in treated if day < course[1] + max(length[course[2]], 1)]
    if running:
        return max(running, key=lambda course: (course[0], order.index(course[2])))[2]
    if treated:
        return "after treatment"
    watched = [course for course in begun if kind[course[2]] == "watching"]
    return watched[0][2] if watched else "waiting"


def shares(histories, states, time, weights=None):
    """Aalen-Johansen from the states of each patient on each day; weights of patients."""
    weights = weights or [1.0] * len(histories)
    total = sum(weights)
    p = [
        sum(w for w, h in zip(weights, histories, strict=True) if h[0] == state) / total
        for state in states
    ]
    for day in range(1, time + 1):
        moved = [[0.0] * len(states) for _ in states]
        risk = [0.0] * len(states)
        for w, history in zip(weights, histories, strict=True):
            if day < len(history):
                i, j = states.index(history[day - 1]), states.index(history[day])
                risk[i] += w
                moved[i][j] += w
        new = [0.0] * len(states)
        for i, share in enumerate(p):
            for j in range(len(states)):
                stay = float(i == j) if not risk[i] else moved[i][j] / risk[i]
                new[j] += share * stay
        p = new
    return p


def standard_errors(histories, states, time, *, step=1e-5):
    """Infinitesimal jackknife: the shares' change as the weight of one patient changes."""
    n = len(histories)
    sums = [0.0] * len(states)
    for k in range(n):
        ends = [
            shares(histories, states, time, [1.0 + sign * step * (k == i) for i in range(n)])
            for sign in (1, -1)
        ]
        for j in range(len(states)):
            sums[j] += ((ends[0][j] - ends[1][j]) / (2 * step)) ** 2
    return [math.sqrt(total) for total in sums]


def possible(table, hidden):
    """All values each hidden cell can have, given those shown and the totals of both sides."""
    cells = [(i, j) for i, row in enumerate(table) for j in range(len(row)) if hidden[i][j]]
    rows = {i: sum(table[i][j] for a, j in cells if a == i) for i, _ in cells}
    columns = {j: sum(table[i][j] for i, b in cells if b == j) for _, j in cells}
    values = {cell: set() for cell in cells}

    def fill(k, rows, columns, chosen):
        if k == len(cells):
            if not any(rows.values()) and not any(columns.values()):
                for cell, value in zip(cells, chosen, strict=True):
                    values[cell].add(value)
            return
        i, j = cells[k]
        for value in range(min(rows[i], columns[j]) + 1):
            fill(k + 1, {**rows, i: rows[i] - value}, {**columns, j: columns[j] - value},
                 [*chosen, value])  # fmt: skip

    fill(0, rows, columns, [])
    return values

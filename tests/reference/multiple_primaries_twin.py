"""Multiple primaries, one person at a time, in plain Python; shares no code with the package.

``decide`` is the decision table for two tumours, as STANDARDS section 3 has it from CanReg5.
``primaries`` puts a person's tumours together by the written rules. ``by_date`` is the pass
through the tumours in order of date that the program of imsweb makes.
"""

# two histologies of each group, the same in every table
HISTOLOGIES = {
    1: (8070, 8071), 2: (8090, 8097), 3: (8140, 8480), 4: (8041, 8170), 5: (8010, 8020),
    6: (8800, 8900), 7: (9050, 9053), 8: (9861, 9875), 9: (9680, 9732), 10: (9702, 9714),
    11: (9650, 9663), 12: (9740, 9742), 13: (9755, 9758), 14: (9590, 9820), 15: (9140, 9140),
    16: (8720, 9380), 17: (8000, 8001),
}  # fmt: skip
GROUP = {code: group for group, codes in HISTOLOGIES.items() for code in codes}
ONE_SITE = [
    {"C01", "C02"}, {"C00", "C03", "C04", "C05", "C06"}, {"C09", "C10", "C12", "C13", "C14"},
    {"C19", "C20"}, {"C23", "C24"}, {"C33", "C34"}, {"C40", "C41"}, {"C65", "C66", "C67", "C68"},
]  # fmt: skip


def site(topography):
    three = topography[:3]
    return next((min(sites) for sites in ONE_SITE if three in sites), three)


def decide(a, b, *, once_from=8):
    """Return "same", "different" or "unknown" for two (topography, histology)."""
    g, h = GROUP[a[1]], GROUP[b[1]]
    if 17 not in (g, h):
        if (g == 14 and 8 <= h <= 14) or (h == 14 and 8 <= g <= 14):
            return "same"
        carcinomas = 5 in (g, h) and g <= 5 and h <= 5
        if not carcinomas:
            if g != h:
                return "different"
            if once_from <= g <= 15:
                return "same"
    if site(a[0]) == site(b[0]):
        return "same"
    return "unknown" if "C80" in (site(a[0]), site(b[0])) else "different"


def primaries(tumours, *, once_from=8, with_systemic=True):
    """Return for each tumour the place of the first of its primary.

    ``tumours`` are (topography, histology) in order of date.
    """
    label = {}
    for i, (_, code) in enumerate(tumours):  # the specific ones
        g = GROUP[code]
        if g not in (5, 14, 17):
            label[i] = ("anywhere", g) if once_from <= g <= 15 else (site(tumours[i][0]), g)
    for i, (place, code) in enumerate(tumours):  # 5 and 14
        if GROUP[code] == 5:
            near = [
                label[j]
                for j in sorted(label)
                if site(tumours[j][0]) == site(place) and GROUP[tumours[j][1]] in (1, 2, 3, 4)
            ]
            label[i] = near[0] if near else (site(place), 5)
        if GROUP[code] == 14:
            near = [label[j] for j in sorted(label) if 8 <= GROUP[tumours[j][1]] <= 13]
            label[i] = near[0] if near else ("anywhere", 14)
    others = dict(label)
    for i, (place, code) in enumerate(tumours):  # 17
        if GROUP[code] == 17:
            near = [
                others[j]
                for j in sorted(others)
                if site(tumours[j][0]) == site(place)
                and (with_systemic or not 8 <= GROUP[tumours[j][1]] <= 14)
            ]
            label[i] = near[0] if near else (site(place), 17)
    return [min(j for j in label if label[j] == label[i]) for i in range(len(tumours))]


def by_date(tumours):
    """Return the same by a pass in order of date (imsweb); also the histology reported."""
    group = [GROUP[code] for _, code in tumours]
    code = [c for _, c in tumours]
    owner = [None] * len(tumours)
    for i in range(len(tumours)):
        if owner[i] is not None:
            continue
        owner[i] = i
        for j in range(i + 1, len(tumours)):
            g, h = group[i], group[j]
            here = site(tumours[i][0]) == site(tumours[j][0])
            blood = 8 <= g <= 14 and 8 <= h <= 14 and (g == h or 14 in (g, h))
            vague = any(
                (x == 17 and (y < 8 or y in (15, 16))) or (x == 5 and y < 5)
                for x, y in ((g, h), (h, g))
            )
            if g == h == 15 or blood or (here and (g == h or vague)):
                if owner[j] is None:
                    owner[j] = i
                more = (
                    (g == 17 and (h < 8 or h in (15, 16)))
                    or (g == 5 and h < 5)
                    or (g == 14 and 8 <= h < 14)
                    or (g == h and code[i] < code[j])
                )
                if more:
                    group[i], code[i] = h, code[j]
    return owner, [code[i] for i in owner]

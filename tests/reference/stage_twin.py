"""Main stages by T, N and M, written stage by stage as a chain of questions for each site.

Source: UICC TNM, editions 5 to 8, from memory, as ``stage_rows.csv``; but nothing of it is used.
``t`` and ``n`` are codes as ``"2a"``, ``"is"``, ``"0"``, known and exact. None is "cannot tell".
"""


def digit(code):
    return int(code[0]) if code[0].isdigit() else None


def head_and_neck(edition, t, n):
    if n in (2, 3) or t == "4":
        return {4}
    if n == 1:
        return {3} if t in ("0", "1", "2", "3") else None
    return {"is": {0}, "1": {1}, "2": {2}, "3": {3}}.get(t)


def nasopharynx(edition, t, n):
    if t == "4" or n == 3:
        return {4}
    if t == "is":
        return {0} if n == 0 else None
    if t == "a" or (t == "0" and n == 0):
        return None
    if t == "3" or n == 2:
        return {3}
    return {2} if t == "2" or n == 1 else {1}


def bowel(edition, t, n):
    if n > 2:
        return None
    if n:
        return {3}
    return {"is": {0}, "1": {1}, "2": {1}, "3": {2}, "4": {2}}.get(t)


def anus(edition, t, n):
    if n:
        return {3}
    return {"is": {0}, "1": {1}, "2": {2}, "3": {2}, "4": {3}}.get(t)


def liver(edition, t, n):
    if n > 1:
        return None
    if n == 1:
        return {3} if edition == 6 else {4}
    return {"1": {1}, "2": {2}, "3": {3}, "4": {3}}.get(t)


def pancreas(edition, t, n):
    if t == "4" or (edition == 8 and n == 2):
        return {3}
    if n > 1:
        return None
    if n == 1:
        return {2} if t in ("1", "2", "3") else None
    return {"is": {0}, "1": {1}, "2": {1}, "3": {2}}.get(t)


def lung(edition, t, n, letter):
    if n >= 2 or t == "4":
        return {3}
    if n == 1:
        return {"1": {2}, "2": {2}, "3": {3}}.get(t)
    if t == "2":
        if edition == 6:
            return {1}
        return {"": {1, 2}, "a": {1}, "b": {2}}.get(letter)
    return {"is": {0}, "1": {1}, "3": {2}}.get(t)


def melanoma(edition, t, n, letter):
    if n:
        return {3}
    if t == "2":
        return {"": {1, 2}, "a": {1}, "b": {2}}.get(letter)
    return {"is": {0}, "1": {1}, "3": {2}, "4": {2}}.get(t)


def breast(edition, t, n, of_n):  # noqa: PLR0911 - one question after the other
    if edition == 8:
        return {0, 1, 2, 3}  # four never without metastases; else by more than T, N and M
    if n == 3 or t == "4":
        return {3}
    if t not in ("0", "1", "2", "3", "is"):
        return None
    if t == "is":
        return {0} if n == 0 else None
    if n == 2 or (t == "3" and n == 1):
        return {3}
    if t in ("2", "3"):
        return {2}
    if n == 0:
        return {1} if t == "1" else None
    if edition == 6:
        return {2}
    return {"": {1, 2}, "mi": {1}, "a": {2}, "b": {2}, "c": {2}}.get(of_n)


def vagina(edition, t, n):
    if t == "4":
        return {4}
    if n == 1:
        return {3} if t in ("1", "2", "3") else None
    return {"is": {0}, "1": {1}, "2": {2}, "3": {3}}.get(t) if n == 0 else None


def corpus(edition, t, n):
    if t == "4":
        return {4}
    if n in (1, 2):
        return {3} if t in ("1", "2", "3") else None
    return {"1": {1}, "2": {2}, "3": {3}}.get(t) if n == 0 else None


def ovary(edition, t, n):
    if n == 1:
        return {3}
    return {"1": {1}, "2": {2}, "3": {3}}.get(t) if n == 0 else None


def prostate(edition, t, n):
    if n == 1 or (t == "4" and edition < 8):
        return {4}
    if n > 1:
        return None
    if edition == 8:
        return {"1": {1, 2, 3}, "2": {1, 2, 3}, "3": {3}, "4": {3}}.get(t)
    return {"1": {1, 2}, "2": {1, 2}, "3": {3}}.get(t)


def testis(edition, t, n):
    if n:
        return {2, 3}
    return {"is": {0, 1}, "1": {1}, "2": {1}, "3": {1}, "4": {1}}.get(t)


def kidney(edition, t, n):
    if t == "4" or (n == 2 and edition == 6):
        return {4}
    if n == 1:
        return {3} if t in ("1", "2", "3") else None
    return {"1": {1}, "2": {2}, "3": {3}}.get(t) if n == 0 else None


def pelvis(edition, t, n):
    if n:
        return {4}
    return {"a": {0}, "is": {0}, "1": {1}, "2": {2}, "3": {3}, "4": {4}}.get(t)


def bladder(edition, t, n, letter):
    if t == "4":
        whole = {"a": {"a"}, "b": {"b"}, "": {"a", "b"}}.get(letter, set())
        made = set()
        if "a" in whole:
            made |= {3} if n == 0 or edition == 8 else {4}
        if "b" in whole:
            made |= {4}
        return made or ({4} if n and edition < 8 else None)
    if n:
        if edition < 8:
            return {4}
        return {3} if t in ("1", "2", "3") else None
    return {"a": {0}, "is": {0}, "1": {1}, "2": {2}, "3": {3}}.get(t)


SITES = {
    **dict.fromkeys(
        ("lip and oral cavity", "salivary glands", "hypopharynx", "nose and sinuses", "larynx"),
        head_and_neck,
    ),
    "nasopharynx": nasopharynx,
    "small intestine": bowel,
    "colon and rectum": bowel,
    "anus": anus,
    "liver": liver,
    "pancreas": pancreas,
    "lung": lung,
    "melanoma of skin": melanoma,
    "breast": breast,
    "vagina": vagina,
    "cervix": vagina,
    "corpus": corpus,
    "ovary": ovary,
    "prostate": prostate,
    "testis": testis,
    "kidney": kidney,
    "pelvis and ureter": pelvis,
    "bladder": bladder,
}
EDITIONS = {"colon and rectum": (5, 6, 7, 8), "ovary": (5, 6, 7, 8), "cervix": (6, 7)}


def stages(site, edition, t, n):
    """Main stages of M0, or None."""
    if edition not in EDITIONS.get(site, (6, 7, 8)):
        return None
    rule, first = SITES[site], t if t in ("is", "a") else t[0]
    letter = "" if first == t else t[1:]
    extra = {lung: letter, melanoma: letter, bladder: letter, breast: n[1:]}
    more = (extra[rule],) if rule in extra else ()
    return rule(edition, first, digit(n), *more)

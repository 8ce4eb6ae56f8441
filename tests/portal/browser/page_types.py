"""One address of each type of page, below its language; the release's cancers fill them in."""

from rarecare.portal.readers import READERS

CANCER = "11.01.01-astrocytic-tumours-of-cns"
"""Rare, with cases enough for every figure."""
RARER = "08.02.01-osteogenic-sarcoma"
"""Few cases in the invented release: withheld and not estimable are on its pages."""
UNCERTAIN = "02.08.01-hepatocellular-carcinoma-of-liver-and-ibt"
"""Its codes are uncertain."""

PUBLIC = {
    "home": "",
    "search": "search/?q=glioma",
    "search-codes": "search/?q=C40.2+9180/3",
    "search-near": "search/?q=osteosarcomma+of+nothing",
    "cancers": "cancers/",
    **{f"sheet-{one.code}": f"cancers/{CANCER}/?for={one.code}" for one in READERS},
    "sheet-survival-shown": f"cancers/{CANCER}/?for=patient&survival=show",
    "sheet-few-cases": f"cancers/{RARER}/?for=oncologist",
    "sheet-uncertain": f"cancers/{UNCERTAIN}/?for=gp",
    "compare": "compare/",
    "compare-countries": f"compare/{CANCER}/incidence/",
    "countries": "countries/",
    "country": "countries/si/",
    "country-cancers": "countries/si/incidence/",
    "country-family": "countries/si/incidence/08/",
    "quality": "quality/",
    "quality-cancer": f"quality/{CANCER}/",
    "quality-registry": "quality/registry/SI/",
    "query": "query/",
    "query-answered": "query/?measure=incidence&area=SI",
    "interface": "interface/",
    "names": "names/",
    "centres": "centres/",
    "centres-near": "centres/?near=46.05,14.51&km=500&entity=08.02",
    "centre": "centres/example-hospital-a/",
    "organisation": "centres/example-sarcoma-friends/",
    "decisions": "centres/decisions/",
    "trials": "trials/?entity=08.02.01",
    "criteria": "criteria/",
    "criteria-version": "criteria/example-bone/1.0/",
    "consensus": "criteria/consensus/example-bone/",
    "glossary": "glossary/",
    "knowledge": "knowledge/08.02.01/",
    "sign-in": "accounts/login/",
    "forgotten": "accounts/password/reset/",
    "not-found": "cancers/no-such-cancer/",
    "refused": f"cancers/{CANCER}/?for=nobody",
}
"""Name and address of every type of page that anyone may see."""

MAIN = ("home", "search", "cancers", "sheet-patient", "compare-countries", "country", "quality",
        "query-answered", "centres", "centre", "consensus", "glossary", "sign-in")  # fmt: skip
"""Those with a shape of their own: measured more closely."""

"""Disclosure control: no count so small that it may point at a person."""

from rarecare.disclosure.audit import audit, narrowed_small, refuse_narrowed
from rarecare.disclosure.linked import Link, Together
from rarecare.disclosure.protect import Protected, protect, withheld_too
from rarecare.disclosure.rounding import audit_rounded, rounded
from rarecare.disclosure.rule import DisclosureRule

__all__ = [
    "DisclosureRule", "Link", "Protected", "Together", "audit", "audit_rounded", "narrowed_small",
    "protect", "refuse_narrowed", "rounded", "withheld_too",
]  # fmt: skip

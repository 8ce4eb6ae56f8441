"""Data checks of a submission: what is wrong, row by row, and what was silenced or confirmed."""

from rarecare.registry.checks.check import SURENESS, Check
from rarecare.registry.checks.findings import Findings, read_confirmed
from rarecare.registry.checks.register import CHECKS
from rarecare.registry.checks.run import run_checks

__all__ = ["CHECKS", "SURENESS", "Check", "Findings", "read_confirmed", "run_checks"]

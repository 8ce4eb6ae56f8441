"""The command line: ``rarecare VERB``."""

from rarecare.cli.app import main

__all__ = ["main"]

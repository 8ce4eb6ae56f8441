"""The report of a release: one self-contained page."""

from rarecare.study.report.page import report_html

__all__ = ["report_html"]

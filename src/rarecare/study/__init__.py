"""Studies: from registries' files to a release."""

from rarecare.study.config import Study, read_study
from rarecare.study.pipeline import make_release, run_study
from rarecare.study.release import Release, open_release, write_release
from rarecare.study.sensitivity import Sensitivity, sensitivity

__all__ = [
    "Release",
    "Sensitivity",
    "Study",
    "make_release",
    "open_release",
    "read_study",
    "run_study",
    "sensitivity",
    "write_release",
]

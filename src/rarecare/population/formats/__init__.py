"""Life tables as others publish them.

Each reader takes the publisher's own file. The layouts are written from memory of the publishers'
files, not re-read: HMD is sure, the others' column names are sure for recent editions; a
file of another layout is refused with what it lacks.
"""

from rarecare.population.formats.eurostat import read_eurostat
from rarecare.population.formats.hmd import read_hmd
from rarecare.population.formats.nordcan import read_nordcan
from rarecare.population.formats.wpp import read_wpp

__all__ = ["read_eurostat", "read_hmd", "read_nordcan", "read_wpp"]

"""RareCareNet: the burden, survival and care of rare cancers, from registry files."""

"""Pages of the estimates: start, search, the tree of cancers, a sheet per cancer."""

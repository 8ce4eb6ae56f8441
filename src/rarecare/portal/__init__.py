"""The portal: a Django site over a release; ``rarecare serve`` opens it."""

"""Centres, patient organisations, registries and research groups, and how centres are designated."""

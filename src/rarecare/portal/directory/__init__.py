"""Centres, patient organisations, registries, research groups; how centres are designated."""

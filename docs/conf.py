"""Configuration of the documentation (Sphinx, MyST, numpydoc)."""

from importlib.metadata import version as installed_version

project = "RareCareNet"
author = "RareCareNet developers"
release = version = installed_version("rarecare")

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
root_doc = "index"
exclude_patterns = ["_build"]

autodoc_typehints = "none"  # the signature would repeat what the docstring says in words
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
myst_heading_anchors = 3
smartquotes = False  # the text says what it means

html_theme = "alabaster"
html_theme_options = {
    "description": "The burden and survival of rare cancers, from cancer-registry files",
    "fixed_sidebar": True,
    "page_width": "62rem",
    "sidebar_width": "15rem",
    "font_family": "system-ui, sans-serif",
    "head_font_family": "system-ui, sans-serif",
}
html_show_sourcelink = False
